"""What many players are told at once is booked as if each had heard it by itself."""

from __future__ import annotations

import functools
import itertools
import socket
from array import array
from collections.abc import Callable, Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtest.client import DeltaServerList, Feature, FixedReconnect, Timing
from loadtest.measure.judging.entries import Change
from loadtest.measure.ledger import FRESH_BY_PUSH
from loadtest.measure.points import PLACES
from loadtest.measure.recorder import Recorder
from loadtest.players.shared_lists import SharedLists
from loadtest.players.socket_client import SocketClient
from loadtest.players.together import Together
from loadtest.wire.shared import Wire
from loadtest.wire.state import APART_S, State
from lobby_server.protocol.messages import (
    HandshakeAccepted,
    Pong,
    RoomsDelta,
    RoomsSnapshot,
    ServerMessage,
    UserOffline,
    UserOnline,
    encode_frame,
)
from lobby_server.protocol.resources import Room
from tests.loadtest.wire.test_wire import wait_for

PLAYERS = 6
FEATURES = frozenset({Feature.ROOMS_DELTA})


class World:
    """Players whose servers are the other ends of pairs of sockets; in one they hear together, in the other alone."""

    def __init__(self, *, is_together: bool, timing: Timing | None = None) -> None:
        self.wire = Wire("ws://127.0.0.1:1/")
        self.recorder = Recorder(reports_all_phases=True)
        self.lists = SharedLists()
        self.round_trips_s: list[float] = []
        requests: Any = SimpleNamespace(good_many=lambda kind, name, times_s: self.round_trips_s.extend(times_s))
        self.together = CountingTogether(
            recorder=self.recorder, lists=self.lists, chunks=self.wire.chunks, group=self.wire.group, requests=requests
        )  # fmt: skip
        if is_together:
            self.wire.group.together = self.together
        swarm = SimpleNamespace(
            api=None, ledger=self.recorder.ledger, wire=self.wire, timing=timing or Timing(), recorder=self.recorder,
            reconnect=FixedReconnect(interval_s=60.0), profile=None, fetcher=None, lists=self.lists, arriving=set(),
            say_once=lambda kind, sentence: None, was_late=lambda late_s: None,
        )  # fmt: skip
        self.failures: list[tuple[Any, ...]] = []
        self.clients, self.servers = [], []
        for number in range(PLAYERS):
            client = SocketClient(
                swarm,  # type: ignore[arg-type]
                name=f"player {number}", features=FEATURES, rng=functools.partial(Random, number), phase=0.5,
                fire=lambda *what: self.failures.append(what), fire_attempt=lambda attempt: None,
            )  # fmt: skip
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            client.connection.sock, client.connection.state = ours, State.SHAKING
            self.wire.reader.add(client.connection)
            self.clients.append(client)
            self.servers.append(theirs)
        self.tell(
            lambda number: [HandshakeAccepted(peer_id=0, user_id=number + 1, username="x", features=["rooms_delta"])]
        )
        self.made_s = self.recorder.ledger.clock()

    def tell(self, messages_for: Callable[[int], list[ServerMessage]]) -> None:
        """All of them in one turn of the reader; and wait until it is read."""
        self.send(lambda number: b"".join(encode_frame(message) for message in messages_for(number)))

    def send(self, data_for: Callable[[int], bytes]) -> None:
        before, size = self.recorder.connections.bytes_in, 0
        for number, server in enumerate(self.servers):
            if self.clients[number].connection.sock is not None:
                size += server.send(data_for(number))
        wait_for(lambda: self.recorder.connections.bytes_in == before + size)

    def mark(self, number: int) -> str:
        """That of a room made by the swarm, a known time ago."""
        return self.recorder.ledger.marks.write(self.made_s + number)

    def replay(self, turns: list[list[tuple[int, bytes, float]]]) -> None:
        """What was read in each turn of a run: player, bytes and stamp; a player once in a turn at most."""
        for turn in turns:
            for_many: dict[bytes, tuple[list[int], list[float]]] = {}
            for number, chunk, at_s in turn:
                connection = self.clients[number].connection
                if not connection.hears_with_others:
                    connection.on_bytes(chunk, at_s)
                else:
                    same = for_many.setdefault(chunk, ([], []))
                    same[0].append(connection.sock.fileno())
                    same[1].append(at_s)
            for chunk, (fds, times_s) in for_many.items():
                self.together.take(chunk, fds, np.array(times_s))

    def leave(self) -> None:
        """All of them leave the group: their figures are in their objects."""
        for client in self.clients:
            client.connection.hear_alone()

    def times(self) -> dict[str, Any]:
        """When each player heard what, to the last digit."""
        self.leave()
        pending = self.recorder.ledger.pending
        self.recorder.points.settle()
        fresh = self.recorder.points.by_name.get(FRESH_BY_PUSH)
        return {
            "announcements": sorted(
                zip(
                    pending.announcement_spans,
                    pending.announcement_times_s,
                    pending.announcement_revisions,
                    strict=True,
                )
            ),
            "presence": sorted(
                [
                    *zip(pending.receipt_spans, pending.receipt_users, pending.receipt_times_s, strict=True),
                    *(
                        (span, key, at_s + number * APART_S)
                        for span, read, at_s in zip(
                            pending.read_spans, pending.reads, pending.read_times_s, strict=True
                        )
                        for number, key in enumerate(array("q", read), 1)
                    ),
                ]
            ),
            "fresh": None if fresh is None else [fresh.at(place).encode() for place in PLACES],
            "heard": [client.connection.heard_s for client in self.clients],
        }

    def books(self) -> dict[str, Any]:
        """All that came of it, without the times."""
        self.leave()
        pending, found = self.recorder.ledger.pending, self.recorder.ledger.revisions.take_found()
        return {
            "announcements": sorted(zip(pending.announcement_spans, pending.announcement_revisions, strict=True)),
            "named": {
                room.id: self.recorder.ledger.named.revision_of(Change(0.0, 0.0, 0.0, room.id))
                for client in self.clients
                for room in client.list.rooms
            },
            "presence": sorted(
                [
                    *zip(pending.receipt_spans, pending.receipt_users, strict=True),
                    *(
                        (span, key)
                        for span, read in zip(pending.read_spans, pending.reads, strict=True)
                        for key in array("q", read)
                    ),
                ]
            ),
            "revisions": (found.stale, found.repeated, found.lost),
            "counted": dict(self.recorder.events),
            "fresh": self.recorder.reported(FRESH_BY_PUSH).count,
            "lists": [[room.id for room in client.list.rooms] for client in self.clients],
            "held": [client.list.revision for client in self.clients if isinstance(client.list, DeltaServerList)],
            "watched": [client.watch.revision for client in self.clients],
            "asked": [client.list.resync_count for client in self.clients if isinstance(client.list, DeltaServerList)],
            "failures": self.failures,
        }

    def close(self) -> None:
        self.wire.close()
        for server in self.servers:
            server.close()


