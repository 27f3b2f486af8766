"""An emulated line: what goes over it is late as asked for, in order, at its rate; a full one stops reading."""

import time
from collections.abc import Iterator
from random import Random

import gevent
import pytest

from loadtest.client.timing import Timing
from loadtest.wire.lines.line import MOST_QUEUED_BYTES, Direction, LinedConnection, LineSpeed
from loadtest.wire.shared import Wire
from lobby_server.protocol.messages import Chat, Pong
from tests.loadtest.fakes import FakePeer, FakeServer
from tests.patience import PATIENCE_S
from tests.stopwatch import Stopwatch

TRIP_S = 0.2


@pytest.fixture
def line() -> Iterator[object]:
    """A connection over a line with that round trip, connected by the given script."""
    wires: list[Wire] = []
    connections: list[LinedConnection] = []
    servers: list[FakeServer] = []

    def begin(script, **speed: float) -> LinedConnection:
        servers.append(FakeServer(script).__enter__())
        wires.append(Wire(servers[-1].url))
        connection = LinedConnection(
            wires[-1], rng=Random(1), phase=0.9, timing=Timing(),
            speed=LineSpeed(round_trip_s=speed.pop("round_trip_s", TRIP_S), **speed),
        )  # fmt: skip
        connection.connect_to_server("a.b.c")
        connections.append(connection)
        return connection

    yield begin
    for connection in connections:
        connection._let_go()  # at once: over the line a goodbye would take its time
    for wire in wires:
        wire.close()
    for server in servers:
        server.__exit__(None, None, None)


def until(condition) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError("not in time")):
        while not condition():
            gevent.sleep(0.002)


# -- without a network --------------------------------------------------------------------------------------------


def test_a_direction_delays_and_serves_one_after_the_other():
    down = Direction(1000.0, lambda: 0.1)
    assert down.arrives_s(100, 10.0) == pytest.approx(10.2)
    assert down.arrives_s(100, 10.0) == pytest.approx(10.3)
    assert down.arrives_s(100, 20.0) == pytest.approx(20.2), "an idle line is free at once"


def test_jitter_lets_nothing_overtake():
    jitter = iter([0.5, 0.0, 0.0])
    down = Direction(float("inf"), lambda: next(jitter))
    times = [down.arrives_s(1, at_s) for at_s in (1.0, 1.1, 1.2)]
    assert times == sorted(times)
    assert len(set(times)) == 3
    assert times[0] == pytest.approx(1.5)


# -- over a socket ------------------------------------------------------------------------------------------------


def test_connecting_takes_two_round_trips_and_the_handshake_one(line):
    attempts = []
    with Stopwatch() as watch:
        connection = line(lambda peer: (peer.accept(), peer.wait_until_gone()))
        connection.connection_attempted.connect(attempts.append)
        until(lambda: attempts)
    assert attempts[0].failure is None
    assert attempts[0].upgrade_s >= 2 * TRIP_S
    assert attempts[0].handshake_s >= TRIP_S
    assert watch.took_s < 3 * TRIP_S + 1.0


def test_what_the_server_says_is_heard_half_a_round_trip_later_in_order(line):
    sent_s: list[float] = []
    heard: list[tuple[str, float]] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        sent_s.append(time.perf_counter())
        for number in range(50):
            peer.send(Chat(from_peer=1, from_name="ada", text=str(number)))
        peer.wait_until_gone()

    connection = line(script)
    connection.message_received.connect(
        lambda message: heard.append((message.text, connection.heard_s)) if isinstance(message, Chat) else None
    )
    until(lambda: len(heard) == 50)
    assert [text for text, _ in heard] == [str(number) for number in range(50)]
    assert heard[0][1] - sent_s[0] >= TRIP_S / 2 - 0.01


def test_a_thin_line_takes_its_time_and_holds_the_server_back(line):
    """200 KiB at 100 KiB per second: two seconds, of which the router's buffer is not read beyond its size."""
    whole: list[int] = []
    text = "x" * 1000

    def script(peer: FakePeer) -> None:
        peer.accept()
        for _ in range(200):
            peer.send(Chat(from_peer=1, from_name="ada", text=text))
        peer.wait_until_gone()

    connection = line(script, round_trip_s=0.01, down_bytes_per_s=100 * 1024)
    began_s = time.perf_counter()
    most = 0
    connection.message_received.connect(lambda message: whole.append(1) if isinstance(message, Chat) else None)
    with gevent.Timeout(PATIENCE_S, AssertionError("not in time")):
        while len(whole) < 200:
            most = max(most, connection._queued_bytes)
            gevent.sleep(0.002)
    assert time.perf_counter() - began_s >= 200 * 1000 / (100 * 1024)
    assert MOST_QUEUED_BYTES < most <= 2 * MOST_QUEUED_BYTES


@pytest.mark.parametrize("is_drained", [False, True], ids=["while the line is full", "when it has room again"])
def test_a_player_that_pauses_while_its_line_is_full_misses_nothing_when_it_reads_again(line, caplog, *, is_drained):
    whole: list[int] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        for _ in range(600):
            peer.send(Chat(from_peer=1, from_name="ada", text="x" * 1000))
        peer.wait_until_gone()

    connection = line(script, round_trip_s=0.01, down_bytes_per_s=800 * 1024)
    connection.message_received.connect(lambda message: whole.append(1) if isinstance(message, Chat) else None)
    until(lambda: connection.is_connected and connection._is_held)
    assert connection.pause_reading()
    if is_drained:
        until(lambda: not connection._queued_bytes)
        assert not connection._wire.reader.has(connection), "it still pauses"
        assert len(whole) < 600
    connection.resume_reading()
    until(lambda: len(whole) == 600)
    assert not caplog.records


def test_the_end_comes_after_what_was_said_before_it(line):
    events: list[str] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.send(Chat(from_peer=1, from_name="ada", text="last words"))

    connection = line(script)
    connection.message_received.connect(lambda message: events.append(type(message).__name__))
    connection.connection_lost.connect(lambda: events.append("lost"))
    until(lambda: "lost" in events)
    assert events[:3] == ["HandshakeAccepted", "Chat", "lost"]


def test_a_connection_that_is_gone_hears_nothing_of_what_was_on_its_way(line):
    heard: list[object] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.read_message("leave_room")
        said_s.append(time.perf_counter())
        peer.send(Pong(ts=1))
        peer.wait_until_gone()

    said_s: list[float] = []
    connection = line(script)
    until(lambda: connection.is_connected)
    connection.message_received.connect(heard.append)
    connection.leave_room()
    until(lambda: said_s)
    connection.drop_connection()
    if (took_s := time.perf_counter() - said_s[0]) >= TRIP_S / 2:
        pytest.skip(f"it was here after {took_s:.2f} s, before the connection was gone")
    gevent.sleep(TRIP_S)
    assert not [message for message in heard if isinstance(message, Pong)]
    assert connection.counters.losses == 1
