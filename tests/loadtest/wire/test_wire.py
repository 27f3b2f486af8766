"""The shared reader and what is around it: frames, memo, timers, crew, and connections against a scripted server."""

import errno
import math
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.event
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.client import Attempt, FixedReconnect, NotConnected, Timing
from loadtest.client.sockets.link import OpenFailed
from loadtest.client.sockets.transport import open_stream
from loadtest.measure.ledger import Ledger
from loadtest.measure.recorder import Recorder
from loadtest.players.socket_client import SocketClient
from loadtest.results.exit_codes import UsageError
from loadtest.run.checks.file_limits import check_files, raise_file_limit
from loadtest.wire import opening
from loadtest.wire.addresses import SourceAddresses, is_loopback
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.crew import Crew, Errands
from loadtest.wire.messages.frames import BadFrame, FrameParser
from loadtest.wire.messages.memo import Memo
from loadtest.wire.shared import Wire
from loadtest.wire.state import State
from loadtest.wire.timers import Timers
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import (
    Error,
    HandshakeAccepted,
    Pong,
    PresenceChanged,
    RoomsChanged,
    ServerDraining,
    UserOffline,
    UserOnline,
    encode,
)
from lobby_server.protocol.resources import OnlineUser
from tests.loadtest.fakes import DEADLINE_S, FakePeer, FakeServer, Script, hold, text_frame

PATIENT = Timing(heartbeat_s=math.inf, connect_timeout_s=DEADLINE_S, handshake_timeout_s=DEADLINE_S)
"""Nothing happens by itself, however long a busy machine takes."""
BAD_TOKEN = Error(reason=ErrorReason.INVALID_TOKEN)


def wait_for(holds: Callable[[], object], what: str = "") -> None:
    with gevent.Timeout(DEADLINE_S, AssertionError(f"not in time: {what or holds}")):
        while not holds():
            gevent.sleep(0.002)


# -- frames -------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=70_000), max_size=6), st.lists(st.integers(0, 200_000), max_size=8))
def test_any_frames_come_out_whole_however_they_are_cut(payloads: list[bytes], cuts: list[int]):
    stream = b"".join(server_frame(payload) for payload in payloads)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    parser, found = FrameParser(), []
    for start, stop in pairwise(edges):
        found += parser.feed(stream[start:stop])
    assert found == [(1, payload) for payload in payloads]


def test_fragments_are_joined_and_control_frames_between_them_are_not_lost():
    parser = FrameParser()
    stream = b"\x01\x03abc" + b"\x89\x02hi" + b"\x00\x02de" + b"\x80\x01f" + server_frame(b"next")
    assert parser.feed(stream) == [(9, b"hi"), (1, b"abcdef"), (1, b"next")]


@pytest.mark.parametrize(
    "stream",
    [
        b"\x81\xff" + b"\0" * 8,
        b"\xc1\x01a",
        b"\x09\x01a",
        b"\x80\x01a",
        b"\x01\x01a\x01\x01b",
        b"\x81\x7f" + b"\xff" * 8,
    ],
)
def test_what_a_server_must_not_send_is_refused(stream: bytes):
    with pytest.raises(BadFrame):
        FrameParser().feed(stream)


def test_what_is_for_many_is_decoded_once_and_replies_are_not_kept():
    memo = Memo()
    for message in (UserOnline(user_id=7, username="ada"), RoomsChanged()):
        assert memo.get(encode(message)) is memo.get(bytes(bytearray(encode(message))))
    assert memo.get(encode(UserOffline(user_id=7, username="ada"))).user_id == 7
    assert memo.get(encode(Pong(ts=1))) is not memo.get(encode(Pong(ts=1)))
    assert memo.get(b"what").name == "(undecodable)"
    assert memo.get(b'{"type":"telepathy","data":{}}').name == "(unknown type)"


# -- timers and crew ----------------------------------------------------------------------------------------------


def test_timers_fire_in_order_with_their_intended_times_and_survive_a_fault(caplog: pytest.LogCaptureFixture):
    timers, fired = Timers(), []
    now_s = timers.clock()
    timers.put(now_s + 0.03, fired.append)
    cancelled = timers.put(now_s + 0.01, fired.append)
    timers.put(now_s + 0.005, lambda at_s: 1 / 0)
    timers.put(now_s + 0.02, fired.append)
    cancelled.cancel()
    wait_for(lambda: len(fired) == 2)
    assert fired == [now_s + 0.02, now_s + 0.03]
    assert "fault in a timer" in caplog.text
    timers.close()


def test_a_crew_does_no_more_at_once_than_it_has_hands():
    crew, running, most, done = Crew(3), 0, 0, 0

    def job() -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        gevent.sleep(0.002)
        running, done = running - 1, done + 1

    for _ in range(20):
        crew.put(job)
    wait_for(lambda: done == 20)
    assert most == 3


