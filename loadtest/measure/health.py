"""How the load generator itself is doing: a greenlet of its own that ticks at intended times and looks at the clocks.

What Locust has is too coarse to tell a saturated generator (CPU every 10 s); one that is saturated reports its own
queue as the latency of the server. A tick that comes late says how long anything else in this process had to wait, and
the CPU of every second says why.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gevent
import psutil

TICK_S = 0.05
LATE_TICK_S = 0.1
"""A tick that is later is one in which a player would have been late, too, by what a person notices."""
SECOND_S = 1.0
SETTLE_EVERY_S = 0.25
"""The ledger is judged in small slices: a second's worth at once would itself hold up the players."""


@dataclass
class Health:
    """Of one process. Adds up over the reports of that process; processes are kept apart."""

    ticks: int = 0
    late_ticks: int = 0
    cpu_shares: list[float] = field(default_factory=list)
    """Of a core, second by second."""
    rss_bytes: int = 0

    def add(self, later: dict[str, Any]) -> None:
        self.ticks += later["ticks"]
        self.late_ticks += later["late_ticks"]
        self.cpu_shares += later["cpu_shares"]
        self.rss_bytes = max(self.rss_bytes, later["rss_bytes"])

    def as_dict(self) -> dict[str, Any]:
        return {
            "ticks": self.ticks,
            "late_ticks": self.late_ticks,
            "cpu_shares": [round(share, 4) for share in self.cpu_shares],
            "rss_bytes": self.rss_bytes,
        }


class HoldsHealth(Protocol):
    health: Health


class Pulse:
    """Runs as a greenlet until `stop`."""

    def __init__(
        self,
        holder: HoldsHealth,
        *,
        on_lag: Callable[[float], object],
        on_settle: Callable[[], object],
        server: ServerWatch | None = None,
    ) -> None:
        """Writes into what `holder` holds then: reports take it away. `on_lag` gets how late each tick was, in s."""
        self._holder = holder
        self._on_lag = on_lag
        self._on_settle = on_settle
        self.server = server
        """May be set later."""
        self._process = psutil.Process()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def _run(self) -> None:
        now_s = time.perf_counter()
        tick_s, settle_s, second_s = now_s + TICK_S, now_s + SETTLE_EVERY_S, now_s + SECOND_S
        looked_s, cpu_s = now_s, time.process_time()
        while True:
            gevent.sleep(max(0.0, tick_s - time.perf_counter()))
            now_s = time.perf_counter()
            lag_s, health = now_s - tick_s, self._holder.health
            while tick_s <= now_s:  # every tick that was missed in a stall was late, not only the first
                self._on_lag(now_s - tick_s)
                health.ticks += 1
                health.late_ticks += now_s - tick_s > LATE_TICK_S
                tick_s += TICK_S
            if now_s >= second_s:
                used_s = time.process_time()
                health.cpu_shares.append((used_s - cpu_s) / (now_s - looked_s))
                health.rss_bytes = max(health.rss_bytes, self._process.memory_info().rss)
                looked_s, cpu_s, second_s = now_s, used_s, now_s + SECOND_S
                if self.server is not None:
                    self.server.look(now_s)
            if now_s >= settle_s and (lag_s < LATE_TICK_S or now_s >= settle_s + SECOND_S):
                self._on_settle()
                settle_s = now_s + SETTLE_EVERY_S


class ServerWatch:
    """CPU of the server under test, where it runs on this machine: its busiest process counts."""

    def __init__(self, pid: int) -> None:
        """Raises `psutil.Error` when there is no such process, or it is somebody else's."""
        self.pid = pid
        self.cpu_shares: list[float] = []
        """Of a core, second by second."""
        self._root = psutil.Process(pid)
        self._used_s = self._read()
        self._looked_s = time.perf_counter()

    def look(self, now_s: float) -> None:
        used_s = self._read()
        wall_s = now_s - self._looked_s
        shares = [(used - self._used_s.get(pid, used)) / wall_s for pid, used in used_s.items()]
        if shares and wall_s > 0:
            self.cpu_shares.append(max(shares))
        self._used_s, self._looked_s = used_s, now_s

    def _read(self) -> dict[int, float]:
        used_s = {}
        try:
            for process in (self._root, *self._root.children(recursive=True)):
                times = process.cpu_times()
                used_s[process.pid] = times.user + times.system
        except psutil.Error:
            pass  # it is gone, or being restarted: no figure for this second
        return used_s


def find_server(port: int) -> int | None:
    """The process on this machine that listens on that port; None where it is not seen. O(open files of all processes):
    0.1 s beside ten thousand connections (psutil's list of all connections takes seconds there)."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            with os.scandir(folder) as files:
                if any(os.readlink(file.path) in inodes for file in files):
                    return int(folder.parent.name)
        except OSError:
            continue  # it is gone, or somebody else's
    return None


def _listening(table: Path, port: int) -> list[str]:
    """Inodes of the sockets that listen there (Linux, proc_pid_net(5))."""
    try:
        rows = (line.split() for line in table.read_text().splitlines()[1:] if f":{port:04X} " in line)
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
