"""The model behind the break-even map: what a way costs over changes per second and clients, fitted to measured cells.

Each cost of a client is ``a + e/N + s·g(λ, N)``: what it costs idle, its share of what the server does for itself, and
what changes add. How often a change makes it act is

* for polling: never more (g = 0), whatever changes;
* for polling with ETag: once per period in which something changed. The lab's changes follow each other evenly, so that
  is every period from one change per period on, and one poll per change below: g = min(1, λT). Changes that come at
  random would find a poll less often: 1 − exp(−λT);
* for what is told over the socket: once per announcement. After a quiet spell a change is announced at once; what comes
  within an interval of the last announcement is announced together at its end (`Paced` of the server). So changes that
  follow each other evenly are announced one by one up to one per interval, and above that there is one announcement
  per interval, whatever changes: g = min(λ, 1/i). Changes that come at random would have λ / (λi + exp(−λi)). The
  interval is the server's own, or the time that it takes to answer a fetch of everybody where that is longer:
  i = max(d, D·N). Nobody fetches on a delta: i = d.

Time to fresh grows with the herd: ``a + e·N + s·g``. All constants are non-negative and come from the cells of the run,
by least squares of the relative errors; an interval that the cells do not need is 0. How far the model can be believed
between the cells is told by cells that were held out: each one is predicted by the model of all others
(`Surface.held_out`).

What it leaves out: a delta carries every change of its interval, so above 1/i it grows on; and the server's CPU for the
change itself, which polling has, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from bench.analysis.derived.overview import way_costs_of
from bench.analysis.estimates import estimate
from bench.analysis.validity import VALID, Judgement, judge_all
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_PLAYER_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    KIB_PER_PLAYER_HOUR,
    Measure,
)
from bench.record.findings import Measured, Reading, Where
from bench.record.profiles.sizes import IDLE_LIFE, WAYS
from bench.record.run import Run
from bench.stats import FloatArray
from loadtest.results.validity import Validity


def simple_per_s(poll_s: float) -> float:
    """Naive notify and fetch makes λ fetches per second, polling one per period: above 1/T the hint loses."""
    return 1 / poll_s


FLAT = ("polling",)
"""Ways that cost the same whatever changes."""

FETCHED = ("push", "rev")
"""Ways that fetch on each announcement."""

SAME_RATE = 0.05
"""Rates of cells that are no further apart are one rate: what was achieved differs a little between cells of a name."""

SHORTEST_S = 1e-6
"""An interval between announcements that is none."""

_OF_A_PLAYER = {CPU_PER_CLIENT_HOUR: (CPU_PER_PLAYER_HOUR, 1.0), BYTES_PER_CLIENT_HOUR: (KIB_PER_PLAYER_HOUR, 1024.0)}
"""The same quantities as the scenario cost has them, and in how many of our units."""

TOLERANCE, MOST_STEPS = 1e-14, 2_000
"""Of the fit. With SciPy's 1e-8 it stops where a crossing is still a percent from that of the least squares."""

NEEDED = 0.5
"""An interval is needed where it leaves less than this part of the squares that there are without it. A constant too
many takes a third of what is noise in eight cells."""
NO_ERROR = 1e-9
"""Squares that are none."""

BEYOND = 4.0
"""Above the highest rate by so much no cell is put together."""

LEAST_FOR_LINE = 2
"""Rates at which a way has to have cells, to be drawn by them alone."""

CONFIRMED = 0.25
"""A model is confirmed when it misses half of the cells that were held out by no more than this part."""


@dataclass(frozen=True)
class Point:
    """One measured cell."""

    clients: int
    changes_per_s: float
    """That there were."""
    value: float
    nominal_per_s: float | None = None
    """What the rate of the cell is called; ``None``: the same."""
    told_per_s: float | None = None
    """Announcements that a client heard, where they were noted."""
    any_size: bool = False
    """The value does not depend on how many clients there are."""
    judgement: Judgement = VALID


