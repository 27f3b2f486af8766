"""A series of durations as an HDR histogram in whole microseconds: three digits at any size, merged without loss.

What is out of range is neither dropped (hdrhistogram does that without a word) nor hidden: it is recorded as the
nearest value that can be, and counted in `clipped`. So `count` is the number of durations that were recorded.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

LARGEST_US = 3_600_000_000
"""One hour."""
SIGNIFICANT_DIGITS = 3

_PENDING = 4096
BLOCK = 16_384
"""Figures that are worked on together: what is made of them on the way stays in the cache. Of 250,000 at once it would
not, and they took three times as long."""
_EXACT_BITS = 11
"""Three digits are 2,048 steps an octave: below that an HDR bucket holds one value."""
_MANTISSA_BITS, _EXPONENT_OF_HALF = 52, 1022
"""Of a float of 8 bytes."""

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}


def rank_at(percent: float, count: int) -> int:
    """Which of so many values in ascending order is that percentile, from 1: the first that at least so many percent of
    them are not above."""
    return max(1, math.ceil(round(percent * count / 100, 6)))  # 99.9 % of 1,000 are 999, whatever floats say


class Series:
    __slots__ = ("_clipped", "_histogram", "_pending")

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)
        self._pending = array("d")
        self._clipped = 0

    def record(self, duration_s: float) -> None:
        """Cost: 0.1 µs now and about as much when the figures are read."""
        self._pending.append(duration_s)
        if len(self._pending) >= _PENDING:
            self._settle()

    def record_many(self, durations_s: npt.NDArray[np.float64]) -> None:
        """Cost: about 3 ns each. As hdrhistogram's `record_value` (a test compares them), for all of them at once."""
        for first in range(0, len(durations_s), BLOCK):
            self._record_block(durations_s[first : first + BLOCK])

    def _record_block(self, durations_s: npt.NDArray[np.float64]) -> None:
        whole_us = np.rint(durations_s * 1e6)
        least_us, most_us = float(whole_us.min()), float(whole_us.max())
        if not (least_us >= 1 and most_us <= LARGEST_US):  # one is no number, perhaps
            self._clipped += len(whole_us) - int(np.count_nonzero((whole_us >= 0) & (whole_us <= LARGEST_US)))
            whole_us = np.fmin(np.fmax(whole_us, 1.0), float(LARGEST_US))  # NaN is 1, too
            least_us, most_us = float(whole_us.min()), float(whole_us.max())
        shifts = np.maximum((whole_us.view(np.int64) >> _MANTISSA_BITS) - _EXPONENT_OF_HALF - _EXACT_BITS, 0)
        steps = whole_us.astype(np.int64) >> shifts
        np.add.at(self._counts(), (shifts << (_EXACT_BITS - 1)) + steps, np.uint64(1))
        histogram = self._histogram
        histogram.total_count += len(whole_us)
        histogram.min_value = min(histogram.min_value, _lowest_of_its_bucket(least_us))
        histogram.max_value = max(histogram.max_value, _lowest_of_its_bucket(most_us))

    @property
    def count(self) -> int:
        return int(self._read().get_total_count())

    @property
    def clipped(self) -> int:
        """How many of them were out of range: below zero, which no clock allows, or beyond an hour."""
        self._settle()
        return self._clipped

    @property
    def max_us(self) -> int:
        return int(self._read().get_max_value()) if self.count else 0

    @property
    def min_us(self) -> int:
        return int(self._read().get_min_value()) if self.count else 0

    def percentile_us(self, percent: float) -> int:
        """The value that at least so many percent are not above (nearest rank, as HdrHistogram says it in most
        languages; Python's rounds the rank, and so leaves the slowest of 60 out of their p99). 30 µs."""
        return self._percentiles_us([percent])[0]

    @property
    def mean_us(self) -> float:
        """As hdrhistogram says it, without its loop: 25 ms per series would hold players up when a page is asked."""
        histogram = self._read()
        if not histogram.get_total_count():
            return 0.0
        counts = self._counts()
        filled = np.flatnonzero(counts)
        # no dot product: BLAS would start threads for it, which spin for each other where cores are busy
        return float((counts[filled] * _middles_us()[filled]).sum() / histogram.get_total_count())

    @property
    def sum_s(self) -> float:
        """Of all durations together."""
        return self.mean_us * self.count / 1e6

    def counts_within(self, bounds_s: Sequence[float]) -> list[int]:
        """How many durations are at or below each of these, as three digits tell it. 30 µs."""
        sums = np.cumsum(self.snapshot())
        return [int(sums[self._index_of(bound_s)]) for bound_s in bounds_s]

    def share_within(self, limit_s: float) -> float:
        """Of the durations, those at or below that; 0 where there are none."""
        histogram = self._read()
        if not histogram.get_total_count():
            return 0.0
        return float(self._counts()[: self._index_of(limit_s) + 1].sum() / histogram.get_total_count())

    def encode(self) -> str:
        """HdrHistogram V2, compressed, base64: the form that other HDR tools read."""
        return str(self._read().encode().decode("ascii"))

    def add_encoded(self, encoded: str, *, clipped: int = 0) -> None:
        self._read().decode_and_add(encoded)
        self._clipped += clipped

    def add(self, other: Series) -> None:
        self._read().add(other._read())
        self._clipped += other._clipped

    def clear(self) -> None:
        del self._pending[:]
        self._histogram.reset()
        self._clipped = 0

    def percentiles_ms(self) -> dict[str, float]:
        """Count aside, what tables and files show: milliseconds with the microseconds kept."""
        found_us = self._percentiles_us(PERCENTILES.values())
        figures = {f"{name}_ms": us / 1000 for name, us in zip(PERCENTILES, found_us, strict=True)}
        return {**figures, "max_ms": self.max_us / 1000}

    def _percentiles_us(self, percents: Iterable[float]) -> list[int]:
        histogram = self._read()
        if not histogram.get_total_count():
            return [0 for _ in percents]
        total = histogram.get_total_count()
        wanted = [rank_at(percent, total) for percent in percents]
        indexes = np.searchsorted(np.cumsum(self._counts()), wanted)
        values = (histogram.get_value_from_index(int(index)) for index in indexes)
        return [int(histogram.get_highest_equivalent_value(value)) for value in values]

    def snapshot(self) -> npt.NDArray[np.int64]:
        """How many durations each bucket holds, for `figures_of`. 20 µs."""
        self._settle()
        return self._counts().astype(np.int64)

    def _index_of(self, duration_s: float) -> int:
        """Of the bucket that holds it."""
        return int(self._histogram._counts_index_for(min(max(round(duration_s * 1e6), 1), LARGEST_US)))

    def _counts(self) -> npt.NDArray[np.uint64]:
        return np.frombuffer(self._histogram.counts, dtype=np.uint64)

    def _read(self) -> Any:
        self._settle()
        return self._histogram

    def _settle(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, array("d")
            self.record_many(np.frombuffer(pending, dtype=np.float64))


@cache
def _buckets_us() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The least duration of each bucket, in the order of hdrhistogram's counts, and how many it spans."""
    index = np.arange(HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS).counts_len)
    half = 1 << (_EXACT_BITS - 1)
    shifts = np.maximum((index >> (_EXACT_BITS - 1)) - 1, 0)
    steps = np.where(index < half, index, (index & (half - 1)) + half)
    return (steps << shifts).astype(np.int64), (1 << shifts).astype(np.int64)


@cache
def _middles_us() -> npt.NDArray[np.float64]:
    """What hdrhistogram takes for the duration of each bucket."""
    lowest, widths = _buckets_us()
    middles: npt.NDArray[np.float64] = (lowest + (widths >> 1)).astype(np.float64)
    return middles


def figures_of(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    """Count, and p50, p99 and the maximum in ms, of a snapshot of a series or of the difference of two. Not of none."""
    total = int(counts.sum())
    sums, (lowest, widths) = np.cumsum(counts), _buckets_us()

    def ms_at(rank: float) -> float:
        index = int(np.searchsorted(sums, max(1, rank)))
        return float(lowest[index] + widths[index] - 1) / 1000

    return {"count": total, "p50_ms": ms_at(total * 0.5), "p99_ms": ms_at(total * 0.99), "max_ms": ms_at(total)}


def merged(*series: Series) -> Series:
    """All of them as one; a percentile of it is one of all their durations."""
    whole = Series()
    for part in series:
        whole.add(part)
    return whole


def _lowest_of_its_bucket(whole_us: float) -> int:
    """The histogram cannot tell those of a bucket apart."""
    us = int(whole_us)
    shift = max(0, us.bit_length() - _EXACT_BITS)
    return us >> shift << shift
