"""Two runs side by side: what got better or worse beyond the noise, and whether it is worse by more than a limit.

A figure of one run and the same figure of the other are compared as the ratio of their medians, with a bootstrap
interval over the repeats of both. A difference counts when the interval has no 1 in it, so that it takes two repeats in
each, and the ratio is further from 1 than the noise floor: what two equal servers differed by in the A/A of either run,
in that quantity or, where the A/A has not measured it, in any of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from bench.analysis.estimates import distance
from bench.analysis.figures import Figure, figures_of
from bench.analysis.noise_floors import NoiseFloors, noise_floors
from bench.measures import Direction, Kind
from bench.record.findings import Reading
from bench.record.provenance import commit_words, machine_words
from bench.record.run import Run
from bench.record.vocabulary import LOBBY, LOBBY_AGAIN
from bench.stats import Interval
from bench.words import in_digits
from loadtest.results.validity import Validity

RESAMPLES = 2_000
DEFAULT_FLOORS = {
    Kind.TIME: 0.25, Kind.CPU: 0.15, Kind.RATE: 0.25, Kind.BYTES: 0.10, Kind.MEMORY: 0.05, Kind.COUNT: 0.05,
    Kind.HARM: 0.05, Kind.SHARE: 0.05,
}  # fmt: skip
"""For runs without an A/A, and never less than half of it: what repeated runs of one commit differed by."""

EXACT = (Kind.BYTES,)
"""Kinds of which one reading is enough: they are counted, and differ by phases and heartbeats alone."""

NAME_WIDTH = 88


class Change(str, Enum):
    BETTER = "better"
    WORSE = "worse"
    UNSURE = "unsure"
    """Beyond the noise floor, but of one reading in one of the runs."""
    NONE = "none"


@dataclass(frozen=True)
class Pair:
    """One figure in both runs."""

    name: str
    unit: str
    kind: Kind
    before: float
    after: float
    ratio: float
    interval: Interval | None
    floor: float
    change: Change
    doubtful: bool
    """Suspect in one of the runs."""
    is_control: bool
    """Another server's, which tells of the machine."""


@dataclass(frozen=True)
class Comparison:
    before: Run
    after: Run
    limit: float
    pairs: list[Pair]
    only_one: int
    """Overview that only one of the runs has, or that are not valid in one of them."""
    has_noise: bool
    """At least one of the runs has an A/A of its own."""

    @property
    def changed(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.change in (Change.BETTER, Change.WORSE)]

    @property
    def unsure(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.change is Change.UNSURE]

    @property
    def regressions(self) -> list[Pair]:
        """Worse beyond the noise and the limit, and not in doubt."""
        return [
            pair
            for pair in self.pairs
            if pair.change is Change.WORSE
            and not pair.doubtful
            and not pair.is_control
            and distance(pair.ratio) > self.limit
        ]

    @property
    def same_sizes(self) -> bool:
        return self.before.profile == self.after.profile

    @property
    def same_machine(self) -> bool:
        return machine_words(self.before) == machine_words(self.after)


def compare_runs(before: Run, after: Run, *, limit: float, ratios_only: bool = False) -> Comparison:
    """All figures that both have. `ratios_only`: parties against the lobby of the same run."""
    of = _ratios if ratios_only else figures_of
    own, other = ({each.key: each for each in of(run)} for run in (before, after))
    floors = [noise_floors(each, LOBBY_AGAIN) for run in (before, after) if (each := run.found("noise")) is not None]
    pairs, only_one = [], len(own.keys() ^ other.keys())
    for key in own.keys() & other.keys():
        pair = _pair(own[key], other[key], floors)
        if pair is None:
            only_one += 1
        else:
            pairs.append(pair)
    pairs.sort(key=lambda pair: (-distance(pair.ratio) if pair.change is not Change.NONE else 0.0, pair.name))
    return Comparison(before, after, limit, pairs, only_one, bool(floors))


