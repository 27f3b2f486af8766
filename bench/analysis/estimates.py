"""Figures from readings: the median of the repeats, how sure it is, and whether it may be believed.

The median of several repeats is not moved by the few that other work disturbed, so a figure is as good as most of its
readings. Two parties that took turns are compared turn by turn, and a difference within the noise is called none. Where
one has fewer readings and nothing tells of which turns, their medians are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from bench.analysis.validity import Judgement, judge_all, judge_reading, worse_of
from bench.measures import Kind, Measure
from bench.record.findings import Findings, Measured, Reading, Where
from bench.stats import Interval, interval_of_median
from bench.words import in_digits
from loadtest.results.validity import Validity

PERCENT_BELOW = 3.0
"""Ratios from here on are told as how many times."""


@dataclass(frozen=True)
class Estimate:
    """The median of some values and how far they lie apart."""

    value: float
    low: float
    high: float
    n: int
    waited: float
    """The worst of all readings: part of the time in which a process would have worked but had no core."""
    interval: Interval | None = None
    """Of the median, 95 % (`bench.stats.interval_of_median`); ``None`` below six readings: then least and most are
    told."""
    judgement: Judgement = Judgement(Validity.VALID)

    @property
    def is_suspect(self) -> bool:
        return self.judgement.validity is not Validity.VALID


def estimate(measured: Measured) -> Estimate | None:
    """``None`` without readings."""
    return estimate_readings(measured.readings, measured.measure.kind)


def estimate_readings(readings: Sequence[Reading], kind: Kind) -> Estimate | None:
    return _estimate(
        [each.value for each in readings],
        [_waited(each) for each in readings],
        [judge_reading(each, kind) for each in readings],
    )


def ratio(own: Sequence[Reading], other: Sequence[Reading], kind: Kind) -> Estimate | None:
    """The median of the ratios of readings that were taken in turns, one pair per turn; of those that cannot be paired
    (`in_pairs`) the ratio of the medians, from the least over the most to the most over the least."""
    found = in_pairs(own, other)
    if found is None:
        return _unpaired(own, other, kind)
    pairs = [(a, b) for a, b in found if b.value]
    return _estimate(
        [a.value / b.value for a, b in pairs],
        [max(_waited(a), _waited(b)) for a, b in pairs],
        [worse_of(judge_reading(a, kind), judge_reading(b, kind)) for a, b in pairs],
    )


def in_pairs(own: Sequence[Reading], other: Sequence[Reading]) -> list[tuple[Reading, Reading]] | None:
    """Readings of the same turn, side by side; a turn in which one party has fewer is left out.

    Where turns were not told, readings go by their order; ``None`` where one party has fewer of them then.
    """
    if any(each.turn is None for each in (*own, *other)):
        return list(zip(own, other, strict=True)) if len(own) == len(other) else None
    of_other: dict[int | None, list[Reading]] = defaultdict(list)
    of_own: dict[int | None, list[Reading]] = defaultdict(list)
    for each in own:
        of_own[each.turn].append(each)
    for each in other:
        of_other[each.turn].append(each)
    sides = ((mine, of_other[turn]) for turn, mine in of_own.items() if turn in of_other)
    return [pair for mine, theirs in sides if len(mine) == len(theirs) for pair in zip(mine, theirs, strict=True)]


@dataclass(frozen=True)
class Difference:
    """One party beside another, both measured in turns."""

    ratio: Estimate
    floor: float
    """By how much two that are the same came out apart."""

    @property
    def is_none(self) -> bool:
        """Within the noise: the interval has 1 in it, or the difference is no greater than that of two equals.

        Pairs too few for an interval must all lie on one side of 1.
        """
        ratio = self.ratio
        interval = ratio.interval if ratio.interval is not None else Interval(ratio.low, ratio.high)
        within = ratio.n < 2 or interval.low <= 1 <= interval.high
        return within or distance(self.ratio.value) <= self.floor

    def words(self) -> str:
        """How much more or less, or that there is no difference."""
        change = self.ratio.value - 1
        how_much = f"{abs(change):.0%} {'more' if change > 0 else 'less'}"
        if self.ratio.value >= PERCENT_BELOW:
            how_much = f"{in_digits(self.ratio.value, 2)} times as much"
        if self.ratio.n < 2 and distance(self.ratio.value) > self.floor:
            return f"not judged: {how_much} in the one pair"
        return "no difference beyond the noise" if self.is_none else how_much


def distance(ratio_value: float) -> float:
    """How far a ratio is from 1, whichever way: half and double are as far, by 1."""
    return max(ratio_value, 1 / ratio_value) - 1 if ratio_value > 0 else float("inf")


def at(findings: Findings, measure: Measure, party: str, where: Where) -> Estimate | None:
    """The figure of a measure; ``None`` where it was not measured."""
    return estimate_readings(findings.find(measure, party, where), measure.kind)


def _waited(reading: Reading) -> float:
    """The part of the time in which a process would have worked but had no core; 0 where it was not measured."""
    return reading.stretch.waited if reading.stretch is not None else 0.0


def _unpaired(own: Sequence[Reading], other: Sequence[Reading], kind: Kind) -> Estimate | None:
    """As doubtful as the worse of the two figures; without an interval."""
    one, two = estimate_readings(own, kind), estimate_readings([each for each in other if each.value], kind)
    if one is None or two is None:
        return None
    return Estimate(
        value=one.value / two.value,
        low=one.low / two.high,
        high=one.high / two.low,
        n=min(one.n, two.n),
        waited=max(one.waited, two.waited),
        judgement=worse_of(one.judgement, two.judgement),
    )


def _estimate(values: Sequence[float], waited: Sequence[float], judged: Sequence[Judgement]) -> Estimate | None:
    if not values:
        return None
    return Estimate(
        value=median(values),
        low=min(values),
        high=max(values),
        n=len(values),
        waited=max(waited),
        interval=interval_of_median(np.asarray(values)),
        judgement=judge_all(judged),
    )
