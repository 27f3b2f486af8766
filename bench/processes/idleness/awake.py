"""Cores that do not fall idle while the lab measures.

Where memory is slow after idleness (`bench.processes.idleness.memory`), a server that hears one change per second would
be measured with its caches gone each time. A process of the scheduler's idle class on each core keeps the core in use:
it runs only when nobody else wants to, and gives way at once (sched(7), SCHED_IDLE).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator

_PROGRAM = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
parent = int(sys.argv[2])
print("up", flush=True)
while os.getppid() == parent:
    for _ in range(300_000):
        pass
"""
"""Ends with its parent, however that comes about, within some hundredths of a second of a free core."""


@contextlib.contextmanager
def kept_awake(cores: Iterable[int]) -> Iterator[list[int]]:
    """Keep these cores from idling within the block; the ids of the processes that do it, none where it cannot be."""
    with contextlib.ExitStack() as stack:
        spinners = []
        for core in cores if hasattr(os, "SCHED_IDLE") else ():
            spinner = subprocess.Popen(
                [sys.executable, "-S", "-c", _PROGRAM, str(core), str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(_end, spinner)
            assert spinner.stdout is not None
            if spinner.stdout.readline():
                spinners.append(spinner.pid)
        yield spinners


def _end(spinner: subprocess.Popen[bytes]) -> None:
    spinner.kill()
    spinner.wait()
    assert spinner.stdout is not None
    spinner.stdout.close()
