"""The connection against a scripted server: every byte of the other side is the test's."""

import logging
import math
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from loadtest.client import Attempt, ConnectionManager, Counters, FixedReconnect, NotConnected, Timing
from loadtest.client import signals as signals_module
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.framing.frames import server_frame
from tests.loadtest.fakes import DEADLINE_S, JWT, FakePeer, FakeServer, hold, wait_for
from tests.stopwatch import Stopwatch

QUICK = FixedReconnect(interval_s=0.02)
NEVER = FixedReconnect(interval_s=3600)
CALM = Timing(heartbeat_s=math.inf, connect_timeout_s=DEADLINE_S, handshake_timeout_s=DEADLINE_S)
"""Nothing happens by itself, however long a busy machine takes."""


class Ear:
    """Writes down every signal of a connection, in order."""

    def __init__(self, connection: ConnectionManager) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.messages: list[messages.ServerMessage] = []
        self.attempts: list[Attempt] = []
        self.heartbeats: list[float | None] = []
        self.listeners = [
            lambda: self.heard.append(("established",)),
            lambda: self.heard.append(("lost",)),
            lambda reason: self.heard.append(("refused", reason)),
            lambda: self.heard.append(("rooms",)),
            lambda user_id, is_online: self.heard.append(("status", user_id, is_online)),
            lambda message: self.messages.append(message),
            lambda attempt: self.attempts.append(attempt),
            lambda round_trip_s: self.heartbeats.append(round_trip_s),
        ]
        connection.connection_established.connect(self.listeners[0])
        connection.connection_lost.connect(self.listeners[1])
        connection.connection_refused.connect(self.listeners[2])
        connection.rooms_list_changed.connect(self.listeners[3])
        connection.user_status_changed.connect(self.listeners[4])
        connection.message_received.connect(self.listeners[5])
        connection.connection_attempted.connect(self.listeners[6])
        connection.heartbeat_finished.connect(self.listeners[7])

    def count(self, *signal: Any) -> int:
        return self.heard.count(signal)


@pytest.fixture
def made() -> Iterator[list[ConnectionManager]]:
    connections: list[ConnectionManager] = []
    yield connections
    for connection in connections:
        connection.disconnect_from_server()
    wait_for(
        lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("lobby-")],
        what="the connections' threads end",
    )


@pytest.fixture
def connect(made: list[ConnectionManager]):
    def make(
        server: FakeServer, *, listen: Callable[[ConnectionManager], object] = lambda connection: None, **how: Any
    ) -> tuple[ConnectionManager, Ear]:
        """`listen`: who has to hear from the beginning."""
        connection = ConnectionManager(url=server.url, **{"reconnect": QUICK, "rng": Random(1), "timing": CALM, **how})
        made.append(connection)
        ear = Ear(connection)
        listen(connection)
        connection.connect_to_server(JWT)
        return connection, ear

    return make


def test_handshake_carries_version_name_and_token(connect):
    seen = {}

    def script(peer: FakePeer) -> None:
        seen.update(peer.accept(user_id=7))
        peer.read_until_gone()

    began_s = time.monotonic()
    with FakeServer(script) as server:
        connection, ear = connect(server, name="Ada")
        assert connection.wait_until_connected(DEADLINE_S)
        assert connection.is_connected
        wait_for(lambda: seen, what="the script goes on after the acceptance")
        assert seen["type"] == "handshake"
        assert seen["data"] == {"version": "13020", "name": "Ada", "token": JWT}
        assert (connection.user_id, connection.username) == (7, "somebody")
        wait_for(lambda: ear.messages)
        assert ear.heard == [("established",)]
        [attempt] = ear.attempts
        assert attempt.failure is None
        assert attempt.upgrade_s is not None
        assert attempt.handshake_s is not None
        assert attempt.upgrade_s > 0
        assert attempt.handshake_s > 0
        assert attempt.upgrade_s + attempt.handshake_s < time.monotonic() - began_s


