"""Order statistics: merged, nearest rank, with an idea of their spread."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats import bootstrap_interval, distance_from_uniform, merge, percentile, summarize


def test_percentile_is_a_sample_that_occurred() -> None:
    samples = [1.0, 2.0, 3.0, 4.0]
    assert percentile(samples, 50) == 2.0
    assert percentile(samples, 51) == 3.0
    assert percentile(samples, 99) == 4.0
    assert percentile(samples, 0) == 1.0


def test_percentile_of_nothing_is_nan() -> None:
    assert math.isnan(percentile([], 50))


def test_summary_of_nothing_is_none() -> None:
    assert summarize([]) is None


def test_summary_has_count_ends_and_percentiles() -> None:
    summary = summarize(range(1, 101))
    assert summary is not None
    assert (summary.n, summary.minimum, summary.maximum) == (100, 1.0, 100.0)
    assert (summary.p50, summary.p90, summary.p99) == (50.0, 90.0, 99.0)


def test_percentile_of_merged_groups_is_not_the_mean_of_their_percentiles() -> None:
    calm, slow = np.ones(99), np.full(1, 1_000.0)
    assert percentile(merge([calm, slow]), 50) == 1.0
    assert (percentile(calm, 50) + percentile(slow, 50)) / 2 > 500


def test_bootstrap_interval_spans_what_groups_differ_by() -> None:
    groups = [np.full(50, value) for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    interval = bootstrap_interval(groups, lambda values: percentile(values, 50), seed=1)
    assert interval is not None
    assert 1.0 <= interval.low < 3.0 < interval.high <= 5.0


def test_bootstrap_interval_is_the_same_for_the_same_seed() -> None:
    groups = [np.arange(10.0), np.arange(5.0), np.arange(20.0)]
    first, second = (bootstrap_interval(groups, lambda values: percentile(values, 90), seed=7) for _ in range(2))
    assert first == second


def test_bootstrap_interval_needs_two_groups_with_samples() -> None:
    assert bootstrap_interval([np.arange(5.0), np.empty(0)], lambda values: percentile(values, 50), seed=1) is None


@pytest.mark.parametrize(("high", "near"), [(3.0, True), (6.0, False)])
def test_distance_from_uniform_tells_the_right_range(high: float, near: bool) -> None:
    samples = np.random.default_rng(1).uniform(0, 3, 2_000)
    assert (distance_from_uniform(samples, low=0.0, high=high) < 0.05) is near
