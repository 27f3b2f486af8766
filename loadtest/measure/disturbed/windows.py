"""When a fault may be felt: from shortly before it began until some time after its end.

Within such a window players are given up and taken back, and news waits until the lobby is well again. Nothing there is
judged by the moment: changes may be announced until the window ends, and of presence counts what each player holds to
be true at its end (`loadtest.measure.disturbed.views`).
"""

from __future__ import annotations

import math
from bisect import bisect_right

Window = tuple[float, float]
"""From and until, in seconds of the ledger's clock; infinite while the fault goes on."""


class Disturbances:
    """Windows that overlap are one."""

    def __init__(self) -> None:
        self._told: dict[float, float] = {}
        self._windows: list[Window] = []

    def tell(self, from_s: float, until_s: float | None) -> None:
        """Again with the same `from_s` for what is over now. None: it goes on."""
        self._told[from_s] = math.inf if until_s is None else until_s
        merged: list[Window] = []
        for begin_s, end_s in sorted(self._told.items()):
            if merged and begin_s <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end_s, merged[-1][1])
            else:
                merged.append((begin_s, end_s))
        self._windows = merged

    def __bool__(self) -> bool:
        return bool(self._windows)

    @property
    def windows(self) -> list[Window]:
        """Those so far, in order."""
        return list(self._windows)

    def touch(self, from_s: float, until_s: float) -> bool:
        """Whether any of that time is in a window."""
        return any(begin_s <= until_s and from_s <= end_s for begin_s, end_s in self._windows)

    def deadline_s(self, from_s: float, until_s: float) -> float:
        """Until when something that was to happen between these times may happen."""
        ends = [end_s for begin_s, end_s in self._windows if begin_s <= until_s and from_s <= end_s]
        return max(until_s, *ends) if ends else until_s

    def window_of(self, time_s: float) -> Window | None:
        place = bisect_right(self._windows, (time_s, math.inf)) - 1
        if place >= 0 and self._windows[place][0] <= time_s <= self._windows[place][1]:
            return self._windows[place]
        return None
