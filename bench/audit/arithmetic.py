"""The few formulas that figures are made with, in whole numbers where that is possible."""

from __future__ import annotations

import math
from collections.abc import Sequence


def nearest_rank(ascending: Sequence[float], percent: int) -> float:
    """The smallest value that at least `percent` of all do not exceed; NaN for none."""
    if not ascending:
        return math.nan
    rank = -(-percent * len(ascending) // 100)
    return ascending[max(rank, 1) - 1]


def median(values: Sequence[float]) -> float:
    """The one in the middle, or half way between the two in the middle; NaN for none."""
    ascending = sorted(values)
    if not ascending:
        return math.nan
    upper = len(ascending) // 2
    return ascending[upper] if len(ascending) % 2 else (ascending[upper - 1] + ascending[upper]) / 2


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def ratio(own: float, other: float) -> float:
    return own / other if other else math.nan


def apart(value: float) -> float:
    """How far a ratio is from 1: twice and half are as far, by 1."""
    return max(value, 1 / value) - 1 if value > 0 else math.inf


def between(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """On the straight lines between points; level outside."""
    if x <= xs[0]:
        return ys[0]
    for left, right in zip(range(len(xs)), range(1, len(xs)), strict=False):
        if x <= xs[right]:
            return ys[left] + (ys[right] - ys[left]) * (x - xs[left]) / (xs[right] - xs[left])
    return ys[-1]