def test_an_errand_put_while_it_is_under_way_is_done_exactly_once_more():
    timers, crew, begun = Timers(), Crew(5), []
    errands = Errands(crew=crew, timers=timers)
    go_on = gevent.event.Event()

    def errand() -> None:
        begun.append(timers.clock())
        go_on.wait()

    errands.put(errand)
    wait_for(lambda: begun)
    for _ in range(5):
        errands.put(errand)
    gevent.sleep(0.01)
    assert len(begun) == 1, "never two at once"
    go_on.set()
    wait_for(lambda: len(begun) == 2)
    gevent.sleep(0.02)
    assert len(begun) == 2
    timers.close()


def test_an_errand_comes_again_when_it_says_so_and_not_when_it_was_dropped():
    timers, begun = Timers(), []
    errands = Errands(crew=Crew(5), timers=timers)

    def errand() -> float:
        begun.append(timers.clock())
        return 0.01

    errands.put(errand, in_s=10.0)
    errands.put(errand, in_s=0.01)  # the earlier one counts
    wait_for(lambda: len(begun) >= 3)
    errands.drop(errand)
    before = len(begun)
    gevent.sleep(0.03)
    assert len(begun) == before
    timers.close()


# -- connections --------------------------------------------------------------------------------------------------


class Game:
    """A connection with everything that it says."""

    def __init__(self, wire: Wire, **how: Any) -> None:
        how = {"reconnect": FixedReconnect(interval_s=0.02), "phase": 0.9, "timing": PATIENT, **how}
        self.connection = SwarmConnection(wire, **how)
        self.attempts: list[Attempt] = []
        self.said: list[object] = []
        self.connection.connection_attempted.connect(self.attempts.append)
        self.connection.connection_established.connect(lambda: self.said.append("established"))
        self.connection.connection_lost.connect(lambda: self.said.append("lost"))
        self.connection.connection_refused.connect(self.said.append)
        self.connection.heartbeat_finished.connect(self.said.append)
        self.connection.message_received.connect(self.said.append)

    def heard(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]


Play = Callable[..., tuple[Game, FakeServer]]


@pytest.fixture
def play() -> Iterator[Play]:
    """Connect a game to a server that plays the scripts."""
    opened: list[tuple[Wire, FakeServer, Game]] = []

    def begin(*scripts: Script, **how: Any) -> tuple[Game, FakeServer]:
        server = FakeServer(*scripts).__enter__()
        wire = Wire(server.url)
        game = Game(wire, **how)
        opened.append((wire, server, game))
        game.connection.connect_to_server("a.b.c")
        return game, server

    yield begin
    for wire, server, game in opened:
        game.connection.disconnect_from_server()
        wire.close()
        server.__exit__(None, None, None)


def test_it_shakes_hands_and_takes_what_came_in_the_same_segment(play: Play):
    seen: list[tuple[int, bool]] = []

    def script(peer: FakePeer) -> None:
        handshake = peer.accept(user_id=5, and_send=text_frame(UserOnline(user_id=5, username="somebody")))
        assert handshake["data"]["token"] == "a.b.c"
        assert "features" not in handshake["data"]
        peer.read_until_gone()

    game, _ = play(script, on_presence=lambda user_id, is_online, _: seen.append((user_id, is_online)))
    wait_for(lambda: seen == [(5, True)])
    assert game.connection.is_connected
    assert game.connection.user_id == 5
    [attempt] = game.attempts
    assert attempt.upgrade_s is not None
    assert attempt.handshake_s is not None
    assert game.connection.counters.attempts == 1


def test_a_hundred_frames_of_one_send_all_arrive_and_pings_are_answered(play: Play):
    pongs: list[bytes] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.send(*(UserOnline(user_id=number, username="x") for number in range(100)))
        peer.send(
            PresenceChanged(
                online=[OnlineUser(user_id=200, username="y")], offline=[OnlineUser(user_id=3, username="x")]
            )
        )
        peer.ping(b"there?")
        pongs.append(peer.read_pong())
        peer.read_until_gone()

    seen: list[tuple[int, bool]] = []
    game, _ = play(script, on_presence=lambda user_id, is_online, _: seen.append((user_id, is_online)))
    wait_for(lambda: pongs)
    assert seen == [*((number, True) for number in range(100)), (200, True), (3, False)]
    assert game.connection.counters.messages_in["user_online"] == 100


