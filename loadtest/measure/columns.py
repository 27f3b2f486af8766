"""The books of a `loadtest.measure.ledger.Ledger` as numpy reads them: connections as masks, receipts as arrays."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.ma  # np.unique loads it when it is first called: 0.1 s in which no player is read for
import numpy.typing as npt

from loadtest.measure.judging.entries import Pending
from loadtest.measure.ledger import Ledger
from loadtest.wire.state import APART_S

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class Spans:
    """Connections, as of `now_s`: one that is still open has been seen until then. Those that ended before `since_s`
    are left out of the masks, so that a soak with many losses does not grow slower."""

    def __init__(self, ledger: Ledger, *, now_s: float, since_s: float) -> None:
        self._all_from_s = _column(ledger.span_from_s, np.float64)
        self._all_until_s = np.minimum(_column(ledger.span_until_s, np.float64), now_s)
        self.numbers: IntArray = np.flatnonzero(self._all_until_s >= since_s)
        self._from_s, self._until_s = self._all_from_s[self.numbers], self._all_until_s[self.numbers]
        self._sees = _column(ledger.span_sees, np.int8)[self.numbers]
        self._seen: dict[int, BoolArray] = {}
        self._has_all = len(self.numbers) > 0 and int(self.numbers[-1] - self.numbers[0]) == len(self.numbers) - 1
        """No number between the first and the last is missing."""

    def sees(self, what: int) -> BoolArray:
        """Not to be changed."""
        if what not in self._seen:
            self._seen[what] = (self._sees & what) != 0
        return self._seen[what]

    def stayed(self, from_s: float, until_s: float) -> BoolArray:
        stayed: BoolArray = (self._from_s <= from_s) & (self._until_s >= until_s)
        return stayed

    def overlap(self, from_s: float, until_s: float) -> BoolArray:
        """Open at some time between."""
        overlap: BoolArray = (self._from_s <= until_s) & (self._until_s >= from_s)
        return overlap

    def is_open_at(self, time_s: float) -> BoolArray:
        return self.stayed(time_s, time_s)

    def have_stayed(self, at: IntArray, from_s: float, until_s: float) -> BoolArray:
        """Of these spans, left out or not."""
        stayed: BoolArray = (self._all_from_s[at] <= from_s) & (self._all_until_s[at] >= until_s)
        return stayed

    def places(self, at: IntArray) -> tuple[IntArray, BoolArray]:
        """Where these spans are in the masks, and which of them are there."""
        if not len(self.numbers):
            return np.zeros(len(at), dtype=np.int64), np.zeros(len(at), dtype=bool)
        if self._has_all:
            places = at - self.numbers[0]
            is_there = (places >= 0) & (places < len(self.numbers))
            return np.where(is_there, places, 0), is_there
        places = np.minimum(np.searchsorted(self.numbers, at), len(self.numbers) - 1)
        return places, self.numbers[places] == at


@dataclass(frozen=True)
class Taken:
    """The part of a `Pending` that is judged now."""

    receipt_users: IntArray
    receipt_spans: IntArray
    receipt_times_s: FloatArray
    announcement_spans: IntArray
    announcement_times_s: FloatArray
    announcement_revisions: IntArray


def take(pending: Pending, horizon_s: float) -> Taken:
    """Columns are only about in the order of time: a message that arrived earlier may be read later. What came when no
    connection was accepted has the span −1 and is left out."""
    _take_reads_apart(pending, horizon_s)
    users, at, times_s = _cut(pending.receipt_times_s, horizon_s, pending.receipt_users, pending.receipt_spans)
    told, revisions, told_times_s = _cut(
        pending.announcement_times_s, horizon_s, pending.announcement_spans, pending.announcement_revisions
    )
    mine, ours = at >= 0, told >= 0
    return Taken(users[mine], at[mine], times_s[mine], told[ours], told_times_s[ours], revisions[ours])


def _take_reads_apart(pending: Pending, horizon_s: float) -> None:
    """Those up to the last one that is due: what is beyond the horizon in them waits in the columns. O(events)."""
    if not pending.reads:
        return
    times_s = _column(pending.read_times_s, np.float64)
    due = np.flatnonzero(times_s <= horizon_s)
    if not len(due):
        return
    number = int(due[-1]) + 1
    reads, spans = pending.reads[:number], _column(pending.read_spans, np.int32)[:number]
    sizes = np.fromiter(map(len, reads), np.int64, number) // 8
    begins = np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = np.arange(1, len(begins) + 1) - begins
    pending.receipt_users.frombytes(b"".join(reads))
    pending.receipt_spans.frombytes(np.repeat(spans, sizes).tobytes())
    pending.receipt_times_s.frombytes((np.repeat(times_s[:number], sizes) + places * APART_S).tobytes())
    del pending.reads[:number], pending.read_spans[:number], pending.read_times_s[:number]


def _cut(times_s: array[float], horizon_s: float, *others: array[int]) -> list[Any]:
    times = _column(times_s, np.float64)
    is_due = times <= horizon_s
    if is_due.all():
        columns: list[Any] = [np.array(column, dtype=np.int64) for column in others]
        del times_s[:]
        for column in others:
            del column[:]
        return [*columns, times]
    columns = []
    for column in others:
        values = _column(column, np.dtype(column.typecode))
        columns.append(values[is_due].astype(np.int64))
        _refill(column, values[~is_due])
    _refill(times_s, times[~is_due])
    return [*columns, times[is_due]]


def _refill(column: array[Any], values: npt.NDArray[Any]) -> None:
    del column[:]
    column.frombytes(values.tobytes())


def _column(column: array[Any], dtype: Any) -> Any:
    """A copy: an array that lends its memory cannot grow."""
    return np.frombuffer(column, dtype=dtype).copy() if len(column) else np.empty(0, dtype=dtype)


def none() -> IntArray:
    return np.empty(0, dtype=np.int64)


def are_different(numbers: IntArray) -> bool:
    """Whether none of them is there twice. O(numbers + their range), without sorting."""
    if not len(numbers):
        return True
    least = int(numbers.min())
    is_there = np.zeros(int(numbers.max()) - least + 1, dtype=bool)
    is_there[numbers - least] = True
    return int(np.count_nonzero(is_there)) == len(numbers)
