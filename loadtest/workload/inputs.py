"""Inputs of a run, checked before it starts: the addresses of the servers, the file of tokens."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadtest.client import looks_like_jwt
from loadtest.results.exit_codes import UsageError

HOST_HELP = (
    "address of the server, http://localhost:30820; of a lobby of several nodes all, by commas or given several times"
)


def check_host(host: str | None) -> str:
    """The address without a slash at its end; everything is below its path. Raises `UsageError`."""
    if not host:
        raise UsageError("Name the server to load: --host http://localhost:30820.")
    parts = urlsplit(host)
    try:
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_usable = is_usable and not (parts.query or parts.fragment)
    except ValueError:  # a port that is no number
        is_usable = False
    if not is_usable:
        raise UsageError(f"--host {host} is no address of a server: give it as http://localhost:30820.")
    return host.rstrip("/")


def check_hosts(hosts: str | None) -> tuple[str, ...]:
    """The addresses of the nodes of one lobby, separated by commas. Raises `UsageError`."""
    checked = tuple(check_host(host.strip()) for host in (hosts or "").split(",") if host.strip()) or (
        check_host(None),
    )
    twice, times = Counter(checked).most_common(1)[0]
    if times > 1:
        raise UsageError(f"--host names {twice} twice: give each node once.")
    return checked


def read_tokens(path: Path) -> tuple[str, ...]:
    """One JWT per line; blank lines are skipped. Raises `UsageError`."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(f"--tokens: {path} cannot be read: {error.strerror or error}.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not looks_like_jwt(line.strip()):
            raise UsageError(f"--tokens: line {number} of {path} is no JWT: the file holds one token per line.")
    tokens = tuple(line.strip() for line in lines if line.strip())
    if not tokens:
        raise UsageError(f"--tokens: {path} holds no token: make some with lobby-server mint-tokens --count N.")
    repeated, times = Counter(tokens).most_common(1)[0]
    if times > 1:
        places = [number for number, line in enumerate(lines, start=1) if line.strip() == repeated]
        raise UsageError(
            f"--tokens: lines {places[0]} and {places[1]} of {path} are the same token: two players would be one user."
        )
    return tokens


def take_several_hosts(parser: argparse.ArgumentParser) -> None:
    """Change the option in Locust's own parser. The value stays one text, as everything of Locust expects it."""
    action = next(action for action in parser._actions if "--host" in action.option_strings)
    action.__class__ = _Joined
    action.help = HOST_HELP


class _Joined(argparse._StoreAction):
    """Each further value is put behind those before it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        before = getattr(namespace, self.dest, None)
        joined = values if before == self.default or not before else f"{before},{values}"
        setattr(namespace, self.dest, joined)
