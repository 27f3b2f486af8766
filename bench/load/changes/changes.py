"""Makes the rooms of several servers change at their times. Runs in a process of its own, beside the servers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import ceil
from time import perf_counter
from typing import NamedTuple

from bench.load.changes.change_stream import Change, ChangeStream
from bench.load.changes.publisher import Publisher
from bench.processes.contract import Contract, read_contract
from bench.processes.lab import HOST

READY_S = 0.02
"""Between two rooms that are made before the window."""

MAKING_AND_END = 2
"""Changes in turns, once enough rooms live. The delta of a room that is made is three times as long as that of its end:
bytes per change are those of any other window only where both are as many."""

ROUNDING = 1e-9
"""What is lost when a time is divided and multiplied again."""


class Place(NamedTuple):
    """A server of the scenario, on the loopback of this process's namespace."""

    port: int
    secret: str


class Changes:
    """Coroutines are called from the parent process, one at a time."""

    def __init__(self, *, places: Sequence[Place], living: Sequence[int]) -> None:
        """`living`: marked rooms that a server has before every second change ends one."""
        self._places, self._living = places, living
        self._streams = [
            ChangeStream(place.port, place.secret, living=n) for place, n in zip(places, living, strict=True)
        ]

    async def fill(self, rooms: Sequence[int]) -> list[int]:
        """So many rooms on each server, those of the stream among them; the size of each list's body."""
        return list(await asyncio.gather(*(self._fill(number, wanted) for number, wanted in enumerate(rooms))))

    async def _fill(self, number: int, wanted: int) -> int:
        place = self._places[number]
        stream = min(wanted, self._living[number])
        with Publisher(place.port, place.secret) as publisher:
            await asyncio.to_thread(publisher.fill, wanted - stream)
            start_s = perf_counter()
            await self._run(number, [start_s + READY_S * each for each in range(stream)])
            return await asyncio.to_thread(publisher.list_bytes)

    async def contract(self) -> Contract:
        """What the first server says of itself; asked from here because a namespace may be between it and others."""
        return await asyncio.to_thread(read_contract, f"http://{HOST}:{self._places[0].port}")

    async def run(self, times_s: Sequence[Sequence[float]]) -> list[list[Change]]:
        """The changes of every server, each at its time."""
        return list(await asyncio.gather(*(self._run(number, times) for number, times in enumerate(times_s))))

    async def _run(self, number: int, times_s: Sequence[float]) -> list[Change]:
        if not times_s:
            return []
        return await self._streams[number].run(times_s)


def whole_intervals_s(rate_per_s: float, window_s: float) -> float:
    """The window that is nearest to `window_s` and has a whole number of changes at this rate, at least one.

    A window of 6 s at 0.2 changes per second cannot have 1.2 changes; one of 5 s has one, and the rate is what it is
    called. Without changes: `window_s`.
    """
    return max(1, round(rate_per_s * window_s)) / rate_per_s if rate_per_s else window_s


def evenly(
    rate_per_s: float, *, start_s: float, window_s: float, jitters: Sequence[float], lead_s: float = 0.0
) -> list[float]:
    """Times of changes: one per interval, anywhere in its first half, so that none falls on the end of the window.

    As many in the window as the rate says, to the nearest whole number; before it, for at most `lead_s`, at the same
    intervals.
    """
    count = round(rate_per_s * window_s)
    if not count:
        return []
    interval_s = window_s / count
    before = ceil(lead_s / interval_s - ROUNDING)
    times_s = [
        start_s + (number + 0.5 * jitters[number % len(jitters)]) * interval_s for number in range(-before, count)
    ]
    return [at_s for at_s in times_s if at_s >= start_s - lead_s]
