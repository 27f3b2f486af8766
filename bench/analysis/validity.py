"""May a figure be believed? Judged from the raw results, never stored: a better rule applies to old runs too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.citations import Quantity, cite
from bench.measures import Kind
from bench.record.disturbance import LATE, disturbances
from bench.record.findings import Ledger, Reading, Series, Stretch, sum_ledgers
from bench.record.limits import LATE_LIMIT_MS, TIME_WAIT_LIMIT
from bench.record.traffic import TrafficGroup
from loadtest.results.validity import BUSY_SHARE, NEAR_SHARE, Validity

LOSSES = "receipts are missing or doubled: broadcasts may have run into each other"


_WORDS = {Validity.VALID: "valid", Validity.SUSPECT: "suspect", Validity.INVALID: "INVALID"}
"""For readers: only what must not be used is shouted."""


class Reason(NamedTuple):
    what: str
    """The same words for every point that it concerns."""
    how_much: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.how_much})" if self.how_much else self.what


@dataclass(frozen=True)
class Judgement:
    validity: Validity
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        words = _WORDS[self.validity]
        return f"{words}: {'; '.join(map(str, self.reasons))}" if self.reasons else words

    @property
    def without_amounts(self) -> str:
        """The same, with what was wrong and not how much of it."""
        words = _WORDS[self.validity]
        return f"{words}: {'; '.join(reason.what for reason in self.reasons)}" if self.reasons else words

    @property
    def mark(self) -> str:
        """Behind a figure in a sentence: nothing where it is valid, else what it is and why; tables say how much."""
        return "" if self.validity is Validity.VALID else f" ({self.without_amounts})"


VALID = Judgement(Validity.VALID)


def judge_reading(reading: Reading, kind: Kind) -> Judgement:
    """What can spoil one repeat: the generator a time or a rate, other work a time or a cost, lateness a time."""
    if reading.invalid:
        return Judgement(Validity.INVALID, (Reason(reading.invalid),))
    stretch = reading.stretch
    reasons = [Reason(reading.suspect)] if reading.suspect else []
    if stretch is not None and kind in (Kind.TIME, Kind.RATE):
        limit = _judge_generator(stretch)
        if limit.validity is Validity.INVALID:
            return limit
        reasons += limit.reasons
    reasons += [Reason(*each) for each in disturbances(reading, kind)]
    return _suspect(reasons)


def judge_broadcasts(series: Series) -> Judgement:
    """The repeats of a point: invalid or suspect when half of them are; missing receipts are told in any case."""
    judged = [_judge_repeat(stretch, late_ms, ledger) for stretch, late_ms, ledger in _repeats(series)]
    found = judge_all(judged)
    if found.validity is not Validity.VALID:
        return found
    lossy = [each for each in judged if any(reason.what == LOSSES for reason in each.reasons)]
    return lossy[0] if lossy else VALID


def judge_group(group: TrafficGroup) -> Judgement:
    """Invalid when the kernel counted other bytes than we did, or when a client was lost; suspect without the check."""
    if group.invalid:
        return Judgement(Validity.INVALID, (Reason(group.invalid),))
    return Judgement(Validity.SUSPECT, (Reason(group.suspect),)) if group.suspect else VALID


def judge_all(judged: Sequence[Judgement]) -> Judgement:
    """Several repeats as one: as most of them are; half of them in doubt is too many."""
    for validity in (Validity.INVALID, Validity.SUSPECT):
        bad = [each for each in judged if each.validity is validity or each.validity is Validity.INVALID]
        if judged and 2 * len(bad) >= len(judged):
            reasons = {reason.what: reason for each in bad for reason in each.reasons}
            return Judgement(validity, tuple(reasons.values()))
    return VALID


def worse_of(one: Judgement, other: Judgement) -> Judgement:
    """The first where they are as bad."""
    order = (Validity.VALID, Validity.SUSPECT, Validity.INVALID)
    return max(one, other, key=lambda judgement: order.index(judgement.validity))


def sum_up(judgements: Sequence[Judgement], of: Quantity | None = None) -> str:
    """How many points of several are not valid, and why; each reason once. `of`: all points, to cite them by."""
    parts = []

    def told(number: int, take: str) -> str:
        return cite(f"{number}", {**of, "take": take}) if of is not None else f"{number}"

    everything = told(len(judgements), "all")
    for validity in (Validity.INVALID, Validity.SUSPECT):
        concerned = [judgement for judgement in judgements if judgement.validity is validity]
        if concerned:
            reasons = dict.fromkeys(reason.what for judgement in concerned for reason in judgement.reasons)
            number = told(len(concerned), validity.value.lower())
            parts.append(f"{number} of {everything} points {_WORDS[validity]}: {', '.join(reasons)}")
    return "; ".join(parts) or f"all {everything} points valid"


def _repeats(series: Series) -> list[tuple[Stretch, float, Ledger]]:
    """Of each repeat: its stretch, how late the publisher was at worst, and its ledger."""
    found, first = [], 0
    for stretch, number in zip(series.stretches, series.repeats, strict=True):
        own = slice(first, first + number)
        first += number
        found.append((stretch, max(series.late_ms[own], default=0.0), sum_ledgers(series.ledgers[own])))
    return found


def _judge_repeat(stretch: Stretch, late_ms: float, ledger: Ledger) -> Judgement:
    limit = _judge_generator(stretch)
    if limit.validity is Validity.INVALID:
        return limit
    reasons = [*limit.reasons, *_lateness(late_ms)]
    if stretch.server_waited > TIME_WAIT_LIMIT:
        much = f"{stretch.server_waited:.0%} of its time"
        reasons.append(Reason("other work kept the server from its core", much))
    lost = ledger.expected - ledger.received
    if lost or ledger.twice:
        reasons.append(Reason(LOSSES, f"{lost:,} lost or too late, {ledger.twice:,} twice"))
    return _suspect(reasons)


def _judge_generator(stretch: Stretch) -> Judgement:
    """Invalid when the generator was the limit: it measures its own queue."""
    share = stretch.generator_share
    how_much = f"{share:.0%} of a core"
    if share > BUSY_SHARE:
        return Judgement(Validity.INVALID, (Reason("the generator was the limit", how_much),))
    return _suspect([Reason("the generator was near its limit", how_much)] if share > NEAR_SHARE else [])


def _lateness(late_ms: float) -> list[Reason]:
    return [Reason(LATE, f"up to {late_ms:.0f} ms")] if late_ms > LATE_LIMIT_MS else []


def _suspect(reasons: Sequence[Reason]) -> Judgement:
    return Judgement(Validity.SUSPECT, tuple(reasons)) if reasons else VALID