def test_many_messages_in_one_segment_all_arrive_in_order(connect):
    users = range(10, 210)

    def script(peer: FakePeer) -> None:
        peer.accept(
            and_send=b"".join(messages.encode_frame(messages.UserOnline(user_id=n, username="u")) for n in users)
        )
        peer.send(messages.RoomsChanged(), messages.UserOffline(user_id=10, username="u"))
        peer.read_until_gone()

    with FakeServer(script) as server:
        _, ear = connect(server)
        wait_for(lambda: ear.count("status", 10, False))
        expected = [("established",), *(("status", n, True) for n in users), ("rooms",), ("status", 10, False)]
        assert ear.heard == expected


def test_acceptance_in_the_segment_of_the_upgrade_is_not_lost(connect):
    accepted = messages.encode_frame(messages.HandshakeAccepted(peer_id=0, user_id=1, username="u"))

    def script(peer: FakePeer) -> None:
        peer.upgrade(and_send=accepted + messages.encode_frame(messages.RoomsChanged()))
        peer.read_until_gone()

    with FakeServer(script) as server:
        _, ear = connect(server)
        wait_for(lambda: ear.heard == [("established",), ("rooms",)])


def test_a_message_that_comes_byte_by_byte_survives_the_heartbeats_between(connect):
    frame = messages.encode_frame(messages.RoomsChanged())

    def script(peer: FakePeer) -> None:
        peer.accept()
        for index in range(len(frame)):
            peer.sock.sendall(frame[index : index + 1])
            peer.read_message("ping")
        peer.read_until_gone()

    with FakeServer(script) as server:
        _, ear = connect(server, timing=replace(CALM, heartbeat_s=0.005))
        wait_for(lambda: ear.count("rooms"))
        assert ear.count("lost") == 0


def test_long_and_fragmented_messages_are_put_together(connect):
    text = messages.encode(messages.Kicked(reason="x" * 70_000))

    def script(peer: FakePeer) -> None:
        peer.accept(and_send=server_frame(text))
        first, last = bytearray(server_frame(text[:300])), bytearray(server_frame(text[300:]))
        first[0] &= 0x7F  # not final
        last[0] = 0x80  # final, continuation
        peer.sock.sendall(bytes(first + last))
        peer.read_until_gone()

    with FakeServer(script) as server:
        _, ear = connect(server)
        wait_for(lambda: len(ear.messages) == 3)
        assert ear.messages[1:] == [messages.Kicked(reason="x" * 70_000)] * 2


def test_unknown_types_bad_json_and_binary_are_counted_and_ignored(connect):
    def script(peer: FakePeer) -> None:
        noise = (
            b'{"type":"from_the_future","data":{"x":1}}',
            b"{",
            b"[]",
            b'{"type":"pong","data":{"ts":"no"}}',
            b"\xff\xfe",
        )
        peer.accept(and_send=b"".join(server_frame(text) for text in noise) + server_frame(b"\0\1", 0x2))
        peer.send(messages.RoomsChanged())
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, ear = connect(server)
        wait_for(lambda: ear.count("rooms"))
        assert ear.heard == [("established",), ("rooms",)]
        assert connection.counters.messages_in["(unknown type)"] == 1
        assert connection.counters.messages_in["(undecodable)"] == 4


def test_pings_of_the_server_are_answered(connect):
    pongs = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.ping(b"hello")
        pongs.append(peer.read_pong())
        peer.read_until_gone()

    with FakeServer(script) as server:
        connect(server)
        wait_for(lambda: pongs == [b"hello"])


def test_heartbeats_go_out_and_their_round_trips_come_back(connect):
    def script(peer: FakePeer) -> None:
        peer.accept()
        while True:
            peer.read_message("ping")
            time.sleep(0.02)
            peer.send(messages.Pong(ts=1))

    began_s = time.monotonic()
    with FakeServer(script) as server:
        connection, ear = connect(server, timing=replace(CALM, heartbeat_s=0.05))
        wait_for(lambda: len(ear.heartbeats) >= 3)
        took_s = time.monotonic() - began_s
        for round_trip_s in ear.heartbeats[:3]:
            assert round_trip_s is not None
            assert 0.02 <= round_trip_s < took_s
        assert connection.counters.messages_out["ping"] >= 3


