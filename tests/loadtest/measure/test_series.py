"""A series is an HDR histogram, however the durations came into it."""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from loadtest.measure.series import BLOCK, LARGEST_US, SIGNIFICANT_DIGITS, Series, rank_at


@pytest.mark.parametrize("scale_s", [1e-6, 0.02, 3.0, 3600.0])
def test_many_at_once_are_what_hdrhistogram_makes_of_each(scale_s: float):
    values_s = np.random.default_rng(7).exponential(scale_s, 500)
    series, expected = Series(), HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)
    series.record_many(values_s)
    for us in np.clip(np.rint(values_s * 1e6), 1, LARGEST_US).astype(int).tolist():
        expected.record_value(us)
    again = Series()
    again.add_encoded(expected.encode().decode())
    assert series.count == expected.get_total_count()
    assert [series.percentile_us(p) for p in (0.2, 50, 99, 100)] == [
        expected.get_value_at_percentile(p)
        for p in (0.2, 50, 99, 100)  # of 500, ranks that are whole numbers
    ]
    assert series.encode() == again.encode()


@pytest.mark.parametrize(
    ("percent", "count", "rank"),
    [(50, 1, 1), (50, 2, 1), (50, 3, 2), (99, 60, 60), (99, 99, 99), (99, 100, 99), (99, 101, 100), (99.9, 600, 600),
     (99.9, 1_000, 999), (99.9, 3_000, 2_997), (0, 5, 1), (100, 7, 7)],
)  # fmt: skip
def test_percentile_is_the_first_value_that_so_many_are_not_above(percent: float, count: int, rank: int):
    series = Series()
    series.record_many(np.arange(1, count + 1) * 1e-6)
    assert rank_at(percent, count) == rank
    assert series.percentile_us(percent) == series._read().get_highest_equivalent_value(rank)


def test_more_than_a_block_is_recorded_and_what_is_out_of_range_is_counted():
    values_s = np.random.default_rng(5).exponential(0.02, 2 * BLOCK + 7)
    values_s[[0, BLOCK, -1]] = np.nan, -1.0, np.inf
    whole, singly = Series(), Series()
    whole.record_many(values_s)
    for value_s in values_s:
        singly.record_many(np.array([value_s]))
    assert (whole.count, whole.clipped) == (len(values_s), 3)
    assert whole.encode() == singly.encode()


def test_nothing_at_once_is_nothing():
    series = Series()
    series.record_many(np.empty(0))
    assert (series.count, series.max_us) == (0, 0)


def test_counts_within_bounds_and_the_sum_are_those_of_the_durations():
    values_s = np.random.default_rng(3).exponential(0.02, 2000)
    series, bounds_s = Series(), (0.001, 0.005, 0.025, 0.1, 10.0)
    series.record_many(values_s)
    found = series.counts_within(bounds_s)
    for bound_s, number in zip(bounds_s, found, strict=True):
        assert np.count_nonzero(values_s <= bound_s * 0.999) <= number <= np.count_nonzero(values_s <= bound_s * 1.001)
    assert found[-1] == series.count
    assert series.sum_s == pytest.approx(values_s.sum(), rel=1e-3)
    assert (Series().counts_within(bounds_s), Series().sum_s) == ([0] * len(bounds_s), 0.0)


@pytest.mark.parametrize("scale_s", [1e-6, 0.02, 3.0, 3600.0])
def test_the_mean_is_what_hdrhistogram_says(scale_s: float):
    values_s = np.random.default_rng(9).exponential(scale_s, 300)
    series, expected = Series(), HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)
    series.record_many(values_s)
    for us in np.clip(np.rint(values_s * 1e6), 1, LARGEST_US).astype(int).tolist():
        expected.record_value(us)
    assert series.mean_us == pytest.approx(expected.get_mean_value(), rel=1e-12)