def ratio_interval(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """95 % of median ÷ median, both drawn anew; ``None`` with fewer than two of either."""
    if min(len(before), len(after)) < 2:
        return None
    chance = np.random.default_rng(len(before) * 1_000 + len(after))
    draws = [
        np.median(chance.choice(np.asarray(values), size=(RESAMPLES, len(values))), axis=1)
        for values in (before, after)
    ]
    ratios = draws[1] / draws[0]
    return Interval(float(np.percentile(ratios, 2.5)), float(np.percentile(ratios, 97.5)))


def render_comparison(found: Comparison) -> str:
    """Plain lines: what changed, then how much did not."""
    lines = [
        f"before  {_words(found.before)}",
        f"after   {_words(found.after)}",
        *([] if found.same_machine else ["The machines differ: only ratios mean something (--ratios)."]),
        *(
            []
            if found.same_sizes
            else ["The sizes differ: figures of windows of other lengths may differ by that alone."]
        ),
        *([] if found.has_noise else ["Neither run has an A/A (scenario noise): usual noise floors are used."]),
        "",
    ]
    if found.changed or found.unsure:
        lines.append(f"{'figure':<{NAME_WIDTH}}  {'before':>10}  {'after':>10}  ratio [95 %], noise floor")
    for pair in (*found.changed, *found.unsure):
        interval = f" [{pair.interval.low:.2f}–{pair.interval.high:.2f}]" if pair.interval else ""
        doubt = (", suspect" if pair.doubtful else "") + (", another server" if pair.is_control else "")
        lines.append(
            f"{pair.name[:NAME_WIDTH]:<{NAME_WIDTH}}  {in_digits(pair.before):>10}  {in_digits(pair.after):>10}  "
            f"{pair.change.value} ×{pair.ratio:.2f}{interval}, ±{pair.floor:.0%}{doubt}"
        )
    same = len(found.pairs) - len(found.changed) - len(found.unsure)
    lines += ["", f"{same} of {len(found.pairs)} figures show no difference beyond the noise."]
    if found.unsure:
        lines.append(
            f"{len(found.unsure)} are further apart than the noise, but were read once in a run: unsure. Repeat the "
            "runs, or compare those with repeats (--full)."
        )
    if found.only_one:
        lines.append(f"{found.only_one} figures are not in both runs, or not valid in one.")
    if found.regressions:
        lines.append(f"{len(found.regressions)} are worse by more than {found.limit:.0%}.")
    return "\n".join(lines)


def _pair(before: Figure, after: Figure, floors: Sequence[NoiseFloors]) -> Pair | None:
    one, two, measure = before.estimate, after.estimate, before.measure
    if one is None or two is None or not one.value or Validity.INVALID in (before.validity, after.validity):
        return None
    values = [[reading.value for reading in each.readings] for each in (before, after)]
    ratio, interval, floor = two.value / one.value, ratio_interval(*values), _floor(before, floors)
    change = Change.NONE
    if distance(ratio) > floor and measure.direction is not Direction.NEITHER and ratio > 0:
        if interval is None and before.kind not in EXACT:
            change = Change.UNSURE
        elif interval is None or not interval.low <= 1 <= interval.high:
            change = Change.BETTER if (ratio > 1) == (measure.direction is Direction.MORE) else Change.WORSE
    doubtful = Validity.SUSPECT in (before.validity, after.validity)
    return Pair(
        str(before), measure.unit, measure.kind, one.value, two.value, ratio, interval, floor, change, doubtful,
        before.is_control,
    )  # fmt: skip


def _floor(figure: Figure, floors: Sequence[NoiseFloors]) -> float:
    """The largest of both runs, and never less than half of the usual one."""
    usual = DEFAULT_FLOORS[figure.kind]
    if not floors:
        return usual
    found = [floor for each in floors if (floor := each.of(figure.measure)) is not None]
    return max([usual / 2, *found])


def _ratios(run: Run) -> list[Figure]:
    """Each party's figure over the lobby's of the same run, pair by pair: what a faster machine does not change."""
    all_of_them = figures_of(run)
    lobby = {(each.scenario, each.measure, each.where): each for each in all_of_them if each.party == LOBBY}
    found = []
    for each in all_of_them:
        own = lobby.get((each.scenario, each.measure, each.where))
        if own is None or each.party == LOBBY or Validity.INVALID in (own.validity, each.validity):
            continue
        readings = [
            Reading(ours.value / theirs.value)
            for ours, theirs in zip(own.readings, each.readings, strict=False)
            if theirs.value
        ]
        if readings:
            measure = replace(each.measure, name=f"{each.measure}, lobby ÷", unit="×")
            found.append(Figure(each.scenario, measure, each.party, each.where, readings))
    return found


def _words(run: Run) -> str:
    return f"{commit_words(run)} · {run.started_at} · {run.profile.name} · {machine_words(run)}"
