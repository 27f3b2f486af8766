"""The processes beside a calibration: a lobby server of its own, and the feed. Both on the other cores."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gevent import subprocess

_START_LINE = re.compile(r"listening on (https?://\S+)")
STOP_TIMEOUT_S = 30.0


class NoServer(RuntimeError):
    """The server did not start; the text is its error output."""


@dataclass(frozen=True)
class OwnServer:
    url: str
    jwt_secret: str


@contextlib.contextmanager
def own_server(cores: Collection[int]) -> Iterator[OwnServer]:
    """With a free port and a folder of its own, for as long as it is needed. Raises `NoServer`."""
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="lobby-calibrate-") as folder:
        log = Path(folder, "server.log")
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "lobby_server", "--port", "0", "--data-dir", folder, "--log-level", "warning",
                    "--auth-rate-per-min", "0", "--max-connections", "100000",
                ],
                env={**os.environ, "LOBBY_JWT_SECRET": secret},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        pin(process.pid, cores)
        try:
            found = _START_LINE.search(process.stdout.readline().decode())
            if found is None:
                process.wait(STOP_TIMEOUT_S)
                raise NoServer(log.read_text(errors="replace").strip()[-300:])
            yield OwnServer(found[1], secret)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            _await_end(process)
            process.stdout.close()


class Feed:
    """See `loadtest.calibration.feed`."""

    def __init__(self, ws_url: str, tokens: Path, cores: Collection[int]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loadtest.calibration.feed", ws_url, str(tokens)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        pin(self._process.pid, cores)
        self._process.stdout.readline()

    def begin(self, *errand: object) -> None:
        self._process.stdin.write(" ".join(map(str, errand)).encode() + b"\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Until the errand is done. Raises `NoServer` when the feed ended instead."""
        if self._process.stdout.readline() != b"done\n":
            raise NoServer("the process that makes the events ended; its words are above")

    def close(self) -> None:
        self._process.stdin.close()
        _await_end(self._process)
        self._process.stdout.close()


def _await_end(process: subprocess.Popen) -> None:
    """One that was told to end, or killed when it does not."""
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pin(pid: int, cores: Collection[int]) -> None:
    """`pid` 0 is this process. No effect where the system cannot pin."""
    if cores and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, cores)
