"""Times are those of the network: what the process itself delays is lateness, and in no figure of the server.

The server is a thread of this process, and the swarm is frozen by keeping this thread from its loop.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gevent import monkey

from loadtest.client.reconnect import FixedReconnect
from loadtest.client.sockets.arrival import HAS_STAMPS, SO_TIMESTAMPNS, ArrivalClock, stamp_arrivals
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.shared import Wire
from loadtest.wire.together.arrivals import FEW, ManyArrivals
from lobby_server.protocol.messages import Ping, Pong, UserOnline
from tests.loadtest.fakes import DEADLINE_S, FakePeer, FakeServer
from tests.loadtest.wire.test_wire import Game, wait_for

FROZEN_S = 0.4
NEAR_S = 0.002
"""Of two clocks that are compared."""


def at_hand_s(sock: Any) -> float:
    """When what was sent is in the socket for certain: the kernel hands it over later where it is busy. Nothing else of
    this thread runs meanwhile."""
    poll = monkey.get_original("select", "poll")()
    poll.register(sock.fileno(), select.POLLIN)
    assert poll.poll(DEADLINE_S * 1000)
    return time.perf_counter()


needs_stamps = pytest.mark.skipif(not HAS_STAMPS, reason="this kernel stamps no arrivals")


@pytest.fixture(scope="module")
def stamping() -> Iterator[None]:
    """A kernel that stamps: it begins to a moment after the first socket of the machine has asked for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        stamp_arrivals(client)
        server, _ = listener.accept()
        with server:
            ends_s = time.monotonic() + 5.0
            while time.monotonic() < ends_s:
                sent_s = time.perf_counter()
                server.sendall(b"x")
                time.sleep(0.02)
                _, control, _, _ = client.recvmsg(100, 64)
                now_s = time.perf_counter()
                if ArrivalClock().arrived_s(control, now_s) < sent_s + 0.01:
                    break
            yield


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_a_stamp_is_the_time_of_arrival_however_late_it_is_read():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        stamp_arrivals(client)
        server, _ = listener.accept()
        with server:
            before_s = time.perf_counter()
            server.sendall(b"first")
            after_s = at_hand_s(client)
            time.sleep(FROZEN_S)
            chunk, control, _, _ = client.recvmsg(100, 64)
            now_s = time.perf_counter()
            assert chunk == b"first"
            arrived_s = ArrivalClock().arrived_s(control, now_s)
            assert before_s - NEAR_S <= arrived_s <= after_s + NEAR_S < now_s


def test_without_a_stamp_the_time_of_reading_counts():
    assert ArrivalClock().arrived_s([], 5.0) == 5.0
    assert ArrivalClock().arrived_s([(socket.SOL_SOCKET, SO_TIMESTAMPNS + 1, b"x" * 16)], 5.0) == 5.0


def test_stamps_of_many_reads_are_what_each_says_alone():
    def stamp(at_s: float) -> tuple[int, int, bytes]:
        return socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("@qq", int(at_s), round((at_s - int(at_s)) * 1e9))

    clock = ManyArrivals(clock=lambda: 100.0, wall=lambda: 1_000_000.0)
    plain = [[stamp(999_990.0 + number / 7)] for number in range(60)]
    unusual = [
        [], [stamp(1_003_600.0)], [(socket.SOL_SOCKET, 1, bytes(16))], [(socket.SOL_SOCKET, 1, b"x"), stamp(999_998.5)],
        [stamp(996_400.0)], [(socket.SOL_SOCKET, SO_TIMESTAMPNS, bytes(8))],
    ]  # fmt: skip
    assert clock.arrived_many_s(unusual, 100.0).tolist() == [100.0, 100.0, 100.0, 98.5, 100.0, 100.0]
    many = [*plain, *plain, *plain]
    assert len(plain) < FEW < len(many)
    for controls in (
        [],
        *([*some, *more] for some in (plain, many) for more in ([], unusual, *([one] for one in unusual))),
    ):
        assert clock.arrived_many_s(controls, 100.0).tolist() == [
            clock.arrived_s(control, 100.0) for control in controls
        ]


