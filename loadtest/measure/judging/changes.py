"""Changes of rooms that players of the swarm brought about: who had to hear of each, and who did.

Which is judged how stands in `loadtest.measure.reach`. An observer that was accepted before a change was asked for and
stayed until its deadline is *expected* to hear an announcement in between. Its time is that of the first announcement
of a revision that has the change in it, where revisions are announced and some player of the process is told in deltas
(`loadtest.measure.judging.named`); elsewhere of the first one, which may be of another change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans, Taken, none
from loadtest.measure.disturbed.windows import Disturbances
from loadtest.measure.judging.entries import Change
from loadtest.measure.judging.gaps import DeltaGaps
from loadtest.measure.judging.named import NamedChanges
from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.ledger import SEES_ROOMS

PAIRS_AT_ONCE = 100_000
"""Of changes and observers; of more, every n-th observer is looked at."""
_TIME_BITS = 42
"""Of microseconds since `since_s`: 50 days."""


class ChangesOfRooms:
    """Those that are not judged yet, and the announcements that may be of them."""

    def __init__(
        self, disturbances: Disturbances, named: NamedChanges, gaps: DeltaGaps, *, settle_s: float, since_s: float
    ) -> None:
        """`since_s`: before all times that are told."""
        self._disturbances = disturbances
        self._named = named
        self._gaps = gaps
        self._settle_s = settle_s
        self._since_s = since_s
        self.waiting: list[Change] = []
        self._at: IntArray = none()
        self._times_s: FloatArray = np.empty(0)
        self._revisions: IntArray = none()

    @property
    def oldest_s(self) -> float:
        """When the first of them was answered; infinite without one."""
        return min((change.answered_s for change in self.waiting), default=math.inf)

    def add(self, changes: list[Change]) -> None:
        self.waiting += changes

    def judge(
        self, taken: Taken, spans: Spans, horizon_s: float, tally: ReachTally
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Count in `tally` what is due; gives, of each change whose intended time is known, what its announcement took
        to each observer and when it was heard."""
        at = np.concatenate([self._at, taken.announcement_spans])
        times_s = np.concatenate([self._times_s, taken.announcement_times_s])
        revisions = np.concatenate([self._revisions, taken.announcement_revisions])
        due = [change for change in self.waiting if self._deadline_s(change) <= horizon_s]
        if due:
            self.waiting = [change for change in self.waiting if self._deadline_s(change) > horizon_s]
            keys = at << _TIME_BITS | self._us(times_s)
            order = np.argsort(keys, kind="stable")
            yield from self._match(due, keys[order], revisions[order], spans, tally)
        if math.isfinite(horizon_s):
            since_s = min((change.sent_s for change in self.waiting), default=math.inf)
            since_s = min(since_s, horizon_s - self._settle_s)
            keep = times_s >= since_s
            at, times_s, revisions = at[keep], times_s[keep], revisions[keep]
            self._named.forget(since_s)
        self._at, self._times_s, self._revisions = at, times_s, revisions

    def _match(
        self, due: list[Change], keys: IntArray, revisions: IntArray, spans: Spans, tally: ReachTally
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        sees = spans.sees(SEES_ROOMS)
        observers = int(np.count_nonzero(sees & spans.is_open_at(due[-1].answered_s)))
        step = max(1, math.ceil(len(due) * observers / PAIRS_AT_ONCE))
        for turn, change in enumerate(due):
            deadline_s = self._deadline_s(change)
            expected = spans.numbers[sees & spans.stayed(change.sent_s, deadline_s)]
            looked_at = expected[turn % step :: step]
            tally.events += 1
            tally.sampled_out += len(expected) - len(looked_at)
            tally.expected += len(looked_at)
            if not len(looked_at) or not len(keys):
                continue
            places = np.searchsorted(keys, looked_at << _TIME_BITS | self._us(change.sent_s))
            times_s, has_come = self._heard(keys, places, looked_at, deadline_s)
            tally.received += int(np.count_nonzero(has_come))
            tally.expected -= self._lost_by_a_gap(change, looked_at[~has_come])
            if math.isnan(change.intended_s):
                continue
            if self._named.tells and change.room_id:
                times_s, has_come = self._heard_of(change, keys, revisions, places, looked_at, deadline_s)
            yield times_s[has_come] - change.intended_s, times_s[has_come]

    def _lost_by_a_gap(self, change: Change, lost: IntArray) -> int:
        """How many of these are charged with it already; the others are now."""
        revision = self._named.revision_of(change) if len(lost) and change.room_id else None
        if revision is None:
            return 0
        is_covered = self._gaps.cover(lost, revision)
        self._gaps.charge(lost[~is_covered], revision)
        return int(np.count_nonzero(is_covered))

    def _heard(
        self, keys: IntArray, places: IntArray, looked_at: IntArray, deadline_s: float
    ) -> tuple[FloatArray, BoolArray]:
        """When, of the announcement at each observer's place, and whether it is the observer's and in time."""
        found = keys[np.minimum(places, len(keys) - 1)]
        times_s: FloatArray = (found & ((1 << _TIME_BITS) - 1)) / 1e6 + self._since_s
        has_come: BoolArray = (places < len(keys)) & (found >> _TIME_BITS == looked_at) & (times_s <= deadline_s)
        return times_s, has_come

    def _heard_of(
        self,
        change: Change,
        keys: IntArray,
        revisions: IntArray,
        places: IntArray,
        looked_at: IntArray,
        deadline_s: float,
    ) -> tuple[FloatArray, BoolArray]:
        """As `_heard`, of the first announcement from each place on that has this change in it. What carries no
        revision may be of any change, so it counts; a change that no delta names has none."""
        revision = self._named.revision_of(change)
        while True:
            times_s, has_come = self._heard(keys, places, looked_at, deadline_s)
            told = revisions[np.minimum(places, len(keys) - 1)]
            if revision is None:
                return times_s, has_come & (told < 0)
            is_earlier = has_come & (told >= 0) & (told < revision)
            if not is_earlier.any():
                return times_s, has_come
            places = places + is_earlier

    def _deadline_s(self, change: Change) -> float:
        return self._disturbances.deadline_s(change.sent_s, change.answered_s + self._settle_s)

    def _us(self, times_s: FloatArray | float) -> IntArray:
        return np.maximum(0, (np.asarray(times_s) - self._since_s) * 1e6).astype(np.int64)
