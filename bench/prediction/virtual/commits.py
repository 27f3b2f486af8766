"""How long changes wait for their commit: a median time, and how far single ones were from it when it was measured.

Few changes have the spread of many: so many waits are as far apart as so many equal parts of the spread. Of eight
changes one waits as long as the slowest of eight mostly does, whatever the seed; which one it is, is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from bench.prediction.model import Model
from bench.prediction.virtual.setup import seconds


class Commits:
    """Of one lobby. `is_shared`: of several processes, where the spread has what the log takes in it."""

    def __init__(self, model: Model, *, is_shared: bool) -> None:
        self.median_s = seconds(model.waits.shared_change if is_shared else model.waits.change)
        spread = model.spread
        parts_ms: Sequence[float] = ()
        if spread is not None:
            parts_ms = spread.shared_change if is_shared else spread.change
        self._parts_s = [each / 1e3 for each in parts_ms]

    def dealt(self, number: int, chance: Random) -> list[float]:
        """The waits of so many changes, in s, in any order."""
        waits_s = [self._wait_s((place + 0.5) / number) for place in range(number)]
        chance.shuffle(waits_s)
        return waits_s

    def _wait_s(self, rank: float) -> float:
        """Of a change that waits longer than that part of all. Evenly between the middles of two parts; level beyond
        the outermost."""
        parts_s = self._parts_s
        if not parts_s:
            return self.median_s
        place = min(max(0.0, rank * len(parts_s) - 0.5), len(parts_s) - 1.0)
        below = min(int(place), len(parts_s) - 1)
        above = min(below + 1, len(parts_s) - 1)
        further_s = parts_s[below] + (place - below) * (parts_s[above] - parts_s[below])
        return max(0.0, self.median_s + further_s)
