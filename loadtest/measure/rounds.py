"""Announcements of what others did, judged by what the observers heard: there is no other witness.

What all observers hear of one event is a round. Announcements of the rooms that carry a revision are of one event when
it is the same one, however far apart they come; those that carry none, when they come within moments of each other. If
most of those who were there heard a round, it was sent to all, and those who heard nothing should have: nothing within
the settling time is a loss, a later announcement of the rooms instead is a *miss* (conflated by right, or lost; it
cannot be told). A round that only few heard is no evidence. A revision that comes to an observer after the settling
time is *late*, and lost as well; that it came is evidence.

The time of the event itself is not known. What is measured is the spread: how long after the first observer each heard.
Where any players are told revisions, it is theirs alone, for it is exact: of announcements without one that come late,
those before the pause and those after it seem to be two rounds that were quick.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans, Taken, none
from loadtest.measure.disturbed.windows import Disturbances
from loadtest.measure.judging.entries import Change
from loadtest.measure.judging.gaps import DeltaGaps
from loadtest.measure.ledger import SEES_BATCHES, SEES_PRESENCE, SEES_REVISIONS, SEES_ROOMS

GAP_S = 0.05
"""Two announcements without a revision, further apart, with none between them at any observer, are two rounds."""
MARGIN_S = 0.5
"""An observer that came so shortly before the first who heard may have come after the event."""
LEAST_OBSERVERS = 2
REMEMBER_S = 60.0
"""Revisions: a server that begins anew may use them again."""
LOOK_EVERY_S = 1.0


@dataclass
class JudgedRounds:
    """What rounds came to."""

    rounds: int = 0
    """Of others. Those of the swarm's own changes are counted with these."""
    expected: int = 0
    received: int = 0
    missed: int = 0
    late: int = 0
    """Of those that were expected and not received: came after the settling time."""
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
                judged.rounds += 1
                _count(judged, heard, observers)
                is_counted = np.isin(members, spans.numbers[observers])
                heard_s = times_s[start:end][firsts][is_counted]
                judged.spreads.append((heard_s - first_s, heard_s))
        self._users, self._at, self._times_s = users[keep], at[keep], times_s[keep]
        return judged


@dataclass(frozen=True)
class _Announcements:
    """Announcements of the rooms, by revision and then by time; those without one come first."""

    at: IntArray
    times_s: FloatArray
    revisions: IntArray

    def rounds(self, settle_s: float) -> Iterator[tuple[int, int, int]]:
        """Where each begins and ends, and where the next begins: what comes more than `settle_s` after the first of a
        round is not in it."""
        is_first = (self.revisions < 0) & (np.diff(self.times_s, prepend=-math.inf) > GAP_S)
        is_first |= np.diff(self.revisions, prepend=self.revisions[0] - 1) != 0
        starts = np.flatnonzero(is_first).tolist()
        for start, following in zip(starts, [*starts[1:], len(self.times_s)], strict=True):
            times_s = self.times_s[start:following]
            yield start, start + int(np.searchsorted(times_s, times_s[0] + settle_s, side="right")), following

    def is_later(self, start: int, end: int, *, until_s: float) -> BoolArray:
        """Announcements of something later than that round's, up to `until_s`. A higher revision is, also where another
        node told it before the first was told of this one. O(all)."""
        revision = self.revisions[start]
        is_later: BoolArray = (self.revisions > revision) if revision >= 0 else (self.revisions < 0)
        if revision < 0:
            is_later[:end] = False
        return is_later & (self.times_s <= until_s)


@dataclass
class _JudgedRound:
    """Of a revision, for those who hear of it later."""

    first_s: float
    revision: int
    owed: IntArray = field(default_factory=none)
    """Observers who have heard neither of it nor of a later one instead. Spans."""
    observers: int = 0
    charged: int = 0
    """Of them: with it, otherwise, such as by a gap, and so not here."""
    heard: int = 0
    missed: int = 0
    late: int = 0
    is_own: bool = False
    is_timed: bool = False
    """Rounds of base clients beside those who are told revisions are of the same events, which count once."""
    is_sent_to_all: bool = False
    """By what is known."""

    def hear(self, at: IntArray, judged: JudgedRounds, gaps: DeltaGaps) -> None:
        """Too late, by these spans."""
        came = np.intersect1d(self.owed, at)
        if not len(came):
            return
        self.owed = np.setdiff1d(self.owed, came)
        if self.is_sent_to_all:
            judged.late += len(came)
            return
        self.late += len(came)
        self.charged += int(np.count_nonzero(gaps.cover(came, self.revision)))
        self.count(judged, gaps)

    def count(self, judged: JudgedRounds, gaps: DeltaGaps) -> None:
        """If most have heard of it by now. Then those who are owed it are charged with it, unless they were, since it
        was looked at first."""
        self.is_sent_to_all = _are_most(self.heard + self.late, self.observers)
        if not self.is_sent_to_all:
            return
        judged.missed += self.missed
        judged.late += self.late
        if not self.is_own:
            is_charged = gaps.cover(self.owed, self.revision)
            self.charged += int(np.count_nonzero(is_charged))
            self.owed = self.owed[~is_charged]
            gaps.charge(self.owed, self.revision)
            judged.rounds += self.is_timed
            judged.expected += self.observers - self.charged
            judged.received += self.heard + self.missed


