"""The ratios that the stored baseline watches, made from runs, and a run held against it.

Both parties of a ratio are measured in one run and in turns, so that a slow machine or other work falls on both. Times
are not among them: other work delays a push, and no poll, whose time is its period. What is left of the noise is what
several runs of one commit differed by: a limit is twice the largest run's distance from the median, at least `LEAST` of
its kind. A ratio above its limit is measured again by the gate, and is worse only if it is so every time; where other
work had the cores each time that it was, the machine is too busy to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.analysis.estimates import Estimate, ratio
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_EVENT,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    Kind,
    Measure,
)
from bench.record.files.baseline import Baseline, BaselineRatio
from bench.record.findings import Findings, Measured
from bench.record.provenance import machine_words
from bench.record.run import Run
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_UNCHANGED, NAIVE_TORNADO, PLAIN_HANDLER
from bench.words import in_digits
from loadtest.results.exit_codes import ExitCode
from loadtest.results.validity import Validity

SPREADS = 2.0
"""Times the distance of the baseline's largest run from the median."""

LEAST: Mapping[Kind, float] = {Kind.BYTES: 0.10, Kind.CPU: 0.75}
"""No limit is nearer to the median than this part of it, however alike a few runs came out."""

FEWEST_RUNS = 5
"""Runs that a baseline is made of, at least."""

RULE = (
    f"limit = median × (1 + the larger of {SPREADS:g} × the largest run's distance from it and "
    + ", ".join(f"{kind.value} {least:.0%}" for kind, least in LEAST.items())
    + ")"
)


@dataclass(frozen=True)
class Watched:
    """A ratio: one party's figure over another's, median over the pairs that took turns. Less is better."""

    scenario: str
    measure: Measure
    party: str
    over: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.measure}, {self.party} ÷ {self.over}"


WATCHED = (
    Watched("peers", CPU_PER_RECIPIENT, LOBBY, FLOOR),
    Watched("peers", CPU_PER_RECIPIENT, LOBBY, NAIVE_TORNADO),
    Watched("peers", CPU_PER_EVENT, LOBBY, NAIVE_TORNADO),
    Watched("peers", CPU_PER_REQUEST, LOBBY, NAIVE_TORNADO),
    Watched("rooms-get", CPU_PER_REQUEST, LOBBY, PLAIN_HANDLER),
    Watched("rooms-get", CPU_PER_REQUEST, LOBBY_UNCHANGED, LOBBY),
    Watched("freshness", BYTES_PER_CLIENT_HOUR, "delta", "polling"),
    Watched("freshness", CPU_PER_CLIENT_HOUR, "delta", "polling"),
)
SCENARIOS = tuple(dict.fromkeys(each.scenario for each in WATCHED))
"""What a gate runs."""


@dataclass(frozen=True)
class Checked:
    """A ratio of the baseline beside that of a run."""

    stored: BaselineRatio
    measured: float | None
    """``None``: not measured, or INVALID."""
    is_disturbed: bool = False
    """Each time that it was measured, half of its readings or more were suspect."""
    is_elsewhere: bool = False
    """It was measured on another processor than the baseline: what Python takes beside the system's calls is another
    part there. Beside a naive server, a broadcast cost 0.24 on an Intel Xeon and 0.45 on an AMD EPYC."""

    @property
    def is_above(self) -> bool:
        return self.measured is not None and self.measured > self.stored.limit

    @property
    def is_worse(self) -> bool:
        return self.is_above and not (self.is_disturbed or self.is_elsewhere)

    @property
    def is_open(self) -> bool:
        """There is no verdict on it."""
        return self.measured is None or (self.is_above and not self.is_worse)

    def __str__(self) -> str:
        stored = self.stored
        what = "not measured" if self.measured is None else in_digits(self.measured)
        words = "worse" if self.is_worse else "no verdict" if self.is_open else "no worse"
        return (
            f"{words:<10}  {what:>12}  limit {in_digits(stored.limit):>6}  baseline {in_digits(stored.value):>6} "
            f"({in_digits(stored.low)}–{in_digits(stored.high)})  {stored.name}"
        )


def ratios_of(run: Run) -> dict[str, float]:
    """Those of `WATCHED` that the run has and that are not INVALID."""
    return {name: made.value for name, made in _estimates_of(run).items()}


