"""How long something took that has to be quick, whatever else the machine does.

Where several suites share two cores, a process is ready and waits for one; the kernel counts for how long. That time is
of the machine, and is taken away: what is left is what the programs themselves did, slept or waited for.
"""

from __future__ import annotations

import os
import time
from types import TracebackType

from bench.processes.cpu import CpuTimes, read_cpu


class Stopwatch:
    """Use it as a context manager, and read it then. Processes that end meanwhile take their waiting along."""

    def __init__(self, *pids: int) -> None:
        """`pids`: of the processes that take part besides this one."""
        self._pids = (os.getpid(), *pids)
        self.waited_s = 0.0
        """For which this process and those were ready and had no core."""
        self.took_s = 0.0
        """Without that."""

    def __enter__(self) -> Stopwatch:
        self._before = self._times()
        self._began_s = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        wall_s = time.monotonic() - self._began_s
        after = self._times()  # they overlap: the longest alone is sure to have been in the way
        self.waited_s = max(0.0, *(late.since(early).waited_s for late, early in zip(after, self._before, strict=True)))
        self.took_s = wall_s - self.waited_s

    def _times(self) -> list[CpuTimes]:
        return [read_cpu(pid) for pid in self._pids]
