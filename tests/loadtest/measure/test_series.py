"""A series is an HDR histogram, however the durations came into it."""

from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from loadtest.measure.series import LARGEST_US, SIGNIFICANT_DIGITS, Series


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
    assert [series.percentile_us(p) for p in (0.1, 50, 99, 100)] == [
        expected.get_value_at_percentile(p) for p in (0.1, 50, 99, 100)
    ]
    assert series.encode() == again.encode()


def test_nothing_at_once_is_nothing():
    series = Series()
    series.record_many(np.empty(0))
    assert (series.count, series.max_us) == (0, 0)
