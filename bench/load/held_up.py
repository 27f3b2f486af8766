"""What holds a load generator up on purpose: a neighbour that spins on its core, or being frozen for a while."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from bench.processes.cpu import pinned

SPIN = "while True: pass"


@contextlib.contextmanager
def spinning(cpus: tuple[int, ...] | None) -> Iterator[None]:
    """A process that takes whatever these cores give."""
    with pinned(cpus):
        process = subprocess.Popen([sys.executable, "-S", "-c", SPIN], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def freeze(pids: Iterable[int], for_s: float) -> None:
    """SIGSTOP, and SIGCONT after that time. Only processes that this lab started."""
    stopped = list(pids)
    try:
        _tell(stopped, signal.SIGSTOP)
        time.sleep(for_s)
    finally:
        _tell(stopped, signal.SIGCONT)


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
