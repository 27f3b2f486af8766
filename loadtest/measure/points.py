"""Points on their way into a series: by phase of the run, and without those that the generator itself delayed.

A point is a duration and the time of its end. It waits until the next look at the generator's own clock, because only
that tells whether the process stood still while the point was measured. Then it goes to one of these places:

* `REPORTED`: the steady state, and all that is measured before there is one when a run has none.
* `RAMP`, `RAMP_DOWN`: it began before all players were connected, or ended after they were told to leave.
* `DELAYED`: the process stood still (a stall) for much of the time between its beginning and its end. What it shows is
  the generator, so it is left out of what is reported, and counted.

Figures of the generator itself (`OWN`) and of connecting (`OF_ALL_PHASES`) are not split: those are the ramp's.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Hashable, Iterable

import numpy as np
import numpy.typing as npt

from loadtest.measure.series import BLOCK, Series

REPORTED, RAMP, RAMP_DOWN, DELAYED = "steady", "ramp", "ramp-down", "delayed"
PLACES = (REPORTED, RAMP, RAMP_DOWN, DELAYED)
STALL_S = 0.1
"""Standing still for longer than this delays a player by more than a person notices."""
DELAYED_PART = 0.2
"""Of a duration: where the process stood still for less of it, it shows the server all the same, and is kept."""
STALLS_KEPT_S = 120.0
"""Longer than any answer is waited for, and than what the ledger judges late."""

FloatArray = npt.NDArray[np.float64]


class Stalls:
    """When this process stood still, as its own ticks show it."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self.number = 0
        self._from_s: list[float] = []
        self._until_s: list[float] = []

    def add(self, from_s: float, until_s: float) -> None:
        """In order of time."""
        self.total_s += until_s - from_s
        self.number += 1
        self._from_s.append(from_s)
        self._until_s.append(until_s)
        while self._until_s[0] < until_s - STALLS_KEPT_S:
            del self._from_s[0], self._until_s[0]

    def within_s(self, begins_s: FloatArray, ends_s: FloatArray) -> FloatArray:
        """How long the process stood still within each of these stretches of time. O(stretches × stalls kept)."""
        within_s = np.zeros(len(ends_s))
        first_s, last_s = begins_s.min(initial=np.inf), ends_s.max(initial=-np.inf)
        shared_s, later_s = np.empty(len(ends_s)), np.empty(len(ends_s))
        for from_s, until_s in zip(self._from_s, self._until_s, strict=True):
            if from_s < last_s and first_s < until_s:
                np.minimum(ends_s, until_s, out=shared_s)
                np.maximum(begins_s, from_s, out=later_s)
                shared_s -= later_s
                within_s += np.maximum(shared_s, 0.0, out=shared_s)
        return within_s


class PointsOf:
    """The series of one name, by place."""

    __slots__ = ("_durations_s", "_ends_s", "is_own", "is_split", "series")

    def __init__(self, *, is_own: bool, is_split: bool) -> None:
        """`is_own`: of the generator itself; stalls are what it shows. `is_split`: by phase."""
        self.is_own = is_own
        self.is_split = is_split
        self.series: dict[str, Series] = {}
        """Those that have something, or had: one takes 190 KiB."""
        self._durations_s = array("d")
        self._ends_s = array("d")

    def add(self, duration_s: float, end_s: float) -> None:
        self._durations_s.append(duration_s)
        self._ends_s.append(end_s)

    def add_each(self, durations_s: Iterable[float], end_s: float) -> None:
        """Several that ended at once."""
        before = len(self._durations_s)
        self._durations_s.extend(durations_s)
        self._ends_s.extend([end_s] * (len(self._durations_s) - before))

    def add_many(self, durations_s: FloatArray, ends_s: FloatArray) -> None:
        self._durations_s.frombytes(np.ascontiguousarray(durations_s, dtype=np.float64).tobytes())
        self._ends_s.frombytes(np.ascontiguousarray(ends_s, dtype=np.float64).tobytes())

    @property
    def waiting(self) -> int:
        """Points that have no place yet."""
        return len(self._durations_s)

    def settle(self, stalls: Stalls, *, steady_from_s: float, steady_until_s: float) -> None:
        """Put what waits to its place."""
        if not self.waiting:
            return
        durations_s, ends_s = (np.frombuffer(column, dtype=np.float64) for column in (self._durations_s, self._ends_s))
        self._durations_s, self._ends_s = array("d"), array("d")
        for first in range(0, len(ends_s), BLOCK):
            block = slice(first, first + BLOCK)
            self._settle(durations_s[block], ends_s[block], stalls, steady_from_s, steady_until_s)

    def _settle(
        self, durations_s: FloatArray, ends_s: FloatArray, stalls: Stalls, steady_from_s: float, steady_until_s: float
    ) -> None:
        begins_s = ends_s - np.where(durations_s > 0.0, durations_s, 0.0)  # 0 for one that is no number, too
        rest = np.ones(len(ends_s), dtype=bool)
        if not self.is_own and stalls.number:
            within_s = stalls.within_s(begins_s, ends_s)
            is_delayed = (within_s > 0.0) & (within_s >= DELAYED_PART * (ends_s - begins_s))
            rest &= ~self._move(DELAYED, is_delayed, durations_s)
        if self.is_split:
            rest &= ~self._move(RAMP, rest & (begins_s < steady_from_s), durations_s)
            rest &= ~self._move(RAMP_DOWN, rest & (ends_s > steady_until_s), durations_s)
        self._move(REPORTED, rest, durations_s)

    def at(self, place: str) -> Series:
        """What is there, to add to."""
        found = self.series.get(place)
        if found is None:
            found = self.series[place] = Series()
        return found

    def count_at(self, place: str) -> int:
        series = self.series.get(place)
        return series.count if series is not None else 0

    @property
    def count(self) -> int:
        """Of all places."""
        return sum(series.count for series in self.series.values())

    def clear(self) -> None:
        for series in self.series.values():
            series.clear()

    def _move(self, place: str, which: npt.NDArray[np.bool_], durations_s: FloatArray) -> npt.NDArray[np.bool_]:
        if which.any():
            self.at(place).record_many(durations_s[which])
        return which


class Points:
    """Of one process, by name. `settle` moves what waits; call it whenever stalls are known, and before reading."""

    def __init__(
        self,
        *,
        own: Iterable[Hashable] = (),
        of_all_phases: Iterable[Hashable] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stalls = Stalls()
        self.looks_at_s = math.inf
        """When stalls are looked for next; points wait while that is overdue. Infinite: nobody looks."""
        self._clock = clock
        self.steady_from_s = math.inf
        """Infinite until all players are connected."""
        self.steady_until_s = math.inf
        self.by_name: dict[Hashable, PointsOf] = {}
        self._own = frozenset(own)
        self._of_all_phases = frozenset(of_all_phases) | self._own

    def of(self, name: Hashable) -> PointsOf:
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = PointsOf(is_own=name in self._own, is_split=name not in self._of_all_phases)
        return found

    @property
    def waiting(self) -> int:
        """Of all names. O(names)."""
        return sum(points.waiting for points in self.by_name.values())

    def settle(self) -> None:
        if self._clock() > self.looks_at_s + STALL_S:
            return  # in a stall that is not told yet
        for points in self.by_name.values():
            points.settle(self.stalls, steady_from_s=self.steady_from_s, steady_until_s=self.steady_until_s)
