"""From which rate of changes on one way costs more than another at a size: by measured cells, and by their models.

By the cells it is on a straight line between two of them, or up to the corner between them where changes began to be
announced together; and as doubtful as the worst of those that could have put it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from bench.analysis.break_even import FETCHED, FLAT, SAME_RATE, Point, Surface
from bench.analysis.derived.traffic import ONE_BY_ONE
from bench.analysis.validity import VALID, Judgement, worse_of
from bench.stats import FloatArray

RATES_PER_S = (0.01, 30.0)
"""Between these a crossing of two models is looked for."""


@dataclass(frozen=True)
class Crossing:
    """Where one way begins to cost more than another, by measured cells and the straight lines between them."""

    per_s: float
    low_per_s: float
    high_per_s: float
    """The cells next to it."""
    judgement: Judgement = VALID
    """The worst of the cells of that size up to the one above it: any of them could have put it elsewhere."""


def crossing_per_s(dear: Surface, cheap: Surface, clients: int) -> float | None:
    """The rate from which on the first costs more than the second at a size; ``None`` if at none, or all."""

    def difference(log_rate: float) -> float:
        rate = 10.0**log_rate
        return float(dear(rate, clients) - cheap(rate, clients))

    low, high = (float(np.log10(rate)) for rate in RATES_PER_S)
    if difference(low) >= 0 or difference(high) <= 0:
        return None
    return float(10.0 ** brentq(difference, low, high))


def measured_crossing(dear: Surface, cheap: Surface, clients: int) -> Crossing | None:
    """From where on the first costs more than the second by the cells of a size, with straight lines between them.

    What a way that fetches costs more than one that polls grows with the announcements: where they were as many as the
    changes in the cell below and fewer in the one above, it is as much as there from so many changes per second on.
    Idle costs are those of the size at which they were measured. ``None`` where the cells do not have it between them.
    """
    grid, apart = side_by_side(dear, cheap, clients)
    for number in range(1, len(grid)):
        before, after = float(apart[number - 1]), float(apart[number])
        if before < 0 <= after:
            start, end = float(grid[number - 1]), float(grid[number])
            doubt = judgement_of_cells(dear, cheap, clients, up_to_per_s=end)
            corner = _corner_per_s(dear, cheap, clients, start, end)
            return Crossing(start + (corner - start) * before / (before - after), start, end, doubt)
    return None


def _corner_per_s(dear: Surface, cheap: Surface, clients: int, start: float, end: float) -> float:
    """From where on what sets two ways apart grows no more between two rates: at the upper one, or where announcements
    reached their most."""
    if dear.way not in FETCHED or not cheap.way.startswith("polling"):
        return end
    told = sorted(
        (each.changes_per_s, each.told_per_s) for each in dear.points
        if each.clients == clients and each.changes_per_s and each.told_per_s is not None
    )  # fmt: skip
    below = [each for each in told if each[0] <= start * (1 + SAME_RATE)]
    above = [each for each in told if each[0] >= end / (1 + SAME_RATE)]
    if not below or not above:
        return end
    (low, told_low), (high, most) = below[-1], above[0]
    polls_find_all = cheap.way in FLAT or most * cheap.poll_s >= 1
    is_corner = told_low >= ONE_BY_ONE * low and most < ONE_BY_ONE * high and start < most and polls_find_all
    return most if is_corner else end


def judgement_of_cells(one: Surface, other: Surface, clients: int, *, up_to_per_s: float = np.inf) -> Judgement:
    """The worst of the cells that two ways are held against each other by at a size, up to a rate."""
    worst = VALID
    for surface in (one, other):
        for point in _on_line(surface, clients):
            if point.changes_per_s <= up_to_per_s or surface.way in FLAT:
                worst = worse_of(worst, point.judgement)
    return worst


def side_by_side(one: Surface, other: Surface, clients: int) -> tuple[FloatArray, FloatArray]:
    """The rates at which both have cells of a size, or a line between two; and by how much the first costs more
    there. Empty where they have none in common."""
    lines = [_line(each, clients) for each in (one, other)]
    if not all(len(rates) for rates, _ in lines):
        return np.empty(0), np.empty(0)
    (rates, values), (other_rates, other_values) = lines
    is_flat = other.way in FLAT
    low = rates[0] if is_flat else max(rates[0], other_rates[0])
    high = rates[-1] if is_flat else min(rates[-1], other_rates[-1])
    if high < low <= high * (1 + SAME_RATE):
        low = high = (low + high) / 2
    grid = np.unique(np.concatenate([rates, other_rates, [low, high]]))
    grid = grid[(grid >= low) & (grid <= high)]
    return grid, np.interp(grid, rates, values) - np.interp(grid, other_rates, other_values)


def _line(surface: Surface, clients: int) -> tuple[FloatArray, FloatArray]:
    """The cells of a size, and the idle ones of any, by rate; cells of one rate are its mean."""
    by_rate: dict[float, list[float]] = {}
    for point in _on_line(surface, clients):
        by_rate.setdefault(point.changes_per_s, []).append(point.value)
    rates = sorted(by_rate)
    return np.asarray(rates, dtype=float), np.asarray([float(np.mean(by_rate[rate])) for rate in rates])


def _on_line(surface: Surface, clients: int) -> list[Point]:
    return [
        point for point in surface.points
        if point.clients == clients or point.any_size or not point.changes_per_s
    ]  # fmt: skip
