"""The model of what a way costs, of docs/lab.md, fitted here by another search than the lab's.

How often announcements come at most is gone through step by step and then narrowed down; for each try a, e and s are
found by themselves, in which the squares are smooth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from bench.audit.arithmetic import median

Point = tuple[float, float, float]
"""Clients, changes per second, what it cost."""
Cost = Callable[[float, float], float]
"""Of changes per second and clients."""
Found = tuple[float, list[float]]
"""Squares, and a, e and s."""

STEPS = 24
"""Tries from below the lowest rate to above the highest."""
MOST_STEPS = 60
"""To the least squares of a, e and s."""
HALF, NONE = 0.5, 2e-9
"""An interval, or its growth, is there where squares are less than half without it, by more than none."""


def fit(way: str, points: Sequence[Point], *, poll_s: float, of_one_size: bool) -> Cost:
    """Least squares of the logarithms, all constants at least 0. `of_one_size`: nothing can depend on the clients."""
    import numpy as np

    sizes, rates, values = (np.asarray(column, dtype=float) for column in zip(*points, strict=True))
    weights = [True, not of_one_size, way != "polling"]

    def of(most_per_s: float, answers_per_s: float) -> Found:
        acts = _acts(way, rates, sizes, poll_s, most_per_s, answers_per_s)
        return _least([np.ones_like(sizes), 1 / sizes, acts], values, weights)

    most = (math.inf, math.inf)
    squares, constants = of(*most)
    if not way.startswith("polling") and rates.any():
        ladder, many = _ladder(rates), float(sizes.max())
        one = _narrowed(lambda most: of(most, math.inf)[0], ladder)
        options = [(one, math.inf)]
        if way != "delta" and not of_one_size:
            of_many = _narrowed(lambda each: of(one, each * many)[0], ladder)
            per_s, of_many = _both(lambda most, of_many: of(most, of_many * many)[0], one, of_many)
            options.append((per_s, of_many * many))
        for option in options:
            less, found = of(*option)
            if less < squares * HALF - NONE:
                most, squares, constants = option, less, found
    a, e, s = constants

    def cost(rate: float, clients: float) -> float:
        return float(a + e / clients + s * _acts(way, rate, clients, poll_s, *most))

    return cost


def _ladder(rates: Any) -> list[float]:
    """From half of the lowest rate to twice the highest."""
    low, high = float(rates[rates > 0].min()) / 2, float(rates.max()) * 2
    return [low * (high / low) ** (step / (STEPS - 1)) for step in range(STEPS)]


def _acts(way: str, rate: Any, clients: Any, poll_s: float, most_per_s: float, answers_per_s: float) -> Any:
    """How often a client does something for changes, of numbers or of arrays: with polling the share of its polls that
    find one, else announcements per second. Those are as many as the changes, but no more than there are at most, and
    no more than the server answers fetches of all."""
    import numpy as np

    if way == "polling":
        return rate * 0.0
    if way.startswith("polling"):
        return np.where(rate * poll_s < 1, rate * poll_s, 1.0)
    most = np.where(answers_per_s < most_per_s * clients, answers_per_s / clients, most_per_s)
    return np.where(rate < most, rate, most)


def _least(columns: Sequence[Any], values: Any, weights: Sequence[bool]) -> Found:
    """The constants by which the sum of the columns is nearest to the values, in logarithms: by steps each of which is
    the least squares of straight lines, and is made shorter until it is one for the better."""
    import numpy as np
    from scipy.optimize import nnls

    used = [column for column, is_used in zip(columns, weights, strict=True) if is_used]
    units = np.asarray([1 / max(float(np.median(column)), 1e-9) for column in used])
    scaled = np.stack(used, axis=1) * units
    logs = np.log(np.maximum(values, 1e-9))

    def off(shares: Any) -> Any:
        return np.log(np.maximum(scaled @ shares, 1e-12)) - logs

    shares = np.full(len(used), median(values.tolist()) / len(used))
    squares = float((off(shares) ** 2).sum())
    for _ in range(MOST_STEPS):
        slopes = scaled / np.maximum(scaled @ shares, 1e-12)[:, None]
        step = nnls(slopes, slopes @ shares - off(shares))[0] - shares
        while (less := float((off(shares + step) ** 2).sum())) > squares and np.abs(step).max() > 0:
            step = step / 2
        shares, gained, squares = shares + step, squares - less, min(less, squares)
        if gained <= 1e-14 * squares:
            break
    left = iter((shares * units).tolist())
    return squares, [float(next(left)) if is_used else 0.0 for is_used in weights]


def _narrowed(squares: Callable[[float], float], ladder: Sequence[float]) -> float:
    """The one with the least squares: the best of the ladder, then between its neighbours."""
    from scipy.optimize import minimize_scalar

    best = min(range(len(ladder)), key=lambda step: squares(ladder[step]))
    between = ladder[max(best - 1, 0)], ladder[min(best + 1, len(ladder) - 1)]
    return float(minimize_scalar(squares, bounds=between, method="bounded", options={"xatol": 1e-7}).x)


def _both(squares: Callable[[float, float], float], one: float, other: float) -> tuple[float, float]:
    """The same of two together, from where each was found by itself."""
    from scipy.optimize import minimize

    found = minimize(
        lambda logs: squares(*_exp(logs)), [math.log(one), math.log(other)], method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 200},
    )  # fmt: skip
    first, second = _exp(found.x)
    return first, second


def _exp(logs: Sequence[float]) -> tuple[float, float]:
    return math.exp(logs[0]), math.exp(logs[1])
