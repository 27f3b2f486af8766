"""Whole Locust processes for tests, without paying for their imports: a nursery imports once and forks.

What runs in a fork is `locust.main.main` with a command line of its own, its own standard error and its own exit code;
only the half second of imports is shared. Importing Locust patches the standard library, so the nursery is a process of
its own, too: ``python -m tests.loadtest.swarms`` reads command lines as JSON and says which process is which.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Done:
    code: int
    errors: str


class Swarm:
    """One that was started."""

    def __init__(self, pid: int, errors: Path, code: Path) -> None:
        self.pid = pid
        self._errors = errors
        self._code = code

    @property
    def errors(self) -> str:
        """What it has written to its standard error so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    def end(self, *, timeout_s: float = RUN_TIMEOUT_S) -> Done:
        """Wait for it."""
        ends_s = time.monotonic() + timeout_s
        while not self._code.exists():
            if time.monotonic() > ends_s:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"the swarm did not end: {self._errors.read_text()[-2000:]}")
            time.sleep(0.02)
        return Done(int(self._code.read_text()), self._errors.read_text())

    def stop(self, number: signal.Signals) -> None:
        if not self._code.exists():
            os.kill(self.pid, number)


class Nursery:
    """Use it as a context manager; whatever it started is gone at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Swarm] = []

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.loadtest.swarms", str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for swarm in self._started:
            swarm.stop(signal.SIGKILL)
        self._process.communicate(timeout=10)

    def start(self, *arguments: object) -> Swarm:
        """Headless, of our locustfile. A machine that is busy with other tests makes no run of them invalid."""
        given = ["--headless", "--only-summary", "--accept-invalid", *map(str, arguments)]
        if "--processes" in given:
            given += own_port()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(["locust", "-f", "loadtest/locustfile.py", *given]) + "\n")
        stdin.flush()
        pid = int(stdout.readline())
        number = len(self._started)
        swarm = Swarm(pid, self._folder / f"{number}.errors", self._folder / f"{number}.code")
        self._started.append(swarm)
        return swarm

    def run(self, *arguments: object) -> Done:
        return self.start(*arguments).end()


def own_port() -> list[str]:
    """Another swarm on this machine may have a master, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return ["--master-bind-port", port, "--master-port", port]


def _nurse(folder: Path) -> None:
    import locust.main
    from gevent import monkey

    import loadtest.players  # for their imports
    import loadtest.run.hooks  # noqa: F401

    gc.freeze()  # what forks share they do not have to look through, and so copy, when they end
    fork, waitpid = monkey.get_original("os", "fork"), monkey.get_original("os", "waitpid")  # gevent's want a loop
    for number, line in enumerate(sys.stdin):
        if fork():
            continue
        pid = fork()
        if pid:  # the keeper: tells who it is, waits for its end, leaves its exit code
            print(pid, flush=True)
            code = os.waitstatus_to_exitcode(waitpid(pid, 0)[1])
            (folder / f"{number}.new").write_text(str(code))
            (folder / f"{number}.new").rename(folder / f"{number}.code")
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        errors = os.open(folder / f"{number}.errors", os.O_WRONLY | os.O_CREAT, 0o600)
        for old, new in enumerate((nothing, nothing, errors)):
            os.dup2(new, old)
        sys.argv = json.loads(line)
        locust.main.main()


if __name__ == "__main__":
    _nurse(Path(sys.argv[1]))
