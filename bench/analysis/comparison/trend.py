"""Figures over many runs, in order of time, and where one changed beyond the noise.

A point is a run, or several of the same with all of their readings (`bench.record.repeats`). The newest points of a
figure, one to `NEWEST` of them, are held against all since its last change, by the rule of two runs (`changes`). So a
step that a single run cannot carry is found with the next ones, a drift when it has come far enough, and each change is
told once, at the point where it began. A point of another machine or of other sizes begins anew.

With a limit the newest run has a verdict, under the conditions of two runs that are compared (`Trend.obstacles`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from bench.analysis.comparison.changes import Change, Pair, pair_of
from bench.analysis.comparison.comparable import Basis, basis_of, obstacles_of
from bench.analysis.comparison.compare import compare_runs
from bench.analysis.estimates import Estimate, distance
from bench.analysis.figures import Figure, figures_of
from bench.analysis.noise_floors import NoiseFloors, noise_floors
from bench.record.run import SCHEMA_VERSION, Run
from bench.record.vocabulary import LOBBY_AGAIN
from bench.words import plural
from loadtest.results.exit_codes import ExitCode
from loadtest.results.validity import Validity

NEWEST = 3
"""Points that are held together against those before them; more would tell of a change long after it came."""


@dataclass(frozen=True)
class Point:
    """A figure in one run, or in several of the same."""

    run: int
    """Its place among `Trend.runs`."""
    made: Estimate
    is_suspect: bool
    change: Pair | None = None
    """Of what begins here, against what was before; None: nothing does."""


@dataclass(frozen=True)
class Line:
    """One figure over the runs that have it."""

    figure: Figure
    """As in the newest of them."""
    points: Sequence[Point]
    newest: Pair | None
    """A change that only the newest point showed, wherever it began."""
    is_held: bool
    """The newest point has points before it that it may be held against."""
    is_doubtful: bool
    """Most readings are suspect on one side of the pair that decided on the newest point: the one that showed a change,
    or where none did, the newest point against all since the last change."""

    @property
    def name(self) -> str:
        return str(self.figure)

    @property
    def unit(self) -> str:
        return self.figure.measure.unit

    @property
    def changes(self) -> list[Point]:
        return [point for point in self.points if point.change is not None]


@dataclass(frozen=True)
class Trend:
    runs: Sequence[Run]
    """Oldest first."""
    repeats: Sequence[int]
    """How many runs each is of."""
    lines: Sequence[Line]
    """Those that changed first, the latest change before the others."""
    limit: float | None
    """A figure that the newest run shows to be worse by more than this part ends the command with 3; None: nothing
    does."""
    missing: Sequence[str] = ()
    """Valid figures of the run before the newest that the newest should have and has not."""

    @property
    def changed(self) -> list[Line]:
        return [line for line in self.lines if line.changes]

    @property
    def worse(self) -> list[Line]:
        """Those that changed for the worse in the newest run, beyond the limit; not what is in doubt, nor another
        server's."""
        if self.limit is None:
            return []
        return [line for line in self.lines if self._is_worse(line, self.limit)]

    @property
    def obstacles(self) -> list[str]:
        """Why there is no verdict on the newest run; sentences. None where no verdict was asked for."""
        if self.limit is None:
            return []
        found = obstacles_of("The newest run", self.runs[-1])
        if self.missing:
            names = "; ".join(self.missing[:3])
            count = plural(len(self.missing), "figure")
            found.append(f"The newest run lacks {count} of the run before it, first {names}.")
        if not any(self._is_judged(line) for line in self.lines):
            found.append(
                "No figure is valid both in the newest run and in those that it is held against."
                if any(self._is_valid(line) for line in self.lines)
                else "No figure is valid in the newest run and can be held against a run before it."
            )
        return found

    @property
    def exit_code(self) -> ExitCode:
        if self.obstacles:
            return ExitCode.INVALID
        return ExitCode.THRESHOLD_MISSED if self.worse else ExitCode.GOOD

    def _is_judged(self, line: Line) -> bool:
        """What was suspect before is no basis, as for two runs that are compared: neither for worse nor for good."""
        return self._is_valid(line) and not line.is_doubtful

    def _is_valid(self, line: Line) -> bool:
        newest = line.points[-1]
        is_of_newest = newest.run == len(self.runs) - 1
        return is_of_newest and line.is_held and not newest.is_suspect and not line.figure.is_control

    def _is_worse(self, line: Line, limit: float) -> bool:
        found = line.newest
        if found is None or not self._is_judged(line):
            return False
        return found.change is Change.WORSE and distance(found.ratio) > limit