@dataclass(frozen=True)
class Surface:
    """One quantity of one way."""

    way: str
    points: list[Point]
    constants: FloatArray
    poll_s: float
    grows: bool
    """With the herd, as time to fresh does."""
    is_determined: bool
    """More cells than constants: its errors say something."""

    def __call__(self, changes_per_s: npt.ArrayLike, clients: npt.ArrayLike) -> FloatArray:
        return _value(
            self.constants, np.asarray(changes_per_s, dtype=float), np.asarray(clients, dtype=float), self.way,
            self.poll_s, grows=self.grows,
        )  # fmt: skip

    @cached_property
    def held_out(self) -> list[float]:
        """By how much of its value each cell is missed by the model of the others; empty where the others are too few
        to have a model."""
        errors = []
        for number, point in enumerate(self.points):
            rest = [*self.points[:number], *self.points[number + 1 :]]
            if not point.changes_per_s or not point.value or not _determines(self.way, rest):
                continue
            model = fit(self.way, rest, poll_s=self.poll_s, grows=self.grows)
            errors.append(abs(float(model(point.changes_per_s, point.clients)) / point.value - 1))
        return errors

    @property
    def error(self) -> float | None:
        """The median of those; ``None``: not known."""
        return float(np.median(self.held_out)) if self.held_out else None

    @property
    def is_confirmed(self) -> bool:
        return self.error is not None and self.error <= CONFIRMED

    @property
    def errors(self) -> list[float]:
        """By how much of its value each cell is missed, at least 0; without cells whose value is 0."""
        return [
            abs(float(self(each.changes_per_s, each.clients)) / each.value - 1) for each in self.points if each.value
        ]


def cells_of(run: Run) -> list[Measured]:
    """The cells of break-even, and those of freshness with the same list and period of polling."""
    cells = run.found("break-even")
    beside = run.found("freshness")
    sizes = run.profile.break_even
    found = list(cells.measures) if cells is not None else []
    if beside is not None and found and run.profile.freshness.poll_s == sizes.poll_s:
        found += [each for each in beside.measures if each.rooms == sizes.rooms and each.party in WAYS]
    return found


def _counted(run: Run, there: Collection[str]) -> list[Measured]:
    """Bytes of ways of polling other than `there`, as bandwidth counted them with the same list and period: what a
    poll carries does not depend on how many others poll."""
    sizes, beside = run.profile.break_even, run.profile.bandwidth
    if run.found("bandwidth") is None or beside.time_scale != 1 or beside.poll_s != sizes.poll_s:
        return []
    measure = BYTES_PER_CLIENT_HOUR
    return [
        Measured(
            name=measure.name, party=cost.kind, clients=beside.clients, unit=measure.unit, rooms=cost.rooms,
            changes_per_s=cost.achieved_per_s, readings=[Reading(cost.model, suspect=_doubt(cost.judgement))],
        )
        for cost in way_costs_of(run)
        if _polls(cost.kind) and cost.kind not in there and cost.rooms == sizes.rooms and cost.changes_per_s
        and cost.judgement.validity is not Validity.INVALID
    ]  # fmt: skip


def _doubt(judgement: Judgement) -> str:
    return "; ".join(reason.what for reason in judgement.reasons)


def idle_of(run: Run, measure: Measure) -> float | None:
    """A client-hour of one that holds a socket while nothing changes, as other scenarios of the run measured it."""
    if (
        measure == BYTES_PER_CLIENT_HOUR
        and run.found("bandwidth") is not None
        and run.profile.bandwidth.time_scale == 1
    ):
        costs = way_costs_of(run)
        return next((cost.model for cost in costs if cost.kind == "push" and not cost.changes_per_s), None)
    found = run.found("cost")
    own, factor = _OF_A_PLAYER.get(measure, (None, 1.0))
    idle = [each for each in found.measures if (each.measure, each.party) == (own, IDLE_LIFE)] if found else []
    made = estimate(max(idle, key=lambda each: each.clients)) if idle else None
    return made.value * factor if made is not None else None


