"""The heartbeats of players in the group are those of a player by itself: what goes out, is counted, who is lost."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from loadtest.client import Timing
from loadtest.client.sockets.link import OpenFailed
from loadtest.measure.recorder import LATENESS
from loadtest.wire.messages import frames, heartbeats
from loadtest.wire.messages.heartbeats import CAUGHT_UP_S
from loadtest.wire.opening import Opened
from loadtest.wire.outgoing.http import HttpLink, HttpPool
from loadtest.wire.outgoing.opener import Opening
from loadtest.wire.state import State
from lobby_server.protocol.messages import Ping, Pong, RoomsSnapshot, encode, encode_frame
from tests.loadtest.players.test_together import PLAYERS, World, delta, room
from tests.loadtest.wire.test_wire import wait_for

QUICK = Timing(heartbeat_s=0.2, silence_limit_s=30.0)
TRIES = 3
"""Where this process stands still until the limit of silence, its players send nothing before it."""
PING, PONG = encode(Ping()), encode_frame(Pong(ts=1234567890123))


class Far:
    """The servers of a world: they answer heartbeats, those that they are to."""

    def __init__(self, world: World, answers: Callable[[int], bool] = lambda number: True) -> None:
        """`answers`: whether the n-th ping of a player is answered, from 1 on."""
        self.world = world
        self._answers = answers
        self._rest = [b""] * PLAYERS
        self.received = 0
        """Bytes."""
        self.messages: list[list[bytes]] = [[] for _ in range(PLAYERS)]
        for server in world.servers:
            server.setblocking(False)

    @property
    def pings(self) -> list[int]:
        return [messages.count(PING) for messages in self.messages]

    @property
    def answered(self) -> int:
        return sum(self._answers(number) for pings in self.pings for number in range(1, pings + 1))

    def serve(self) -> None:
        for number, server in enumerate(self.world.servers):
            try:
                data = server.recv(1 << 20)
            except OSError:
                continue
            self.received += len(data)
            self._rest[number] += data
            for message in self._take(number):
                self.messages[number].append(message)
                if message == PING and self._answers(self.pings[number]):
                    server.send(PONG)

    def _take(self, number: int) -> Iterator[bytes]:
        """Of frames up to 64 KiB, each with its mask."""
        while len(rest := self._rest[number]) >= 6:
            assert rest[0] == 0x81
            assert rest[1] & 0x80, "clients mask"
            size, head = rest[1] & 0x7F, 2
            if size == 126:
                size, head = int.from_bytes(rest[2:4], "big"), 4
            mask, end = rest[head : head + 4], head + 4 + size
            if len(rest) < end:
                return
            yield bytes(byte ^ mask[at % 4] for at, byte in enumerate(rest[head + 4 : end]))
            self._rest[number] = rest[end:]


@pytest.fixture(params=[True, False], ids=["in the group", "by themselves"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(is_together=request.param, timing=QUICK)
    world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[room("a")])])
    yield world
    world.close()


def is_in(world: World) -> bool:
    return all(client.connection.hears_with_others for client in world.clients)


def until(far: Far, condition: Callable[[], bool]) -> None:
    def holds() -> bool:
        far.serve()
        return condition()

    wait_for(holds)


def test_each_heartbeat_goes_out_is_answered_and_counted(world: World) -> None:
    far, is_grouped = Far(world), world.wire.group.together is not None
    assert is_in(world) is is_grouped
    until(far, lambda: min(far.pings) >= 4)
    for server in world.servers:
        server.send(encode_frame(delta(2, room("b"))))
    counters = world.recorder.connections
    until(far, lambda: counters.messages_in["rooms_delta"] == PLAYERS)
    until(far, lambda: counters.messages_in["pong"] == sum(far.pings) == counters.messages_out["ping"])
    pings = sum(far.pings)
    assert counters.payload_out["ping"] == pings * len(PING)
    assert counters.payload_in["pong"] == pings * (len(PONG) - 2)
    assert counters.bytes_out == far.received == pings * (len(PING) + 6)
    told = [told for told in world.failures if told[0] == "heartbeat"]
    assert len(told) + len(world.round_trips_s) == pings
    assert all(failure is None for _, _, failure in told)
    times_s = [*world.round_trips_s, *(time_s for _, time_s, _ in told)]
    assert all(0 < time_s < QUICK.silence_limit_s for time_s in times_s)
    assert bool(world.round_trips_s) is is_grouped, "an answer that comes with something else is heard alone"
    world.recorder.points.settle()
    late = world.recorder.reported(LATENESS).count
    assert bool(late) is is_grouped, "else a listener of the connection is told"
    assert world.books()["held"] == [2] * PLAYERS


def test_heartbeat_without_an_answer_is_told_when_later_ones_have_theirs() -> None:
    timing = Timing(heartbeat_s=CAUGHT_UP_S + 0.1)
    worlds = [World(is_together=is_together, timing=timing) for is_together in (True, False)]
    fars = [Far(world, answers=lambda number: number != 2) for world in worlds]
    for world in worlds:
        world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[])])

    def all_are_told() -> bool:
        for far in fars:
            far.serve()
        return all(world.failures.count(("heartbeat", None, "not answered")) == PLAYERS for world in worlds)

    wait_for(all_are_told)
    for world, far in zip(worlds, fars, strict=True):
        assert min(far.pings) >= 3, "it was not sure before"
        assert world.recorder.connections.losses == 0
        world.close()


@pytest.mark.parametrize("is_together", [True, False], ids=["in the group", "by themselves"])
def test_player_that_hears_nothing_is_lost_with_its_heartbeats(*, is_together: bool) -> None:
    for _ in range(TRIES):
        world = World(is_together=is_together, timing=Timing(heartbeat_s=0.2, silence_limit_s=0.7))
        try:
            world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[])])
            far = Far(world, answers=lambda number: False)
            until(far, lambda world=world: world.recorder.connections.losses == PLAYERS)  # type: ignore[misc]
            assert all(client.connection.state is State.WAITING for client in world.clients)
            lost = world.failures.count(("heartbeat", None, "lost before the answer"))
            assert lost == sum(far.pings)
            assert list(world.wire.group.standing).count(-1) == len(world.wire.group.standing)
        finally:
            world.close()
        if min(far.pings) >= 2:
            break
    assert min(far.pings) >= 2


def test_heartbeat_that_waits_for_its_answer_goes_with_who_leaves_the_group(world: World) -> None:
    """Not answered while it is in, and answered when it is out."""
    far = Far(world, answers=lambda number: False)
    until(far, lambda: min(far.pings) == 1)
    world.leave()
    for server in world.servers:
        server.send(PONG)
    until(far, lambda: world.recorder.connections.messages_in["pong"] == PLAYERS)
    told = [told for told in world.failures if told[0] == "heartbeat"]
    assert len(told) == PLAYERS
    assert not world.round_trips_s
    assert is_in(world) is (world.wire.group.together is not None), "they are back"


def test_heartbeat_that_a_full_socket_does_not_take_goes_out_behind_what_is_in_it(world: World) -> None:
    far = Far(world)
    connection = world.clients[0].connection
    filled, filler = 0, frames.client_frame(b"filler", frames.OP_TEXT)
    with contextlib.suppress(BlockingIOError):
        while os.write(connection.sock.fileno(), filler) == len(filler):
            filled += 1
    counters = world.recorder.connections
    wait_for(lambda: counters.messages_out["ping"] > PLAYERS)
    until(far, lambda: far.pings[0] >= 2 and connection.is_answering is False)
    assert far.messages[0][: filled + 1] == [b"filler"] * filled + [PING]


def test_player_that_sends_more_than_its_socket_takes_leaves_the_group_until_it_is_sent(world: World) -> None:
    far, is_grouped = Far(world), world.wire.group.together is not None
    connection, said = world.clients[0].connection, 0
    while not connection.is_answering or said < 2:
        connection.send_own("line", {"text": "x" * 30_000})
        said += 1
        assert said < 1000
    assert not connection.hears_with_others
    until(far, lambda: len(far.messages[0]) - far.pings[0] == said)
    until(far, lambda: connection.hears_with_others is is_grouped and far.pings[0] >= 2)


def test_old_places_in_the_wheel_give_no_second_heartbeat_to_who_has_the_socket_now(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A player that comes back onto its descriptor finds there its last life's number, and itself."""
    far, wheel, connection = Far(world), world.wire.wheel, world.clients[0].connection
    assert connection.pulse is not None
    due_s, slot = connection.pulse.next_ping_s, connection.beat_slot
    assert wheel.put(due_s, connection) == wheel.put(due_s, connection.sock.fileno()) == slot
    until(far, lambda: min(far.pings) >= 3)
    assert len(set(far.pings)) == 1, "those of one slot are told in one turn"
    assert not caplog.records


