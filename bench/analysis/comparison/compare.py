"""Two runs side by side: what got better or worse beyond the noise, what is missing, and whether that is a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.comparison.changes import Change, Pair, pair_of
from bench.analysis.comparison.comparable import Basis, basis_of
from bench.analysis.estimates import distance, in_pairs, ratio
from bench.analysis.figures import Figure, figures_of
from bench.analysis.noise_floors import noise_floors
from bench.analysis.validity import Judgement, judge_reading, worse_of
from bench.measures import Kind
from bench.record.findings import Reading
from bench.record.run import SCHEMA_VERSION, Run
from bench.record.vocabulary import LOBBY, LOBBY_AGAIN
from loadtest.results.exit_codes import ExitCode
from loadtest.results.validity import Validity

SEARCHES = ("capacity",)
"""Scenarios that choose their sizes as they go: a size that only one of the runs has is not missing in the other."""


@dataclass(frozen=True)
class Comparison:
    before: Run
    after: Run
    limit: float
    """A regression is worse by more than this part."""
    basis: Basis
    pairs: list[Pair]
    """Those that changed most first."""
    missing: list[str]
    """Valid figures of the run before that the run after should have and has not."""
    only_one: int
    """All figures that only one of the runs has, or that are not valid in one of them."""
    has_noise: bool
    """At least one of the runs has an A/A of its own."""

    @property
    def changed(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.change not in (Change.NONE, Change.UNSURE)]

    @property
    def unsure(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.change is Change.UNSURE]

    @property
    def regressions(self) -> list[Pair]:
        """Worse beyond the noise and the limit, and not in doubt."""
        return [pair for pair in self._judged if pair.change is Change.WORSE and distance(pair.ratio) > self.limit]

    @property
    def undecided(self) -> list[Pair]:
        """What may be a regression: worse beyond the noise and the limit, by less than so few readings carry."""
        unsure = [pair for pair in self._judged if pair.change is Change.UNSURE]
        return [pair for pair in unsure if pair.leans is Change.WORSE and distance(pair.ratio) > self.limit]

    @property
    def obstacles(self) -> list[str]:
        """Why there is no verdict; sentences."""
        found = list(self.basis.obstacles)
        if self.missing:
            names = "; ".join(self.missing[:3])
            found.append(f"{len(self.missing)} figures of the run before are missing in the run after, first {names}.")
        if not self._judged:
            found.append("There is no figure that is valid in both runs and can be compared.")
        if self.undecided and not self.regressions:
            first = "; ".join(pair.name for pair in self.undecided[:3])
            found.append(
                f"{len(self.undecided)} figures may be worse, which so few readings do not carry, first {first}: "
                "repeat both runs, and compare folders of several."
            )
        return found

    @property
    def exit_code(self) -> ExitCode:
        """What is no basis for a verdict is neither good nor worse."""
        if self.obstacles:
            return ExitCode.INVALID
        return ExitCode.THRESHOLD_MISSED if self.regressions else ExitCode.GOOD

    @property
    def _judged(self) -> list[Pair]:
        return [pair for pair in self.pairs if not pair.doubtful and not pair.is_control]


def compare_runs(
    before: Run,
    after: Run,
    *,
    limit: float,
    ratios_only: bool = False,
    schemas: tuple[int, int] = (SCHEMA_VERSION, SCHEMA_VERSION),
) -> Comparison:
    """All figures that both have. `ratios_only`: parties against the lobby of the same run."""
    basis = basis_of(before, after, schemas=schemas, ratios_only=ratios_only)
    of = _ratios if ratios_only else figures_of
    own, other = ({each.key: each for each in of(run) if not basis.leaves_out(each)} for run in (before, after))
    floors = [noise_floors(each, LOBBY_AGAIN) for run in (before, after) if (each := run.found("noise")) is not None]
    measured = {each.name for each in after.findings}
    pairs, missing, only_one = [], [], len(other.keys() - own.keys())
    for key, figure in own.items():
        beside = other.get(key)
        pair = pair_of(figure, beside, floors) if beside is not None else None
        if pair is not None:
            pairs.append(pair)
            continue
        only_one += 1
        if figure.scenario in measured and _is_missed(figure, beside):
            missing.append(str(figure))
    pairs.sort(key=lambda pair: (-distance(pair.ratio) if pair.change is not Change.NONE else 0.0, pair.name))
    return Comparison(before, after, limit, basis, pairs, missing, only_one, bool(floors))


def _is_missed(figure: Figure, beside: Figure | None) -> bool:
    """Not where it was no value to begin with, another server's, or of a size that a search came by.

    What is INVALID in the run after is told as that, and not as missing.
    """
    made = figure.estimate
    if made is None or made.value != made.value or figure.validity is Validity.INVALID or figure.is_control:
        return False
    return figure.scenario not in SEARCHES and (beside is None or beside.validity is not Validity.INVALID)


def _ratios(run: Run) -> list[Figure]:
    """The lobby's figure over each party's of the same run, pair by pair: what a faster machine does not change."""
    all_of_them = figures_of(run)
    lobby = {(each.scenario, each.measure, each.where): each for each in all_of_them if each.party == LOBBY}
    found = []
    for each in all_of_them:
        own = lobby.get((each.scenario, each.measure, each.where))
        if own is None or each.party == LOBBY or Validity.INVALID in (own.validity, each.validity):
            continue
        readings = _ratios_of(own.readings, each.readings, each.kind)
        if readings:
            measure = replace(each.measure, name=f"{each.measure}, {LOBBY} ÷ {each.party}", unit="×")
            found.append(Figure(each.scenario, measure, LOBBY, each.where, readings))
    return found


def _ratios_of(ours: Sequence[Reading], theirs: Sequence[Reading], kind: Kind) -> list[Reading]:
    """Pair by pair, each as good as the worse of the two; one of the medians where there are no pairs."""
    pairs = in_pairs(ours, theirs)
    if pairs is None:
        made = ratio(ours, theirs, kind)
        return [_as_reading(made.value, made.judgement)] if made is not None else []
    return [
        _as_reading(own.value / other.value, worse_of(judge_reading(own, kind), judge_reading(other, kind)))
        for own, other in pairs
        if other.value
    ]


def _as_reading(value: float, judged: Judgement) -> Reading:
    why = "; ".join(reason.what for reason in judged.reasons)
    return Reading(
        value,
        invalid=why if judged.validity is Validity.INVALID else "",
        suspect=why if judged.validity is Validity.SUSPECT else "",
    )