# -- loss and return ----------------------------------------------------------------------------------------------


def test_after_a_loss_it_comes_back_and_the_unanswered_heartbeat_is_reported(connect):
    def lose_after_ping(peer: FakePeer) -> None:
        peer.accept()
        peer.read_message("ping")

    with FakeServer(lose_after_ping, hold) as server:
        connection, ear = connect(server, timing=replace(CALM, heartbeat_s=0.05))
        wait_for(lambda: ear.count("established") == 2)
        assert ear.heard == [("established",), ("lost",), ("established",)]
        assert ear.heartbeats[0] is None
        assert connection.counters.close_codes["none"] == 1
        assert connection.counters.reconnects == 1


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4001, 4002, 4003, 4004])
def test_passing_close_codes_lead_to_a_reconnect(connect, code: int):
    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.close_with(code, "in a moment")
        peer.read_until_gone()

    with FakeServer(script, hold) as server:
        connection, ear = connect(server)
        wait_for(lambda: ear.count("established") == 2)
        assert connection.counters.close_codes[str(code)] == 1


@pytest.mark.parametrize(("code", "reason"), [(4500, "close_4500"), (4501, "protocol_abuse"), (4502, "signed_out")])
def test_terminal_close_codes_end_it(connect, code: int, reason: str):
    def script(peer: FakePeer) -> None:
        peer.accept()
        peer.close_with(code)
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, ear = connect(server)
        wait_for(lambda: ear.count("refused", reason))
        assert ear.heard == [("established",), ("lost",), ("refused", reason)]
        assert not connection.is_connected
        time.sleep(5 * QUICK.interval_s)
        assert len(server.accepted_at_s) == 1


@pytest.mark.parametrize(
    "reason", [ErrorReason.INVALID_TOKEN, ErrorReason.AUTHENTICATION_REQUIRED, ErrorReason.INVALID_HANDSHAKE]
)
def test_a_handshake_that_cannot_succeed_is_refused(connect, reason: ErrorReason):
    def script(peer: FakePeer) -> None:
        peer.upgrade()
        peer.read_message("handshake")
        peer.send(messages.Error(reason=reason))
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, ear = connect(server)
        wait_for(lambda: ear.heard)
        assert ear.heard == [("refused", reason.value)]
        assert not connection.wait_until_connected(DEADLINE_S)
        assert reason.value in str(ear.attempts[0].failure)
        assert len(server.accepted_at_s) == 1


def test_other_errors_to_a_handshake_are_tried_again(connect):
    def script(peer: FakePeer) -> None:
        peer.upgrade()
        peer.read_message("handshake")
        peer.send(messages.Error(reason=ErrorReason.RATE_LIMITED))
        peer.read_until_gone()

    with FakeServer(script, hold) as server:
        connection, ear = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        wait_for(lambda: ear.heard)
        assert ear.heard == [("established",)]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
def test_what_is_no_lobby_server_is_refused(connect, status: int):
    with FakeServer(lambda peer: peer.answer_http(status)) as server:
        _, ear = connect(server)
        wait_for(lambda: ear.count("refused", f"http_{status}"))
        assert len(server.accepted_at_s) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_is_busy_is_tried_again(connect, status: int):
    with FakeServer(lambda peer: peer.answer_http(status), hold) as server:
        connection, ear = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        wait_for(lambda: len(ear.attempts) > 1)
        assert len(ear.attempts) == 2


def test_retry_after_replaces_the_draw(connect):
    with FakeServer(lambda peer: peer.answer_http(503, "Retry-After: 0"), hold) as server:
        connection, _ = connect(server, reconnect=NEVER)
        assert connection.wait_until_connected(DEADLINE_S)