@pytest.mark.parametrize("kind", ["opening", "http"])
def test_old_number_in_the_wheel_is_nothing_to_what_is_no_player(kind: str) -> None:
    world = World(is_together=True, timing=Timing(heartbeat_s=30.0))
    ours, theirs = socket.socketpair()
    try:
        world.tell(lambda _: [RoomsSnapshot(rev=1, rooms=[room("a")])])
        wire, unused = world.wire, NoOne()
        newcomer: Opening | HttpLink = Opening(wire.opener, unused, Timing(), [])
        if kind == "http":
            newcomer = HttpLink(
                HttpPool(wire.url, reader=wire.reader, timers=wire.timers, crew=wire.crew, most=1, timeout_s=1.0)
            )
        newcomer.sock = ours
        wire.reader.add(newcomer)
        slot = world.clients[0].connection.beat_slot
        assert not wire.group.beat(slot, [ours.fileno()], wire.clock())
        assert is_in(world)
    finally:
        world.close()
        theirs.close()


class NoOne:
    """Wants no connection."""

    def begins(self) -> bool:
        return False

    def is_open(self, opened: Opened, opening: Opening | None) -> None: ...

    def has_failed(self, failed: OpenFailed) -> None: ...

    def on_end(self, why: str) -> None: ...


def test_heartbeats_go_on_while_nothing_is_read_and_when_it_is_read_again(world: World) -> None:
    far, connection = Far(world), world.clients[0].connection
    until(far, lambda: min(far.pings) >= 2)  # from the second on the wheel of the group has numbers
    assert connection.pause_reading()
    paused = far.pings[0]
    until(far, lambda: far.pings[0] >= paused + 2)
    connection.resume_reading()
    until(far, lambda: far.pings[0] >= paused + 4)


def test_player_that_leaves_while_it_reads_nothing_blames_nobody_for_the_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "UNANSWERED_S", 0.0)
    far, connection = Far(world), world.clients[0].connection
    assert connection.pause_reading()
    until(far, lambda: far.pings[0] >= 2)
    connection.disconnect_from_server()
    assert ("heartbeat", None, "not answered") not in world.failures


def test_connection_of_a_wire_that_is_closed_has_its_figures(world: World) -> None:
    """A role may ask for its list then."""
    world.wire.close()
    assert not any(client.connection.hears_with_others for client in world.clients)
    assert [[room.id for room in client.list.rooms] for client in world.clients] == [["a"]] * PLAYERS


def test_fault_at_one_players_heartbeat_takes_none_from_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail(late_s: float) -> None:
        raise RuntimeError("of a listener")

    far, connection = Far(world), world.clients[0].connection
    connection.others_listen()  # it beats by itself
    connection._on_late = fail
    until(far, lambda: connection.state is State.WAITING)
    before = far.pings[1:]
    until(far, lambda: all(now >= then + 2 for now, then in zip(far.pings[1:], before, strict=True)))
    assert [record.message.split(" of <")[0] for record in caplog.records] == ["fault at a heartbeat"]
