"""CPU time of a process in nanoseconds, and which core is whose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class CpuPlan:
    """The cores of the server and of everything that drives it; ``None``: not pinned, both share what there is."""

    server: tuple[int, ...] | None
    generator: tuple[int, ...] | None

    @property
    def pinned(self) -> bool:
        return self.server is not None


def plan_cpus() -> CpuPlan:
    """The server gets the first core that this process may use, the generator the second, where there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return CpuPlan(None, None)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return CpuPlan(None, None)
    return CpuPlan((cores[0],), (cores[1],))


def pin(cpus: tuple[int, ...] | None) -> None:
    """Pin the calling process and the children that it starts from now on."""
    if cpus is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


def process_cpu_ns(pid: int) -> int:
    """CPU time that the living threads of a process have used.

    From ``/proc/<pid>/task/*/schedstat``, exact to the last context switch; ``/proc/<pid>/stat`` counts in ticks of
    10 ms. Falls back to the latter's figures where schedstat is missing.
    """
    counted = [used for task in _tasks(pid) if (used := _schedstat_ns(task)) is not None]
    if counted:
        return sum(counted)
    times = psutil.Process(pid).cpu_times()
    return int((times.user + times.system) * 1e9)


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _schedstat_ns(task: Path) -> int | None:
    """``None`` for a thread that has just ended, and where the kernel keeps no schedstat."""
    try:
        return int((task / "schedstat").read_text().split(maxsplit=1)[0])
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return None
