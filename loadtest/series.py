"""A series of durations as an HDR histogram in whole microseconds: three digits at any size, merged without loss."""

from __future__ import annotations

from typing import Any

from hdrh.histogram import HdrHistogram

LARGEST_US = 3_600_000_000
"""One hour; longer is recorded as one hour. (hdrhistogram drops what is out of range without a word.)"""
SIGNIFICANT_DIGITS = 3


class Series:
    __slots__ = ("_histogram",)

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)

    def record(self, duration_s: float) -> None:
        """Cost: 2 µs."""
        self._histogram.record_value(min(max(round(duration_s * 1e6), 1), LARGEST_US))

    @property
    def count(self) -> int:
        return int(self._histogram.get_total_count())

    @property
    def max_us(self) -> int:
        return int(self._histogram.get_max_value()) if self.count else 0

    def percentile_us(self, percent: float) -> int:
        return int(self._histogram.get_value_at_percentile(percent)) if self.count else 0

    def encode(self) -> str:
        """HdrHistogram V2, compressed, base64: the form that other HDR tools read."""
        return str(self._histogram.encode().decode("ascii"))

    def add_encoded(self, encoded: str) -> None:
        self._histogram.decode_and_add(encoded)

    def clear(self) -> None:
        self._histogram.reset()

    def figures_ms(self) -> dict[str, float]:
        """Count aside, what tables and files show: milliseconds with the microseconds kept."""
        return {
            "p50_ms": self.percentile_us(50) / 1000,
            "p90_ms": self.percentile_us(90) / 1000,
            "p99_ms": self.percentile_us(99) / 1000,
            "p99_9_ms": self.percentile_us(99.9) / 1000,
            "max_ms": self.max_us / 1000,
        }
