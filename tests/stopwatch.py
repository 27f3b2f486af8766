"""How long something took that has to be quick, whatever else the machine does.

Where several suites share two cores, a process is ready and waits for one; the kernel counts for how long. A virtual
machine may have no core at all for a while; its kernel counts that, too. Such time is of the machine, and is taken
away: what is left is what the programs themselves did, slept or waited for.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType

from bench.processes.cpu import CpuTimes, read_cpu

_STAT = Path("/proc/stat")
_STEAL = 8
"""Field of the line of a core (proc(5)), in ticks."""


def stolen_s() -> list[float]:
    """For how long each core was another machine's so far; nothing where that is not told."""
    try:
        lines = [line.split() for line in _STAT.read_text().splitlines() if line[:3] == "cpu" and line[3:4].isdigit()]
        return [int(line[_STEAL]) / os.sysconf("SC_CLK_TCK") for line in lines]
    except (OSError, ValueError, IndexError):
        return []


class Stopwatch:
    """Use it as a context manager, and read it then. Processes that end meanwhile take their waiting along."""

    def __init__(self, *pids: int, in_turn: bool = False) -> None:
        """`pids`: of the processes that take part besides this one. `in_turn`: one goes on when another is done, so
        that each one's waiting counts; otherwise the longest does, since they may have waited side by side."""
        self._pids = (os.getpid(), *pids)
        self._in_turn = in_turn
        self.waited_s = 0.0
        """For which this process and those were ready and had no core."""
        self.took_s = 0.0
        """Without that."""

    def __enter__(self) -> Stopwatch:
        self._before, self._stolen_before = self._times(), stolen_s()
        self._began_s = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        wall_s = time.monotonic() - self._began_s
        after = self._times()
        waits_s = [late.since(early).waited_s for late, early in zip(after, self._before, strict=True)]
        stolen = [late_s - early_s for late_s, early_s in zip(stolen_s(), self._stolen_before, strict=False)]
        waited_s = sum(waits_s) if self._in_turn else max(waits_s)  # the longest alone is sure to have been in the way
        self.waited_s = max(0.0, waited_s) + max([0.0, *stolen])
        self.took_s = wall_s - self.waited_s

    def _times(self) -> list[CpuTimes]:
        return [read_cpu(pid) for pid in self._pids]
