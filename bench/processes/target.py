"""The server under test as a process of its own: start it, know its address, watch it, end it.

A fresh data folder and a free port every time, unless told otherwise. The port is kept while the server is down, or
somebody else might have it when it comes back. Only the process started here is ever ended.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from bench.processes.cluster.ports import hold_port
from bench.processes.readable import is_readable
from bench.processes.server_flags import server_flags

START_LINE = re.compile(r"listening on (https?)://(\S+?):(\d+)")
START_TIMEOUT_S = 120.0
"""Far above what a start takes, also on a machine that others keep busy."""
STOP_TIMEOUT_S = 40.0


class TargetFailed(RuntimeError):
    """The server did not come up; the text carries what it printed."""


class Target:
    """A running lobby server. Use as a context manager, or `start` and `stop` it."""

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int = 0,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        cpus: Sequence[int] | None = None,
        prefix: Sequence[str] = (),
        checkout: Path | None = None,
    ) -> None:
        """`flags` are extra ones of ``lobby-server``; `cpus` pins the process (Linux); `prefix` is a command that
        becomes the server, ``ip netns exec`` for instance. `checkout`: whose server it is, with the packages that are
        installed here; None: that of this lab."""
        self._prefix = list(prefix)
        self._checkout = None if checkout is None else checkout.resolve()
        self._folder = tempfile.TemporaryDirectory(prefix="lobby-target-") if data_dir is None else None
        self.data_dir = data_dir if data_dir is not None else Path(self._folder.name)  # type: ignore[union-attr]
        self.port = port
        self.flags = list(flags)
        self.environment = dict(environment or {})
        self.jwt_secret = self.environment.setdefault("LOBBY_JWT_SECRET", secrets.token_hex(32))
        self.cpus = list(cpus) if cpus is not None else None
        self.process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    @property
    def log_path(self) -> Path:
        """What the server wrote to standard error."""
        return self.data_dir / "server.log"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> Target:
        """Start, and return once it accepts. A second start after `stop` takes the same port and data folder.

        Raises `TargetFailed` with the server's own words.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not self.port and sys.platform == "linux":  # elsewhere nobody could listen beside the one that holds it
            holder = hold_port()
            weakref.finalize(self, holder.close)
            self.port = holder.getsockname()[1]
        command = [
            *self._prefix, sys.executable, "-m", "lobby_server",
            *server_flags(port=self.port, data_dir=str(self.data_dir)), *self.flags,
        ]  # fmt: skip
        self._log = self.log_path.open("a", encoding="utf-8")
        own_code = {} if self._checkout is None else {"PYTHONPATH": str(self._checkout)}
        self.process = subprocess.Popen(
            command,
            cwd=self._checkout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **own_code, **self.environment},
        )
        if self.cpus is not None and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(ProcessLookupError, OSError):
                os.sched_setaffinity(self.process.pid, self.cpus)
        self.port = self._read_port()
        return self

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """End the process in an orderly way, or by another signal; its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self._log is not None:
            self._log.close()
        self.process = None
        return code

    def kill(self) -> None:
        """kill -9: no time for a last word."""
        self.stop(signal.SIGKILL)

    @contextlib.contextmanager
    def running(self) -> Iterator[Target]:
        try:
            yield self.start()
        finally:
            self.stop()

    def __enter__(self) -> Target:
        """A server that does not start leaves no folder behind."""
        try:
            return self.start()
        except BaseException:
            if self._folder is not None:
                self._folder.cleanup()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def _read_port(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        line = ""
        while time.monotonic() < deadline and self.process.poll() is None:
            if is_readable(self.process.stdout, wait_s=0.1):
                line = self.process.stdout.readline()
                break
        found = START_LINE.search(line)
        if found is None:
            code = self.stop()
            words = self.log_path.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
            raise TargetFailed(f"the server did not start (exit code {code}): {line.strip()} {words}")
        return int(found.group(3))
