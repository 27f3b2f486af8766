"""Which way to the list to choose: what each costs and how fresh it is, and the rates at which one begins to cost more.

Bytes are those of the scenario bandwidth, which counts every way at every rate; times and CPU those of freshness, where
every way meets the same changes. A rate at which two ways cost the same lies between two measured rates; it is read off
the straight line between them, or off two lines with a corner, where changes began to be announced together (`_bent`).
An invalid point takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.analysis.derived.overview import Overview
from bench.analysis.derived.traffic import ONE_BY_ONE, WayCost
from bench.analysis.estimates import Estimate, estimate
from bench.analysis.sources import readings
from bench.analysis.validity import VALID, Judgement, worse_of
from bench.citations import Quantity
from bench.measures import CPU_PER_CLIENT_HOUR, TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, Measure
from bench.record.profiles.sizes import WAYS
from bench.record.run import Run
from loadtest.results.validity import Validity

TOLD_RATES_PER_S = (0.0, 0.1, 1.0, 10.0)
"""Those of the table, as they are called; others are in the section on bytes."""


BY_ETAG = ("polling_etag", "polling_gzip")
"""Ways of polling that are answered in full only where something changed."""


@dataclass(frozen=True)
class Figure:
    """Of the scenario freshness."""

    made: Estimate
    of: Quantity
    """What it is, for the auditor."""

    @property
    def value(self) -> float:
        return self.made.value

    @property
    def judgement(self) -> Judgement:
        return self.made.judgement


@dataclass(frozen=True)
class Way:
    """One way, as somebody who chooses sees it; ``None`` and missing rates were not measured."""

    name: str
    bytes_per_client_hour: dict[float, float]
    """With TCP/IP, by the rate as it is called."""
    p50: Figure | None
    p99: Figure | None
    """Time to fresh, ms."""
    cpu: Figure | None
    """Server CPU, s per client-hour."""
    judgement: Judgement
    """The worst of all its figures."""

    @property
    def polls(self) -> bool:
        return self.name.startswith("polling")


@dataclass(frozen=True)
class Crossover:
    """From this rate on the first way costs more bytes than the second."""

    per_s: float
    low_per_s: float
    high_per_s: float
    """The measured rates next to it."""


def ways_of(figures: Overview) -> list[Way]:
    """All that were measured, at the shortest list; invalid figures are left out."""
    costs = _valid(figures.traffic)
    rooms = min((cost.rooms for cost in costs), default=0)
    return [
        way
        for name in WAYS
        if (way := _way(figures.run, name, [cost for cost in costs if (cost.kind, cost.rooms) == (name, rooms)]))
        is not None
    ]


def rooms_of(figures: Overview) -> int:
    """In the list of the comparison: the shortest that was measured."""
    return min((cost.rooms for cost in _valid(figures.traffic)), default=0)


def achieved_of(figures: Overview) -> dict[float, WayCost]:
    """By the name of a rate: a point of the comparison that had it."""
    rooms = rooms_of(figures)
    return {cost.changes_per_s: cost for cost in figures.traffic if cost.rooms == rooms}


def crossover(costs: Sequence[WayCost], dear: str, cheap: str, rooms: int) -> Crossover | None:
    """Where the first way begins to cost more bytes than the second: it costs less at all measured rates below, and no
    less at all above. ``None`` where there is no such rate."""
    lines = [_line(costs, way, rooms) for way in (dear, cheap)]
    points = [{each.achieved_per_s: each.whole for each in line} for line in lines]
    rates = sorted(points[0].keys() & points[1].keys())
    below = [points[0][rate] < points[1][rate] for rate in rates]
    number = sum(below)
    if not 0 < number < len(rates) or not all(below[:number]):
        return None
    low, high = rates[number - 1], rates[number]
    bent = [_bent(line, low, high) for line in lines]
    grid = sorted({rate for each in bent for rate in each})
    apart = [_on(bent[0], rate) - _on(bent[1], rate) for rate in grid]
    after = next(each for each in range(1, len(grid)) if apart[each - 1] < 0 <= apart[each])
    (start, end), (before, behind) = grid[after - 1 : after + 1], apart[after - 1 : after + 1]
    return Crossover(start + (end - start) * before / (before - behind), low, high)


def is_cheapest(
    costs: Sequence[WayCost], way: str, rivals: Collection[str], rooms: int, *, below_per_s: float = math.inf
) -> bool:
    """No rival costs fewer bytes at a measured rate below this one; ``False`` where nothing was measured there."""
    own = {each.achieved_per_s: each.whole for each in _line(costs, way, rooms) if each.achieved_per_s < below_per_s}
    lines = [{each.achieved_per_s: each.whole for each in _line(costs, rival, rooms)} for rival in rivals]
    return bool(own) and all(own_value <= line.get(rate, math.inf) for rate, own_value in own.items() for line in lines)


def _line(costs: Sequence[WayCost], way: str, rooms: int) -> list[WayCost]:
    return [cost for cost in _valid(costs) if (cost.kind, cost.rooms) == (way, rooms)]


def _bent(line: Sequence[WayCost], low: float, high: float) -> dict[float, float]:
    """Bytes by rate between two measured rates, with a corner where one is known to be.

    Between a rate at which every change was told by itself and one at which several were told together, each change
    costs what one costs at the lower, up to as many per second as there were events at the upper. Polls that are
    answered in full only where something changed cost no more from one change per period on.
    """
    by_rate = {cost.achieved_per_s: cost for cost in line}
    below, above, idle = by_rate[low], by_rate[high], by_rate.get(0.0)
    found = {low: below.whole, high: above.whole}
    told_per_s, polls_per_s = above.events / 3600, above.requests / 3600
    if above.kind in BY_ETAG and low < polls_per_s < high:
        found[polls_per_s] = above.whole
    is_told_singly = low > 0 and below.events / 3600 >= ONE_BY_ONE * low
    if idle is not None and is_told_singly and low < told_per_s < ONE_BY_ONE * high:
        found[told_per_s] = idle.whole + (below.whole - idle.whole) * told_per_s / low
    return found


def bent_line(line: Sequence[WayCost]) -> list[tuple[float, float]]:
    """Rates and bytes of one way and list by which crossovers are read off, from the lowest rate with changes on: the
    measured ones, and corners in between. `line` in the order of rates."""
    rates = [cost.achieved_per_s for cost in line]
    found: dict[float, float] = {}
    for low, high in pairwise(rates):
        if 0.0 < low < high:
            found |= _bent(line, low, high)
    return sorted(found.items())


def _on(bent: dict[float, float], rate: float) -> float:
    rates = sorted(bent)
    return float(np.interp(rate, rates, [bent[each] for each in rates]))


def _way(run: Run, name: str, costs: Sequence[WayCost]) -> Way | None:
    p50, p99, cpu = (
        _fresh_figure(run, name, each) for each in (TIME_TO_FRESH_P50, TIME_TO_FRESH_P99, CPU_PER_CLIENT_HOUR)
    )
    if not costs and p50 is None:
        return None
    worst = VALID
    for judgement in (*(cost.judgement for cost in costs), *(made.judgement for made in (p50, p99, cpu) if made)):
        worst = worse_of(worst, judgement)
    return Way(name, {cost.changes_per_s: cost.whole for cost in costs}, p50, p99, cpu, worst)


def _fresh_figure(run: Run, way: str, measure: Measure) -> Figure | None:
    found = run.found("freshness")
    for each in found.measures if found is not None else ():
        if (each.measure, each.party) == (measure, way):
            made = estimate(each)
            if made is None or made.judgement.validity is Validity.INVALID:
                return None
            return Figure(made, readings("freshness", measure, way, each.where))
    return None


def _valid(costs: Sequence[WayCost]) -> list[WayCost]:
    return [cost for cost in costs if cost.judgement.validity is not Validity.INVALID]