def test_a_server_that_never_answers_the_handshake_is_left(connect):
    def mute(peer: FakePeer) -> None:
        peer.upgrade()
        peer.read_until_gone()

    with FakeServer(mute, hold) as server:
        connection, ear = connect(server, timing=replace(CALM, handshake_timeout_s=0.1))
        assert connection.wait_until_connected(DEADLINE_S)
        assert "not answered" in str(ear.attempts[0].failure)


def test_a_server_that_never_answers_the_upgrade_is_left(connect):
    with FakeServer(FakePeer.wait_until_gone, hold) as server:
        connection, ear = connect(server, timing=replace(CALM, connect_timeout_s=0.1))
        assert connection.wait_until_connected(DEADLINE_S)
        assert ear.attempts[0].upgrade_s is None


def test_silence_beyond_the_limit_is_death(connect):
    began_s = time.monotonic()
    with FakeServer(hold) as server:
        _, ear = connect(server, timing=replace(CALM, heartbeat_s=0.1, silence_limit_s=0.4))
        wait_for(lambda: ear.count("established") == 2)
        assert ear.heard[:3] == [("established",), ("lost",), ("established",)]
        assert time.monotonic() - began_s >= 0.4


def test_any_frame_counts_as_life(connect):
    """On a clock of its own: from one frame to the next is within the limit, all of them take twelve times as long."""
    now_s = [100.0]

    def script(peer: FakePeer) -> None:
        peer.accept()
        for _ in range(18):
            peer.ping()
            peer.read_pong()
            now_s[0] += 1.0
        time.sleep(0.1)  # who had heard nothing until now would give up
        peer.send(messages.RoomsChanged())
        peer.read_until_gone()

    with FakeServer(script) as server:
        _, ear = connect(server, timing=replace(CALM, silence_limit_s=1.5), clock=lambda: now_s[0])
        wait_for(lambda: ear.count("rooms"))
        assert ear.count("lost") == 0


def test_dropping_the_connection_is_a_loss_without_a_goodbye(connect):
    frames = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        frames.extend(peer.read_until_gone())

    with FakeServer(script, hold) as server:
        connection, ear = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        connection.drop_connection()
        wait_for(lambda: ear.count("established") == 2)
        assert frames == []
        assert connection.counters.close_codes == {}


def test_the_policy_is_asked_with_the_failures_since_the_loss(connect):
    asked = []

    class Listening:
        def delay_s(self, failures: int, rng: Random) -> float:
            asked.append(failures)
            return 0.0

    def lose(peer: FakePeer) -> None:
        peer.accept()

    def fail(peer: FakePeer) -> None:
        peer.answer_http(503)

    with FakeServer(fail, fail, lose, fail, hold) as server:
        _, ear = connect(server, reconnect=Listening())
        wait_for(lambda: ear.count("established") == 2)
        assert asked == [0, 1, 0, 1]


# -- disconnecting ------------------------------------------------------------------------------------------------


def test_disconnecting_says_goodbye_and_is_silent(connect):
    frames = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        frames.extend(peer.read_until_gone())

    with FakeServer(script) as server:
        connection, ear = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        connection.disconnect_from_server()
        assert not connection.is_connected
        wait_for(lambda: frames == [(0x8, b"\x03\xe8")])
        assert ear.heard == [("established",)]
        assert connection.counters.close_codes == {}
        with pytest.raises(NotConnected):
            connection.create_room()


def test_disconnecting_from_a_peer_that_does_not_answer_takes_bounded_time(connect):
    def deaf(peer: FakePeer) -> None:
        peer.accept()
        peer.wait_until_gone()

    with FakeServer(deaf) as server:
        connection, _ = connect(server, timing=replace(CALM, close_timeout_s=0.1))
        assert connection.wait_until_connected(DEADLINE_S)
        with Stopwatch() as watch:
            connection.disconnect_from_server()
        assert watch.took_s < 1


def test_disconnecting_while_waiting_to_retry_ends_the_wait(connect):
    with FakeServer(lambda peer: peer.answer_http(503)) as server:
        connection, ear = connect(server, reconnect=NEVER)
        wait_for(lambda: ear.attempts)
        connection.disconnect_from_server()
        connection.disconnect_from_server()
        assert not connection.wait_until_connected(0)