class RoundsOfRooms:
    """Announcements of the rooms. Those that the swarm's own changes explain are looked through for misses only."""

    def __init__(self, settle_s: float, disturbances: Disturbances, gaps: DeltaGaps) -> None:
        """Rounds in those windows are not judged: some players hear later by right."""
        self._settle_s = settle_s
        self._gaps = gaps
        self._disturbances = disturbances
        self._at: IntArray = none()
        self._times_s: FloatArray = np.empty(0)
        self._revisions: IntArray = none()
        self._judged: dict[int, _JudgedRound] = {}
        """By revision: whoever hears of one later than `settle_s` begins no other."""
        self._own: dict[tuple[float, float], None] = {}
        """When own changes may have been announced: from, until."""
        self._next_look_s = -math.inf

    @property
    def oldest_s(self) -> float:
        return float(self._times_s.min()) - MARGIN_S if len(self._times_s) else math.inf

    def add(self, taken: Taken, changes: Iterable[Change]) -> None:
        self._at = np.concatenate([self._at, taken.announcement_spans])
        self._times_s = np.concatenate([self._times_s, taken.announcement_times_s])
        self._revisions = np.concatenate([self._revisions, taken.announcement_revisions])
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
        order = np.lexsort((self._times_s, self._revisions))
        told = _Announcements(self._at[order], self._times_s[order], self._revisions[order])
        keep = (told.revisions >= 0) & (told.times_s > done_s - self._settle_s)  # later than what others hear yet
        for start, end, following in told.rounds(self._settle_s):
            first_s, revision = float(told.times_s[start]), int(told.revisions[start])
            known = self._judged.get(revision)
            if known is None and first_s > done_s:
                keep[start:following] = True
                continue
            if known is None:
                known = self._judge_round(judged, spans, told, start, end)
                if revision >= 0:
                    self._judged[revision] = known
            known.hear(
                told.at[start:following][told.times_s[start:following] > known.first_s + self._settle_s],
                judged,
                self._gaps,
            )
        self._at, self._times_s, self._revisions = told.at[keep], told.times_s[keep], told.revisions[keep]
        self._forget(done_s)
        return judged

    def _judge_round(
        self, judged: JudgedRounds, spans: Spans, told: _Announcements, start: int, end: int
    ) -> _JudgedRound:
        first_s, last_s = float(told.times_s[start]), float(told.times_s[end - 1])
        known = _JudgedRound(first_s, int(told.revisions[start]))
        if self._disturbances.touch(first_s - self._settle_s, first_s + self._settle_s):
            return known
        are_there = spans.sees(SEES_ROOMS) & spans.stayed(first_s - MARGIN_S, first_s + self._settle_s)
        are_told = are_there & spans.sees(SEES_REVISIONS)
        if told.revisions[start] >= 0:
            observers, is_timed = are_told, True
        else:  # of the same events as the rounds of those who are told revisions, if there are any
            observers, is_timed = are_there & ~are_told, int(np.count_nonzero(are_told)) < LEAST_OBSERVERS
        members, firsts = np.unique(told.at[start:end], return_index=True)
        have_heard = _heard(spans, observers, members)
        later = none()
        if (observers & ~have_heard).any():
            later = np.unique(told.at[told.is_later(start, end, until_s=first_s + self._settle_s)])
        are_charged, lack_it = np.zeros_like(observers), observers & ~have_heard
        if lack_it.any():  # of a round that all heard of nobody is charged, however many are for others
            are_charged[lack_it] = self._gaps.cover(spans.numbers[lack_it], known.revision)
        heard_later = _heard(spans, observers, later) & ~have_heard & ~are_charged
        known.observers, known.heard = int(np.count_nonzero(observers)), int(np.count_nonzero(have_heard))
        known.missed, known.charged = int(np.count_nonzero(heard_later)), int(np.count_nonzero(are_charged))
        known.is_own = any(from_s <= last_s and first_s <= until_s for from_s, until_s in self._own)
        known.is_timed = is_timed
        if known.revision >= 0:
            known.owed = spans.numbers[observers & ~have_heard & ~heard_later & ~are_charged]
        known.count(judged, self._gaps)
        if known.is_sent_to_all and is_timed and not known.is_own:
            heard_s = told.times_s[start:end][firsts][np.isin(members, spans.numbers[observers])]
            judged.spreads.append((heard_s - first_s, heard_s))
        return known

    def _forget(self, done_s: float) -> None:
        if math.isfinite(done_s):
            self._own = {window: None for window in self._own if window[1] > done_s - self._settle_s}
            self._judged = {
                revision: known for revision, known in self._judged.items() if known.first_s > done_s - REMEMBER_S
            }


def _heard(spans: Spans, observers: BoolArray, members: IntArray) -> BoolArray:
    places, is_there = spans.places(members)
    heard = np.zeros(len(observers), dtype=bool)
    heard[places[is_there]] = True
    return heard & observers


def _is_evidence(heard: BoolArray, observers: BoolArray) -> bool:
    return _are_most(int(np.count_nonzero(heard)), int(np.count_nonzero(observers)))


def _are_most(heard: int, there: int) -> bool:
    return there >= LEAST_OBSERVERS and 2 * heard > there


def _count(judged: JudgedRounds, heard: BoolArray, observers: BoolArray) -> None:
    judged.expected += int(np.count_nonzero(observers))
    judged.received += int(np.count_nonzero(heard))
