"""The ledger of one process of the swarm: which connections were open when, what happened, and what arrived.

Players write through a `PlayerWatch`, one per connection, at a third of a microsecond per event: it only appends.
`loadtest.measure.reach` judges later, together with the entries of the other processes. The ledger holds:

* **spans**: a connection from its acceptance to its loss. An observer is a span; after a reconnect it is another one.
* **transitions**: a user of the swarm came online (its first connection was accepted) or went offline (its last ended,
  and the server's grace period is over, `loadtest.measure.judging.graces`).
* **changes**: a room was made, deleted or entered, with the times when that was intended, asked for and answered.
* **receipts**: an announcement of presence arrived at a span, by itself, in a read, or on a tape
  (`loadtest.measure.presence.taped`); **announcements**: one of the rooms did.

All times are seconds of `time.perf_counter`, which all processes of one machine share. Times of another machine are
shifted when they come in and marked as foreign: good enough to count by, too coarse for a latency.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from loadtest.client import ServerTimers
from loadtest.measure.disturbed.windows import Disturbances
from loadtest.measure.freshness import FreshnessWatch, Marks, clock_of_this_machine
from loadtest.measure.judging.entries import NO_REVISION, Change, ComingNumbers, Pending, Transition
from loadtest.measure.judging.graces import Graces
from loadtest.measure.judging.named import NamedChanges
from loadtest.measure.presence.taped import TapedReceipts
from loadtest.measure.revisions import Revisions
from loadtest.wire.messages.tape import Stretches
from lobby_server.protocol.features import Feature
from lobby_server.protocol.resources import Room

FRESH_BY_PUSH = "time to fresh, by push"
RECONNECT_TO_FRESH = "reconnect to fresh"
EVENTS = frozenset({"user_online", "user_offline", "rooms_changed"})
"""What a lobby tells everybody of."""
SEES_PRESENCE, SEES_BATCHES, SEES_ROOMS, SEES_REVISIONS = 1, 2, 4, 8
"""What a span is told: single presence events or batches of them, and changes of the rooms. Bits."""
GHOST_MARGIN_S = 45.0
"""After a silent loss, or a handshake without an answer, the server's view of that user is unknown for its heartbeat
timeout and this: it may hold the dead connection (protocol contract, section 2.6), or accept the handshake later."""
SHAKING_S = 30.0
"""Longer than any client waits for the answer to its handshake (10 s, `loadtest.client.Timing`)."""
FOREIGN_SLACK_S = 0.25
"""How wrong a time of another machine may be."""


class Ledger:
    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.perf_counter,
        marks: Marks | None = None,
        record: Callable[[str, float], object] = lambda series, duration_s: None,
        record_many: Callable[[str, Sequence[float]], object] = lambda series, durations_s: None,
        timers: ServerTimers | None = None,
    ) -> None:
        """`record` and `record_many` get the durations that need no judging: `FRESH_BY_PUSH` and `RECONNECT_TO_FRESH`.
        `timers` are the server's, by default the protocol's: how long it may hold a dead connection, and a user who
        has none."""
        timers = timers or ServerTimers()
        self.clock = clock
        self.marks = marks or Marks()
        self.record, self.record_many = record, record_many
        self.ghost_s = timers.heartbeat_timeout_s + timers.presence_grace_s + GHOST_MARGIN_S
        """How long after a silent loss, or a handshake without an answer, the server's view of a user is unknown."""
        self.settle_s = 0.0
        """How long an announcement may take, as the judge has it."""
        self.began_s = clock()
        self.clock_id = clock_of_this_machine()
        self.span_from_s = array("d")
        self.span_until_s = array("d")
        """Infinite while it is open."""
        self.span_sees = array("b")
        self.pending = Pending.empty()
        self.taped = TapedReceipts()
        self.transitions: list[Transition] = []
        """Not judged yet; the judge takes them away, as the changes."""
        self.changes: list[Change] = []
        self.revisions = Revisions()
        self.named = NamedChanges()
        self.untold: frozenset[str] = frozenset()
        """Of `EVENTS`, those that this server does not tell: nothing is expected of them."""
        self.disturbances = Disturbances()
        """When faults may be felt."""
        self.heard_until_s: float | None = None
        """Up to here all other processes have told what happened; None where there is no other."""
        self._outbox: list[Transition | Change] = []
        self._is_shared = False
        self._is_stopped = False
        self._graces = Graces(timers.presence_grace_s)
        self._entered: dict[PlayerWatch, list[Change]] = {}
        """Rooms that these players have entered and heard no delta since: the next one has that in it."""
        self._shaking: dict[PlayerWatch, float] = {}
        self._connections_of: dict[int, int] = {}
        self._comings = ComingNumbers()
        self._ghosts: dict[int, float] = {}

    def watch(self) -> PlayerWatch:
        """For one connection at a time; it may be used again for the next one of that player."""
        return PlayerWatch(self)

    def change(
        self, room_id: str = "", *, intended_s: float, sent_s: float, answered_s: float, is_gone: bool = False
    ) -> None:
        """A room was made, deleted (`is_gone`) or set otherwise, with success."""
        if not self._is_stopped:
            self._note(Change(intended_s, sent_s, answered_s, room_id, is_gone))

    def known_until_s(self, now_s: float, *, is_over: bool = False) -> float:
        """Whoever came online or went offline before is in the books; what was not certain by now is written there now.
        One whose handshake is not answered may have come when it was sent, `SHAKING_S` ago at most. `is_over`: nothing
        more will come. O(handshakes under way, losses held, rooms entered just now)."""
        known_s = max(min(self._shaking.values(), default=now_s), now_s - SHAKING_S)
        self._note(*self._graces.over(now_s if is_over else known_s - self.settle_s, is_last=is_over))
        for watch, changes in list(self._entered.items()):
            if is_over or changes[0].answered_s < now_s - self.settle_s:
                self.told_of_rooms(watch, None)
        return min(known_s, self._graces.oldest_s - self.settle_s)

    # -- between processes ----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The run is over: players only disconnect from now on, and no announcements of that are expected."""
        self._is_stopped = True

    def share(self) -> None:
        """Other processes have players, too: keep what they have to know, and wait for what they say."""
        self._is_shared = True
        self.heard_until_s = -math.inf

    def take_entries(self) -> dict[str, Any]:
        """What happened here since the last time, for the other processes, made of what msgpack can carry."""
        now_s = self.clock()
        until_s = self.known_until_s(now_s, is_over=self._is_stopped)
        entries, self._outbox = self._outbox, []
        return {
            "clock": self.clock_id,
            "now_s": now_s,
            "until_s": until_s,
            "transitions": [list(astuple(entry)) for entry in entries if isinstance(entry, Transition)],
            "changes": [list(astuple(entry)) for entry in entries if isinstance(entry, Change)],
        }

    def add_entries(self, entries: Mapping[str, Any]) -> None:
        """What happened in another process. Times of another machine's clock are shifted by its `shift_s` already."""
        slack_s = 0.0 if entries["clock"] == self.clock_id else FOREIGN_SLACK_S
        self.transitions += [Transition(*row).within(slack_s) for row in entries["transitions"]]
        self.changes += [Change(*row).within(slack_s) for row in entries["changes"]]

    # -- for the watches ------------------------------------------------------------------------------------------

    def shaking(self, watch: PlayerWatch, sent_s: float | None) -> None:
        """None: it is no longer."""
        if sent_s is None:
            self._shaking.pop(watch, None)
        else:
            self._shaking[watch] = sent_s

    def open_span(self, user_id: int, *, handshake_s: float, accepted_s: float | None, sees: int) -> int:
        now_s = self.clock()
        self.span_from_s.append(now_s)
        self.span_until_s.append(math.inf)
        self.span_sees.append(sees)
        held = self._connections_of.get(user_id, 0)
        self._connections_of[user_id] = held + 1
        if not held:
            read_s = now_s if accepted_s is None else accepted_s
            begin_s = read_s - handshake_s
            if (loss := self._graces.back(user_id)) is not None:
                self._note(*loss.and_back(sent_s=begin_s, accepted_s=read_s))
            else:
                is_certain = "user_online" not in self.untold and self._is_certain(user_id, now_s)
                self._note(Transition(user_id, True, begin_s, now_s, begin_s, is_certain))
        return len(self.span_from_s) - 1

    def close_span(
        self, span: int, user_id: int, *, left_s: float | None, is_abrupt: bool = False, is_silent: bool = False
    ) -> None:
        """`left_s`: when its player chose to go, `is_abrupt` without a close frame; None where the server or the
        network ended it."""
        now_s = self.clock()
        end_s = now_s if left_s is None else left_s
        self.span_until_s[span] = min(end_s, self.span_until_s[span])
        if is_silent:
            self._ghosts[user_id] = end_s + self.ghost_s
        held = self._connections_of.get(user_id, 1) - 1
        self._connections_of[user_id] = held
        if held:
            if is_abrupt or left_s is None:
                self._graces.cut(user_id, end_s)
            return
        begin_s = self.span_from_s[span] if left_s is None else left_s
        is_certain = "user_offline" not in self.untold and self._is_certain(user_id, now_s)
        if is_certain and self._graces.hold(
            user_id, begin_s=begin_s, end_s=end_s, is_chosen=left_s is not None, is_abrupt=is_abrupt,
            within_s=self.settle_s,
        ):  # fmt: skip
            return
        self._note(Transition(user_id, False, begin_s, end_s, math.nan if left_s is None else left_s, is_certain))

    def pass_through(self, user_id: int, *, begin_s: float, left_s: float) -> None:
        now_s = self.clock()
        if not self._connections_of.get(user_id):
            if (loss := self._graces.back(user_id)) is not None and loss.begin_s < left_s:
                self._note(replace(loss.told(is_certain=False), end_s=now_s))
            self._note(Transition(user_id, True, begin_s, now_s, math.nan, is_certain=False))
            self._note(Transition(user_id, False, left_s, now_s, math.nan, is_certain=False))

    def maybe_pass_through(self, user_id: int, *, begin_s: float, left_s: float) -> None:
        """A handshake that the server has not answered, but may have taken, or may yet."""
        self.pass_through(user_id, begin_s=begin_s, left_s=left_s)
        self._ghosts[user_id] = left_s + self.ghost_s

    def _is_certain(self, user_id: int, now_s: float) -> bool:
        return not self._is_stopped and (not self._ghosts or self._ghosts.get(user_id, -math.inf) < now_s)

    def entered(self, watch: PlayerWatch, change: Change) -> None:
        """The answer came over that player's socket: what comes there next is of the rooms after it."""
        if not self._is_stopped:
            self._entered.setdefault(watch, []).append(change)

    def told_of_rooms(self, watch: PlayerWatch, revision: int | None) -> None:
        """That player has heard a delta up to this revision; None: it will not."""
        for change in self._entered.pop(watch, ()):
            self._note(replace(change, last_revision=NO_REVISION if revision is None else revision))

    def _note(self, *entries: Transition | Change) -> None:
        for entry in entries:
            noted = self._comings.numbered(entry) if self._is_shared and isinstance(entry, Transition) else entry
            if isinstance(noted, Transition):
                self.transitions.append(noted)
            else:
                self.changes.append(noted)
            if self._is_shared:
                self._outbox.append(noted)


