"""Order statistics over all samples, and how far they can be trusted.

A percentile is always taken from every sample of what it describes: series are merged, percentiles are never averaged.
Percentiles are nearest-rank, so that each one is a sample that occurred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats as scipy_stats

FloatArray: TypeAlias = npt.NDArray[np.float64]

RESAMPLES = 200
"""Enough for a 95 % interval that is a help to the reader; the bounds themselves are uncertain by a few percent."""


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
    """A 95 % bootstrap interval."""

    low: float
    high: float


def percentile(samples: npt.ArrayLike, q: float) -> float:
    """The smallest sample that at least `q` percent of the samples do not exceed; NaN where there are none."""
    values = np.asarray(samples, dtype=np.float64)
    return float(np.percentile(values, q, method="inverted_cdf")) if values.size else float("nan")


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


def bootstrap_interval(
    groups: Sequence[npt.NDArray[Any]], statistic: Callable[[FloatArray], float], *, seed: int
) -> Interval | None:
    """How much `statistic` of the merged samples moves when whole groups are drawn anew, with replacement.

    A group is what was measured together, one broadcast for instance: its samples depend on one another, so drawing
    single samples would promise too much. ``None`` for fewer than two groups with samples.
    """
    filled = [group for group in groups if len(group)]
    if len(filled) < 2:
        return None
    generator = np.random.default_rng(seed)
    draws = generator.integers(len(filled), size=(RESAMPLES, len(filled)))
    values = [statistic(merge([filled[i] for i in draw])) for draw in draws]
    return Interval(low=float(np.percentile(values, 2.5)), high=float(np.percentile(values, 97.5)))


MEDIAN_RESAMPLES = 2_000
"""Cheap for a handful of repeats."""


def interval_of_median(values: FloatArray) -> Interval | None:
    """95 % percentile bootstrap of the median of some repeats; ``None`` below two."""
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    if float(values.min()) == float(values.max()):
        return Interval(float(values[0]), float(values[0]))
    found = scipy_stats.bootstrap(
        (values,), np.median, n_resamples=MEDIAN_RESAMPLES, method="percentile", rng=np.random.default_rng(len(values))
    )
    return Interval(float(found.confidence_interval.low), float(found.confidence_interval.high))


def distance_from_uniform(samples: npt.ArrayLike, *, low: float, high: float) -> float:
    """The Kolmogorov-Smirnov distance from U(low, high): the widest gap between the two distribution functions."""
    values = np.sort(np.asarray(samples, dtype=np.float64))
    if not values.size:
        return float("nan")
    expected = np.clip((values - low) / (high - low), 0.0, 1.0)
    above = np.arange(1, values.size + 1) / values.size - expected
    below = expected - np.arange(values.size) / values.size
    return float(max(above.max(), below.max()))