def trend_of(runs: Iterable[tuple[Run, int]], *, limit: float | None = None, names: Sequence[str] = ()) -> Trend:
    """Each run with the number of runs that it is of; at least one. Figures that only one of them has are left out
    where there are several. `names`: only those that have one of these texts in their name."""
    points = sorted(runs, key=lambda point: point[0].started_at)
    ordered = [run for run, _ in points]
    found: dict[tuple[object, ...], list[tuple[int, Figure]]] = {}
    for number, run in enumerate(ordered):
        for figure in figures_of(run):
            is_wanted = not names or any(name in str(figure) for name in names)
            if is_wanted and figure.estimate is not None and figure.validity is not Validity.INVALID:
                found.setdefault(figure.key, []).append((number, figure))

    @cache
    def basis(before: int, after: int) -> Basis:
        schemas = (SCHEMA_VERSION, SCHEMA_VERSION)
        return basis_of(ordered[before], ordered[after], schemas=schemas, ratios_only=False)

    floors = [_floors(run) for run in ordered]
    lines = [_line(figures, basis, floors) for figures in found.values() if len(figures) > 1 or len(ordered) == 1]
    lines.sort(key=lambda line: (-max((point.run for point in line.changes), default=-1), line.name))
    return Trend(ordered, [number for _, number in points], lines, limit, _missing(ordered, names))


def _missing(ordered: Sequence[Run], names: Sequence[str]) -> list[str]:
    if len(ordered) == 1:
        return []
    missing = compare_runs(ordered[-2], ordered[-1], limit=0.0).missing
    return [figure for figure in missing if not names or any(name in figure for name in names)]


def _floors(run: Run) -> list[NoiseFloors]:
    noise = run.found("noise")
    return [noise_floors(noise, LOBBY_AGAIN)] if noise is not None else []


def _line(
    figures: Sequence[tuple[int, Figure]], basis: Callable[[int, int], Basis], floors: Sequence[Sequence[NoiseFloors]]
) -> Line:
    since, newest, is_held, is_doubtful = 0, None, False, False
    changes: dict[int, Pair] = {}
    for at, (number, figure) in enumerate(figures):
        newest, is_doubtful = None, False
        if at and basis(figures[at - 1][0], number).leaves_out(figure):
            since = at
        is_held = since < at
        for width in range(1, min(NEWEST, at - since) + 1):
            split = at - width + 1
            before = _together([each for _, each in figures[since:split]])
            after = _together([each for _, each in figures[split : at + 1]])
            pair = pair_of(before, after, [*floors[figures[since][0]], *floors[number]])
            if pair is None:
                continue
            if width == 1:
                is_doubtful = pair.doubtful
            if pair.change not in (Change.NONE, Change.UNSURE):
                changes[split], since, newest, is_doubtful = pair, split, pair, pair.doubtful
                break
    points = [
        Point(number, figure.estimate, figure.validity is Validity.SUSPECT, changes.get(at))
        for at, (number, figure) in enumerate(figures)
        if figure.estimate is not None  # none is without
    ]
    return Line(figures[-1][1], points, newest, is_held, is_doubtful)


def _together(figures: Sequence[Figure]) -> Figure:
    """The readings of all."""
    return replace(figures[-1], readings=[reading for figure in figures for reading in figure.readings])
