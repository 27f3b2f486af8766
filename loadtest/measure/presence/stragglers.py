"""Announcements that come when their transition is judged: late for whom had lost it, told twice to whom had it.

They look at what else came to the same observers, so they wait until all of that is booked, and those of one transition
are accounted for together, however many reads had them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from loadtest.measure.columns import BoolArray, FloatArray, IntArray, Spans
from loadtest.measure.disturbed.views import Views
from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.presence.comings import FoundComings
from loadtest.measure.presence.transitions import TransitionEntry


class Stragglers:
    """Of one process."""

    def __init__(
        self, entries: Mapping[int, TransitionEntry], views: Views, comings: FoundComings, *, settle_s: float
    ) -> None:
        """`entries` by number, as `loadtest.measure.presence.transitions.Transitions` has them."""
        self._entries = entries
        self._views = views
        self._comings = comings
        self._settle_s = settle_s
        self._waiting: dict[int, list[tuple[IntArray, FloatArray]]] = {}
        """By the number of the transition."""

    def add(self, number: int, at: IntArray, times_s: FloatArray) -> None:
        """`at`: the spans that heard it."""
        self._waiting.setdefault(number, []).append((at, times_s))

    def account(self, spans: Spans, tally: ReachTally) -> None:
        """Count in `tally` what was added, once all is booked that came until then."""
        waiting, self._waiting = self._waiting, {}
        for number, parts in waiting.items():
            at, times_s = (np.concatenate(column) for column in zip(*parts, strict=True))
            self._account(self._entries[number], at, times_s, spans, tally)

    def _account(
        self, entry: TransitionEntry, at: IntArray, times_s: FloatArray, spans: Spans, tally: ReachTally
    ) -> None:
        if entry.had is not None:
            is_owed = self._is_owed(entry, at, times_s)
            entry.had = np.union1d(entry.had, at)
            tally.duplicates += len(at) - len(np.unique(at[is_owed]))
            return
        is_lost = np.zeros(len(at), dtype=bool)
        if entry.lost is not None:
            is_lost[np.unique(at, return_index=True)[1]] = True  # the first of each: what comes again is told twice
            is_lost &= np.isin(at, entry.lost)
            entry.lost = np.setdiff1d(entry.lost, at)
        tally.late += int(np.count_nonzero(is_lost))
        if entry.unheard_by and is_lost.any():
            self._comings.note(entry, tally, expected=entry.unheard_by, heard=1)
        transition = entry.transition
        has_had_it = spans.have_stayed(at, transition.begin_s, transition.end_s + self._settle_s) & ~is_lost
        tally.duplicates += int(np.count_nonzero(has_had_it))

    def _is_owed(self, entry: TransitionEntry, at: IntArray, times_s: FloatArray) -> BoolArray:
        """Whether these observers hear for the first time, after a fault, what is so now: late, and nothing new has
        come to them since. That they did not know it when the fault was over is judged there."""
        transition, had = entry.transition, entry.had
        assert had is not None
        is_owed = ~(
            np.isin(at, had) | self._views.have_been_told(transition.user_id, at, is_online=transition.is_online)
        )
        following = None if entry.next is None else self._entries[entry.next]
        if following is None:
            return is_owed
        if following.is_judged:
            return np.zeros(len(at), dtype=bool)
        for heard_at, heard_s in following.receipts or ():
            first_s = dict(zip(heard_at[::-1].tolist(), heard_s[::-1].tolist(), strict=True))
            is_owed &= times_s < np.array([first_s.get(span, math.inf) for span in at.tolist()])
        return is_owed
