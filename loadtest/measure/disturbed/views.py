"""What players hold to be true of each other after a fault, from what they were told during it.

A node that dies takes players along, and one that was frozen comes back with its own: who is told what, and when, is
the server's to choose. What it must reach is certain all the same. When the fault is over and has been recovered from,
every player that stayed connected holds every user for what it is, online or offline; and nobody is told the same twice
in a row. A view that is wrong counts as *lost*, what is told again as a *duplicate*.

Users that came or went within the settling time of one end of the window are not judged at that end, nor are those
whose server may hold a dead connection (silent losses, handshakes without an answer).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans, none
from loadtest.measure.disturbed.windows import Disturbances, Window
from loadtest.measure.judging.entries import Transition
from loadtest.measure.ledger import SEES_BATCHES, SEES_PRESENCE
from loadtest.measure.presence.doubtful import said_again


@dataclass
class JudgedViews:
    expected: int = 0
    """Pairs of an observer and a user of whom it was told something, or should have been."""
    right: int = 0
    duplicates: int = 0


@dataclass
class _Truth:
    """Of one user over a window."""

    before: bool | None
    """Online or not when it began; None: not certain."""
    after: bool | None


@dataclass
class _Told:
    users: IntArray = field(default_factory=none)
    """User id × 2, plus 1 for online."""
    at: IntArray = field(default_factory=none)
    times_s: FloatArray = field(default_factory=lambda: np.empty(0))

    def only(self, which: BoolArray | IntArray) -> _Told:
        return _Told(self.users[which], self.at[which], self.times_s[which])

    def in_order(self) -> _Told:
        """By user, observer and time. Four million take 1.3 s of CPU, in which nobody is read for: once per window."""
        return self.only(np.lexsort((self.times_s, self.at, self.users >> 1)))

    def last(self) -> _Told:
        """Of those in order, the last of each user to each observer."""
        is_last = np.append((np.diff(self.users >> 1) != 0) | (np.diff(self.at) != 0), True)
        return self.only(is_last[: len(self.at)])


@dataclass(frozen=True)
class _Known:
    """The last that each observer was told of each user until a window was over."""

    users: IntArray
    """As in `_Told`, in order: all of one user stand together."""
    at: npt.NDArray[np.int32]
    until_s: float

    def of(self, user_id: int) -> tuple[IntArray, IntArray]:
        """What was told of one user, and whom. O(log(all) + found)."""
        begin, end = np.searchsorted(self.users, [user_id * 2, user_id * 2 + 2])
        return self.users[begin:end], self.at[begin:end].astype(np.int64)


class Views:
    def __init__(self, disturbances: Disturbances, *, settle_s: float, look_back_s: float) -> None:
        """`look_back_s`: how long a server may hold a connection that is dead (`loadtest.measure.ledger.Ledger`)."""
        self._disturbances = disturbances
        self._look_back_s = look_back_s
        self._settle_s = settle_s
        self._told = _Told()
        self._more: list[_Told] = []
        """What was kept since all of it was one."""
        self._known: list[_Known] = []
        """Of the windows that were judged, in their order."""
        self._judged_until_s = -math.inf

    @property
    def oldest_s(self) -> float:
        """What is not judged yet began then; infinite where there is nothing."""
        waiting = (begin_s for begin_s, end_s in self._disturbances.windows if end_s > self._judged_until_s)
        return min(waiting, default=math.inf)

    def take(self, users: IntArray, at: IntArray, times_s: FloatArray) -> BoolArray:
        """Keep what was heard in a window; True for those that were taken."""
        mine = np.zeros(len(times_s), dtype=bool)
        for begin_s, end_s in self._disturbances.windows:
            mine |= (times_s >= begin_s) & (times_s <= end_s)
        if mine.any():
            self._more.append(_Told(users[mine], at[mine], times_s[mine]))
        return mine

    def _gather(self) -> _Told:
        """All that was kept, in one."""
        if self._more:
            parts, self._more = [self._told, *self._more], []
            self._told = _Told(
                np.concatenate([part.users for part in parts]),
                np.concatenate([part.at for part in parts]),
                np.concatenate([part.times_s for part in parts]),
            )
        return self._told

    def judge(self, spans: Spans, transitions: Iterable[Transition], horizon_s: float) -> list[JudgedViews]:
        """Of each window that is over since a settling time before `horizon_s`."""
        due = [
            window
            for window in self._disturbances.windows
            if self._judged_until_s < window[1] and window[1] + self._settle_s <= horizon_s
        ]
        if not due:
            return []
        by_user: dict[int, list[Transition]] = {}
        for transition in transitions:
            by_user.setdefault(transition.user_id, []).append(transition)
        for theirs in by_user.values():
            theirs.sort(key=_known_from_s)
        self._told = self._gather().in_order()
        judged = []
        for window in due:
            self._judged_until_s = window[1]
            judged.append(self._judge(window, spans, by_user))
        keep = self._told.times_s > self._judged_until_s
        known = self._told.only(~keep).last()
        self._known.append(_Known(known.users, known.at.astype(np.int32), self._judged_until_s))
        self._told = self._told.only(keep)
        return judged

    def have_been_told(self, user_id: int, at: IntArray, *, is_online: bool) -> BoolArray:
        """Which of these spans were told so last of a user, in the window that is being told or in those before, unless
        they are forgotten. O(what is told in this one)."""
        told = self._gather()
        now = told.only(told.users >> 1 == user_id).in_order().last()
        have_been = np.zeros(len(at), dtype=bool)
        is_left = np.ones(len(at), dtype=bool)
        for users, told_at in [(now.users, now.at), *(known.of(user_id) for known in reversed(self._known))]:
            have_been |= is_left & np.isin(at, told_at[users & 1 == is_online])
            is_left &= ~np.isin(at, told_at)
        return have_been

    def forget(self, before_s: float) -> None:
        """Windows that were over before that moment, and judged."""
        self._known = [known for known in self._known if known.until_s >= before_s]

    def _judge(self, window: Window, spans: Spans, by_user: dict[int, list[Transition]]) -> JudgedViews:
        begin_s, end_s = window
        judged, told = JudgedViews(), self._told
        observers = spans.sees(SEES_PRESENCE | SEES_BATCHES) & spans.stayed(begin_s, end_s)
        numbers = spans.numbers[observers]
        mine = (told.times_s >= begin_s) & (told.times_s <= end_s) & np.isin(told.at, numbers)
        users, at = told.users[mine], told.at[mine]
        cuts = np.flatnonzero(np.diff(users >> 1, prepend=-1))
        heard = {
            int(users[start]) >> 1: (users[start:end] & 1, at[start:end])
            for start, end in zip(cuts.tolist(), [*cuts.tolist()[1:], len(users)], strict=False)
        }
        changed = {
            user_id
            for user_id, theirs in by_user.items()
            if any(each.end_s >= begin_s and _known_from_s(each) <= end_s for each in theirs)
        }
        for user_id in (changed | set(heard)) & set(by_user):
            truth = self._truth(by_user[user_id], window)
            kinds, who = heard.get(user_id, (none(), none()))
            self._judge_user(truth, kinds, who, numbers, judged)
        return judged

    def _judge_user(
        self, truth: _Truth, kinds: IntArray, who: IntArray, observers: IntArray, judged: JudgedViews
    ) -> None:
        """`kinds` (1: online) and `who` heard them, in the order of the observers and of time."""
        is_first = np.diff(who, prepend=-1) != 0
        judged.duplicates += said_again(kinds, who)
        if truth.before is not None:
            judged.duplicates += int(np.count_nonzero(is_first & (kinds == truth.before)))
        if truth.after is None:
            return
        is_last = np.append(is_first[1:], True) if len(who) else is_first
        told = int(np.count_nonzero(is_last))
        has_to_be_told = truth.before is not None and truth.before != truth.after
        judged.expected += len(observers) if has_to_be_told else told
        judged.right += int(np.count_nonzero(kinds[is_last] == truth.after))

    def _truth(self, transitions: list[Transition], window: Window) -> _Truth:
        """`transitions` of one user, in the order of time."""
        begin_s, end_s = window
        since_s = begin_s - self._look_back_s
        near = [each for each in transitions if each.end_s >= since_s and _known_from_s(each) <= end_s]
        if any(not (each.is_certain or each.ends_known) for each in near):
            return _Truth(None, None)
        ahead = [each for each in transitions if each.end_s < begin_s]
        within = [each for each in transitions if each.end_s >= begin_s and _known_from_s(each) <= end_s]
        before: bool | None = ahead[-1].is_online if ahead else False
        if within:
            before = not within[0].is_online
        after = within[-1].is_online if within else before
        if any(self._is_near(each, begin_s) for each in transitions):
            before = None
        if any(self._is_near(each, end_s) for each in transitions):
            after = None
        return _Truth(before, after)

    def _is_near(self, transition: Transition, time_s: float) -> bool:
        return _known_from_s(transition) - self._settle_s <= time_s <= transition.end_s + self._settle_s


def _known_from_s(transition: Transition) -> float:
    """When its player caused it, or when its player knew."""
    return transition.end_s if math.isnan(transition.origin_s) else transition.origin_s
