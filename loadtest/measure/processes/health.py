"""The health of the load generator: ticks at intended times, whose lateness is measured, and its CPU.

A saturated generator reports its own queue as the latency of the server, and Locust's own check (CPU every 10 s) is too
coarse to notice. A late tick shows how long everything else in this process had to wait; the CPU of each second shows
why.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
import psutil

from loadtest.measure.points import STALL_S, Points
from loadtest.wire.alarm import Metronome, Waiter

TICK_S = 0.05
LATE_TICK_S = STALL_S
SECOND_S = 1.0
SETTLE_EVERY_S = 0.25
"""The ledger is judged in small slices: a second's worth at once would delay the players."""


@dataclass
class Health:
    """Of one process. Adds up over the reports of that process; processes are kept apart."""

    ticks: int = 0
    late_ticks: int = 0
    stalls: int = 0
    """How often the process stood still for longer than `LATE_TICK_S`."""
    stalled_s: float = 0.0
    """All of them together."""
    cpu_shares: list[float] = field(default_factory=list)
    """Of a core, second by second."""
    rss_bytes: int = 0

    def add(self, later: dict[str, Any]) -> None:
        self.ticks += later["ticks"]
        self.late_ticks += later["late_ticks"]
        self.stalls += later["stalls"]
        self.stalled_s += later["stalled_s"]
        self.cpu_shares += later["cpu_shares"]
        self.rss_bytes = max(self.rss_bytes, later["rss_bytes"])

    def as_dict(self) -> dict[str, Any]:
        return {
            "ticks": self.ticks,
            "late_ticks": self.late_ticks,
            "stalls": self.stalls,
            "stalled_s": round(self.stalled_s, 4),
            "cpu_shares": [round(share, 4) for share in self.cpu_shares],
            "rss_bytes": self.rss_bytes,
        }


class HoldsHealth(Protocol):
    health: Health
    points: Points


class HealthMonitor:
    """From `start` to `stop`. The ticks are callbacks of one timer of the loop: a greenlet that sleeps for each makes a
    wake three times as dear. What is done now and then has a greenlet of its own."""

    def __init__(
        self,
        holder: HoldsHealth,
        *,
        on_lag: Callable[[float], object],
        on_settle: Callable[[], object],
        on_second: Callable[[float], object] = lambda now_s: None,
        on_stall: Callable[[float, float], object] = lambda from_s, until_s: None,
    ) -> None:
        """Writes into what `holder` holds then: reports take it away. `on_lag` gets how late each tick was, in s;
        `on_stall` from when to when the process stood still."""
        self._holder = holder
        self._on_lag = on_lag
        self._on_settle = on_settle
        self._on_second = on_second
        self._on_stall = on_stall
        self._process = psutil.Process()
        self._greenlet: gevent.Greenlet | None = None
        self._metronome, self._waiter = Metronome(), Waiter()
        self._tick_s = self._settle_s = self._second_s = 0.0
        self._lag_s = 0.0
        """Of the last tick."""

    def start(self, first_tick_s: float | None = None) -> None:
        """The first tick is at that time, in less than `TICK_S`: where the process wakes for something else every
        `TICK_S`, ticks just before that cost no wake of their own."""
        now_s = time.perf_counter()
        self._tick_s = now_s + TICK_S if first_tick_s is None else first_tick_s
        self._settle_s, self._second_s = now_s + SETTLE_EVERY_S, now_s + SECOND_S
        self._greenlet = gevent.spawn(self._run, now_s)
        self._keep_time()

    def stop(self) -> None:
        self._metronome.stop()
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
            self._holder.points.looks_at_s = math.inf

    def _tick(self) -> None:
        """In the hub."""
        now_s = time.perf_counter()
        self._lag_s, health = now_s - self._tick_s, self._holder.health
        try:
            if self._lag_s > LATE_TICK_S:
                self._holder.points.stalls.add(self._tick_s, now_s)
                self._on_stall(self._tick_s, now_s)
                health.stalls += 1
                health.stalled_s += self._lag_s
            while self._tick_s <= now_s:  # every tick that was missed in a stall was late, not only the first
                self._on_lag(now_s - self._tick_s)
                health.ticks += 1
                health.late_ticks += now_s - self._tick_s > LATE_TICK_S
                self._tick_s += TICK_S
            self._holder.points.looks_at_s = self._tick_s
            if now_s >= self._second_s or now_s >= self._settle_s:
                self._waiter.wake()
        finally:
            if self._greenlet is not None and not 0.0 <= self._lag_s < TICK_S:
                self._keep_time()

    def _keep_time(self) -> None:
        self._metronome.start(self._tick_s - time.perf_counter(), TICK_S, self._tick)

    def _run(self, now_s: float) -> None:
        looked_s, cpu_s = now_s, time.process_time()
        while True:
            self._waiter.wait()
            now_s, health = time.perf_counter(), self._holder.health
            if now_s >= self._second_s:
                used_s = time.process_time()
                health.cpu_shares.append((used_s - cpu_s) / (now_s - looked_s))
                health.rss_bytes = max(health.rss_bytes, self._process.memory_info().rss)
                looked_s, cpu_s, self._second_s = now_s, used_s, now_s + SECOND_S
                self._on_second(now_s)
            if now_s >= self._settle_s and (self._lag_s < LATE_TICK_S or now_s >= self._settle_s + SECOND_S):
                self._on_settle()
                self._settle_s = now_s + SETTLE_EVERY_S
