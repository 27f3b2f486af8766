"""Order statistics over all samples, and how far they can be trusted.

A percentile is always taken from every sample of what it describes: series are merged, percentiles are never averaged.
Percentiles are nearest-rank, so that each one is a sample that occurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

CONFIDENCE = 0.95

LEAST_FOR_INTERVAL = 6
"""Values whose median can have a 95 % interval: all of n lie on one side of the median with 2 · 0.5ⁿ."""


@dataclass(frozen=True)
class Summary:
    """One series at a glance, in the unit of its samples."""

    n: int
    minimum: float
    p50: float
    p90: float
    p99: float
    maximum: float


@dataclass(frozen=True)
class Interval:
    """Of a statistic, 95 %."""

    low: float
    high: float


def percentile(samples: npt.ArrayLike, q: float) -> float:
    """The smallest sample that at least `q` percent of the samples do not exceed; NaN where there are none."""
    values = np.asarray(samples, dtype=np.float64)
    return float(np.percentile(values, q, method="inverted_cdf")) if values.size else float("nan")


def median_of(values: Sequence[float]) -> float:
    """Of figures, as repeats or broadcasts have them: the one in the middle, or half way between the two in the middle;
    NaN where there are none."""
    return float(np.median(values)) if len(values) else float("nan")


def summarize(samples: npt.ArrayLike) -> Summary | None:
    """``None`` for an empty series: what was not measured has no figures."""
    values = np.asarray(samples, dtype=np.float64)
    if not values.size:
        return None
    p50, p90, p99 = np.percentile(values, (50, 90, 99), method="inverted_cdf")
    return Summary(
        n=int(values.size),
        minimum=float(values.min()),
        p50=float(p50),
        p90=float(p90),
        p99=float(p99),
        maximum=float(values.max()),
    )


def merge(groups: Sequence[npt.NDArray[Any]]) -> FloatArray:
    """All samples of all groups as one series."""
    return np.concatenate([np.asarray(group, dtype=np.float64) for group in groups]) if groups else np.empty(0)


def interval_of_median(values: FloatArray) -> Interval | None:
    """95 % interval of the median by order statistics (`scipy.stats.quantile_test`); ``None`` where n carries none.

    It assumes nothing but independent values of one distribution, and covers the true median at least as often as it
    says: with 6 values it is from the least to the most, 96.9 %. Fewer cannot carry one (5: 93.8 %): least and most are
    told instead.
    """
    if len(values) < LEAST_FOR_INTERVAL or not np.isfinite(values).all():
        return None
    from scipy.stats import quantile_test  # half a second that generators, which take percentiles too, do not need

    found = quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    return Interval(float(found.low), float(found.high))


def differ(own: Sequence[float], other: Sequence[float]) -> bool | None:
    """Whether two sets of readings that are not paired come from different distributions.

    By the exact Mann-Whitney U test at 5 %, two-sided. ``None`` where so few readings cannot tell: the most extreme
    order of 3 and 3 has 10 %, of 4 and 4 it has 2.9 %.
    """
    if 2 / comb(len(own) + len(other), len(own)) >= 1 - CONFIDENCE:
        return None
    if len({*own, *other}) == 1:
        return False
    is_tied = len({*own, *other}) < len(own) + len(other)
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(own, other, method="asymptotic" if is_tied else "exact")
    return bool(test.pvalue < 1 - CONFIDENCE)


def distance_from_uniform(samples: npt.ArrayLike, *, low: float, high: float) -> float:
    """The Kolmogorov-Smirnov distance from U(low, high): the widest gap between the two distribution functions."""
    values = np.sort(np.asarray(samples, dtype=np.float64))
    if not values.size:
        return float("nan")
    expected = np.clip((values - low) / (high - low), 0.0, 1.0)
    above = np.arange(1, values.size + 1) / values.size - expected
    below = expected - np.arange(values.size) / values.size
    return float(max(above.max(), below.max()))
