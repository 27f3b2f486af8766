"""What a thousand players are told at once, told to all of them in one go: presence, and deltas of the rooms.

One turn of the reader brought the same bytes to many. For a player of whom nobody wants to know more than that
(`SocketClient` follows its list and its ledger, and no role listens), what they say is the same as for the next one:
its list is at the same revision, its rooms have the same ages. So that is worked out once. What a player holds is the
number of a `Stand` while it is in the group (`loadtest.wire.together.group`), and a step from one to the next is two
figures in its columns, written for all of them at once. Whoever is anywhere else than the step begins hears for itself;
the ledger and all figures are the same either way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

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

    def take(self, chunk: bytes, fds: Sequence[int], arrived_s: FloatArray) -> None:
        known, alone = self._chunks.get(chunk), 0
        if known is None:
            self._hear(fds[0], chunk, float(arrived_s[0]))
            known, alone = self._chunks.get(chunk), 1
        at, times_s = np.array(fds[alone:], np.int64), arrived_s[alone:]
        if known is not None and known.deltas is not None:
            is_alone = self._follow(known, len(chunk), at, times_s)
            if not is_alone.any():
                return
            at, times_s = at[is_alone], times_s[is_alone]
        for fd, at_s in zip(at.tolist(), times_s.tolist(), strict=True):
            self._hear(fd, chunk, at_s)

    def were_late(self, late_s: list[float]) -> None:
        self._recorder.record_many(LATENESS, late_s)

    def were_answered(self, round_trips_s: list[float]) -> None:
        self._requests.good_many("WS", "heartbeat", round_trips_s)

    def _follow(self, chunk: Chunk, size: int, fds: IntArray, times_s: FloatArray) -> npt.NDArray[np.bool_]:
        """Returns who has to hear for itself."""
        stands = np.frombuffer(self._group.standing, np.int64)[fds]
        is_alone: npt.NDArray[np.bool_] = stands == OUT
        for number in sorted(set(stands.tolist()) - {OUT}):  # mostly one
            step = self._step(number, chunk) if chunk.deltas else None
            are_there = stands == number
            if chunk.deltas and step is None:
                is_alone |= are_there
            else:
                self._tell(chunk, size, step, fds[are_there], times_s[are_there])
        return is_alone

    def _tell(self, chunk: Chunk, size: int, step: Step | None, fds: IntArray, times_s: FloatArray) -> None:
        """All of them stand where the step begins. The arrays of columns are of a moment: while there is one, the
        column cannot grow."""
        group, number = self._group, len(fds)
        heard_s = np.frombuffer(group.heard_s)
        begins_s = np.maximum(heard_s[fds], times_s)
        heard_s[fds] = begins_s + chunk.messages * APART_S
        if step is not None:
            np.frombuffer(group.standing, np.int64)[fds] = step.after.number
            step.after.players += number
            step.before.players -= number
            self._drop_if_empty(step.before)
            if step.made:
                since_s = np.frombuffer(group.since_s)[fds]
                ages_s = [
                    (begins_s + place * APART_S - made_s)[made_s >= since_s] for place, made_s in step.made
                ]  # of rooms that were made while they were there
                self._ledger.record_many(FRESH_BY_PUSH, np.concatenate(ages_s).tolist())
        self._book(chunk, size, np.frombuffer(group.spans, np.int32)[fds], begins_s)

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

    def _book(self, chunk: Chunk, size: int, spans: npt.NDArray[np.int32], heard_s: FloatArray) -> None:
        """Into counters and ledger, as `loadtest.wire.hearing` and `PlayerWatch` do for one."""
        number, counters, pending = len(spans), self._counters, self._ledger.pending
        counters.bytes_in += size * number
        for name, messages, payload in chunk.by_type:
            counters.messages_in[name] += messages * number
            counters.payload_in[name] += payload * number
        if chunk.presence:
            pending.reads += [chunk.presence] * number
            pending.read_spans.frombytes(spans.tobytes())
            pending.read_times_s.frombytes(heard_s.tobytes())
        for place, delta in chunk.deltas or ():
            pending.announcement_spans.frombytes(spans.tobytes())
            pending.announcement_times_s.frombytes((heard_s + place * APART_S).tobytes())
            pending.announcement_revisions.fromlist([delta.rev] * number)
            self._ledger.revisions.take(delta.base, delta.rev, base=delta.base, is_whole=False)
            self._ledger.named.take(delta, float(heard_s[0]))

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
