"""Order statistics: merged, nearest rank, with an idea of their spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import (
    Interval,
    bootstrap_interval,
    distance_from_uniform,
    interval_of_median,
    merge,
    percentile,
    summarize,
)


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


# -- properties ----------------------------------------------------------------------------------------------------

series = st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=60)


@given(series, st.floats(min_value=0.1, max_value=100.0))
def test_percentile_is_the_smallest_sample_that_so_many_do_not_exceed(samples: list[float], q: float) -> None:
    found = percentile(samples, q)
    assert found in samples
    needed = q / 100 * len(samples)
    assert sum(each <= found for each in samples) >= needed - 1e-9
    assert sum(each < found for each in samples) < needed + 1e-9


@given(series)
def test_percentiles_rise_with_their_share(samples: list[float]) -> None:
    found = summarize(samples)
    assert found is not None
    assert found.minimum <= found.p50 <= found.p90 <= found.p99 <= found.maximum


@given(st.lists(st.lists(st.floats(min_value=0.0, max_value=10.0), max_size=8), max_size=5))
def test_merged_groups_have_every_sample(groups: list[list[float]]) -> None:
    merged = merge([np.asarray(each) for each in groups])
    assert sorted(merged.tolist()) == sorted(each for group in groups for each in group)


def test_interval_of_a_median_needs_two_values_and_finite_ones() -> None:
    assert interval_of_median(np.asarray([1.0])) is None
    assert interval_of_median(np.asarray([1.0, float("nan")])) is None


def test_interval_of_equal_values_is_that_value() -> None:
    assert interval_of_median(np.asarray([3.0, 3.0, 3.0])) == Interval(3.0, 3.0)


@given(st.lists(st.floats(min_value=0.0, max_value=1e3), min_size=2, max_size=9))
def test_interval_of_a_median_lies_within_the_values(values: list[float]) -> None:
    found = interval_of_median(np.asarray(values))
    assert found is not None
    assert min(values) <= found.low <= found.high <= max(values) * (1 + 1e-12), "but for the last digit"


def test_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    """Of 200 samples of 15 from a distribution whose median is 0: 95 % less what a small sample costs."""
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        found = interval_of_median(generator.standard_normal(15))
        assert found is not None
        covered += found.low <= 0.0 <= found.high
    assert covered >= 0.90 * 200


def test_distance_of_one_sample_in_the_middle_is_a_half() -> None:
    assert distance_from_uniform([0.5], low=0.0, high=1.0) == 0.5
    assert np.isnan(distance_from_uniform([], low=0.0, high=1.0))