def test_an_event_that_asks_for_it_is_acknowledged_at_once(play: Play):
    acks: list[object] = []

    def script(peer: FakePeer) -> None:
        peer.accept(features=["ack"])
        peer.sock.sendall(server_frame(b'{"type":"user_online","data":{"user_id":2,"username":"x","ack":7}}'))
        acks.append(peer.read_message("ack")["data"])
        peer.read_until_gone()

    play(script, features=["ack"])
    wait_for(lambda: acks)
    assert acks == [{"id": 7}]


def test_heartbeats_count_from_when_they_were_due(play: Play):
    def script(peer: FakePeer) -> None:
        peer.accept()
        for _ in range(3):
            peer.read_message("ping")
            time.sleep(0.02)
            peer.send(Pong(ts=1))
        peer.read_until_gone()

    began_s = time.monotonic()
    game, _ = play(script, timing=Timing(heartbeat_s=0.05), phase=0.5)
    wait_for(lambda: len(game.heard(float)) >= 3)
    took_s = time.monotonic() - began_s
    assert all(0.018 <= round_trip_s < took_s for round_trip_s in game.heard(float)), "by two clocks that are compared"


@pytest.mark.parametrize("how", ["reset", "silent"])
def test_after_a_loss_on_purpose_it_comes_back(play: Play, how: str):
    ends: list[str] = []
    is_lost = threading.Event()

    def first(peer: FakePeer) -> None:
        peer.accept()
        is_lost.wait(DEADLINE_S)
        peer.sock.settimeout(0.3 if how == "silent" else DEADLINE_S)
        try:
            ends.append("closed" if not peer.sock.recv(1) else "frame")
        except TimeoutError:
            ends.append("silent")
        except ConnectionResetError:
            ends.append("reset")

    game, server = play(first, hold, timing=PATIENT)
    wait_for(lambda: game.connection.is_connected)
    game.connection.fall_silent() if how == "silent" else game.connection.drop_connection()
    is_lost.set()
    wait_for(lambda: game.connection.counters.reconnects == 1)
    wait_for(lambda: ends)
    assert ends == [how]
    assert [said for said in game.said if isinstance(said, str)] == ["established", "lost", "established"]
    assert len(server.accepted_at_s) == 2
    assert not game.connection.counters.close_codes, "it was our doing"


def test_paused_it_reads_nothing_and_reads_on_where_it_stopped(play: Play):
    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.read_message("chat")
        peer.send(RoomsChanged())
        peer.read_until_gone()

    game, _ = play(script)
    wait_for(lambda: game.connection.is_connected)
    assert game.connection.pause_reading()
    game.connection.chat("now")
    gevent.sleep(0.1)
    assert not game.heard(RoomsChanged)
    game.connection.resume_reading()
    wait_for(lambda: game.heard(RoomsChanged))


def test_it_leaves_with_a_close_frame_and_says_nothing(play: Play):
    ends: list[int] = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        ends.extend(opcode for opcode, _ in peer.read_until_gone())

    game, _ = play(script)
    wait_for(lambda: game.connection.is_connected)
    game.connection.disconnect_from_server()
    wait_for(lambda: ends == [8], "the end, as the peer sees it")
    assert "lost" not in game.said
    with pytest.raises(NotConnected):
        game.connection.chat("gone")


def test_who_leaves_during_the_handshake_still_learns_that_it_was_taken(play: Play):
    def script(peer: FakePeer) -> None:
        peer.upgrade()
        peer.read_message("handshake")
        asked.set()
        assert peer.read_frame()[0] == 8  # the acceptance was on its way when this came
        peer.send(HandshakeAccepted(peer_id=0, user_id=7, username="somebody"))
        peer.close_with(1000)
        peer.wait_until_gone()

    asked = threading.Event()
    left_s: list[float] = []
    game, _ = play(script, timing=replace(PATIENT, close_timeout_s=DEADLINE_S))
    game.connection.accepted_too_late.connect(left_s.append)
    wait_for(asked.is_set)
    game.connection.disconnect_from_server()
    assert game.connection.handshake_sent_s < left_s[0] < game.connection.accepted_at_s
    assert (game.connection.user_id, game.said, game.attempts) == (7, [], [])


def test_a_player_who_is_stopped_while_it_leaves_has_left():
    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.wait_until_gone()  # and no answer to its close frame

    with FakeServer(script) as server:
        wire = Wire(server.url)
        swarm = SimpleNamespace(
            wire=wire, ledger=Ledger(), recorder=Recorder(), api=None, fetcher=None, arriving=set(), profile=None,
            timing=Timing(close_timeout_s=60.0), reconnect=FixedReconnect(interval_s=0.02), was_late=lambda _: None,
            options=SimpleNamespace(fetches_lists=True),
        )  # fmt: skip
        client = SocketClient(
            swarm, name="ada", features=frozenset(), rng=Random(1), phase=0.9,
            fire=lambda *_: None, fire_attempt=lambda _: None,
        )  # fmt: skip
        client.connection.connect_to_server("a.b.c")
        wait_for(lambda: client.connection.is_connected)
        leaving = gevent.spawn(client.close)
        wait_for(lambda: client.connection.state is State.CLOSING)
        leaving.kill()
        assert [transition.is_online for transition in swarm.ledger.transitions] == [True, False]
        wire.close()


