"""The client library's connection over a simulated wire, and errands that never run two at once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from greenlet import getcurrent

from bench.simulation.clients.connection import Side, SimulatedConnection
from bench.simulation.clients.fiber import Fiber
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.wire import Wire
from loadtest.client.reconnect import FixedReconnect
from loadtest.client.timing import Timing
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import HandshakeAccepted, encode

TIMING = Timing(heartbeat_s=5.0, silence_limit_s=12.0, connect_timeout_s=2.0, handshake_timeout_s=4.0)


@pytest.fixture
def world() -> World:
    found = World()
    found.hub = getcurrent()
    return found


# -- errands -------------------------------------------------------------------------------------------------------


class Errands:
    """Each takes a second; what it returns is when it wants to run again."""

    def __init__(self, world: World) -> None:
        self.world, self.side = world, Side(world)
        self.began: list[tuple[str, float]] = []
        self.under_way = self.most = 0

    def errand(self, name: str, *again_s: float) -> Callable[[], float | None]:
        left = list(again_s)

        def run() -> float | None:
            self.began.append((name, self.world.now_s))
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            Fiber.current().sleep(1.0)
            self.under_way -= 1
            return left.pop(0) if left else None

        return run


@pytest.fixture
def errands(world: World) -> Errands:
    return Errands(world)


def test_errand_runs_at_its_time_and_again_when_it_wants(world: World, errands: Errands) -> None:
    errands.side.put(errands.errand("a", 4.0), in_s=2.0)
    world.run(60.0)
    assert errands.began == [("a", 2.0), ("a", 7.0)]


def test_errands_wait_for_each_other_the_one_that_is_due_first_before(world: World, errands: Errands) -> None:
    for name, in_s in (("a", 0.0), ("c", 0.6), ("b", 0.5)):
        errands.side.put(errands.errand(name), in_s=in_s)
    world.run(60.0)
    assert [name for name, _ in errands.began] == ["a", "b", "c"]
    assert errands.most == 1


def test_errand_that_is_asked_for_twice_runs_once_at_the_earlier_time(world: World, errands: Errands) -> None:
    errand = errands.errand("a")
    errands.side.put(errand, in_s=5.0)
    errands.side.put(errand, in_s=1.0)
    errands.side.put(errand, in_s=9.0)
    world.run(60.0)
    assert errands.began == [("a", 1.0)]


def test_errand_that_is_dropped_does_not_run_nor_again(world: World, errands: Errands) -> None:
    waiting, under_way = errands.errand("waiting"), errands.errand("under way", 3.0)
    errands.side.put(waiting, in_s=0.5)
    errands.side.put(under_way)
    world.call_later(0.2, errands.side.drop, waiting)
    world.call_later(0.3, errands.side.drop, under_way)
    world.run(60.0)
    assert errands.began == [("under way", 0.0)]


def test_errand_that_is_asked_for_while_it_runs_runs_once_more(world: World, errands: Errands) -> None:
    errand = errands.errand("a")
    errands.side.put(errand)
    world.call_later(0.5, errands.side.put, errand)
    world.run(60.0)
    assert errands.began == [("a", 0.0), ("a", 1.0)]


# -- a connection --------------------------------------------------------------------------------------------------


class Server:
    """Takes connections, and answers the handshake where it is to."""

    def __init__(self, world: World, *, answers: bool = True, accepts: bool = True) -> None:
        self.world, self.answers, self.accepts = world, answers, accepts
        self.loop = ProcessLoop(world, booted_s=0.0, on_fault=lambda what: None)
        self.wires: list[Wire] = []
        self.got: list[bytes] = []

    def pick(self) -> Any:
        return self if self.accepts else None

    def connect(self, life: Any, *, window: int) -> Wire:
        wire = Wire(self.world, self.loop, Random(1), window=window)
        self.wires.append(wire)
        if self.accepts:
            self.world.call_later(0.01, lambda: wire.accept(_Session(self, wire)))
        return wire


class _Session:
    def __init__(self, server: Server, wire: Wire) -> None:
        self._server, self._wire = server, wire

    def received(self, payload: bytes) -> None:
        self._server.got.append(payload)
        if self._server.answers and b'"handshake"' in payload:
            self._wire.send(server_frame(encode(HandshakeAccepted(peer_id=0, user_id=1, username="ann"))))
        elif b'"ping"' in payload and self._server.answers:
            self._wire.send(server_frame(b'{"type":"pong","data":{"ts":1}}'))

    def ponged(self) -> None: ...

    def ended(self, *, abrupt: bool) -> None: ...


def connection(world: World, server: Server) -> SimulatedConnection:
    found = SimulatedConnection(
        world, server, name="ann", version="1", timing=TIMING,  # type: ignore[arg-type]
        reconnect=FixedReconnect(interval_s=5.0), random=Random(1), features=(), window=2_000,
    )  # fmt: skip
    found.connect_to_server("token")
    return found


def test_connection_is_established_by_the_library_s_own_handshake(world: World) -> None:
    server = Server(world)
    it = connection(world, server)
    world.run(1.0)
    assert it.is_connected
    assert b'"token":"token"' in server.got[0]


def test_connection_that_is_quiet_has_its_heartbeats_and_stays(world: World) -> None:
    server = Server(world)
    it = connection(world, server)
    world.run(31.0)
    assert it.is_connected
    assert len(server.wires) == 1
    assert sum(b'"ping"' in each for each in server.got) >= 5


def test_server_that_says_nothing_is_given_up_and_tried_again(world: World) -> None:
    server = Server(world)
    it = connection(world, server)
    world.run(1.0)
    server.wires[0].lane_out.is_cut = True
    world.run(40.0)
    assert it.is_connected
    assert len(server.wires) == 2


def test_reset_connection_comes_back_by_its_policy(world: World) -> None:
    server = Server(world)
    it = connection(world, server)
    world.run(1.0)
    server.wires[0].break_off()
    world.run(5.5)
    assert (it.is_connected, len(server.wires)) == (False, 1)
    world.run(7.0)
    assert (it.is_connected, len(server.wires)) == (True, 2)


def test_handshake_that_is_not_answered_is_given_up(world: World) -> None:
    server = Server(world, answers=False)
    it = connection(world, server)
    world.run(20.0)
    assert not it.is_connected
    assert len(server.wires) > 1


def test_lobby_without_a_node_is_tried_again(world: World) -> None:
    server = Server(world, accepts=False)
    it = connection(world, server)
    world.run(8.0)
    assert (it.is_connected, server.wires) == (False, [])
    server.accepts = True
    world.run(20.0)
    assert it.is_connected


def test_player_who_disconnects_does_not_come_back(world: World) -> None:
    server = Server(world)
    it = connection(world, server)
    world.run(1.0)
    it.disconnect_from_server()
    world.run(60.0)
    assert (it.is_connected, len(server.wires)) == (False, 1)
    assert world.fibers == {}


def test_nothing_is_left_that_blocks(world: World) -> None:
    ended = SimpleNamespace(count=0)
    Fiber(world, lambda: setattr(ended, "count", 1))
    world.run(1.0)
    assert (ended.count, world.fibers) == (1, {})