class CountingTogether(Together):
    """It also knows for how many each chunk was booked at once."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.booked: list[int] = []

    def _book(self, chunk: Any, size: int, spans: Any, heard_s: Any) -> None:
        self.booked.append(len(spans))
        super()._book(chunk, size, spans, heard_s)


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    made = [World(is_together=True), World(is_together=False)]
    yield made
    for world in made:
        world.close()


def room(room_id: str, mark: str | None = None) -> Room:
    return Room(
        id=room_id, host_username="x", gamemode="swarm", map_name=mark, current_players=0, max_players=8,
        created_at="2026-01-01T00:00:00Z", is_full=False,
    )  # fmt: skip


def delta(rev: int, *rooms: Room, gone: tuple[str, ...] = (), base: int | None = None) -> RoomsDelta:
    return RoomsDelta(base=rev - 1 if base is None else base, rev=rev, set=list(rooms), gone=list(gone))


def test_a_delta_for_all_is_booked_for_all_but_the_first_in_one_go(worlds: list[World]) -> None:
    for world in worlds:
        world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[room("a")])])
        world.tell(lambda _, world=world: [delta(2, room("b", world.mark(0)))])  # type: ignore[misc]
    together, alone = worlds
    assert together.together.booked == [PLAYERS - 1]
    assert alone.together.booked == []
    assert together.books() == alone.books()
    assert together.recorder.reported(FRESH_BY_PUSH).count == PLAYERS


def test_times_are_those_of_each_read_and_never_go_back(worlds: list[World]) -> None:
    for world in worlds:
        world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[])])
        for rev in range(2, 7):
            world.tell(lambda _, rev=rev: [UserOnline(user_id=9, username="y"), delta(rev, room(f"r{rev}"))])  # type: ignore[misc]
    for world in worlds:
        pending = world.recorder.ledger.pending
        for span in set(pending.announcement_spans):
            heard_s = [
                at_s
                for each, at_s in zip(pending.announcement_spans, pending.announcement_times_s, strict=True)
                if each == span
            ]
            assert len(heard_s) == 6
            assert all(earlier < later for earlier, later in itertools.pairwise(heard_s))
            assert world.made_s < heard_s[0]
            assert heard_s[-1] <= world.recorder.ledger.clock()


def test_player_that_is_behind_and_one_that_somebody_listens_to_hear_for_themselves(worlds: list[World]) -> None:
    heard: dict[int, list[str]] = {}
    for at, world in enumerate(worlds):
        heard[at] = []
        note = heard[at].append
        world.clients[3].connection.message_received.connect(lambda message, note=note: note(message.TYPE))
        world.tell(lambda number: [RoomsSnapshot(rev=1 if number != 2 else 0, rooms=[room("a")])])
        world.tell(lambda _: [delta(2, room("b"))])
        world.tell(lambda _: [delta(3, gone=("a",)), UserOffline(user_id=4, username="z")])
    together, alone = worlds
    assert heard[0] == heard[1] == ["rooms_snapshot", "rooms_delta", "rooms_delta"]  # presence has a way of its own
    assert max(together.together.booked) == PLAYERS - 2  # the first read knows it for the others
    books = together.books()
    assert books == alone.books()
    assert books["asked"] == [0, 0, 1, 0, 0, 0]


def test_list_that_is_asked_for_anew_is_not_followed_before_it_is_there(worlds: list[World]) -> None:
    for world in worlds:
        world.tell(lambda number: [RoomsSnapshot(rev=1, rooms=[])])
        world.tell(lambda number: [delta(2, room("b"))] if number else [delta(5, room("e"))])
        world.tell(lambda _: [delta(3, room("c"))])
        world.tell(lambda number: [] if number else [RoomsSnapshot(rev=3, rooms=[room("c"), room("b")])])
        world.tell(lambda _: [delta(4, room("d"))])
    together, alone = worlds
    books = together.books()
    assert books == alone.books()
    assert books["held"] == [4] * PLAYERS
    assert books["asked"] == [1, 0, 0, 0, 0, 0]


def test_connection_that_ends_in_the_turn_is_told_nothing_more(worlds: list[World]) -> None:
    """It was read before the one whose listener ends it."""
    world, _ = worlds
    world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[])])
    ended, ending = world.clients[:2]
    ending.connection.message_received.connect(
        lambda message: ended.drop() if message.TYPE == "rooms_delta" else None  # type: ignore[func-returns-value]
    )
    payload = encode_frame(delta(2, room("b")))
    for server in world.servers:
        server.send(payload)
    wait_for(lambda: len(world.recorder.ledger.pending.announcement_spans) >= 2 * PLAYERS - 1)
    assert ended.connection.sock is None
    assert world.books()["watched"] == [1, *[2] * (PLAYERS - 1)]


def messages_of(world: World, code: int, rev: int) -> tuple[list[ServerMessage], int]:
    """What is told next, by a number; and the revision then."""
    if code == 0:
        return [UserOnline(user_id=7, username="y"), UserOffline(user_id=7, username="y")], rev
    if code == 1:
        return [delta(rev + 1, room(f"r{rev}", world.mark(rev)))], rev + 1
    if code == 2:
        first, second = delta(rev + 1, room(f"r{rev}", world.mark(rev))), delta(rev + 2, gone=(f"r{rev}",))
        return [first, UserOnline(user_id=8, username="z"), second], rev + 2
    return [Pong(ts=rev), delta(rev + 1, gone=("r1",))], rev + 1


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, PLAYERS), st.integers(0, 40)), min_size=1, max_size=8),
)
def test_any_course_is_booked_the_same_together_and_alone(course: list[tuple[int, int, int]]) -> None:
    """Each step is told to all but one, who misses it, and cut for another."""
    worlds = [World(is_together=True), World(is_together=False)]
    try:
        for world in worlds:
            rev = 1
            world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[room("r1")])])
            for code, left_out, cut in course:
                messages, rev = messages_of(world, code, rev)
                data = b"".join(encode_frame(message) for message in messages)
                cut_for = (left_out + 1) % PLAYERS
                first = {left_out: b"", cut_for: data[:cut]}
                world.send(lambda number, first=first, data=data: first.get(number, data))
                world.send(lambda number, cut_for=cut_for, data=data, cut=cut: data[cut:] if number == cut_for else b"")
        together, alone = worlds
        assert together.books() == alone.books()
    finally:
        for world in worlds:
            world.close()


CONTROL = (b"\x89\x02hi", b"\x8a\x00")
"""A ping and a pong of the WebSocket itself."""


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    course=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=8),
    cuts=st.lists(st.lists(st.integers(1, 400), max_size=3), min_size=PLAYERS, max_size=PLAYERS),
    most=st.integers(1, PLAYERS),
    chance=st.randoms(use_true_random=False),
)
def test_the_same_reads_give_the_same_figures_to_the_last_digit_both_ways(
    course: list[tuple[int, int]], cuts: list[list[int]], most: int, chance: Random
) -> None:
    """Reads cut anywhere, several messages in one, control frames between, turns of any length."""
    worlds = [World(is_together=True), World(is_together=False)]
    try:
        made_s = worlds[0].made_s = worlds[1].made_s  # all players of both are there
        rev, steps = 1, [encode_frame(RoomsSnapshot(rev=1, rooms=[room("r1")]))]
        for code, control in course:
            messages, rev = messages_of(worlds[0], code, rev)
            frames = [encode_frame(message) for message in messages]
            steps.append(
                frames[0] + (b"" if control == 2 else CONTROL[control]) * (len(steps) % 2) + b"".join(frames[1:])
            )
        queues: list[list[bytes]] = []
        for number in range(PLAYERS):
            pieces = []
            for step, data in enumerate(steps):
                cut = cuts[number][step] if step < len(cuts[number]) else 0
                pieces += [data[:cut], data[cut:]] if 0 < cut < len(data) else [data]
            queues.append(pieces)
        turns: list[list[tuple[int, bytes, float]]] = []
        at_s = made_s
        while any(queues):
            for begins in range(0, PLAYERS, most):
                turns.append([])
                for number in range(begins, min(begins + most, PLAYERS)):
                    if queues[number]:
                        at_s += chance.choice((0.0, 1e-8, 1e-4, 0.01))
                        turns[-1].append((number, queues[number].pop(0), at_s))
        for world in worlds:
            world.leave()
            for client in world.clients:
                client.watch.since_s = made_s
            world.replay(turns)
        together, alone = worlds
        assert together.times() == alone.times()
        assert together.books() == alone.books()
    finally:
        for world in worlds:
            world.close()
