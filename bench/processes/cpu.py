"""CPU time of a process, and which core is whose."""

from __future__ import annotations

import contextlib
import os
import sys
import time
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
_SCHED_CLOCK = 2
"""CPUCLOCK_SCHED of Linux's posix-timers.h: of a process, what its threads have run."""


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
    """Of all threads that it ever had, and of none of its children."""
    waited_s: float
    """Of the threads that it has now, added up: the kernel keeps no other."""
    waits: tuple[tuple[int, float], ...] = ()
    """The same by thread, in s."""

    def since(self, earlier: CpuTimes) -> CpuTimes:
        """The difference. What threads waited that have ended in between is not in it; what they used is."""
        if not self.waits:
            return CpuTimes(self.used_s - earlier.used_s, max(0.0, self.waited_s - earlier.waited_s))
        before = dict(earlier.waits)
        waits = tuple((thread, max(0.0, waited_s - before.get(thread, 0.0))) for thread, waited_s in self.waits)
        return CpuTimes(self.used_s - earlier.used_s, sum(waited_s for _, waited_s in waits), waits)


def read_cpu(pid: int) -> CpuTimes:
    """CPU times of a process; zeros for one that is gone.

    What it used is its CPU clock (clock_getcpuclockid(3)), which is exact to the ns and has the threads in it that have
    ended; where another process has no such clock, the ticks of 10 ms of ``/proc/<pid>/stat``, which have them, too.
    What its threads waited is in ``/proc/<pid>/task/*/schedstat``, where the kernel keeps that.
    """
    used_s = _clock_of(pid)
    if used_s is None:
        try:
            ticks = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            return CpuTimes(0.0, 0.0)
        used_s = float(ticks.user + ticks.system)
    waits = tuple((int(task.name), waited_s) for task in _tasks(pid) if (waited_s := _waited_s(task)) is not None)
    return CpuTimes(used_s, sum(waited_s for _, waited_s in waits), waits)


def read_cpu_of_tree(pid: int) -> CpuTimes:
    """The same of a process and all that it has started, and these. Of what has ended meanwhile, what was used is in it
    as soon as its parent knows, in ticks of 10 ms."""
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return read_cpu(pid)
    ended_s = 0.0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            ticks = process.cpu_times()
            ended_s += getattr(ticks, "children_user", 0.0) + getattr(ticks, "children_system", 0.0)
    times = [read_cpu(process.pid) for process in tree]
    waits = tuple(wait for each in times for wait in each.waits)
    return CpuTimes(ended_s + sum(each.used_s for each in times), sum(each.waited_s for each in times), waits)


def _clock_of(pid: int) -> float | None:
    """None: there is no such process, or no such clock. Python has no clock_getcpuclockid(3), which on Linux is no
    system call: the number of the clock is made of that of the process."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime(~pid << 3 | _SCHED_CLOCK)
    except OSError:
        return None


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return []


def _waited_s(task: Path) -> float | None:
    """In the queue of a core; ``None`` for a thread that has just ended, or without schedstat."""
    try:
        return int((task / "schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return None
