"""Receipts of presence that lie on a tape (`loadtest.wire.messages.tape`): who had which stretch of it, and when.

Where thousands come at once, each is told of all the others: millions of receipts, in some thousand reads. Here a read
is one entry for each stretch, and a receipt none. They are asked for by what was told: all who heard of one coming are
those of whose stretches one has its frame in it.

Each receipt is handed out once. `take` gives those of one event, and remembers until when; what is left of old reads,
`retire` gives. `set_aside` hands reads on as they are, to where they are only looked at (`heard`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from loadtest.wire.messages.tape import Reel, Stretches
from loadtest.wire.state import APART_S

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int32]
Receipts = tuple[IntArray, IntArray, FloatArray]
"""Users as in `loadtest.measure.judging.entries.Pending`, spans, and times in s."""

LOOKS_PER_RECEIPT = 8
"""To look at so many stretches for a receipt is cheaper than to sort it."""
AT_ONCE = 200_000
"""Receipts that `retire` gives together, and as many more as one read has: some 30 bytes each while they are sorted."""


class TapedReceipts:
    """Of one process. 20 bytes for each stretch, 40 when they are asked for, and some 200 for each frame on a tape."""

    __slots__ = ("_reels", "_taken_until_s")

    def __init__(self) -> None:
        self._reels: list[_OnReel] = []
        self._taken_until_s = -np.inf

    def __bool__(self) -> bool:
        return bool(self._reels)

    def __len__(self) -> int:
        """Stretches."""
        return sum(len(each.spans) for each in self._reels)

    def add(self, told: Stretches, span: int, heard_s: float) -> bool:
        """The n-th event of a read, from 1 on, was heard n × `APART_S` after `heard_s`. False: it is not kept, as some
        of that time was given out already. What came when no connection was accepted (span −1) is left out."""
        if span < 0:
            return True
        if heard_s < self._taken_until_s:
            return False
        if not self._reels or self._reels[-1].reel is not told.reel:
            self._reels.append(_OnReel(told.reel))
        on_reel, before = self._reels[-1], 0
        for first, last in told.numbers:
            on_reel.firsts.append(first)
            on_reel.lasts.append(last)
            on_reel.spans.append(span)
            on_reel.begins_s.append(heard_s + before * APART_S)
            before += last - first
        return True

    def take(self, users: Iterable[int], until_s: float) -> Iterator[Receipts]:
        """What was heard of these events until then and was not given out yet: for each that was heard, its user again
        and again, the spans, and when. Use it up. O(stretches + receipts)."""
        self._taken_until_s = max(self._taken_until_s, until_s)
        wanted = list(users)
        for each in self._reels:
            yield from each.take(wanted, until_s)

    def retire(self, until_s: float) -> Iterator[Receipts]:
        """What was not given out yet of reads that were over by then, which are forgotten. Use it up."""
        self._taken_until_s = max(self._taken_until_s, until_s)
        for each in self._reels:
            yield from each.retire(until_s)
        self._reels = [each for each in self._reels if each.spans]

    def set_aside(self, from_s: float, until_s: float, aside: TapedReceipts) -> int:
        """Reads that were heard whole between these times, and of which nothing was given out, are `aside`'s from now
        on. How many receipts those are."""
        self._taken_until_s = max(self._taken_until_s, until_s)
        receipts = 0
        for each in self._reels:
            found = each.part_with(from_s, until_s)
            if found is not None:
                receipts += aside._append(each.reel, *found)
        self._reels = [each for each in self._reels if each.spans]
        return receipts

    def _append(self, reel: Reel, *columns: Any) -> int:
        on_reel = next((each for each in self._reels if each.reel is reel), None)
        if on_reel is None:
            on_reel = _OnReel(reel)
            self._reels.append(on_reel)
        return on_reel.append(*columns)

    def users(self) -> IntArray:
        """Whose events were heard, in the shape of `take`, in order. O(frames + stretches)."""
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *(each.users() for each in self._reels)]))

    def heard(self, users: Iterable[int], from_s: float, until_s: float) -> Iterator[Receipts]:
        """What was heard of these events between these times, in the shape of `take`, given out or not; it changes
        nothing. O(stretches + receipts)."""
        wanted = list(users)
        for each in self._reels:
            yield from each.heard(wanted, from_s, until_s)

    def forget(self, until_s: float) -> None:
        """Reads that were over by then."""
        for each in self._reels:
            each.forget(until_s)
        self._reels = [each for each in self._reels if each.spans]


class _OnReel:
    """Of one tape."""

    def __init__(self, reel: Reel) -> None:
        self.reel = reel
        self.firsts, self.lasts = array("i"), array("i")
        """Numbers of frames, stretch by stretch."""
        self.spans = array("i")
        self.begins_s = array("d")
        self._taken_s: FloatArray = np.empty(0)
        """Of each frame: what was heard of it until then was given out."""
        self._numbers: dict[int, list[int]] = {}
        """Of the frames that say the same."""
        self._indexed = 0
        self._columns: tuple[Any, Any, Any, Any] | None = None

    def take(self, users: Iterable[int], until_s: float) -> Iterator[Receipts]:
        numbers = self._numbers_of(users)
        if not len(numbers):
            return
        taken_s = self._taken_until(len(self.reel.events))
        after_s = taken_s[numbers]
        taken_s[numbers] = np.maximum(after_s, until_s)
        yield from self._between(numbers, after_s, until_s)

    def heard(self, users: Iterable[int], from_s: float, until_s: float) -> Iterator[Receipts]:
        numbers = self._numbers_of(users)
        if len(numbers):
            yield from self._between(numbers, np.full(len(numbers), np.nextafter(from_s, -np.inf)), until_s)

    def users(self) -> IntArray:
        firsts, lasts, _, _ = self._as_columns()
        events = np.array(self.reel.events, dtype=np.int64)
        begins = np.bincount(firsts, minlength=len(events) + 1) - np.bincount(lasts, minlength=len(events) + 1)
        return events[np.cumsum(begins)[:-1] > 0]

    def _numbers_of(self, users: Iterable[int]) -> _Places:
        """Of all frames that say one of these, in order."""
        events = self.reel.events
        for number in range(self._indexed, len(events)):
            self._numbers.setdefault(events[number], []).append(number)
        self._indexed = len(events)
        return np.array(sorted(number for user in users for number in self._numbers.get(user, ())), dtype=np.int32)

    def _between(self, numbers: _Places, after_s: FloatArray, until_s: float) -> Iterator[Receipts]:
        """Receipts of these frames, each after a time of its own; frame by frame, of each in the order of the reads."""
        firsts, lasts, _, _ = self._as_columns()
        # of each stretch, which of the numbers it has: from one place to before another one
        begin = np.searchsorted(numbers, firsts)
        sizes = np.searchsorted(numbers, lasts) - begin
        if len(numbers) * len(firsts) <= LOOKS_PER_RECEIPT * int(sizes.sum()):
            yield from self._frame_by_frame(numbers, after_s, until_s)
        else:
            yield from self._sorted(numbers, after_s, until_s, sizes, begin)

    def _frame_by_frame(self, numbers: _Places, after_s: FloatArray, until_s: float) -> Iterator[Receipts]:
        """O(frames · stretches): where most stretches have most of the frames, nothing has to be sorted."""
        firsts, lasts, spans, begins_s = self._as_columns()
        for number, after in zip(numbers.tolist(), after_s.tolist(), strict=True):
            have = np.flatnonzero((firsts <= number) & (lasts > number))
            times_s = begins_s[have] + (number + 1 - firsts[have]) * APART_S
            at = spans[have].astype(np.int64)
            if not (is_due := (times_s <= until_s) & (times_s > after)).all():
                at, times_s = at[is_due], times_s[is_due]
            if len(at):
                yield np.full(len(at), self.reel.events[number]), at, times_s

    def _sorted(
        self, numbers: _Places, after_s: FloatArray, until_s: float, sizes: IntArray, begin: IntArray
    ) -> Iterator[Receipts]:
        """O(stretches + receipts). `sizes` and `begin`: how many of the numbers each stretch has, from which on."""
        firsts, _, spans, begins_s = self._as_columns()
        stretches, places = _counted(sizes, begin)
        times_s = begins_s[stretches] + (numbers[places] + 1 - firsts[stretches]) * APART_S
        order = np.flatnonzero((times_s <= until_s) & (times_s > after_s[places]))
        if len(numbers) < 1 << 15:
            order = order[np.argsort(places[order].astype(np.int16), kind="stable")]  # in O(n): there are few of them
        else:
            order = order[np.argsort(places[order], kind="stable")]
        at, times_s, places = spans[stretches[order]].astype(np.int64), times_s[order], places[order]
        bounds = np.searchsorted(places, np.arange(len(numbers) + 1))
        events = self.reel.events
        for number, start, end in zip(numbers.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if start < end:
                yield np.full(end - start, events[number]), at[start:end], times_s[start:end]

    def retire(self, until_s: float) -> Iterator[Receipts]:
        firsts, lasts, spans, begins_s = self._as_columns()
        ends_s = begins_s + (lasts - firsts) * APART_S
        is_over = ends_s <= until_s
        if not is_over.any():
            return
        taken_s = self._taken_until(len(self.reel.events))
        over = np.flatnonzero(is_over)
        left = over[_over_each(np.minimum, taken_s, firsts[over], lasts[over]) < ends_s[over]]
        sizes = np.cumsum(lasts[left] - firsts[left], dtype=np.int64)
        for part in np.split(left, np.flatnonzero(np.diff(sizes // AT_ONCE)) + 1):
            if len(part):
                yield self._apart(firsts[part], lasts[part], spans[part], begins_s[part], taken_s)
        self._keep(~is_over)

    def part_with(self, from_s: float, until_s: float) -> tuple[Any, Any, Any, Any] | None:
        """The columns of the reads that were heard whole between these times and of which nothing was given out."""
        firsts, lasts, _, begins_s = columns = self._as_columns()
        is_within = (begins_s >= from_s) & (begins_s + (lasts - firsts) * APART_S <= until_s)
        within = np.flatnonzero(is_within)
        taken_s = self._taken_until(len(self.reel.events))
        was_taken = _over_each(np.maximum, taken_s, firsts[within], lasts[within]) > begins_s[within]
        is_within[within[was_taken]] = False
        if not is_within.any():
            return None
        found = tuple(column[is_within] for column in columns)
        self._keep(~is_within)
        return found

    def append(self, firsts: Any, lasts: Any, spans: Any, begins_s: FloatArray) -> int:
        """How many receipts those are."""
        self.firsts.frombytes(firsts.tobytes())
        self.lasts.frombytes(lasts.tobytes())
        self.spans.frombytes(spans.tobytes())
        self.begins_s.frombytes(begins_s.tobytes())
        return int(np.sum(lasts - firsts, dtype=np.int64))

    def forget(self, until_s: float) -> None:
        firsts, lasts, _, begins_s = self._as_columns()
        self._keep(begins_s + (lasts - firsts) * APART_S > until_s)

    def _apart(self, firsts: Any, lasts: Any, spans: Any, begins_s: FloatArray, taken_s: FloatArray) -> Receipts:
        """Receipts of these stretches, one by one."""
        stretches, numbers = _counted((lasts - firsts).astype(np.int64), firsts)
        times_s = begins_s[stretches] + (numbers + 1 - firsts[stretches]) * APART_S
        is_left = times_s > taken_s[numbers]
        users = np.array(self.reel.events, dtype=np.int64)[numbers[is_left]]
        return users, spans[stretches[is_left]].astype(np.int64), times_s[is_left]

    def _taken_until(self, frames: int) -> FloatArray:
        if len(self._taken_s) < frames:
            more = np.full(len(self.reel.events) - len(self._taken_s), -np.inf)
            self._taken_s = np.concatenate([self._taken_s, more])
        return self._taken_s

    def _as_columns(self) -> tuple[Any, Any, Any, Any]:
        """Copies: an array that lends its memory cannot grow."""
        if self._columns is None or len(self._columns[0]) != len(self.spans):
            self._columns = (
                np.array(self.firsts, dtype=np.int32), np.array(self.lasts, dtype=np.int32),
                np.array(self.spans, dtype=np.int32), np.array(self.begins_s),
            )  # fmt: skip
        return self._columns

    def _keep(self, which: npt.NDArray[np.bool_]) -> None:
        firsts, lasts, spans, begins_s = (column[which].tobytes() for column in self._as_columns())
        self.firsts, self.lasts, self.spans = array("i", firsts), array("i", lasts), array("i", spans)
        self.begins_s = array("d", begins_s)
        self._columns = None


def _over_each(least_or_greatest: np.ufunc, values: FloatArray, firsts: Any, lasts: Any) -> FloatArray:
    """Of the values of each stretch."""
    if not len(firsts):
        return np.empty(0)
    order = np.argsort(-firsts, kind="stable")
    bounds = np.stack([firsts[order], lasts[order]], axis=1).ravel().astype(np.int64)
    found = np.empty(len(firsts))
    # between two of them it goes back, and one value is looked at for nothing
    found[order] = least_or_greatest.reduceat(np.append(values, np.inf), bounds)[::2]
    return found


def _counted(sizes: IntArray, begins: Any) -> tuple[_Places, _Places]:
    """Of each stretch its place, as often as its size, and numbers that count up from where it begins."""
    stretches = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    ahead = (begins - (np.cumsum(sizes) - sizes)).astype(np.int32)
    return stretches, np.arange(len(stretches), dtype=np.int32) + ahead[stretches]
