"""Reach: which share of the announcements that players should have received did arrive.

Entries of a `loadtest.measure.ledger.Ledger` are judged two settling times after the fact: one for announcements to
arrive, one for players to record what they did. A handshake is recorded at its end, so nothing is judged that happened
after the start of one that is still under way: others may hear of it before its own player.

**Presence** is exact, for an announcement names its user. An observer is expected to hear of a transition when it was
accepted before the transition can have begun and stayed for `settle_s` after its player knew of it. Cause and effect
leave no margin at the front: the server accepted the observer before it made the transition. The margin at the back is
for events in flight when an observer leaves, and when the run ends, which is the leaving of all; that itself is nothing
to hear of. Who is lost and back within the server's grace period has made no transition
(`loadtest.measure.judging.graces`). What then came is *received*, what did not come within the settling time is *lost*;
should it come after all it is *late* besides. A receipt belongs to the latest transition of that kind of that user that
had begun. A second one for the same observer and transition is a *duplicate*; one that came before that of the user's
transition before is *out of order*; one that no transition explains is *unexpected*; one about a user who is not of the
swarm is a *stranger's*. After silent losses, and in batches where a user came and went at once, servers may announce
less, and after a handshake without an answer more: such transitions are *excused*, and of the first and the last kind
only what is told twice in a row is a duplicate (`loadtest.measure.presence.doubtful`). So are losses and returns of
which only the server knows whether they were within the grace period.

**Rooms** may be conflated by right (protocol contract, section 2.5), and the base protocol's announcement does not say
of what. An observer that was accepted before a change was asked for and stayed for `settle_s` after the answer is
expected to get at least one announcement (or list, over the socket) after the asking. The first of them counts for
reach. Its time is that of the change only where no other came shortly before: `time to fresh` is exact. Deltas name
their rooms, so revisions are timed by the first that has it in it (`loadtest.measure.judging.named`). Above
`PAIRS_AT_ONCE` pairs per call (`loadtest.measure.judging.changes`), changes are looked at for every n-th observer only,
and the rest is counted as *sampled out*. Duplicates and order are those of revisions, where announcements carry them.

**What others do** (users who are not of the swarm, changes that it did not make) has no time of its own here. It is
judged by what the observers heard: where most of them heard of it, the others should have, too
(`loadtest.measure.rounds`). The same comparison shows announcements of the rooms that an observer *missed* though a
later one came: lost, or conflated by right; the base protocol does not tell which. Revisions do: a delta that does not
build on the one before is a loss, counted once however it is noticed (`loadtest.measure.judging.gaps`).

**Faults** that the run brings about have windows of time (`loadtest.measure.disturbed`), and so has a long standstill
of the swarm itself. What was to be told of the rooms in one may come until it ends. Presence in it is judged at its
end, by what each player then holds to be true (`loadtest.measure.disturbed.views`); its transitions are *excused*.

*Unjudged* are pairs whose observer came or left so close to the event that nothing can be expected: a loss among them
is not seen. *Unheard* is the coming of a user that none of the expected observers heard of, of two or more, in time or
late; over all processes, `loadtest.measure.presence.comings` says so.

Cost: about 0.3 µs per receipt (`tests/loadtest/measure/test_reach.py` prints it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from loadtest.measure.columns import FloatArray, IntArray, Spans, Taken, are_different, take
from loadtest.measure.disturbed.views import Views
from loadtest.measure.judging.changes import ChangesOfRooms
from loadtest.measure.judging.entries import Transition
from loadtest.measure.judging.expectations import Expectations
from loadtest.measure.judging.gaps import DeltaGaps
from loadtest.measure.judging.tally import ReachTally
from loadtest.measure.ledger import SEES_BATCHES, SEES_PRESENCE, SHAKING_S, Ledger
from loadtest.measure.presence.comings import FoundComings
from loadtest.measure.presence.doubtful import Doubtful
from loadtest.measure.presence.stragglers import Stragglers
from loadtest.measure.presence.taped import Receipts
from loadtest.measure.presence.transitions import TransitionEntry, Transitions
from loadtest.measure.rounds import JudgedRounds, RoundsOfRooms, Strangers

SETTLE_S = 5.0
BATCH_S = 2.0
"""Transitions of one user that are closer than this may cancel each other in a batch."""
PATIENCE_S = 30.0
"""A receipt that no transition explains waits so long for one: its player may not have read its acceptance yet."""
LONG_STALL = 0.5
"""Of the settling time: so much later than it came, news still comes in time."""
FORGET_EVERY_S = 30.0
REMEMBER_S = 120.0
PAIRS_AT_ONCE = 250_000
"""Of transitions and observers, in one call of `Reach.settle`: some 20 ms in which nobody is read for."""


class Reach:
    """One for a ledger; it takes out of the ledger what it has read."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        settle_s: float = SETTLE_S,
        on_fan_out: Callable[[str, FloatArray, FloatArray], object] = lambda kind, latencies_s, heard_s: None,
        on_heard: Callable[[str, float, float], object] = lambda name, duration_s, heard_s: None,
    ) -> None:
        """`on_fan_out` gets ``presence`` or ``rooms``, what each receipt took and when it was heard; `on_heard` the
        same of a role's own expectation, one by one."""
        self.presence = ReachTally()
        self.rooms = ReachTally()
        self.comings = FoundComings()
        self.expectations = Expectations(clock=ledger.clock, on_heard=on_heard)
        """Of the roles."""
        self.settle_s = ledger.settle_s = settle_s
        self.is_behind = False
        """There is more to judge than one call of `settle` does: call it again soon."""
        self._ledger = ledger
        self._on_fan_out = on_fan_out
        since_s = ledger.began_s - 1000.0
        self._transitions = Transitions(since_s=since_s)
        self._entries = self._transitions.entries
        self._forgot_s = self._horizon_s = -math.inf
        self._open: list[int] = []
        self._waiting: list[Receipts] = []
        """What no transition explains yet."""
        self._waiting_since_s = math.inf
        self._has_news = False
        """There are transitions since that was looked at."""
        self._excuses = False
        """Of some transitions it is kept who got them, as a fault may have held them up."""
        self._gaps = DeltaGaps()
        self._changes = ChangesOfRooms(
            ledger.disturbances, ledger.named, self._gaps, settle_s=settle_s, since_s=since_s
        )
        self._strangers = Strangers(settle_s)
        self._rounds = RoundsOfRooms(settle_s, ledger.disturbances, self._gaps)
        self._views = Views(ledger.disturbances, settle_s=settle_s, look_back_s=ledger.ghost_s)
        self._doubtful = Doubtful()
        self._stragglers = Stragglers(self._entries, self._views, self.comings, settle_s=settle_s)

    def take_tallies(self) -> tuple[ReachTally, ReachTally]:
        """Presence and rooms since the last time; both start from zero."""
        taken = self.presence, self.rooms
        self.presence, self.rooms = ReachTally(), ReachTally()
        return taken

    def stood_still(self, from_s: float, until_s: float) -> None:
        """This process read nothing between these times. What it reads of a socket then has the time of the last that
        lay in it: too late by up to all of that, so a long one is a window such as faults have."""
        self.expectations.stood_still(from_s, until_s)
        if until_s - from_s >= self.settle_s * LONG_STALL:
            self._ledger.disturbances.tell(from_s - self.settle_s, until_s + self.settle_s)

    def settle(self, now_s: float, *, is_final: bool = False) -> None:
        """Judge what is old enough, as far as one call goes (`is_behind`); at the end, all: what was in flight then is
        not expected."""
        known_s = self._ledger.known_until_s(now_s, is_over=is_final)
        horizon_s = math.inf if is_final else min(now_s - self.settle_s, known_s)
        if not is_final and self._ledger.heard_until_s is not None:
            horizon_s = min(horizon_s, self._ledger.heard_until_s - self.settle_s)
        fresh, self._ledger.transitions = self._ledger.transitions, []
        self._open += self._transitions.add(fresh) if fresh else ()
        self._has_news |= bool(fresh)
        changes, self._ledger.changes = self._ledger.changes, []
        self._changes.add(changes)
        pending_s = [self._entries[number].transition.end_s for number in self._open]
        pending_s += [self._strangers.oldest_s, self._rounds.oldest_s, self._views.oldest_s, self._changes.oldest_s]
        spans = Spans(self._ledger, now_s=now_s, since_s=min(now_s, *pending_s))
        self.is_behind = False
        if not is_final:
            horizon_s = self._within_one_call(horizon_s, self._at_once(spans))
        self._horizon_s = horizon_s
        taken = take(self._ledger.pending, horizon_s)
        self.rooms.booked += len(taken.announcement_spans)
        self._settle_presence(taken, spans, horizon_s, is_final=is_final)
        found = self._ledger.revisions.take_found()
        self.rooms.out_of_order += found.stale
        self.rooms.duplicates += found.repeated
        self.rooms.expected += sum(self._gaps.add(*gap) for gap in found.gaps)
        self._rounds.add(taken, self._changes.waiting)
        for latencies_s, heard_s in self._changes.judge(taken, spans, horizon_s, self.rooms):
            self._on_fan_out("rooms", latencies_s, heard_s)
        self._add(self._strangers.judge(spans, horizon_s - PATIENCE_S if not is_final else math.inf), self.presence)
        self._add(self._rounds.judge(spans, horizon_s), self.rooms)
        self._forget(horizon_s)
        self.expectations.settle(horizon_s, is_final=is_final)

    def _add(self, judged: JudgedRounds, tally: ReachTally) -> None:
        tally.events += judged.rounds
        tally.others += judged.rounds
        tally.expected += judged.expected
        tally.received += judged.received
        tally.missed += judged.missed
        tally.late += judged.late
        for spread_s, heard_s in judged.spreads:
            self._on_fan_out("others", spread_s, heard_s)

    # -- presence -------------------------------------------------------------------------------------------------

    def _settle_presence(self, taken: Taken, spans: Spans, horizon_s: float, *, is_final: bool) -> None:
        give = partial(self._attribute, horizon_s=horizon_s, is_final=is_final)
        receipts = taken.receipt_users, taken.receipt_spans, taken.receipt_times_s
        self.presence.booked += len(taken.receipt_users)
        waited = self._take_waiting(horizon_s, is_final=is_final)
        give(*(np.concatenate(columns) for columns in zip(*waited, receipts, strict=True)))
        taped = self._ledger.taped
        if self._minds_each:
            self.presence.booked += self._views.take_taped(taped, horizon_s)
            self._retire(horizon_s, give)
        self._stragglers.account(spans, self.presence)
        due: list[int] = []
        still_open: list[int] = []
        for number in self._open:
            is_due = self._entries[number].transition.end_s + self.settle_s <= horizon_s
            (due if is_due else still_open).append(number)
        self._open = still_open
        most = self._at_once(spans)  # in between what was on a tape takes memory
        for part in (due[start : start + most] for start in range(0, len(due), most)):
            if taped:
                self._give_taped(part, horizon_s, give)
                self._stragglers.account(spans, self.presence)
            for number in part:
                self._judge(number, spans)
        self._retire(horizon_s - self.settle_s, give)
        self._stragglers.account(spans, self.presence)
        self.presence.duplicates += self._doubtful.count()
        self._judge_views(spans, horizon_s, is_final=is_final)

    @property
    def _minds_each(self) -> bool:
        """Receipts are looked at as they come, and not when what they tell of is due: some may be of a window that is
        not judged yet, or late because of one."""
        return self._excuses or math.isfinite(self._views.oldest_s)

    def _retire(self, until_s: float, give: Callable[..., None]) -> None:
        for receipts in self._ledger.taped.retire(until_s):
            self.presence.booked += len(receipts[0])
            give(*receipts)

    def _take_waiting(self, horizon_s: float, *, is_final: bool) -> list[Receipts]:
        """What may be explained by now, or is to be given up."""
        has_news, self._has_news = self._has_news or self._minds_each, False
        if not (is_final or has_news or self._waiting_since_s <= horizon_s - PATIENCE_S):
            return []
        waiting, self._waiting, self._waiting_since_s = self._waiting, [], math.inf
        return waiting

    def _judge_views(self, spans: Spans, horizon_s: float, *, is_final: bool) -> None:
        while True:
            known = (entry.transition for entry in self._entries.values())
            judged = self._views.judge(spans, known, horizon_s, most_pairs=PAIRS_AT_ONCE)
            self.presence.expected += judged.expected
            self.presence.received += judged.right
            self.presence.duplicates += judged.duplicates
            if not (is_final and self._views.is_behind):
                break
        self.is_behind |= self._views.is_behind

    @staticmethod
    def _at_once(spans: Spans) -> int:
        """Transitions."""
        return max(1, PAIRS_AT_ONCE // max(1, len(spans.numbers)))

    def _within_one_call(self, horizon_s: float, most: int) -> float:
        """No further than that about `most` transitions are due."""
        ends_s = [self._entries[number].transition.end_s + self.settle_s for number in self._open]
        due_s = sorted(end_s for end_s in ends_s if end_s <= horizon_s)
        self.is_behind = len(due_s) > most
        return min(horizon_s, max(self._horizon_s, due_s[most - 1])) if self.is_behind else horizon_s

    def _give_taped(self, due: list[int], horizon_s: float, give: Callable[..., None]) -> None:
        """What is on a tape of these transitions, and of their users' others of the kind."""
        transitions = {entry.transition.key: entry.transition for entry in map(self._entries.__getitem__, due)}
        minds_each = self._minds_each
        for users, at, times_s in self._ledger.taped.take(transitions, horizon_s):
            transition = transitions[int(users[0])]
            number = None if minds_each else self._transitions.announced_alike(transition, times_s)
            self.presence.booked += len(at)
            if number is None:
                give(users, at, times_s)
            else:
                self._book(number, at, times_s)

    def _attribute(
        self, users: IntArray, at: IntArray, times_s: FloatArray, *, horizon_s: float, is_final: bool
    ) -> None:
        """Each receipt to its transition, or to what waits for one, to strangers, or to what nothing explains."""
        if self._ledger.disturbances and len(users):
            is_left = ~self._views.take(users, at, times_s)
            users, at, times_s = users[is_left], at[is_left], times_s[is_left]
        if not len(users):
            return
        numbers, is_known = self._transitions.announced(users, times_s)
        is_explained = numbers >= 0
        waits = ~is_explained if not is_final else np.zeros(len(users), dtype=bool)
        if not is_final:  # a user whose first acceptance is still under way looks like a stranger
            waits &= times_s > horizon_s - PATIENCE_S
        if waits.any():
            self._waiting.append((users[waits], at[waits], times_s[waits]))
            self._waiting_since_s = min(self._waiting_since_s, float(times_s[waits].min()))
        given_up = ~is_explained & ~waits
        of_strangers = given_up & ~is_known
        self.presence.strangers += int(np.count_nonzero(of_strangers))
        self._strangers.add(users[of_strangers], at[of_strangers], times_s[of_strangers])
        self.presence.unexpected += int(np.count_nonzero(given_up & is_known))
        numbers, at, times_s = numbers[is_explained], at[is_explained], times_s[is_explained]
        if not len(numbers):
            return
        order = np.argsort(numbers, kind="stable")
        numbers, at, times_s = numbers[order], at[order], times_s[order]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts.tolist()[1:], len(numbers)], strict=True):
            self._book(int(numbers[start]), at[start:end], times_s[start:end])

    def _book(self, number: int, at: IntArray, times_s: FloatArray) -> None:
        entry = self._entries[number]
        if not entry.transition.is_certain:
            at, times_s = self._take_doubtful(entry.transition, at, times_s)
        if entry.is_judged:
            self._stragglers.add(number, at, times_s)
        else:
            # copies: a slice would hold all that came with it until the last of that is judged
            entry.receipts = [*(entry.receipts or ()), (at.astype(np.int32), times_s.copy())]

    def _take_doubtful(self, transition: Transition, at: IntArray, times_s: FloatArray) -> tuple[IntArray, FloatArray]:
        """What is left of it to judge: what the server's view of that user does not explain any more."""
        is_doubtful = times_s <= transition.end_s + self._ledger.ghost_s
        if is_doubtful.any():
            self._doubtful.take(
                transition.user_id, at[is_doubtful], times_s[is_doubtful], is_online=transition.is_online
            )
        return at[~is_doubtful], times_s[~is_doubtful]

    def _judge(self, number: int, spans: Spans) -> None:
        entry = self._entries[number]
        transition = entry.transition
        entry.is_judged = True
        at, times_s = np.empty(0, dtype=np.int64), np.empty(0)
        if entry.receipts is not None:
            spans_of, times_of = zip(*entry.receipts, strict=True)
            at, times_s = np.concatenate(spans_of).astype(np.int64), np.concatenate(times_of)
            if not are_different(at):
                order = np.argsort(times_s, kind="stable")
                at, firsts, counts = np.unique(at[order], return_index=True, return_counts=True)
                times_s = times_s[order][firsts]
                self.presence.duplicates += int(counts.sum()) - len(at)
            entry.receipts = None
        self._check_order(entry, at, times_s)
        if entry.next is not None and not self._entries[entry.next].is_judged:
            entry.firsts = at, times_s
        is_expected = spans.sees(SEES_PRESENCE | SEES_BATCHES)
        known_s = transition.end_s if math.isnan(transition.origin_s) else transition.begin_s
        is_disturbed = self._ledger.disturbances.touch(known_s, transition.end_s + self.settle_s)
        if is_disturbed or not transition.is_certain:
            self.presence.excused += 1
            entry.had = at if is_disturbed and transition.is_certain else None
            self._excuses |= entry.had is not None
            return
        if self._may_cancel(entry):
            is_expected = spans.sees(SEES_PRESENCE)
        until_s = transition.end_s + self.settle_s
        is_there_for_it = is_expected & spans.overlap(transition.begin_s, until_s)
        is_expected = is_expected & spans.stayed(transition.begin_s, until_s)
        self.presence.unjudged += int(np.count_nonzero(is_there_for_it & ~is_expected))
        places, is_there = spans.places(at)
        has_come = np.zeros(len(is_expected), dtype=bool)
        has_come[places[is_there]] = True
        self.presence.events += 1
        self.presence.expected += int(np.count_nonzero(is_expected))
        self.presence.received += int(np.count_nonzero(is_expected & has_come))
        if transition.is_online:
            expected, heard = int(np.count_nonzero(is_expected)), int(np.count_nonzero(is_expected & has_come))
            self.comings.note(entry, self.presence, expected=expected, heard=heard)
        lost = spans.numbers[is_expected & ~has_come]
        entry.lost = lost if len(lost) else None
        if not math.isnan(transition.origin_s):
            is_counted = is_there.copy()
            is_counted[is_there] = is_expected[places[is_there]]
            self._on_fan_out("presence", times_s[is_counted] - transition.origin_s, times_s[is_counted])

    def _check_order(self, entry: TransitionEntry, at: IntArray, times_s: FloatArray) -> None:
        if entry.previous is None:
            return
        before = self._entries.get(entry.previous)
        if before is not None and before.firsts is not None:
            _, here, there = np.intersect1d(at, before.firsts[0], assume_unique=True, return_indices=True)
            self.presence.out_of_order += int(np.count_nonzero(times_s[here] < before.firsts[1][there]))
            before.firsts = None

    def _may_cancel(self, entry: TransitionEntry) -> bool:
        """Within a batch that holds this user's transition before or after, too."""
        span_s = min(BATCH_S, self.settle_s)
        if entry.next is not None and self._entries[entry.next].transition.begin_s - entry.transition.end_s < span_s:
            return True
        before = self._entries.get(entry.previous) if entry.previous is not None else None
        return before is not None and entry.transition.begin_s - before.transition.end_s < span_s

    def _forget(self, horizon_s: float) -> None:
        """Transitions long past, but for the last two of each user: what comes now is about those. It keeps the memory
        of a soak in bounds."""
        if not math.isfinite(horizon_s) or horizon_s - self._forgot_s < FORGET_EVERY_S:
            return
        self._forgot_s = horizon_s
        self._doubtful.forget(horizon_s - self._ledger.ghost_s)
        horizon_s = min(horizon_s, self._views.oldest_s)
        self._transitions.forget(lambda entry: entry.is_judged and entry.transition.end_s < horizon_s - REMEMBER_S)
        for entry in self._entries.values():
            if entry.had is not None and entry.transition.end_s < horizon_s - REMEMBER_S:
                entry.had = None
        self._excuses = any(entry.had is not None for entry in self._entries.values())
        self._views.forget(horizon_s - REMEMBER_S - SHAKING_S)  # news may be older than the answer to the handshake