def test_a_listener_may_disconnect(connect):
    def script(peer: FakePeer) -> None:
        peer.accept(and_send=messages.encode_frame(messages.RoomsChanged()) * 3)
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, ear = connect(
            server, listen=lambda connection: connection.rooms_list_changed.connect(connection.disconnect_from_server)
        )
        wait_for(lambda: ear.count("rooms"))
        wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith("lobby-")])
        assert ear.count("rooms") <= 1
        assert not connection.is_connected


def test_a_listener_of_a_refusal_may_connect_with_a_fresh_token(connect):
    tokens = []

    def refuse(peer: FakePeer) -> None:
        peer.upgrade()
        tokens.append(peer.read_message("handshake")["data"]["token"])
        peer.send(messages.Error(reason=ErrorReason.INVALID_TOKEN))
        peer.read_until_gone()

    def take(peer: FakePeer) -> None:
        tokens.append(peer.accept()["data"]["token"])
        peer.read_until_gone()

    def come_again(connection: ConnectionManager) -> None:
        connection.connection_refused.connect(lambda reason: connection.connect_to_server("fresh.fresh.fresh"))

    with FakeServer(refuse, take) as server:
        _, ear = connect(server, listen=come_again)
        wait_for(lambda: ear.count("established") and len(tokens) == 2)  # the server notes it once it has accepted
        assert tokens == [JWT, "fresh.fresh.fresh"]


def test_connecting_twice_keeps_one_connection_and_the_newer_token(connect):
    tokens = []

    def script(peer: FakePeer) -> None:
        tokens.append(peer.accept()["data"]["token"])
        peer.read_message("leave_room")

    with FakeServer(script) as server:
        connection, ear = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        connection.connect_to_server("newer.newer.newer")
        connection.leave_room()
        wait_for(lambda: ear.count("established") == 2 and len(tokens) > 1)
        assert tokens[:2] == [JWT, "newer.newer.newer"]


# -- sending and listening ----------------------------------------------------------------------------------------


def test_room_commands_are_those_of_the_protocol(connect):
    seen = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        for _ in range(5):
            seen.append(peer.read_message())
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, _ = connect(server, name="Ada")
        assert connection.wait_until_connected(DEADLINE_S)
        connection.create_room()
        connection.join_room("r1")
        connection.chat("ä" * 3)
        connection.kick(2)
        connection.leave_room()
        wait_for(lambda: len(seen) == 5)
        assert seen == [
            {"type": "create_room", "data": {}},
            {"type": "join_room", "data": {"roomId": "r1", "version": "13020", "name": "Ada"}},
            {"type": "chat", "data": {"text": "äää"}},
            {"type": "kick", "data": {"peerId": 2}},
            {"type": "leave_room", "data": {}},
        ]


def test_sending_without_a_connection_says_so():
    with pytest.raises(NotConnected, match="chat"):
        ConnectionManager(url="ws://127.0.0.1:1/").chat("hello")


def test_many_threads_send_while_the_reader_answers_pings_and_no_frame_is_torn(connect):
    threads, each = 6, 60
    texts = []

    def script(peer: FakePeer) -> None:
        peer.accept()
        for index in range(threads * each):
            if index % 10 == 0:
                peer.ping()
            texts.append(peer.read_message("chat")["data"]["text"])
        peer.read_until_gone()

    with FakeServer(script) as server:
        connection, ear = connect(server, timing=replace(CALM, heartbeat_s=0.003))
        assert connection.wait_until_connected(DEADLINE_S)

        def talk(who: int) -> None:
            for number in range(each):
                connection.chat(f"{who}:{number}:" + "x" * 400)

        talkers = [threading.Thread(target=talk, args=(who,)) for who in range(threads)]
        for talker in talkers:
            talker.start()
        for talker in talkers:
            talker.join()
        wait_for(lambda: len(texts) == threads * each)
        for who in range(threads):
            mine = [text.split(":")[1] for text in texts if text.startswith(f"{who}:")]
            assert mine == [str(number) for number in range(each)]
        assert ear.count("lost") == 0


