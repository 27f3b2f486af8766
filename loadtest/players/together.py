"""What a thousand players are told at once, told to all of them in one go: presence, and deltas of the rooms.

One turn of the reader brought the same bytes to many. For a player of whom nobody wants to know more than that
(`SocketClient` follows its list and its ledger, and no role listens), what they say is the same as for the next one:
its list is at the same revision, its rooms have the same ages. So that is worked out once, and each player costs a few
assignments. Whoever is anywhere else than most hears for itself; the ledger and all figures are the same either way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadtest.client import Counters
from loadtest.client.lists.delta_list import HeldRooms
from loadtest.measure.freshness import MarkedList
from loadtest.measure.ledger import FRESH_BY_PUSH, Ledger
from loadtest.players.shared_lists import SharedLists
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.messages.chunks import Chunk, Chunks
from loadtest.wire.state import APART_S
from lobby_server.protocol.messages import RoomsDelta

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """From one list to another, for all who hold the first."""

    base: int
    after: HeldRooms
    marks_before: MarkedList
    marks_after: MarkedList
    made: tuple[tuple[int, float], ...]
    """Of the swarm's rooms that are new: place of the message that has it, and the intended time of its making."""


class Together:
    """Of one process: a `loadtest.wire.reader.Together`."""

    def __init__(self, *, ledger: Ledger, lists: SharedLists, chunks: Chunks, counters: Counters) -> None:
        self._ledger, self._lists, self._chunks, self._counters = ledger, lists, chunks, counters

    def take(self, chunk: bytes, connections: Sequence[SwarmConnection], arrived_s: Sequence[float]) -> None:
        known = self._chunks.get(chunk)
        if known is None:
            _hear(connections[0], chunk, arrived_s[0])
            known, connections, arrived_s = self._chunks.get(chunk), connections[1:], arrived_s[1:]
        others: Iterable[tuple[SwarmConnection, float]] = zip(connections, arrived_s, strict=True)
        if known is not None and known.deltas is not None and connections:
            others = self._follow(known, chunk, others)
        for connection, at_s in others:
            _hear(connection, chunk, at_s)

    def _follow(
        self, chunk: Chunk, content: bytes, hearing: Iterable[tuple[SwarmConnection, float]]
    ) -> list[tuple[SwarmConnection, float]]:
        """Returns those who have to hear for themselves."""
        deltas = chunk.deltas or ()
        steps: dict[HeldRooms | None, Step | None] = {}
        step, held, after, marks_before, marks_after = None, None, None, None, None
        base = revision = -1
        spans: list[int] = []
        heard_s: list[float] = []
        ages_s: list[float] = []
        alone = []
        took_s = chunk.messages * APART_S
        for connection, at_s in hearing:  # few objects, and each once: most of the time goes to where they are
            if not connection.hears_with_others:
                alone.append((connection, at_s))
                continue
            watch = connection.follower
            if deltas:
                listing = connection.followed_list
                if listing is None:
                    alone.append((connection, at_s))
                    continue
                if listing.held is not held:
                    held = listing.held
                    if held not in steps:
                        steps[held] = self._step(held, deltas)
                    step = steps[held]
                    if step is not None:
                        base, after, revision = step.base, step.after, step.after.revision
                        marks_before, marks_after = step.marks_before, step.marks_after
                if (
                    step is None
                    or listing.revision != base
                    or listing.is_resyncing
                    or watch.revision != base
                    or watch.held is not marks_before
                    or watch.lost_s is not None
                ):
                    alone.append((connection, at_s))
                    continue
                listing.held, watch.held = after, marks_after
                listing.revision = watch.revision = revision
            begin_s = connection.heard_s
            if at_s > begin_s:
                begin_s = at_s
            connection.heard_s = begin_s + took_s
            spans.append(watch.span)
            heard_s.append(begin_s)
            if step is not None and step.made:
                ages_s += [begin_s + place * APART_S - made_s for place, made_s in step.made if made_s >= watch.since_s]
        if spans:
            self._book(chunk, len(content), spans, heard_s)
        if ages_s:
            self._ledger.record_many(FRESH_BY_PUSH, ages_s)
        return alone

    def _step(self, held: HeldRooms | None, deltas: Sequence[tuple[int, RoomsDelta]]) -> Step | None:
        """None: the deltas do not build on that list."""
        base = deltas[0][1].base
        if held is None or held.revision != base:
            return None
        read_list = self._ledger.marks.read_list
        after, before = held, read_list(held.rooms)
        marks, made = before, []
        for place, delta in deltas:
            after = self._lists.apply_delta(after, delta)
            now = read_list(after.rooms)
            made += [(place, made_s) for room_id, made_s in now.made_s.items() if room_id not in marks.made_s]
            marks = now
        return Step(base, after, before, marks, tuple(made))

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
            self._ledger.revisions.take(delta.base, delta.rev, base=delta.base, is_whole=False)


def _hear(connection: SwarmConnection, chunk: bytes, arrived_s: float) -> None:
    """By itself; one that has ended in the same turn hears nothing."""
    if connection.sock is None:
        return
    try:
        connection.on_bytes(chunk, arrived_s)
    except Exception:
        log.exception("fault while reading for %r; it is taken for lost", connection)
        connection.on_end("a fault of this client")
