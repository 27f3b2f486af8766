"""How much of the cores somebody else uses, while processes of the lab are measured.

A process that nobody keeps waiting still costs more CPU while others push its data out of the caches: on two cores,
Valkey took twice as much for the same work beside the start of other programs. Waiting does not show that; the time
that the cores worked for others does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

import psutil

STAT = Path("/proc/stat")
BUSY_FIELDS = (0, 1, 2, 7)
"""Of a line of a core: user, nice, system, stolen. Interrupts are not there: where the kernel books them by themselves,
most of them are the lab's own bytes on the loopback, which its processes' times are without."""


class OtherWork:
    """Begins when it is made. Work of this process and of all that it has started, and of theirs, is not others'."""

    def __init__(self, cores: Collection[int]) -> None:
        """`cores`: on which the lab's processes run."""
        self._cores = frozenset(cores)
        self._busy_s, self._own_s, self._start_s = self._all_s(), _own_s(), time.monotonic()

    def share(self) -> float:
        """Of the time of the cores since then, from 0 to 1; to about 0.01 over a second. 0 where the kernel does not
        tell."""
        wall_s = (time.monotonic() - self._start_s) * len(self._cores)
        others_s = self._all_s() - self._busy_s - (_own_s() - self._own_s)
        return min(1.0, max(0.0, others_s / wall_s)) if wall_s > 0 and STAT.exists() else 0.0

    def _all_s(self) -> float:
        """In which a core was busy, until now; with the time that a hypervisor gave to others."""
        if not STAT.exists():
            return 0.0
        ticks = 0
        for line in STAT.read_text().splitlines():
            name, *counts = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in self._cores:
                ticks += sum(int(counts[place]) for place in BUSY_FIELDS)
        return ticks / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Of this process and all below it, those included that have ended and were waited for."""
    me = psutil.Process()
    total = 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # its parent has waited for it, or soon does
        total += times.user + times.system + times.children_user + times.children_system
    return float(total)
