"""What a thousand players are told at once, told to all of them in one go: presence, and deltas of the rooms.

One turn of the reader brought the same bytes to many. For a player of whom nobody wants to know more than that
(`SocketClient` follows its list and its ledger, and no role listens), what they say is the same as for the next one:
its list is at the same revision, its rooms have the same ages. So that is worked out once. What a player holds is the
number of a `Stand` while it is in the group (`loadtest.wire.together.group`), and a step from one to the next is two
figures in its columns. Whoever is anywhere else than the step begins hears for itself; the ledger and all figures are
the same either way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.client import Counters
from loadtest.client.lists.delta_list import DeltaServerList, HeldRooms
from loadtest.measure.freshness import MarkedList
from loadtest.measure.ledger import FRESH_BY_PUSH
from loadtest.measure.recorder import LATENESS, Recorder
from loadtest.players.request_table import RequestTable
from loadtest.players.shared_lists import SharedLists
from loadtest.wire.messages.chunks import Chunk, Chunks
from loadtest.wire.state import APART_S
from loadtest.wire.together.group import OUT, Group
from lobby_server.protocol.resources import Room

WITHOUT_A_LIST = 0
"""Where those stand whose list is not told in deltas."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Stand:
    """What some players hold: a list, and what their watches know of it."""

    number: int
    held: HeldRooms
    marks: MarkedList
    players: int = 0
    """In the group. With the last of them it is gone."""


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """From one list to another, for all who hold the first."""

    before: Stand
    after: Stand
    made: tuple[tuple[int, float], ...]
    """Of the swarm's rooms that are new: place of the message that has it, and the intended time of its making."""


class GroupedList(DeltaServerList):
    """One that is followed in the group. Who asks for its rooms gets the player out of there."""

    __slots__ = ()

    @property
    def rooms(self) -> tuple[Room, ...]:
        self._connection.hear_alone()  # type: ignore[attr-defined]  # a connection of the swarm
        return super().rooms


