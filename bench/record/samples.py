"""A series of measured times as it is kept in run.json: every sample, as whole microseconds.

Sorted and written as the first value and the differences, which loses nothing but who it was and keeps the file small.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt


class Samples(msgspec.Struct, frozen=True):
    """A series in µs, ascending: the smallest, then each one's distance from the one before."""

    steps_us: list[int]

    @classmethod
    def of_seconds(cls, values_s: npt.ArrayLike) -> Samples:
        values_us = np.sort(np.rint(np.asarray(values_s, dtype=np.float64) * 1e6).astype(np.int64))
        return cls(np.diff(values_us, prepend=0).tolist())

    def values_ms(self) -> npt.NDArray[np.float64]:
        return np.cumsum(np.asarray(self.steps_us, dtype=np.int64)) / 1e3

    def __len__(self) -> int:
        return len(self.steps_us)
