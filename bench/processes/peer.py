"""A peer as a process of its own: the same job done otherwise. One broadcast for every line that it is given.

A peer prints ``listening <port>`` and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from bench.processes.cpu import pinned
from bench.processes.readable import is_readable
from lobby_server.protocol.messages import RoomsChanged, encode

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0
INSTALL_TIMEOUT_S = 120.0

PEERS = Path(__file__).parent.parent / "peers"
NODE_SOURCE = PEERS / "node_ws"
HTTP_SOURCE = PEERS / "node_http"
EXPRESS_SOURCE = PEERS / "express_node"
GENERATOR_SOURCE = PEERS / "generators" / "node"


class PeerFailed(RuntimeError):
    """A peer did not start."""


class Peer:
    """A running peer. Use `start_peer`."""

    def __init__(self, process: subprocess.Popen[str], port: int, orders: IO[str]) -> None:
        self._process, self.port, self._orders = process, port, orders

    @property
    def pid(self) -> int:
        return self._process.pid

    def fire(self) -> None:
        """Have it send one broadcast to everybody."""
        self._orders.write("\n")
        self._orders.flush()


def python_peer(module: str, *arguments: str) -> list[str]:
    """The command of a peer of `bench.peers`."""
    return [sys.executable, "-m", f"bench.peers.{module}", *arguments]


@contextlib.contextmanager
def start_peer(
    command: Sequence[str], *, cpus: tuple[int, ...] | None, environment: Mapping[str, str] | None = None
) -> Iterator[Peer]:
    """Run a peer on these cores, all of its threads. Raises `PeerFailed`."""
    with pinned(cpus):  # the child inherits it, and its threads from it
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        is_there = is_readable(process.stdout, wait_s=START_TIMEOUT_S)
        words = process.stdout.readline().split() if is_there else []
        if len(words) != 2 or words[0] != "listening":
            raise PeerFailed(f"{' '.join(command[:3])} did not start")
        yield Peer(process, int(words[1]), process.stdin)
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def node_command() -> list[str] | None:
    """The command of the bare ws peer; ``None`` without Node, npm or a registry."""
    command = installed_node(NODE_SOURCE)
    return [*command, encode(RoomsChanged()).decode()] if command is not None else None


def node_http_command() -> list[str] | None:
    """The command of Node.js with its own http and nothing else; the file with the body follows. ``None`` without
    Node."""
    node = shutil.which("node")
    return [node, str(HTTP_SOURCE / "server.js")] if node is not None else None


def express_command() -> list[str] | None:
    """The command of the server that the specification describes, in Node.js; likewise."""
    return installed_node(EXPRESS_SOURCE)


def generator_command() -> list[str] | None:
    """The command of a load generator with ws; likewise."""
    return installed_node(GENERATOR_SOURCE, "client.js")


def installed_node(source: Path, script: str = "server.js") -> list[str] | None:
    """The command of that script in that folder, whose packages (``ws`` among them) are installed into a cache folder,
    once; ``None`` without Node, npm or a registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    package = (source / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lobby-bench"
    folder = cache / f"{source.name.replace('_', '-')}-{hashlib.sha256(package).hexdigest()[:10]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", script):
            shutil.copy(source / name, folder / name)
        if not (folder / "node_modules" / "ws" / "package.json").exists():
            subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"],
                cwd=folder, check=True, timeout=INSTALL_TIMEOUT_S, capture_output=True,
            )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return [node, str(folder / script)]