def test_a_raising_listener_does_not_end_the_connection(connect, caplog: pytest.LogCaptureFixture):
    def script(peer: FakePeer) -> None:
        peer.accept(and_send=messages.encode_frame(messages.RoomsChanged()) * 5)
        peer.read_until_gone()

    def broken() -> None:
        raise RuntimeError("broken listener")

    with FakeServer(script) as server:
        connection, ear = connect(server, listen=lambda connection: connection.rooms_list_changed.connect(broken))
        wait_for(lambda: ear.count("rooms") == 5)
        assert connection.is_connected
        assert caplog.text.count("RuntimeError: broken listener") == 1


def test_a_listener_that_blocks_beyond_the_silence_limit_is_logged_and_the_connection_goes_on(
    connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """On a clock of its own, which goes on by more than the limit while the listener blocks."""
    monkeypatch.setattr(signals_module, "SLOW_LISTENER_S", 0.1)
    now_s, is_listened_to, blocks = [100.0], threading.Event(), threading.Event()

    def script(peer: FakePeer) -> None:
        peer.accept()
        is_listened_to.wait(DEADLINE_S)
        peer.send(messages.RoomsChanged())
        blocks.wait(DEADLINE_S)
        peer.ping()
        peer.send(messages.RoomsChanged())
        peer.read_until_gone()

    def block() -> None:
        if not blocks.is_set():
            now_s[0] += 1.2
            blocks.set()
            stream = connection._run.link._opened.stream
            assert select.select([stream], [], [], DEADLINE_S)[0], "a sign of life lies there, unread"
            time.sleep(0.15)

    with FakeServer(script) as server:
        with caplog.at_level(logging.WARNING):
            connection, ear = connect(server, timing=replace(CALM, silence_limit_s=0.8), clock=lambda: now_s[0])
            connection.rooms_list_changed.connect(block)
            is_listened_to.set()
            wait_for(lambda: ear.count("rooms") == 2)
        assert ear.count("lost") == 0
        assert "meanwhile its connection read nothing" in caplog.text


def test_a_listener_that_ends_the_thread_leaves_the_way_free(connect, monkeypatch: pytest.MonkeyPatch):
    """As a kill does to a greenlet."""

    class Killed(BaseException):
        pass

    def kill() -> None:
        if len(server.accepted_at_s) == 1:
            raise Killed

    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    with FakeServer(hold) as server:
        connection, _ = connect(server, listen=lambda connection: connection.connection_established.connect(kill))
        wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("lobby-")])
        assert not connection.is_connected
        connection.connect_to_server(JWT)
        assert connection.wait_until_connected(DEADLINE_S)


def test_counters_count_messages_and_bytes(connect):
    pushed = messages.encode_frame(messages.RoomsChanged()) * 4

    def script(peer: FakePeer) -> None:
        peer.accept(and_send=pushed)
        peer.read_until_gone()

    shared = Counters()
    with FakeServer(script) as server:
        connection, ear = connect(server, counters=shared)
        wait_for(lambda: ear.count("rooms") == 4)
        assert connection.counters is shared
        assert shared.messages_in == {"handshake_accepted": 1, "rooms_changed": 4}
        assert shared.messages_out == {"handshake": 1}
        accepted = messages.encode_frame(messages.HandshakeAccepted(peer_id=0, user_id=1, username="somebody"))
        upgrade = 129 + len(accepted)
        assert shared.bytes_in == pytest.approx(upgrade + len(pushed), abs=2)
        assert shared.bytes_out > len(JWT)


def test_a_connection_needs_one_thread(connect):
    with FakeServer(hold) as server:
        before = threading.active_count()
        connection, _ = connect(server)
        assert connection.wait_until_connected(DEADLINE_S)
        wait_for(lambda: server.accepted_at_s)
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("lobby-")]
        assert len(ours) == 1
        assert threading.active_count() <= before + 2  # the other one is the fake server's