@pytest.mark.parametrize("off_s", [3600.0, -3600.0])
def test_a_stamp_of_a_clock_that_was_set_is_not_believed(off_s: float):
    clock = ArrivalClock(clock=lambda: 100.0, wall=lambda: 1_000_000.0)
    stamp = int(1_000_000 + off_s).to_bytes(8, "little") + bytes(8)
    assert clock.arrived_s([(socket.SOL_SOCKET, SO_TIMESTAMPNS, stamp)], 100.0) == 100.0


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_what_arrives_while_the_swarm_is_frozen_has_the_time_of_its_arrival():
    sending_s: list[float] = []
    heard_s: list[float] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.read_message("ping")
        sending_s.append(time.perf_counter())
        peer.send(Pong(ts=1), UserOnline(user_id=7, username="somebody"))
        peer.read_until_gone()

    with FakeServer(script) as server:
        wire = Wire(server.url)
        game = Game(wire, on_presence=lambda user_id, is_online, at_s: heard_s.append(at_s))
        try:
            game.connection.connect_to_server("a.b.c")
            wait_for(lambda: game.connection.is_connected)
            pinged_s = time.perf_counter()
            game.connection._heartbeats.sent(pinged_s)
            game.connection._send_text(Ping())
            after_s = at_hand_s(game.connection.sock)
            time.sleep(FROZEN_S)  # the loop of the swarm does not run
            wait_for(lambda: heard_s)
            [before_s] = sending_s
            assert before_s - NEAR_S <= heard_s[0] <= after_s + NEAR_S
            [round_trip_s] = [said for said in game.said if isinstance(said, float)]
            assert round_trip_s <= after_s - pinged_s + NEAR_S
        finally:
            game.connection.disconnect_from_server()
            wire.close()


@needs_stamps
@pytest.mark.usefixtures("stamping")
def test_what_waits_for_a_late_reader_seems_later_than_it_was_and_never_earlier():
    """Bytes that wait together have the time of the last."""
    sending_s: list[float] = []
    heard_s: dict[int, float] = {}

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.read_message("ping")
        for user_id in (7, 8):
            sending_s.append(time.perf_counter())
            peer.send(UserOnline(user_id=user_id, username="somebody"))
            time.sleep(FROZEN_S / 2)
        sending_s.append(time.perf_counter())
        peer.read_until_gone()

    with FakeServer(script) as server:
        wire = Wire(server.url)
        game = Game(wire, on_presence=lambda user_id, is_online, at_s: heard_s.setdefault(user_id, at_s))
        try:
            game.connection.connect_to_server("a.b.c")
            wait_for(lambda: game.connection.is_connected)
            game.connection._send_text(Ping())
            while len(sending_s) < 3 or time.perf_counter() < sending_s[2] + FROZEN_S:
                time.sleep(0.01)  # the loop of the swarm does not run
            wait_for(lambda: len(heard_s) == 2)
            first_s, second_s, over_s = sending_s
            assert first_s - NEAR_S <= heard_s[7] <= heard_s[8]
            assert second_s - NEAR_S <= heard_s[8] <= over_s
        finally:
            game.connection.disconnect_from_server()
            wire.close()


def test_the_wait_for_an_opener_is_lateness_and_not_the_time_of_an_upgrade():
    """One opener for four players, and a server that takes 0.15 s for each."""
    takes_s, players = 0.15, 4

    def script(peer: FakePeer) -> None:
        peer.read_request()
        time.sleep(takes_s)
        peer.raw = peer.request + b"\r\n\r\n" + peer.raw  # the accept below reads it again
        peer.accept()
        peer.read_until_gone()

    late_s: list[float] = []
    with FakeServer(*[script] * players) as server:
        wire = Wire(server.url)
        wire.opener.most = 1
        games = [Game(wire, on_late=late_s.append, reconnect=FixedReconnect(interval_s=60.0)) for _ in range(players)]
        try:
            began_s = wire.clock()
            for game in games:
                game.connection.connect_to_server("a.b.c")
            wait_for(lambda: all(game.connection.is_connected for game in games))
            took_s = wire.clock() - began_s
            upgrades_s = [game.attempts[0].upgrade_s or 0.0 for game in games]
            assert min(upgrades_s) >= takes_s - NEAR_S
            assert late_s[-1] >= (players - 1) * takes_s
            assert late_s[-1] + upgrades_s[-1] <= took_s + NEAR_S, "without the wait of the last for all others"
        finally:
            for game in games:
                game.connection.disconnect_from_server()
            wire.close()


def test_a_connection_never_goes_back_in_time():
    """Two messages that arrive together keep their order; so do two chunks whose stamps are equal."""
    connection = SwarmConnection(Wire("ws://127.0.0.1:1"))
    heard: list[float] = []
    for arrived_s in (10.0, 10.0, 9.0):
        connection.on_bytes(b"\x81\x02{}\x81\x02{}", arrived_s)
        heard.append(connection.heard_s)
    assert heard == sorted(heard)
    assert len(set(heard)) == 3
    assert heard[-1] - 10.0 < 1e-5
