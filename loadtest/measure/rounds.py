"""Announcements of what others did, judged by what the observers heard: there is no other witness.

What all observers hear within moments of each other is one round. If most of those who were there heard it, it was sent
to all, and those who heard nothing should have: nothing within the settling time is a loss, a later announcement of the
rooms instead is a *miss* (conflated by right, or lost; it cannot be told). A round that only few heard is no evidence.

The time of the event itself is not known. What is measured is the spread: how long after the first observer each heard.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans, Taken, none
from loadtest.measure.disturbed.windows import Disturbances
from loadtest.measure.ledger import SEES_BATCHES, SEES_PRESENCE, SEES_ROOMS, Change

GAP_S = 0.05
"""Two announcements further apart than that, with none between them at any observer, are two rounds."""
MARGIN_S = 0.5
"""An observer that came so shortly before the first who heard may have come after the event."""
LEAST_OBSERVERS = 2
LOOK_EVERY_S = 1.0


@dataclass
class JudgedRounds:
    """What rounds came to."""

    rounds: int = 0
    """Of others. Those of the swarm's own changes are counted with these."""
    expected: int = 0
    received: int = 0
    missed: int = 0
    spreads: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)
    """How long after the first, and when."""


class Strangers:
    """Presence of users who are not of the swarm: an event per user and kind."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._users: IntArray = none()
        self._at: IntArray = none()
        self._times_s: FloatArray = np.empty(0)

    @property
    def oldest_s(self) -> float:
        return float(self._times_s.min()) - MARGIN_S if len(self._times_s) else math.inf

    def add(self, users: IntArray, at: IntArray, times_s: FloatArray) -> None:
        self._users = np.concatenate([self._users, users])
        self._at = np.concatenate([self._at, at])
        self._times_s = np.concatenate([self._times_s, times_s])

    def judge(self, spans: Spans, until_s: float) -> JudgedRounds:
        """Rounds that began a settling time before `until_s`."""
        judged = JudgedRounds()
        if not len(self._times_s):
            return judged
        order = np.lexsort((self._times_s, self._users))
        users, at, times_s = self._users[order], self._at[order], self._times_s[order]
        is_new = (np.diff(users, prepend=users[0] - 1) != 0) | (np.diff(times_s, prepend=times_s[0]) > self._settle_s)
        starts = np.flatnonzero(is_new)
        keep = np.zeros(len(users), dtype=bool)
        sees = spans.sees(SEES_PRESENCE | SEES_BATCHES)
        for start, end in zip(starts.tolist(), [*starts.tolist()[1:], len(users)], strict=True):
            first_s = float(times_s[start])
            if first_s + self._settle_s > until_s:
                keep[start:end] = True
                continue
            members, firsts = np.unique(at[start:end], return_index=True)
            observers = sees & spans.stayed(first_s - MARGIN_S, first_s + self._settle_s)
            heard = _heard(spans, observers, members)
            if _is_evidence(heard, observers):
                _count(judged, heard, observers)
                is_counted = np.isin(members, spans.numbers[observers])
                heard_s = times_s[start:end][firsts][is_counted]
                judged.spreads.append((heard_s - first_s, heard_s))
        self._users, self._at, self._times_s = users[keep], at[keep], times_s[keep]
        return judged


class RoundsOfRooms:
    """Announcements of the rooms. Those that the swarm's own changes explain are looked through for misses only."""

    def __init__(self, settle_s: float, disturbances: Disturbances) -> None:
        """Rounds in those windows are not judged: some players hear later by right."""
        self._settle_s = settle_s
        self._disturbances = disturbances
        self._at: IntArray = none()
        self._times_s: FloatArray = np.empty(0)
        self._own: dict[tuple[float, float], None] = {}
        """When own changes may have been announced: from, until."""
        self._next_look_s = -math.inf

    @property
    def oldest_s(self) -> float:
        return float(self._times_s.min()) - MARGIN_S if len(self._times_s) else math.inf

    def add(self, taken: Taken, changes: Iterable[Change]) -> None:
        self._at = np.concatenate([self._at, taken.announcement_spans])
        self._times_s = np.concatenate([self._times_s, taken.announcement_times_s])
        for change in changes:
            self._own[(change.sent_s, change.answered_s + self._settle_s)] = None

    def judge(self, spans: Spans, horizon_s: float) -> JudgedRounds:
        """Rounds of which all is known up to a settling time after their beginning."""
        judged = JudgedRounds()
        done_s = horizon_s - self._settle_s
        if done_s < self._next_look_s or not len(self._times_s):
            self._forget(done_s)
            return judged
        self._next_look_s = done_s + LOOK_EVERY_S
        order = np.argsort(self._times_s, kind="stable")
        at, times_s = self._at[order], self._times_s[order]
        sees = spans.sees(SEES_ROOMS)
        starts = np.flatnonzero(np.diff(times_s, prepend=-math.inf) > GAP_S).tolist()
        judged_until = 0
        for start, end in zip(starts, [*starts[1:], len(times_s)], strict=True):
            first_s = float(times_s[start])
            if first_s > done_s:
                break
            end = min(end, int(np.searchsorted(times_s, first_s + self._settle_s, side="right")))
            self._judge_round(judged, spans, sees, at, times_s, start, end)
            judged_until = end
        self._at, self._times_s = at[judged_until:], times_s[judged_until:]
        self._forget(done_s)
        return judged

    def _judge_round(
        self,
        judged: JudgedRounds,
        spans: Spans,
        sees: BoolArray,
        at: IntArray,
        times_s: FloatArray,
        start: int,
        end: int,
    ) -> None:
        first_s = float(times_s[start])
        if self._disturbances.touch(first_s - self._settle_s, first_s + self._settle_s):
            return
        observers = sees & spans.stayed(first_s - MARGIN_S, first_s + self._settle_s)
        members, firsts = np.unique(at[start:end], return_index=True)
        heard = _heard(spans, observers, members)
        if not _is_evidence(heard, observers):
            return
        settled = int(np.searchsorted(times_s, first_s + self._settle_s, side="right"))
        heard_later = _heard(spans, observers, np.unique(at[end:settled])) & ~heard
        judged.missed += int(np.count_nonzero(heard_later))
        if any(from_s <= times_s[end - 1] and first_s <= until_s for from_s, until_s in self._own):
            return
        _count(judged, heard | heard_later, observers)
        heard_s = times_s[start:end][firsts][np.isin(members, spans.numbers[observers])]
        judged.spreads.append((heard_s - first_s, heard_s))

    def _forget(self, done_s: float) -> None:
        if math.isfinite(done_s):
            self._own = {window: None for window in self._own if window[1] > done_s - self._settle_s}


def _heard(spans: Spans, observers: BoolArray, members: IntArray) -> BoolArray:
    places, is_there = spans.places(members)
    heard = np.zeros(len(observers), dtype=bool)
    heard[places[is_there]] = True
    return heard & observers


def _is_evidence(heard: BoolArray, observers: BoolArray) -> bool:
    there = int(np.count_nonzero(observers))
    return there >= LEAST_OBSERVERS and 2 * int(np.count_nonzero(heard)) > there


def _count(judged: JudgedRounds, heard: BoolArray, observers: BoolArray) -> None:
    judged.rounds += 1
    judged.expected += int(np.count_nonzero(observers))
    judged.received += int(np.count_nonzero(heard))
