"""A virtual clock: time moves when a test says so."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any


class VirtualTimer:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class VirtualClock:
    """A `SharedClock` that stands still until `advance`."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        self._suspended_s = 0.0
        self._start = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self._order = itertools.count()
        self._calls: list[tuple[float, int, VirtualTimer, Callable[..., Any], tuple[Any, ...]]] = []

    def monotonic_s(self) -> float:
        return self._now_s

    def elapsed_s(self) -> float:
        return self._now_s + self._suspended_s

    def utc_now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed_s() - 1000.0)

    def suspend(self, seconds: float) -> None:
        """The machine is suspended for so long: timers know nothing of it."""
        self._suspended_s += seconds

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> VirtualTimer:
        timer = VirtualTimer()
        heapq.heappush(self._calls, (self._now_s + max(0.0, delay_s), next(self._order), timer, callback, args))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass; calls that fall due are made at their moment, in order."""
        end_s = self._now_s + seconds
        while self._calls and self._calls[0][0] <= end_s:
            due_s, _, timer, callback, args = heapq.heappop(self._calls)
            self._now_s = max(self._now_s, due_s)
            if not timer.is_cancelled:
                callback(*args)
        self._now_s = end_s