def _estimates_of(run: Run) -> dict[str, Estimate]:
    found = {}
    for watched in WATCHED:
        findings = run.found(watched.scenario)
        made = _ratio(findings, watched) if findings is not None else None
        if made is not None and made.judgement.validity is not Validity.INVALID and made.value > 0:
            found[str(watched)] = made
    return found


def make_baseline(runs: Sequence[Run]) -> Baseline:
    """Of several runs of the gate. Raises `ValueError` with a sentence where they are too few, one is not whole or has
    a fault, or they are not of one machine and one size."""
    if len(runs) < FEWEST_RUNS:
        raise ValueError(f"a baseline takes {FEWEST_RUNS} runs or more, and there are {len(runs)}")
    by_run = [ratios_of(run) for run in runs]
    lacking = [f"{watched} in {run.started_at}" for watched in WATCHED
               for run, found in zip(runs, by_run, strict=True) if str(watched) not in found]  # fmt: skip
    if lacking:
        raise ValueError(f"a ratio is missing or INVALID: {lacking[0]}")
    faults = [fault for run in runs for found in run.findings for fault in found.faults]
    if faults or not all(run.is_whole for run in runs):
        raise ValueError(f"a run has a fault: {faults[0]}" if faults else "a run was broken off")
    for what, found in (
        ("machines", {machine_words(run) for run in runs}),
        ("sizes", {run.profile.name for run in runs}),
    ):
        if len(found) > 1:
            raise ValueError(f"the runs are of different {what}: {'; '.join(sorted(found))}")
    return Baseline(
        made_at=max(run.started_at for run in runs),
        commits=sorted({run.commit for run in runs}),
        runs=len(runs),
        machine=machine_words(runs[-1]),
        rule=RULE,
        ratios=[_stored(watched, [found[str(watched)] for found in by_run]) for watched in WATCHED],
    )


def disturbed_in(runs: Sequence[Run]) -> int:
    """How many of the ratios of these runs other work had a part in."""
    return sum(made.is_suspect for run in runs for made in _estimates_of(run).values())


def check(baseline: Baseline, runs: Iterable[Run]) -> list[Checked]:
    """Every ratio of the baseline beside the best of these runs: worse is what is worse in all of them."""
    measured = list(runs)
    by_run = [_estimates_of(run) for run in measured]
    is_elsewhere = any(_processor(machine_words(run)) != _processor(baseline.machine) for run in measured)
    checked = []
    for stored in baseline.ratios:
        made = [found[stored.name] for found in by_run if stored.name in found]
        best = min((each.value for each in made), default=None)
        is_disturbed = bool(made) and all(each.is_suspect for each in made)
        checked.append(Checked(stored, best, is_disturbed, is_elsewhere))
    return checked


def _processor(machine: str) -> str:
    """Of `machine_words`: its name."""
    return machine.partition(", ")[0]


def in_question(checked: Sequence[Checked]) -> list[str]:
    """Scenarios with a ratio that is above its limit or was not measured, in the order of `SCENARIOS`."""
    names = {each.stored.name for each in checked if each.is_above or each.measured is None}
    return [name for name in SCENARIOS if any(str(it) in names for it in WATCHED if it.scenario == name)]


def verdict(checked: Sequence[Checked]) -> ExitCode:
    """What is worse is told before what could not be judged."""
    if any(each.is_worse for each in checked):
        return ExitCode.THRESHOLD_MISSED
    return ExitCode.INVALID if not checked or any(each.is_open for each in checked) else ExitCode.GOOD


def _ratio(found: Findings, watched: Watched) -> Estimate | None:
    own, other = (_of(found, watched.measure, party) for party in (watched.party, watched.over))
    if own is None or other is None:
        return None
    return ratio(own.readings, other.readings, watched.measure.kind)


def _of(found: Findings, measure: Measure, party: str) -> Measured | None:
    """At the largest size that there is."""
    same = [each for each in found.measures if each.measure == measure and each.party == party]
    return max(same, key=lambda each: each.where, default=None)


def _stored(watched: Watched, values: Sequence[float]) -> BaselineRatio:
    middle = median(values)
    apart = max(LEAST[watched.measure.kind], SPREADS * (max(values) / middle - 1))
    return BaselineRatio(
        name=str(watched), value=round(middle, 4), low=round(min(values), 4), high=round(max(values), 4),
        limit=round(middle * (1 + apart), 4),
    )  # fmt: skip
