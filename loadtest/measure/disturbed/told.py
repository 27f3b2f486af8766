"""What players were told of each other's presence in windows of disturbance, and what each was told last.

Where thousands come at once within a window, these are millions of receipts. Those on a tape stay there
(`loadtest.measure.presence.taped`), and what each was told last is a bit per pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, are_different, none
from loadtest.measure.presence.taped import Receipts, TapedReceipts


@dataclass
class ToldOf:
    """Of one user: what was told (1: online), whom, and when, in the order of the observers and of time."""

    kinds: IntArray = field(default_factory=none)
    at: IntArray = field(default_factory=none)
    times_s: FloatArray = field(default_factory=lambda: np.empty(0))
    is_once: bool = True
    """Nobody is there twice. Then they are in no order."""

    def only(self, which: BoolArray) -> ToldOf:
        return ToldOf(self.kinds[which], self.at[which], self.times_s[which], self.is_once)

    def last(self) -> ToldOf:
        """The last of each observer."""
        if self.is_once:
            return self
        return self.only(np.append(np.diff(self.at) != 0, True)[: len(self.at)])


class Told:
    """Receipts in windows, one by one and on tapes."""

    def __init__(self) -> None:
        self.taped = TapedReceipts()
        self._users: IntArray = none()
        """User id × 2, plus 1 for online; in the order of the users, as far as they are in one."""
        self._at: IntArray = none()
        self._times_s: FloatArray = np.empty(0)
        self._more: list[Receipts] = []
        """What came since all of it was one."""

    def add(self, users: IntArray, at: IntArray, times_s: FloatArray) -> None:
        """`users` as in `loadtest.measure.judging.entries.Pending`."""
        self._more.append((users, at, times_s))

    def users(self) -> IntArray:
        """Ids of all of whom something may have been told, in order."""
        self._gather()
        return np.unique(np.concatenate([self._users >> 1, self.taped.users() >> 1]))

    def of(self, user_ids: Iterable[int], from_s: float, until_s: float) -> Iterator[tuple[int, ToldOf]]:
        """Of those of these users of whom something was told between these times. O(stretches + what came since the
        last time + found)."""
        self._gather()
        wanted = sorted(set(user_ids))
        parts: dict[int, list[Receipts]] = {}
        firsts = np.searchsorted(self._users, [user_id * 2 for user_id in wanted]).tolist()
        ends = np.searchsorted(self._users, [user_id * 2 + 2 for user_id in wanted]).tolist()
        for user_id, first, end in zip(wanted, firsts, ends, strict=True):
            if first < end:
                times_s = self._times_s[first:end]
                is_then = (times_s >= from_s) & (times_s <= until_s)
                told = self._users[first:end][is_then] & 1, self._at[first:end][is_then], times_s[is_then]
                parts.setdefault(user_id, []).append(told)
        events = [user_id * 2 + kind for user_id in wanted for kind in (0, 1)]
        for users, at, times_s in self.taped.heard(events, from_s, until_s):
            parts.setdefault(int(users[0]) >> 1, []).append((users & 1, at, times_s))
        for user_id, theirs in parts.items():
            kinds, at, times_s = _joined(theirs)
            is_once = are_different(at)
            if not is_once:
                order = np.lexsort((times_s, at))
                kinds, at, times_s = kinds[order], at[order], times_s[order]
            if len(at):
                yield user_id, ToldOf(kinds, at, times_s, is_once)

    def forget(self, until_s: float) -> None:
        """What was heard until then."""
        self._gather()
        keep = self._times_s > until_s
        self._users, self._at, self._times_s = self._users[keep], self._at[keep], self._times_s[keep]
        self.taped.forget(until_s)

    def _gather(self) -> None:
        """All that came one by one, in one, in the order of the users."""
        if not self._more:
            return
        parts, self._more = [(self._users, self._at, self._times_s), *self._more], []
        users, at, times_s = _joined(parts)
        order = np.argsort(users, kind="stable")
        self._users, self._at, self._times_s = users[order], at[order], times_s[order]


def _joined(parts: list[Receipts]) -> Receipts:
    users, at, times_s = zip(*parts, strict=True)
    return np.concatenate(users), np.concatenate(at), np.concatenate(times_s)


class SpanSet:
    """A set of spans: a bit for each between the least and the greatest, or their numbers, where that is less."""

    __slots__ = ("_bits", "_least", "_numbers")

    def __init__(self, at: IntArray) -> None:
        self._least = int(at.min()) if len(at) else 0
        size = int(at.max()) - self._least + 1 if len(at) else 0
        self._bits = self._numbers = b""
        if size // 8 < 4 * len(at):
            is_there = np.zeros(size, dtype=bool)
            is_there[at - self._least] = True
            self._bits = np.packbits(is_there).tobytes()
        else:
            self._numbers = at.astype(np.int32).tobytes()

    @property
    def size_bytes(self) -> int:
        return len(self._bits) + len(self._numbers)

    def have(self, at: IntArray) -> BoolArray:
        """Which of `at` are in it. O(all of it + `at`)."""
        if not self._bits:
            return np.isin(at, np.frombuffer(self._numbers, dtype=np.int32))
        is_there = np.unpackbits(np.frombuffer(self._bits, dtype=np.uint8)).astype(bool)
        places = at - self._least
        is_within = (places >= 0) & (places < len(is_there))
        have: BoolArray = is_within & is_there[np.where(is_within, places, 0)]
        return have


class LastTold:
    """What each observer was told last of each user until a window was over."""

    __slots__ = ("_of", "until_s")

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self._of: dict[int, tuple[SpanSet, SpanSet]] = {}
        """Who heard that they are offline, and online."""

    def add(self, user_id: int, told: ToldOf) -> None:
        last = told.last()
        self._of[user_id] = SpanSet(last.at[last.kinds == 0]), SpanSet(last.at[last.kinds == 1])

    def of(self, user_id: int, at: IntArray) -> tuple[BoolArray, BoolArray]:
        """Which of these observers were told so, offline and online."""
        if user_id not in self._of:
            return np.zeros(len(at), dtype=bool), np.zeros(len(at), dtype=bool)
        offline, online = self._of[user_id]
        return offline.have(at), online.have(at)
