"""Figures from readings: the median of the repeats, how sure it is, and whether it may be believed.

The median of several repeats is not moved by the few that other work disturbed, so a figure is as good as most of its
readings. Two parties that took turns are compared pair by pair, and a difference within the noise is called none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import numpy as np

from bench.analysis.validity import GENERATOR_LIMIT, GENERATOR_SUSPECT, LATE_LIMIT_MS, Judgement, Reason, Validity
from bench.record.findings import Findings, Measure, Reading, Stretch, Where
from bench.stats import Interval, interval_of_median
from bench.words import in_digits

WAIT_LIMIT = 0.10
"""Part of the time in which it would have worked that a process may be kept from its core. Tighter than for latencies:
a cost shows the strange work in its caches, too."""

TIME_WAIT_LIMIT = 0.20
"""The same for a time: other work falls on single repeats, which the median leaves out."""

PERCENT_BELOW = 3.0
"""Ratios from here on are told as how many times."""


class Kind(str, Enum):
    """What a quantity is decides what can spoil it, and which noise floor it is held against."""

    TIME = "time"
    CPU = "CPU"
    BYTES = "bytes"
    MEMORY = "memory"
    RATE = "rate"
    COUNT = "count"


_BY_UNIT = {
    "ms": Kind.TIME, "s": Kind.TIME, "µs": Kind.TIME,
    "B": Kind.BYTES, "KB": Kind.BYTES, "MB": Kind.BYTES,
    "KiB": Kind.MEMORY, "MiB": Kind.MEMORY, "1/s": Kind.RATE,
}  # fmt: skip


def kind_of(measure: Measure) -> Kind:
    """By name and unit."""
    if "CPU" in measure.name:
        return Kind.CPU
    return _BY_UNIT.get(measure.unit, Kind.COUNT)


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
    """Of the median, 95 %, by bootstrap; ``None`` below two readings."""
    judgement: Judgement = Judgement(Validity.VALID)

    @property
    def is_suspect(self) -> bool:
        return self.judgement.validity is not Validity.VALID


def estimate(measure: Measure) -> Estimate | None:
    """``None`` without readings."""
    return estimate_readings(measure.readings, kind_of(measure))


def estimate_readings(readings: Sequence[Reading], kind: Kind) -> Estimate | None:
    return _estimate(
        [each.value for each in readings],
        [share_waited(each.stretch) for each in readings],
        [judge_reading(each, kind) for each in readings],
    )


def ratio(own: Sequence[Reading], other: Sequence[Reading], kind: Kind) -> Estimate | None:
    """The median of the ratios of readings that were taken in turns, one pair a repeat."""
    pairs = [(a, b) for a, b in zip(own, other, strict=False) if b.value]
    return _estimate(
        [a.value / b.value for a, b in pairs],
        [max(share_waited(a.stretch), share_waited(b.stretch)) for a, b in pairs],
        [_worse(judge_reading(a, kind), judge_reading(b, kind)) for a, b in pairs],
    )


def judge_reading(reading: Reading, kind: Kind) -> Judgement:
    """What can spoil one repeat: the generator a time or a rate, other work a time or a cost."""
    if reading.invalid:
        return Judgement(Validity.INVALID, (Reason(reading.invalid),))
    reasons = [Reason(reading.suspect)] if reading.suspect else []
    stretch = reading.stretch
    if stretch is not None and kind in (Kind.TIME, Kind.RATE) and stretch.wall_s:
        share = stretch.generator_cpu_s / stretch.wall_s
        if share > GENERATOR_LIMIT:
            return Judgement(Validity.INVALID, (Reason("the generator was the limit", f"{share:.0%} of a core"),))
        if share > GENERATOR_SUSPECT:
            reasons.append(Reason("the generator was near its limit", f"{share:.0%} of a core"))
    limit = {Kind.TIME: TIME_WAIT_LIMIT, Kind.RATE: TIME_WAIT_LIMIT, Kind.CPU: WAIT_LIMIT}.get(kind)
    waited = share_waited(stretch)
    if limit is not None and waited > limit:
        reasons.append(Reason("other work had the cores", f"{waited:.0%} of the time"))
    if kind is Kind.TIME and reading.late_ms > LATE_LIMIT_MS:
        reasons.append(Reason("the publisher was late", f"up to {reading.late_ms:.0f} ms"))
    return Judgement(Validity.SUSPECT, tuple(reasons)) if reasons else Judgement(Validity.VALID)


def share_waited(stretch: Stretch | None) -> float:
    """Of server or generator, whichever was kept from its core more; 0 where it was not measured."""
    if stretch is None:
        return 0.0
    shares = (
        wait_s / (wait_s + cpu_s) if wait_s + cpu_s else 0.0
        for wait_s, cpu_s in (
            (stretch.server_wait_s, stretch.server_cpu_s),
            (stretch.generator_wait_s, stretch.generator_cpu_s),
        )
    )
    return max(shares)


@dataclass(frozen=True)
class Difference:
    """One party beside another, both measured in turns."""

    ratio: Estimate
    floor: float
    """By how much two that are the same came out apart."""

    @property
    def is_none(self) -> bool:
        """Within the noise: the interval has 1 in it, or the difference is no greater than that of two equals."""
        interval = self.ratio.interval
        within = interval is None or interval.low <= 1 <= interval.high
        return within or distance(self.ratio.value) <= self.floor

    def words(self) -> str:
        """How much more or less, or that there is no difference."""
        change = self.ratio.value - 1
        how_much = f"{abs(change):.0%} {'more' if change > 0 else 'less'}"
        if self.ratio.value >= PERCENT_BELOW:
            how_much = f"{in_digits(self.ratio.value, 2)} times as much"
        if self.ratio.interval is None and distance(self.ratio.value) > self.floor:
            return f"not judged: {how_much} in the one pair"
        return "no difference beyond the noise" if self.is_none else how_much


def distance(ratio_value: float) -> float:
    """How far a ratio is from 1, whichever way: half and double are as far, by 1."""
    return max(ratio_value, 1 / ratio_value) - 1 if ratio_value > 0 else float("inf")


def at(findings: Findings, name: str, party: str, where: Where) -> Estimate | None:
    """The figure of a measure, found by its name."""
    for measure in findings.measures:
        if (measure.name, measure.party, measure.where) == (name, party, where):
            return estimate(measure)
    return None


def _worse(one: Judgement, other: Judgement) -> Judgement:
    order = (Validity.VALID, Validity.SUSPECT, Validity.INVALID)
    return max(one, other, key=lambda judgement: order.index(judgement.validity))


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
        judgement=_judge_all(judged),
    )


def _judge_all(judged: Sequence[Judgement]) -> Judgement:
    """As most of the readings are; half of them doubtful is too many."""
    for validity in (Validity.INVALID, Validity.SUSPECT):
        bad = [each for each in judged if each.validity is validity or each.validity is Validity.INVALID]
        if 2 * len(bad) >= len(judged):
            reasons = {reason.what: reason for each in bad for reason in each.reasons}
            return Judgement(validity, tuple(reasons.values()))
    return Judgement(Validity.VALID)