def rates_of_cells(run: Run) -> dict[tuple[str, Where], float]:
    """Changes per second that there were in the cells of `cells_of`, by way and place, where they were noted."""
    return _noted(cells_of(run), CHANGES_PER_S)


def _noted(cells: Sequence[Measured], measure: Measure) -> dict[tuple[str, Where], float]:
    return {
        (each.party, each.where): made.value
        for each in cells
        if each.measure == measure and (made := estimate(each)) is not None
    }


def surfaces_of(run: Run, measure: Measure, *, grows: bool = False) -> list[Surface]:
    """Of a quantity of the break-even map, from all cells of the run that are of its kind."""
    cells = cells_of(run)
    counted = _counted(run, _lined(cells)) if cells and measure == BYTES_PER_CLIENT_HOUR else []
    return surfaces(
        cells, measure, poll_s=run.profile.break_even.poll_s, grows=grows,
        idle_value=idle_of(run, measure), rates_per_s=rates_of_cells(run), of_any_size=counted,
    )  # fmt: skip


def _lined(cells: Sequence[Measured]) -> set[str]:
    """Ways whose own cells make a line."""
    rates: dict[str, set[float]] = {}
    for each in cells:
        rates.setdefault(each.party, set()).add(each.changes_per_s)
    return {way for way, found in rates.items() if len(found) >= LEAST_FOR_LINE}


def surfaces(
    cells: Sequence[Measured],
    measure: Measure,
    *,
    poll_s: float,
    grows: bool = False,
    idle_value: float | None = None,
    rates_per_s: Mapping[tuple[str, Where], float] | None = None,
    of_any_size: Sequence[Measured] = (),
) -> list[Surface]:
    """Of every way that has cells with this quantity that are not INVALID. `rates_per_s`: what there was, where a
    cell's name is not it.
    `of_any_size`: more cells, whose values do not depend on the number of clients and whose rates are achieved ones.

    Idle, all that hold a socket do the same, so their idle cells are one: the mean; or `idle_value` where there are
    none.
    """
    points: dict[str, list[Point]] = {}
    told = _noted(cells, EVENTS_PER_CLIENT_HOUR)
    for cell in cells:
        found = estimate(cell) if cell.measure == measure else None
        if found is not None and found.judgement.validity is not Validity.INVALID:
            nominal = cell.changes_per_s
            place = cell.party, cell.where
            rate, events = (rates_per_s or {}).get(place, nominal), told.get(place)
            told_per_s = events / 3600 if events is not None else None
            points.setdefault(cell.party, []).append(
                Point(cell.clients, rate, found.value, nominal, told_per_s, judgement=found.judgement)
            )
    for cell in of_any_size:
        if cell.measure == measure and (found := estimate(cell)) is not None:
            points.setdefault(cell.party, []).append(
                Point(
                    cell.clients,
                    cell.changes_per_s,
                    found.value,
                    cell.changes_per_s,
                    any_size=True,
                    judgement=found.judgement,
                )
            )
    sockets = [each for way, same in points.items() if not _polls(way) for each in same if not each.changes_per_s]
    idle, of_idle = [each.value for each in sockets], judge_all([each.judgement for each in sockets])
    if not idle and idle_value is not None:
        idle = [idle_value]
        for way, same in points.items():
            if not _polls(way):
                same.append(Point(same[0].clients, 0.0, idle_value))
    for way, same in points.items():
        if not _polls(way):
            points[way] = [
                each if each.changes_per_s else Point(each.clients, 0.0, float(np.mean(idle)), judgement=of_idle)
                for each in same
            ]
    return [fit(way, same, poll_s=poll_s, grows=grows) for way, same in points.items()]


def _polls(way: str) -> bool:
    return way.startswith("polling")


