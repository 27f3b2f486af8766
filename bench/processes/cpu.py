"""CPU time of a process, and which core is whose."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil


@dataclass(frozen=True)
class CpuPlan:
    """The cores of the server and of everything that drives it; ``None``: not pinned, both share what there is."""

    server: tuple[int, ...] | None
    generator: tuple[int, ...] | None
    spare: tuple[int, ...] = ()
    """Cores that are neither's."""

    @property
    def pinned(self) -> bool:
        return self.server is not None

    @property
    def beside_server(self) -> tuple[int, ...] | None:
        """For what a lobby stands on or behind, a database or a proxy: spare cores, or the server's. On the generator's
        it would be measured as the generator's own queue."""
        return self.spare or self.server


NOT_PINNED = CpuPlan(None, None)


def plan_cpus() -> CpuPlan:
    """The server gets the first core that this process may use, the generator the second, where there are two; more are
    spare."""
    if not hasattr(os, "sched_getaffinity"):
        return NOT_PINNED
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return NOT_PINNED
    return CpuPlan((cores[0],), (cores[1],), tuple(cores[2:]))


def pin(cpus: tuple[int, ...] | None) -> None:
    """Pin the calling process and the children that it starts from now on."""
    if cpus is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


@contextlib.contextmanager
def pinned(cpus: tuple[int, ...] | None) -> Iterator[None]:
    """What is started within runs on these cores."""
    if cpus is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


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
