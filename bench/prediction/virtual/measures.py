"""What a run in virtual time counts: times with their weights, bytes, work."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from bench.record.wire import exchange_wire_bytes, one_way_wire_bytes

STEP = math.log(1.01)
"""Times within a hundredth of each other are told as one."""
LEAST_S = 1e-6


class Times:
    """A histogram of times; a percentile is exact to 1 %."""

    def __init__(self) -> None:
        self._counts: defaultdict[int, float] = defaultdict(float)

    def add(self, time_s: float, sessions: float) -> None:
        self._counts[round(math.log(max(time_s, LEAST_S)) / STEP)] += sessions

    def spread(self, first_s: float, last_s: float, sessions: float) -> None:
        """Sessions one after the other, from the first to the last."""
        for part in (0.125, 0.375, 0.625, 0.875):
            self.add(first_s + part * (last_s - first_s), sessions / 4)

    @property
    def n(self) -> float:
        return sum(self._counts.values())

    def percentile(self, q: float) -> float | None:
        """In s, nearest rank; None: there is nothing."""
        left = self.n * q / 100
        if not self._counts:
            return None
        for place in sorted(self._counts):
            left -= self._counts[place]
            if left <= 1e-9:
                break
        return math.exp(place * STEP)


@dataclass
class Traffic:
    """Of one process, both ways."""

    framed_bytes: float = 0.0
    """What TCP carries: frames, HTTP heads and bodies."""
    wire_bytes: float = 0.0
    """With TCP/IP, by the model of `bench.record.wire`."""
    out_bytes: float = 0.0
    """Of the framed bytes, those to clients."""
    writes: float = 0.0
    _last: tuple[int, int] = field(default=(0, 0))

    def write(self, size: int, sessions: int) -> None:
        """The same bytes to so many."""
        if self._last[0] != size:
            self._last = size, one_way_wire_bytes(size)
        self.framed_bytes += size * sessions
        self.out_bytes += size * sessions
        self.wire_bytes += self._last[1] * sessions
        self.writes += sessions

    def exchange(self, up: int, down: int, number: float) -> None:
        """So many requests with their answers; sizes of both."""
        self.framed_bytes += (up + down) * number
        self.out_bytes += down * number
        self.wire_bytes += exchange_wire_bytes(up, down) * number