def fit(way: str, points: Sequence[Point], *, poll_s: float, grows: bool = False) -> Surface:
    """Least squares of the logarithms, all constants non-negative.

    A cell above one change per interval says nothing of where below it that begins, so the search begins on each side
    of every cell's rate but the lowest, below which only a ratio can be told.
    """
    rates = np.asarray([each.changes_per_s for each in points])
    clients = np.asarray([each.clients for each in points], dtype=float)
    values = np.asarray([max(each.value, 1e-9) for each in points])
    scale = float(np.median(values))
    share = scale / (np.median(clients) if grows else 1 / np.median(clients)) / 4

    def errors(constants: FloatArray) -> FloatArray:
        found = _value(constants, rates, clients, way, poll_s, grows=grows)
        logs: FloatArray = np.log(np.maximum(found, 1e-12)) - np.log(values)
        return logs

    free = _free(way, points)

    def search(start: FloatArray) -> tuple[FloatArray, float]:
        """Constants, and half of the squares that they leave; what begins at 0 stays there."""
        is_sought = free & (start > 0)

        def widen(part: FloatArray) -> FloatArray:
            whole = np.zeros(5)
            whole[is_sought] = part
            return whole

        found = least_squares(
            lambda part: errors(widen(part)), start[is_sought], bounds=(0.0, np.inf), x_scale=start[is_sought],
            ftol=TOLERANCE, xtol=TOLERANCE, gtol=TOLERANCE, max_nfev=MOST_STEPS,
        )  # fmt: skip
        return widen(found.x), float(found.cost)

    best, least = search(np.asarray([scale / 2, share, scale / 2, 0.0, 0.0]))
    for tries in _intervals_s(rates, clients, free):
        found = [search(np.asarray([scale / 2, share, scale / 2, d, d_client])) for d, d_client in tries]
        constants, squares = min(found, key=lambda each: each[1])
        if squares < least * NEEDED - NO_ERROR:
            best, least = constants, squares
    is_determined = len({(each.clients, each.changes_per_s) for each in points}) > int(free.sum())
    return Surface(way, list(points), best, poll_s, grows, is_determined)


def _intervals_s(
    rates: FloatArray, clients: FloatArray, free: npt.NDArray[np.bool_]
) -> Iterator[list[tuple[float, float]]]:
    """Where to look for the interval between announcements, on one side of every cell's rate after the other: one for
    all, then one that may be longer with more clients."""
    steps = _apart([float(each) for each in np.sort(rates[rates > 0])])
    found = [1 / float(np.sqrt(low * high)) for low, high in pairwise([*steps, BEYOND * steps[-1]])] if steps else []
    if free[3] and found:
        yield [(d, 0.0) for d in found]
    if free[4] and found:
        yield [(d, 2 * d / float(clients.max())) for d in found]


def _apart(rates: Sequence[float]) -> list[float]:
    """Without those that are one rate with the one before."""
    found: list[float] = []
    for rate in rates:
        if not found or rate > found[-1] * (1 + SAME_RATE):
            found.append(rate)
    return found


def _free(way: str, points: Sequence[Point]) -> npt.NDArray[np.bool_]:
    """Which of the constants these cells can tell."""
    free = np.ones(5, dtype=bool)
    free[3:] = not _polls(way)
    free[2] = way not in FLAT
    if len({each.clients for each in points if not each.any_size}) < 2 or any(each.any_size for each in points):
        free[1] = free[4] = False  # one size cannot tell what depends on it
    free[4] &= way in FETCHED
    return free


def _determines(way: str, points: Sequence[Point]) -> bool:
    """As many different cells as constants."""
    return bool(points) and len({(each.clients, each.changes_per_s) for each in points}) >= int(
        _free(way, points).sum()
    )


def _value(
    constants: FloatArray, rates: FloatArray, clients: FloatArray, way: str, poll_s: float, *, grows: bool
) -> FloatArray:
    a, e, s, d, d_client = constants
    if way in FLAT:
        acts = np.zeros(np.broadcast(rates, clients).shape)
    elif _polls(way):
        acts = np.minimum(1.0, rates * poll_s)
    else:
        interval_s = np.maximum(d, d_client * clients)
        acts = np.minimum(rates, 1 / np.maximum(interval_s, SHORTEST_S))
    found: FloatArray = a + (e * clients if grows else e / clients) + s * acts
    return found