class Together:
    """Of one process: a `loadtest.wire.together.group.Together`."""

    def __init__(
        self, *, recorder: Recorder, lists: SharedLists, chunks: Chunks, group: Group, requests: RequestTable
    ) -> None:
        self._recorder, self._ledger, self._lists, self._chunks = recorder, recorder.ledger, lists, chunks
        self._counters: Counters = recorder.connections
        self._group, self._requests = group, requests
        self._stands: dict[int, Stand] = {}
        self._stand_of_list: dict[int, Stand] = {}
        """By the id of the list, which the stand holds."""
        self._last_number = WITHOUT_A_LIST
        self._last_step: tuple[int, Chunk | None, Step | None] = WITHOUT_A_LIST, None, None
        """From where, by what: a broadcast is read in several turns."""

    # -- who joins and leaves -------------------------------------------------------------------------------------

    def stand_of(self, connection: Any) -> int:
        listing, watch = connection.followed_list, connection.follower
        if listing is None:
            return WITHOUT_A_LIST
        held = listing.held
        if held is None or listing.is_resyncing or watch.lost_s is not None:
            return OUT
        if not held.revision == listing.revision == watch.revision:
            return OUT
        stand = self._stand_for(held)
        if watch.held is not stand.marks:
            self._drop_if_empty(stand)
            return OUT
        stand.players += 1
        return stand.number

    def give_back(self, connection: Any, stand: int) -> None:
        if stand == WITHOUT_A_LIST:
            return
        found, listing, watch = self._stands[stand], connection.followed_list, connection.follower
        listing.held, watch.held = found.held, found.marks
        listing.revision = watch.revision = found.held.revision
        found.players -= 1
        self._drop_if_empty(found)

    # -- what is told ---------------------------------------------------------------------------------------------

    def take(self, chunk: bytes, fds: Sequence[int], arrived_s: Sequence[float]) -> None:
        known, alone = self._chunks.get(chunk), 0
        if known is None:
            self._hear(fds[0], chunk, arrived_s[0])
            known, alone = self._chunks.get(chunk), 1
        others: Iterable[tuple[int, float]] = zip(fds[alone:], arrived_s[alone:], strict=True)
        if known is not None and known.deltas is not None:
            others = self._follow(known, len(chunk), others)
        for fd, at_s in others:
            self._hear(fd, chunk, at_s)

    def were_late(self, late_s: list[float]) -> None:
        self._recorder.record_many(LATENESS, late_s)

    def were_answered(self, round_trips_s: list[float]) -> None:
        self._requests.good_many("WS", "heartbeat", round_trips_s)

    def _follow(self, chunk: Chunk, size: int, hearing: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
        """Returns those who have to hear for themselves."""
        standing, by_stand = self._group.standing, dict[int, list[tuple[int, float]]]()
        for each in hearing:
            by_stand.setdefault(standing[each[0]], []).append(each)
        alone = by_stand.pop(OUT, [])
        for number, players in by_stand.items():
            step = self._step(number, chunk) if chunk.deltas else None
            if chunk.deltas and step is None:
                alone += players
            else:
                self._tell(chunk, size, step, players)
        return alone

    def _tell(self, chunk: Chunk, size: int, step: Step | None, players: list[tuple[int, float]]) -> None:
        """All of them stand where the step begins."""
        group, took_s = self._group, chunk.messages * APART_S
        standing, heard_s, since_s, spans_of = group.standing, group.heard_s, group.since_s, group.spans
        made = () if step is None else step.made
        spans: list[int] = []
        begins_s: list[float] = []
        ages_s: list[float] = []
        for fd, at_s in players:  # few objects, and each once: most of the time goes to where they are
            begin_s = heard_s[fd]
            if at_s > begin_s:
                begin_s = at_s
            heard_s[fd] = begin_s + took_s
            spans.append(spans_of[fd])
            begins_s.append(begin_s)
            if made:
                ages_s += [begin_s + place * APART_S - made_s for place, made_s in made if made_s >= since_s[fd]]
        if step is not None:
            after = step.after.number
            for fd, _ in players:
                standing[fd] = after
            step.after.players += len(players)
            step.before.players -= len(players)
            self._drop_if_empty(step.before)
        self._book(chunk, size, spans, begins_s)
        if ages_s:
            self._ledger.record_many(FRESH_BY_PUSH, ages_s)

    def _step(self, number: int, chunk: Chunk) -> Step | None:
        """None: the deltas do not build on what stands there."""
        known, of_chunk, step = self._last_step
        if known == number and of_chunk is chunk and step is not None and step.after.number in self._stands:
            return step
        before, deltas = self._stands.get(number), chunk.deltas or ()
        if before is None or before.held.revision != deltas[0][1].base:
            return None
        after, marks, made = before.held, before.marks, list[tuple[int, float]]()
        for place, delta in deltas:
            after = self._lists.apply_delta(after, delta)
            now = self._ledger.marks.read_list(after.rooms)
            made += [(place, made_s) for room_id, made_s in now.made_s.items() if room_id not in marks.made_s]
            marks = now
        step = Step(before, self._stand_for(after), tuple(made))
        self._last_step = number, chunk, step
        return step

    def _stand_for(self, held: HeldRooms) -> Stand:
        found = self._stand_of_list.get(id(held))
        if found is None:
            self._last_number += 1
            found = Stand(self._last_number, held, self._ledger.marks.read_list(held.rooms))
            self._stands[found.number] = self._stand_of_list[id(held)] = found
        return found

    def _drop_if_empty(self, stand: Stand) -> None:
        if not stand.players and self._stands.pop(stand.number, None) is not None:
            del self._stand_of_list[id(stand.held)]

    def _book(self, chunk: Chunk, size: int, spans: list[int], heard_s: list[float]) -> None:
        """Into counters and ledger, as `loadtest.wire.hearing` and `PlayerWatch` do for one."""
        number, counters, pending = len(spans), self._counters, self._ledger.pending
        counters.bytes_in += size * number
        for name, messages, payload in chunk.by_type:
            counters.messages_in[name] += messages * number
            counters.payload_in[name] += payload * number
        if chunk.presence:
            pending.reads += [chunk.presence] * number
            pending.read_spans.fromlist(spans)
            pending.read_times_s.fromlist(heard_s)
        for place, delta in chunk.deltas or ():
            pending.announcement_spans.fromlist(spans)
            pending.announcement_times_s.fromlist([at_s + place * APART_S for at_s in heard_s])
            pending.announcement_revisions.fromlist([delta.rev] * number)
            self._ledger.revisions.take(delta.base, delta.rev, base=delta.base, is_whole=False)
            self._ledger.named.take(delta, heard_s[0])

    def _hear(self, fd: int, chunk: bytes, arrived_s: float) -> None:
        """By itself; one that has ended in the same turn hears nothing."""
        connection = self._group.connections.get(fd)
        if connection is None:
            return
        try:
            connection.on_bytes(chunk, arrived_s)
        except Exception:
            log.exception("fault while reading for %r; it is taken for lost", connection)
            connection.on_end("a fault of this client")
