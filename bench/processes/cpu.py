"""CPU time of a process, and which core is whose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil


@dataclass(frozen=True)
class CpuPlan:
    """The cores of the server and of everything that drives it; ``None``: not pinned, both share what there is."""

    server: tuple[int, ...] | None
    generator: tuple[int, ...] | None

    @property
    def pinned(self) -> bool:
        return self.server is not None


NOT_PINNED = CpuPlan(None, None)


def plan_cpus() -> CpuPlan:
    """The server gets the first core that this process may use, the generator the second, where there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return NOT_PINNED
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return NOT_PINNED
    return CpuPlan((cores[0],), (cores[1],))


def pin(cpus: tuple[int, ...] | None) -> None:
    """Pin the calling process and the children that it starts from now on."""
    if cpus is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


class CpuTimes(NamedTuple):
    """What a process has used so far, and how long it was ready to run but had to wait for a core."""

    used_s: float
    waited_s: float

    def since(self, earlier: CpuTimes) -> CpuTimes:
        return CpuTimes(self.used_s - earlier.used_s, self.waited_s - earlier.waited_s)


def read_cpu(pid: int) -> CpuTimes:
    """CPU times of the living threads of a process; zeros for one that is gone.

    From ``/proc/<pid>/task/*/schedstat``, in ns and exact to the last context switch; ``/proc/<pid>/stat`` counts in
    ticks of 10 ms. Where schedstat is missing, the ticks, and no waiting.
    """
    counted = [times for task in _tasks(pid) if (times := _schedstat(task)) is not None]
    if counted:
        return CpuTimes(sum(used for used, _ in counted) / 1e9, sum(waited for _, waited in counted) / 1e9)
    try:
        ticks = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return CpuTimes(0.0, 0.0)
    return CpuTimes(float(ticks.user + ticks.system), 0.0)


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _schedstat(task: Path) -> tuple[int, int] | None:
    """Time on a core and time in its queue, in ns; ``None`` for a thread that has just ended, or without schedstat."""
    try:
        used, waited, _ = (task / "schedstat").read_text().split()
        return int(used), int(waited)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
