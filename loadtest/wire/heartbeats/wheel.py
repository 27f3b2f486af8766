"""The heartbeats of all connections of a process: a wheel whose slots are few, so that one turn serves several.

A ping of its own for each of a thousand players, every ten seconds, would wake the process a hundred times per second.
Here its time is rounded up to the next slot of a grid, which is as coarse as `ROUNDED_PART` of its interval; that is
its intended time from then on, from which lateness counts. A round trip counts from the sending. The grid's beginning
is drawn, so that the processes of a swarm do not keep time with each other. A slot holds few, so that a server never
gets more than those at once. Where it is full there are the ticks after and before it, then finer slots in between, all
of them within that part of the interval.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Protocol

from loadtest.wire.timers import Timers

TICK_S = 0.05
"""Of the coarse grid. A heartbeat has seconds, and a random phase."""
FINE_PER_TICK = 10
FINE_S = TICK_S / FINE_PER_TICK
MOST_PER_SLOT = 32
"""Sending one takes about as long as answering it, so they do not queue up at a server that has a core."""
MOST_TICKS = 12
ROUNDED_PART = 0.02
"""Of a heartbeat's interval: so much later it may go out."""


@cache
def ticks_of(heartbeat_s: float) -> int:
    """By how many ticks a heartbeat of that interval may be later: one at least, 0.6 s at most."""
    return max(1, int(min(heartbeat_s * ROUNDED_PART / TICK_S + 1e-9, MOST_TICKS)))


class Beating(Protocol):
    beat_slot: int
    """What `Wheel.put` returned last; any other number when it is not to be told."""

    def on_beat(self, at_s: float) -> None:
        """The slot's time has come."""


class Wheel:
    """O(1) per `put`. It holds a connection until its slot has come, wanted or not."""

    def __init__(
        self,
        timers: Timers,
        *,
        after_turn: Callable[[], object] = lambda: None,
        beat_many: Callable[[int, list[int], float], bool] = lambda slot, numbers, at_s: False,
    ) -> None:
        """`after_turn` is called when all of a slot have been told: answers come within moments. `beat_many` is told of
        those in a slot that were put as numbers: the slot, who, and its time; it returns whether anybody was told."""
        self._timers = timers
        self._after_turn = after_turn
        self._beat_many = beat_many
        self._offset_s = random.random() * TICK_S
        self._slots: dict[int, list[Beating | int]] = {}

    def put(self, due_s: float, beating: Beating | int, *, ticks: int = 1) -> int:
        """Tell it at `due_s` or up to so many ticks later, however full the slots are; returns the slot, for its
        `beat_slot`. Infinite is never."""
        if due_s == math.inf:
            return -1
        fine = FINE_PER_TICK * ticks
        earliest = math.ceil((due_s - self._offset_s) / FINE_S)
        shared = -(-earliest // fine) * fine
        if self._takes(shared, beating):
            return shared
        for slot in _others(shared, earliest, earliest + fine):
            if self._takes(slot, beating):
                return slot
        self._slots[shared].append(beating)
        return shared

    def next_tick_s(self, now_s: float) -> float:
        """Of the coarse grid: when this process wakes anyway."""
        return math.floor((now_s - self._offset_s) / TICK_S + 1.0) * TICK_S + self._offset_s

    def _takes(self, slot: int, beating: Beating | int) -> bool:
        held = self._slots.get(slot)
        if held is None:
            held = self._slots[slot] = []
            self._timers.put(self._time_of(slot), partial(self._turn, slot))
        if len(held) >= MOST_PER_SLOT:
            return False
        held.append(beating)
        return True

    def _turn(self, slot: int, at_s: float) -> None:
        beats, numbers = False, []
        for beating in self._slots.pop(slot, ()):
            if isinstance(beating, int):
                numbers.append(beating)
            elif beating.beat_slot == slot:
                beating.on_beat(at_s)
                beats = True
        if numbers and self._beat_many(slot, numbers, at_s):
            beats = True
        if beats:
            self._after_turn()

    def _time_of(self, slot: int) -> float:
        return slot * FINE_S + self._offset_s


def _others(shared: int, earliest: int, end: int) -> Iterator[int]:
    """The slots from `earliest` up to `end` that are left when that one is full: the ticks first, for the process wakes
    then; of ticks and of finer ones those after it, then those before it, the nearest first. More heartbeats may have a
    tick after it than one before it, so these share fewer turns: of 2,000 players 10 per second in place of 13."""
    for finer in range(FINE_PER_TICK):
        yield from range(shared + (finer or FINE_PER_TICK), end, FINE_PER_TICK)
        yield from range(shared + finer - FINE_PER_TICK, earliest - 1, -FINE_PER_TICK)
