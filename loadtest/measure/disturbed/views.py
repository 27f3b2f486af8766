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
from dataclasses import dataclass

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans
from loadtest.measure.disturbed.told import LastTold, Told, ToldOf
from loadtest.measure.disturbed.windows import Disturbances, Window
from loadtest.measure.judging.entries import Transition
from loadtest.measure.ledger import SEES_BATCHES, SEES_PRESENCE
from loadtest.measure.presence.doubtful import said_again
from loadtest.measure.presence.taped import TapedReceipts


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
class _Due:
    """Windows that are judged together, and how far that is."""

    windows: list[Window]
    transitions: dict[int, list[Transition]]
    """By user, in the order of time."""
    users: list[int]
    """Those that are left."""
    last: LastTold


class Views:
    def __init__(self, disturbances: Disturbances, *, settle_s: float, look_back_s: float) -> None:
        """`look_back_s`: how long a server may hold a connection that is dead (`loadtest.measure.ledger.Ledger`)."""
        self._disturbances = disturbances
        self._look_back_s = look_back_s
        self._settle_s = settle_s
        self._told = Told()
        self._due: _Due | None = None
        self._last: list[LastTold] = []
        """Of the windows that were judged, in their order."""
        self._judged_until_s = self._horizon_s = -math.inf

    @property
    def is_behind(self) -> bool:
        """There are windows that are due, more than one call of `judge` did."""
        return self._due is not None or bool(self._windows_due())

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
            self._told.add(users[mine], at[mine], times_s[mine])
        return mine

    def take_taped(self, taped: TapedReceipts, until_s: float) -> int:
        """Keep the reads that were heard in a window that is not judged, until then. How many receipts those are."""
        return sum(
            taped.set_aside(begin_s, min(end_s, until_s), self._told.taped)
            for begin_s, end_s in self._disturbances.windows
            if end_s > self._judged_until_s and begin_s < until_s
        )

    def judge(
        self, spans: Spans, transitions: Iterable[Transition], horizon_s: float, *, most_pairs: int
    ) -> JudgedViews:
        """Windows that are over since a settling time before `horizon_s`, and about so many pairs of an observer and a
        user of those (`is_behind`)."""
        judged, left = JudgedViews(), max(1.0, most_pairs / max(1, len(spans.numbers)))
        self._horizon_s = horizon_s
        while left >= 1 and self.is_behind:
            if self._due is None:
                self._due = self._take_up(self._windows_due(), transitions)
            left -= self._judge_some(self._due, spans, left, judged)
            if not self._due.users:
                self._judged_until_s = self._due.last.until_s
                self._told.forget(self._judged_until_s)
                self._last.append(self._due.last)
                self._due = None
        return judged

    def _judge_some(self, due: _Due, spans: Spans, most: float, judged: JudgedViews) -> int:
        """How many users that were."""
        observers = [self._observers(window, spans) for window in due.windows]
        number = int(min(len(due.users), most))
        part, due.users = due.users[:number], due.users[number:]
        told_of = dict(self._told.of(part, -math.inf, due.last.until_s))
        for user_id in part:
            told, transitions = told_of.get(user_id, ToldOf()), due.transitions.get(user_id)
            if transitions:
                for window, at in zip(due.windows, observers, strict=True):
                    self._judge_user(self._truth(transitions, window), window, told, at, judged)
            due.last.add(user_id, told)
        return number

    def have_been_told(self, user_id: int, at: IntArray, *, is_online: bool) -> BoolArray:
        """Which of these spans were told so last of a user, in the window that is being told or in those before, unless
        they are forgotten. O(reads on a tape in this one)."""
        now = LastTold(math.inf)
        for _, told in self._told.of([user_id], -math.inf, math.inf):
            now.add(user_id, told)
        have_been = np.zeros(len(at), dtype=bool)
        is_left = np.ones(len(at), dtype=bool)
        for last in (now, *reversed(self._last)):
            offline, online = last.of(user_id, at)
            have_been |= is_left & (online if is_online else offline)
            is_left &= ~(online | offline)
        return have_been

    def forget(self, before_s: float) -> None:
        """Windows that were over before that moment, and judged."""
        self._last = [last for last in self._last if last.until_s >= before_s]

    def _windows_due(self) -> list[Window]:
        return [
            window
            for window in self._disturbances.windows
            if self._judged_until_s < window[1] and window[1] + self._settle_s <= self._horizon_s
        ]

    def _take_up(self, windows: list[Window], transitions: Iterable[Transition]) -> _Due:
        by_user: dict[int, list[Transition]] = {}
        for transition in transitions:
            by_user.setdefault(transition.user_id, []).append(transition)
        for theirs in by_user.values():
            theirs.sort(key=_known_from_s)
        users = set(self._told.users().tolist())
        users.update(
            user_id
            for user_id, theirs in by_user.items()
            if any(_lies_in(each, window) for window in windows for each in theirs)
        )
        return _Due(windows, by_user, sorted(users), LastTold(windows[-1][1]))

    @staticmethod
    def _observers(window: Window, spans: Spans) -> IntArray:
        observers: IntArray = spans.numbers[spans.sees(SEES_PRESENCE | SEES_BATCHES) & spans.stayed(*window)]
        return observers

    def _judge_user(
        self, truth: _Truth, window: Window, told: ToldOf, observers: IntArray, judged: JudgedViews
    ) -> None:
        """`observers`: in order."""
        places = np.minimum(np.searchsorted(observers, told.at), max(0, len(observers) - 1))
        is_mine = observers[places] == told.at if len(observers) else np.zeros(len(told.at), dtype=bool)
        told = told.only(is_mine & (told.times_s >= window[0]) & (told.times_s <= window[1]))
        kinds, who = told.kinds, told.at
        is_first = np.ones(len(who), dtype=bool) if told.is_once else np.diff(who, prepend=-1) != 0
        if not told.is_once:
            judged.duplicates += said_again(kinds, who)
        if truth.before is not None:
            judged.duplicates += int(np.count_nonzero(is_first & (kinds == truth.before)))
        if truth.after is None:
            return
        last_kinds = told.last().kinds
        has_to_be_told = truth.before is not None and truth.before != truth.after
        judged.expected += len(observers) if has_to_be_told else len(last_kinds)
        judged.right += int(np.count_nonzero(last_kinds == truth.after))

    def _truth(self, transitions: list[Transition], window: Window) -> _Truth:
        """`transitions` of one user, in the order of time."""
        begin_s, end_s = window
        since_s = begin_s - self._look_back_s
        near = [each for each in transitions if each.end_s >= since_s and _known_from_s(each) <= end_s]
        if any(not (each.is_certain or each.ends_known) for each in near):
            return _Truth(None, None)
        ahead = [each for each in transitions if each.end_s < begin_s]
        within = [each for each in transitions if _lies_in(each, window)]
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


def _lies_in(transition: Transition, window: Window) -> bool:
    """Some of it."""
    return transition.end_s >= window[0] and _known_from_s(transition) <= window[1]


def _known_from_s(transition: Transition) -> float:
    """When its player caused it, or when its player knew."""
    return transition.end_s if math.isnan(transition.origin_s) else transition.origin_s
