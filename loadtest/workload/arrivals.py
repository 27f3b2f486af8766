"""Open arrivals: sessions come at their own times, whether or not the server keeps up. A Poisson process.

All processes of a run draw the same arrivals from the seed and take every n-th: together they are the one process that
a single generator would have made. A seat of Locust plays one session at a time. When none is free the session does
not take place and is counted: then ``-u`` is too small, or sessions end too late because the server is slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Protocol

from loadtest.measure.metrics import ARRIVALS, WITHOUT_A_SEAT
from loadtest.wire.timers import Timers
from loadtest.workload.identities import Share


def arrival_times_s(seed: int, rate_per_s: float, level: Callable[[float], float]) -> Iterator[float]:
    """From the start of the run. `level` thins the rate, from 0 to 1 (Lewis and Shedler 1979)."""
    rng = Random(f"{seed}/arrivals")
    at_s = 0.0
    while True:
        at_s += rng.expovariate(rate_per_s)
        if rng.random() < level(at_s):
            yield at_s


@dataclass(frozen=True, slots=True)
class Arrival:
    number: int
    """Of the session, in the whole run."""
    intended_s: float


class Guest(Protocol):
    """Who has a free seat."""

    def arrive(self, arrival: Arrival) -> None: ...


class Arrivals:
    """Of one process. The times begin with the first free seat."""

    def __init__(
        self, times_s: Iterator[float], *, share: Share, timers: Timers, count: Callable[[str], object]
    ) -> None:
        self._times_s = enumerate(times_s)
        self._share = share
        self._timers = timers
        self._count = count
        self._free: deque[Guest] = deque()
        self._began_s: float | None = None

    def offer(self, seat: Guest) -> None:
        """`seat` is free: it gets one of the next sessions, by `arrive`."""
        self._free.append(seat)
        if self._began_s is None:
            self._began_s = self._timers.clock()
            self._await_next()

    def withdraw(self, seat: Guest) -> None:
        """It takes no session any more."""
        if seat in self._free:
            self._free.remove(seat)

    def _await_next(self) -> None:
        assert self._began_s is not None
        number, at_s = next((number, at_s) for number, at_s in self._times_s if self._share.is_ours(number))
        self._timers.put(self._began_s + at_s, lambda intended_s: self._arrive(Arrival(number, intended_s)))

    def _arrive(self, arrival: Arrival) -> None:
        self._await_next()
        self._count(ARRIVALS)
        if self._free:
            self._free.popleft().arrive(arrival)
        else:
            self._count(WITHOUT_A_SEAT)