class PlayerWatch(FreshnessWatch):
    """What one connection tells the ledger. Its calls are in the order of a connection's life, and cheap."""

    __slots__ = (
        "_has_entered", "_is_abrupt", "_is_silent", "_ledger", "_left_s", "_shaking_s", "_unanswered", "_user_id",
        "lost_s", "revision", "span",
    )  # fmt: skip

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.marks)
        self._ledger = ledger
        self.span = -1
        """Below 0: none is open."""
        self._user_id = 0
        self._left_s: float | None = None
        self.lost_s: float | None = None
        """When the connection before was lost, until there is a list again."""
        self._is_abrupt = self._is_silent = False
        self._has_entered = False  # a room, since the last delta
        self.revision = -1
        """Of the rooms, as they were announced last; below 0: none."""
        self._shaking_s: float | None = None
        self._unanswered: list[tuple[float, float]] = []
        """Handshakes that ended without an acceptance: when they were sent, and when they ended. Whose they were is
        known with the first acceptance."""

    def shaking(self, sent_s: float) -> None:
        """A handshake goes out; `accepted`, `came_and_went` or `lost` tells how it ended."""
        self._shaking_s = sent_s
        self._ledger.shaking(self, sent_s)

    def accepted(
        self,
        user_id: int | None,
        *,
        handshake_s: float,
        accepted_s: float | None = None,
        features: Iterable[Feature] = (),
    ) -> None:
        """The server took the handshake, sent `handshake_s` before `accepted_s`, with these features.

        `accepted_s` is when the acceptance was read; without it, now. Other greenlets must not have run in between:
        what they heard of this player would seem to come before its handshake. Guests observe nothing.
        """
        self._shaking_s = None
        self.lost()
        if user_id is None:
            return
        self._own_up(user_id)
        agreed = frozenset(features)
        sees = 0 if "rooms_changed" in self._ledger.untold else SEES_ROOMS
        if sees and agreed & {Feature.REV, Feature.ROOMS_DELTA}:
            sees |= SEES_REVISIONS
        if Feature.PRESENCE_BATCH in agreed:
            sees |= SEES_BATCHES
        elif Feature.PRESENCE_FRIENDS not in agreed:
            sees |= SEES_PRESENCE
        self._user_id, self._left_s, self._is_abrupt, self._is_silent, self.revision = user_id, None, False, False, -1
        self.span = self._ledger.open_span(user_id, handshake_s=handshake_s, accepted_s=accepted_s, sees=sees)
        self.restart(self._ledger.clock())

    def came_and_went(self, user_id: int | None, *, sent_s: float, left_s: float) -> None:
        """The server took the handshake sent at `sent_s` of a player who had left by the time that it knew."""
        self._shaking_s = None
        self._ledger.shaking(self, None)
        if user_id is not None:
            self._ledger.pass_through(user_id, begin_s=sent_s, left_s=left_s)

    def presence(self, user_id: int, is_online: bool, heard_s: float | None = None) -> None:
        """An announcement of that user arrived, at `heard_s` or now: each event, and each entry of a batch."""
        ledger = self._ledger
        pending = ledger.pending
        pending.receipt_users.append(user_id * 2 + is_online)
        pending.receipt_spans.append(self.span)
        pending.receipt_times_s.append(ledger.clock() if heard_s is None else heard_s)

    def presence_many(self, events: bytes | Stretches, heard_s: float) -> None:
        """Those of one read (`loadtest.wire.state.ManyPresenceSink`): one entry, however many they are."""
        if isinstance(events, Stretches):
            if self._ledger.taped.add(events, self.span, heard_s):
                return
            events = events.to_bytes()
        pending = self._ledger.pending
        pending.reads.append(events)
        pending.read_spans.append(self.span)
        pending.read_times_s.append(heard_s)

    def rooms(
        self,
        revision: int | None = None,
        *,
        base: int | None = None,
        is_whole: bool = False,
        heard_s: float | None = None,
    ) -> None:
        """The rooms were announced to have changed, or came themselves, at `heard_s` or now. `base`: the revision that
        a delta builds on. `is_whole`: it is the whole list, which may have been asked for."""
        ledger = self._ledger
        ledger.pending.announcement_spans.append(self.span)
        ledger.pending.announcement_times_s.append(ledger.clock() if heard_s is None else heard_s)
        ledger.pending.announcement_revisions.append(-1 if revision is None else revision)
        if revision is not None:
            self.revision = ledger.revisions.take(self.revision, revision, base=base, is_whole=is_whole, span=self.span)
            if self._has_entered and base is not None:
                self._has_entered = False
                ledger.told_of_rooms(self, revision)

    def entered(self, room_id: str, *, intended_s: float, sent_s: float, answered_s: float) -> None:
        """The player entered a room, as it was told here. Who is told no deltas cannot say which of them is of that."""
        self._ledger.entered(self, Change(intended_s, sent_s, answered_s, room_id))
        self._has_entered = self.span >= 0 and bool(self._ledger.span_sees[self.span] & SEES_REVISIONS)
        if not self._has_entered:
            self._ledger.told_of_rooms(self, None)

    def lists(self, rooms: tuple[Room, ...], heard_s: float | None = None) -> None:
        """The player holds this list, which arrived at `heard_s` or now."""
        now_s = self._ledger.clock() if heard_s is None else heard_s
        for age_s in self.ages_s(rooms, now_s):
            self._ledger.record(FRESH_BY_PUSH, age_s)
        if self.lost_s is not None and self.span >= 0:
            self._ledger.record(RECONNECT_TO_FRESH, now_s - self.lost_s)
            self.lost_s = None

    def leaving(self, *, is_abrupt: bool = False, is_silent: bool = False) -> None:
        """Call it just before the player ends the connection itself. `is_abrupt`: without a close frame; `is_silent`:
        without a word to the server."""
        if self.span >= 0 and self._left_s is None:
            self._left_s, self._is_abrupt, self._is_silent = self._ledger.clock(), is_abrupt, is_silent

    def excused(self) -> None:
        """Nothing is expected here from now on: the player stops reading on purpose."""
        if self.span >= 0:
            until_s = self._ledger.span_until_s
            until_s[self.span] = min(until_s[self.span], self._ledger.clock())

    def lost(self) -> None:
        """The connection is gone, or its handshake failed, whichever side ended it. A second call has no effect."""
        self._ledger.shaking(self, None)
        span, self.span = self.span, -1
        if span >= 0:
            self.lost_s = self._ledger.clock() if self._left_s is None else self._left_s
            self._has_entered = False
            self._ledger.told_of_rooms(self, None)
            self._ledger.close_span(
                span, self._user_id, left_s=self._left_s, is_abrupt=self._is_abrupt, is_silent=self._is_silent
            )
        if self._shaking_s is not None:
            self._unanswered.append((self._shaking_s, self._ledger.clock()))
            self._shaking_s = None
            if self._user_id:
                self._own_up(self._user_id)

    def _own_up(self, user_id: int) -> None:
        for sent_s, ended_s in self._unanswered:
            self._ledger.maybe_pass_through(user_id, begin_s=sent_s, left_s=ended_s)
        self._unanswered.clear()
