"""Order statistics: merged, nearest rank, with an idea of their spread."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import (
    Interval,
    differ,
    distance_from_uniform,
    interval_of_median,
    merge,
    percentile,
    summarize,
)
from tests.patience import PATIENCE_S


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


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_median_of_fewer_than_six_has_no_interval(n: int) -> None:
    assert interval_of_median(np.arange(float(n))) is None


def test_median_of_what_is_not_finite_has_no_interval() -> None:
    assert interval_of_median(np.asarray([1.0, 2.0, 3.0, 4.0, 5.0, float("nan")])) is None


def test_interval_of_equal_values_is_that_value() -> None:
    assert interval_of_median(np.full(6, 3.0)) == Interval(3.0, 3.0)


@given(st.lists(st.floats(min_value=0.0, max_value=1e3), min_size=6, max_size=15))
def test_interval_of_a_median_lies_within_the_values_and_around_it(values: list[float]) -> None:
    found = interval_of_median(np.asarray(values))
    assert found is not None
    assert min(values) <= found.low <= float(np.median(values)) <= found.high <= max(values)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ([1.0], [9.0], None),
        ([1.0, 2.0, 3.0], [7.0, 8.0, 9.0], None),
        ([1.0, 2.0, 3.0, 4.0], [6.0, 7.0, 8.0, 9.0], True),
        ([1.0, 3.0, 5.0, 7.0], [2.0, 4.0, 6.0, 8.0], False),
        ([1.0] * 5, [1.0] * 5, False),
        ([0.0] * 5, [2.0] * 5, True),
    ],
)
def test_readings_differ_where_the_exact_test_says_so_and_few_cannot_tell(
    own: list[float], other: list[float], expected: bool | None
) -> None:
    assert differ(own, other) is expected


def test_distance_of_one_sample_in_the_middle_is_a_half() -> None:
    assert distance_from_uniform([0.5], low=0.0, high=1.0) == 0.5
    assert np.isnan(distance_from_uniform([], low=0.0, high=1.0))


def test_generators_take_percentiles_without_the_half_second_of_scipys_statistics() -> None:
    script = "import sys, bench.load.clients.population, bench.load.sockets.sinks; print('scipy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True, timeout=PATIENCE_S) == "False\n"
