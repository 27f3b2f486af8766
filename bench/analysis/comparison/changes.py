"""Is a figure of one run better, worse or the same in another? Readings of two runs are not paired.

The ratio is median ÷ median. It is a change when it is further from 1 than the noise floor, and the readings carry it:

* several in each run: the exact Mann-Whitney U test says at 5 % that they differ (`bench.stats.differ`);
* too few for the test, but at least two in each: all of one run on one side of all of the other, and `APART` floors;
* a single one in a run: `FAR` floors. Anything less is *unsure*.

What is counted and not timed (bytes, harm) needs no second reading. From 0, or to 0, is as far as can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bench.analysis.estimates import distance
from bench.analysis.figures import Figure
from bench.analysis.noise_floors import NoiseFloors
from bench.measures import Direction, Kind
from bench.stats import LEAST_FOR_INTERVAL, differ
from loadtest.results.validity import Validity

DEFAULT_FLOORS = {
    Kind.TIME: 0.25, Kind.CPU: 0.15, Kind.RATE: 0.25, Kind.BYTES: 0.10, Kind.MEMORY: 0.05, Kind.COUNT: 0.05,
    Kind.HARM: 0.25, Kind.SHARE: 0.05,
}  # fmt: skip
"""What repeated runs of one commit differed by; an A/A of few pairs can only raise them."""

COUNTED = (Kind.BYTES, Kind.HARM)
"""Kinds of which one reading is enough."""

APART, FAR = 2, 8
"""Noise floors. `FAR` is × 3 for a time and × 2.2 for CPU: single valid readings of one commit stayed below it."""


class Change(str, Enum):
    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"
    """Of what is neither good nor bad."""
    UNSURE = "unsure"
    """Beyond the noise floor, but by less than so few readings carry."""
    NONE = "none"


@dataclass(frozen=True)
class Pair:
    """One figure in both runs."""

    name: str
    unit: str
    kind: Kind
    before: float
    after: float
    n: tuple[int, int]
    """Readings in each run."""
    ratio: float
    """After over before: 0 where it fell to 0, infinite where it rose from 0, 1 where both are 0."""
    floor: float
    change: Change
    doubtful: bool
    """Suspect in one of the runs."""
    is_control: bool
    """Another server's, which tells of the machine."""
    leans: Change = Change.NONE
    """What it would be if it were carried; also of what is unsure."""


def pair_of(before: Figure, after: Figure, floors: Sequence[NoiseFloors]) -> Pair | None:
    """``None`` where one of them has no value, or none that is valid."""
    one, two, measure = before.estimate, after.estimate, before.measure
    if one is None or two is None or Validity.INVALID in (before.validity, after.validity):
        return None
    if not (math.isfinite(one.value) and math.isfinite(two.value)):
        return None
    ratio, floor = _ratio(one.value, two.value), floor_of(before, floors)
    own, other = ([reading.value for reading in each.readings] for each in (before, after))
    change = leans = Change.NONE
    if distance(ratio) > floor:
        leans = _direction(ratio, measure.direction)
        is_carried = before.kind in COUNTED or _carries(own, other, distance(ratio) / floor, before.kind)
        change = leans if is_carried else Change.UNSURE
    doubtful = Validity.SUSPECT in (before.validity, after.validity)
    return Pair(
        str(before), measure.unit, measure.kind, one.value, two.value, (one.n, two.n), ratio, floor, change, doubtful,
        before.is_control, leans,
    )  # fmt: skip


def floor_of(figure: Figure, floors: Sequence[NoiseFloors]) -> float:
    """The largest of both runs' A/As and the usual one, or half of it where each A/A has pairs enough to go lower."""
    usual = DEFAULT_FLOORS[figure.kind]
    if not floors:
        return usual
    is_known = all(each.pairs >= LEAST_FOR_INTERVAL for each in floors)
    found = [floor for each in floors if (floor := each.of(figure.measure)) is not None]
    return max([usual / 2 if is_known and found else usual, *found])


def _ratio(before: float, after: float) -> float:
    """Costs below 0 are the noise of a difference, and taken as 0."""
    before, after = max(0.0, before), max(0.0, after)
    if not before:
        return math.inf if after else 1.0
    return after / before


def _carries(own: Sequence[float], other: Sequence[float], floors_apart: float, kind: Kind) -> bool:
    by_test = differ(own, other)
    if by_test is not None:
        return by_test
    if min(len(own), len(other)) > 1:
        return floors_apart > APART and (max(own) < min(other) or max(other) < min(own))
    return floors_apart > FAR and not (kind is Kind.CPU and math.isinf(floors_apart))


def _direction(ratio: float, direction: Direction) -> Change:
    if direction is Direction.NEITHER:
        return Change.DIFFERENT
    return Change.BETTER if (ratio > 1) == (direction is Direction.MORE) else Change.WORSE
