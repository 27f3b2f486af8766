"""Inputs of a run, checked before it starts: the address of the server, the file of tokens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from loadtest.client import looks_like_jwt
from loadtest.results.exit_codes import UsageError


def check_host(host: str | None) -> str:
    """The address without a slash at its end. Raises `UsageError`."""
    if not host:
        raise UsageError("Name the server to load: --host http://localhost:30820.")
    parts = urlsplit(host)
    try:
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_usable = False
    if not is_usable:
        raise UsageError(f"--host {host} is no address of a server: give it as http://localhost:30820.")
    return host.rstrip("/")


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
