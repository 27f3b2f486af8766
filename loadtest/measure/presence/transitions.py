"""Transitions of users, what came of each, and which of them an announcement is of: the latest of its kind and user
that had begun when it was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, none
from loadtest.measure.judging.entries import Transition

_TIME_BITS = 42
"""Of microseconds since `since_s`: 50 days."""


@dataclass(slots=True)
class TransitionEntry:
    """One per user stays: small."""

    transition: Transition
    previous: int | None
    next: int | None = None
    receipts: list[tuple[npt.NDArray[np.int32], FloatArray]] | None = None
    """Spans and times, until it is judged."""
    is_judged: bool = False
    lost: IntArray | None = None
    unheard_by: int = 0
    """So many were expected to hear of this coming, and not one of them has; 0: some have."""
    had: IntArray | None = None
    """Who got it, of one that is excused since a fault may have held it up; None: of any other."""
    firsts: tuple[IntArray, FloatArray] | None = None
    """Who got it first when; kept while the user's next transition is open."""


class Transitions:
    """Those of a run that are not forgotten, by number in the order in which they became known."""

    def __init__(self, *, since_s: float) -> None:
        """`since_s`: before all times that are told."""
        self._since_s = since_s
        self.entries: dict[int, TransitionEntry] = {}
        self._slots: dict[int, int] = {}
        self._next_number = 0
        self._latest: dict[int, int] = {}
        self._keys, self._numbers = none(), none()
        """Slot, kind and beginning as one number each, sorted, and whose they are."""

    def add(self, fresh: list[Transition]) -> range:
        """Their numbers, in the order of their beginnings, into which `fresh` is put."""
        fresh.sort(key=lambda transition: transition.begin_s)
        numbers = range(self._next_number, self._next_number + len(fresh))
        self._next_number += len(fresh)
        keys: IntArray = np.empty(len(fresh), dtype=np.int64)
        for place, (number, transition) in enumerate(zip(numbers, fresh, strict=True)):
            slot = self._slots.setdefault(transition.user_id, len(self._slots))
            previous = self._latest.get(slot)
            if previous is not None:
                self.entries[previous].next = number
            self._latest[slot] = number
            self.entries[number] = TransitionEntry(transition, previous)
            keys[place] = (slot * 2 + transition.is_online) << _TIME_BITS | self._us(transition.begin_s)
        order = np.argsort(keys, kind="stable")
        places = np.searchsorted(self._keys, keys[order], side="right")
        self._keys = np.insert(self._keys, places, keys[order])
        self._numbers = np.insert(self._numbers, places, np.array(numbers, dtype=np.int64)[order])
        return numbers

    def announced(self, users: IntArray, times_s: FloatArray) -> tuple[IntArray, BoolArray]:
        """Numbers, −1 where none explains it, and whether the user is known at all. `users` as in
        `loadtest.measure.judging.entries.Pending`. O(n log n)."""
        different, where = np.unique(users >> 1, return_inverse=True)
        slots = np.fromiter((self._slots.get(user, -1) for user in different.tolist()), np.int64, len(different))[where]
        wanted = (slots * 2 + (users & 1)) << _TIME_BITS | self._us_many(times_s)
        places = np.searchsorted(self._keys, wanted, side="right") - 1
        is_known = slots >= 0
        is_explained = is_known & (places >= 0)
        if len(self._keys):
            is_explained &= (self._keys[places] >> _TIME_BITS) == (wanted >> _TIME_BITS)
            return np.where(is_explained, self._numbers[places], -1), is_known
        return np.full(len(users), -1, dtype=np.int64), is_known

    def announced_alike(self, like: Transition, times_s: FloatArray) -> int | None:
        """The number of the one that all of these announcements, of its user and kind, are of; None where they are not
        of one. O(n)."""
        kind = (self._slots[like.user_id] * 2 + like.is_online) << _TIME_BITS
        first, end = np.searchsorted(self._keys, [kind, kind + (1 << _TIME_BITS)]).tolist()
        bounds = [kind | self._us(time_s) for time_s in (float(times_s.min()), float(times_s.max()))]
        earliest, latest = np.searchsorted(self._keys[first:end], bounds, side="right").tolist()
        return int(self._numbers[first + earliest - 1]) if 0 < earliest == latest else None

    def forget(self, which: Callable[[TransitionEntry], bool]) -> None:
        """Those for which it is true, but for the last two of each user: what comes now is about those."""
        past = [
            number
            for number, entry in self.entries.items()
            if which(entry) and entry.next is not None and self.entries[entry.next].next is not None
        ]
        for number in past:
            del self.entries[number]
        keep = ~np.isin(self._numbers, np.array(past, dtype=np.int64))
        self._keys, self._numbers = self._keys[keep], self._numbers[keep]

    def _us(self, time_s: float) -> int:
        return max(0, int((time_s - self._since_s) * 1e6))

    def _us_many(self, times_s: FloatArray) -> IntArray:
        return np.maximum(0, (times_s - self._since_s) * 1e6).astype(np.int64)