@pytest.mark.parametrize(
    ("script", "refused"),
    [
        (lambda peer: peer.answer_http(404), "http_404"),
        (lambda peer: (peer.upgrade(), peer.send(BAD_TOKEN), peer.wait_until_gone()), "invalid_token"),
        (lambda peer: (peer.accept(), peer.close_with(4502, "bye"), peer.wait_until_gone()), "signed_out"),
    ],
)  # fmt: skip
def test_what_is_refused_for_good_is_not_tried_again(play: Play, script: Script, refused: str):
    game, server = play(script)
    wait_for(lambda: refused in game.said)
    gevent.sleep(0.08)
    assert len(server.accepted_at_s) == 1
    assert game.connection.counters.refusals == {refused: 1}


@pytest.mark.parametrize(
    "script",
    [
        lambda peer: peer.answer_http(503, "Retry-After: 0.01"),
        lambda peer: (peer.accept(), peer.close_with(1012, "restart"), peer.wait_until_gone()),
        lambda peer: (peer.accept(), peer.sock.sendall(b"\xff\xff\xff"), peer.wait_until_gone()),
        lambda peer: peer.accept(),
    ],
)
def test_what_may_pass_is_tried_again(play: Play, script: Script):
    game, server = play(script, hold)
    wait_for(lambda: len(server.accepted_at_s) == 2 and game.connection.is_connected)
    assert game.connection.counters.attempts == len(game.attempts) == 2


def test_a_silent_server_is_given_up(play: Play):
    game, _ = play(hold, timing=Timing(heartbeat_s=0.05, silence_limit_s=0.12))
    wait_for(lambda: "lost" in game.said)
    # one that stood still here until the limit had sent none; the next one has
    wait_for(lambda: None in game.said, "and its heartbeats with it")


def test_a_drain_says_when_to_come_back(play: Play):
    def script(peer: FakePeer) -> None:
        peer.accept(features=["drain"])
        peer.send(ServerDraining(reconnect_after_ms=300))
        peer.close_with(1012)
        peer.wait_until_gone()

    _, server = play(script, hold, features=["drain"])
    wait_for(lambda: len(server.accepted_at_s) == 2)
    assert server.accepted_at_s[1] - server.accepted_at_s[0] >= 0.28


def test_leaving_from_a_listener_does_not_hold_up_the_reader(play: Play):
    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.send(RoomsChanged())
        peer.read_until_gone()

    game, _ = play(script)
    game.connection.rooms_list_changed.connect(game.connection.disconnect_from_server)
    wait_for(lambda: not game.connection.is_connected and game.heard(RoomsChanged))


# -- addresses and limits -----------------------------------------------------------------------------------------


def test_sources_go_on_before_the_ports_of_one_run_short():
    sources = SourceAddresses(server_host="127.0.0.1", ports=10)
    assert [sources.take() for _ in range(15)] == ["127.0.0.1"] * 7 + ["127.0.0.2"] * 7 + ["127.0.0.3"]
    assert SourceAddresses(server_host="localhost", first=300).take() == "127.0.1.45"
    assert not is_loopback("192.0.2.1")


def test_an_address_without_a_free_port_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch):
    tried: list[str | None] = []

    def full(url: str, timing: Timing, *, source: str | None = None) -> None:
        tried.append(source)
        raise OpenFailed("full") from OSError(errno.EADDRNOTAVAIL, "full")

    monkeypatch.setattr(opening, "open_websocket", full)
    with pytest.raises(OpenFailed):
        opening.open_for_reader("ws://127.0.0.1:1/", Timing(), SourceAddresses(server_host="127.0.0.1"))
    assert tried == ["127.0.0.1", "127.0.0.2"]


def test_a_connection_comes_from_the_source_that_it_was_given():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        stream = open_stream(url, timeout_s=1.0, source="127.0.0.77")
        accepted, address = listener.accept()
        assert address[0] == "127.0.0.77"
        stream.close()
        accepted.close()


def test_too_few_file_descriptors_is_one_sentence():
    allowed = raise_file_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard
    check_files(sockets=10, http_connections=10, allowed=allowed)
    with pytest.raises(
        UsageError, match=r"may open 20,000 files here.* needs 26,100: start more workers \(--processes 2"
    ):
        check_files(sockets=25_000, http_connections=1000, allowed=20_000)
