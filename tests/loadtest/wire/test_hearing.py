"""What a connection hears of its bytes, however they are cut, and whether it had to take them apart or not."""

from __future__ import annotations

import socket
import struct
from array import array
from collections.abc import Iterator
from typing import ClassVar

import gevent
import pytest

from loadtest.client import FixedReconnect
from loadtest.wire.connection import SwarmConnection
from loadtest.wire.messages import chunks as chunks_module
from loadtest.wire.messages import frames
from loadtest.wire.messages import memo as memo_module
from loadtest.wire.messages.chunks import Chunks
from loadtest.wire.messages.memo import Heard, Memo
from loadtest.wire.messages.tape import Stretches
from loadtest.wire.shared import Wire
from loadtest.wire.state import APART_S, State
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import (
    Error,
    HandshakeAccepted,
    Pong,
    PresenceChanged,
    RoomsChanged,
    UserOffline,
    UserOnline,
    encode,
    encode_frame,
)
from lobby_server.protocol.resources import OnlineUser
from tests.loadtest.wire.test_wire import wait_for

ONLINE, OFFLINE = UserOnline(user_id=7, username="ada"), UserOffline(user_id=7, username="ada")
BATCH = PresenceChanged(online=[OnlineUser(user_id=8, username="b")], offline=[OnlineUser(user_id=9, username="c")])
EVENTS = b"".join(encode_frame(each) for each in (ONLINE, RoomsChanged(), BATCH, OFFLINE))
HEARD = [(7, True), (8, True), (9, False), (7, False)]


class Player:
    """An accepted connection whose server is the other end of a pair of sockets."""

    made: ClassVar[list[Player]] = []

    def __init__(self, wire: Wire) -> None:
        self.made.append(self)
        self.presence: list[tuple[int, bool]] = []
        self.times_s: list[float] = []
        self.in_bulk = 0
        self.rooms = 0
        self.ends: list[str] = []
        self.connection = SwarmConnection(
            wire, on_presence=self._one, on_presence_many=self._many, reconnect=FixedReconnect(interval_s=60.0)
        )
        self.connection.rooms_list_changed.connect(self._on_rooms)
        self.connection.connection_lost.connect(lambda: self.ends.append("lost"))
        ours, self.server = socket.socketpair()
        ours.setblocking(False)
        self.connection.sock, self.connection.state = ours, State.SHAKING
        wire.reader.add(self.connection)
        self.server.sendall(encode_frame(HandshakeAccepted(peer_id=0, user_id=1, username="x")))
        wait_for(lambda: self.connection.is_connected)

    def _one(self, user_id: int, is_online: bool, heard_s: float) -> None:
        self.presence.append((user_id, is_online))
        self.times_s.append(heard_s)

    def _many(self, events: bytes | Stretches, heard_s: float) -> None:
        self.in_bulk += 1
        if not isinstance(events, bytes):
            events = events.to_bytes()
        for number, key in enumerate(array("q", events), 1):
            self._one(key >> 1, bool(key & 1), heard_s + number * APART_S)

    def _on_rooms(self) -> None:
        self.rooms += 1

    def close(self) -> None:
        self.server.close()
        if self.connection.sock is not None:
            self.connection.sock.close()

    def send(self, data: bytes) -> None:
        """And wait until it was read."""
        before = self.connection.counters.bytes_in
        self.server.sendall(data)
        wait_for(lambda: self.connection.counters.bytes_in == before + len(data) or self.ends)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire("ws://127.0.0.1:1/")
    yield wire
    wire.close()
    while Player.made:
        Player.made.pop().close()


def test_a_stream_cut_at_every_byte_is_the_same_stream(wire: Wire):
    rest = b'type":"telepathy"}'
    stream = b'\x01\x02{"' + b"\x89\x02hi" + b"\x80" + bytes([len(rest)]) + rest + EVENTS
    whole = Player(wire)
    whole.send(stream)
    for cut in range(1, len(stream)):
        player = Player(wire)
        player.send(stream[:cut])
        player.send(stream[cut:])
        assert player.presence == whole.presence == HEARD
        assert player.rooms == 1
        assert player.connection.counters.messages_in == whole.connection.counters.messages_in
        assert player.times_s == sorted(player.times_s)
        player.connection.drop_connection()


def test_a_long_stream_that_is_cut_anywhere_says_the_same_to_all_and_is_taken_apart_once(wire: Wire):
    told = [UserOnline(user_id=number, username="ada") for number in range(3000)]
    told += [UserOffline(user_id=number, username="ada") for number in range(0, 3000, 3)]
    frame_of = {each: encode_frame(each) for each in told}
    heard = [(each.user_id, isinstance(each, UserOnline)) for each in told]
    for own in range(1, 3000, 500):
        player = Player(wire)
        theirs = [each for each in told if each.user_id != own]
        stream = b"".join(frame_of[each] for each in theirs) + encode_frame(RoomsChanged())
        for begin in range(0, len(stream), 30_001 + own):
            player.send(stream[begin : begin + 30_001 + own])
        assert player.presence == [each for each in heard if each[0] != own]
        assert player.rooms == 1
        assert player.connection.counters.messages_in == {
            "handshake_accepted": 1, "rooms_changed": 1,
            "user_online": sum(isinstance(each, UserOnline) for each in theirs),
            "user_offline": sum(isinstance(each, UserOffline) for each in theirs),
        }  # fmt: skip
        payloads = sum(len(encode(each)) for each in theirs if isinstance(each, UserOnline))
        assert player.connection.counters.payload_in["user_online"] == payloads
        assert player.times_s == sorted(set(player.times_s))
        assert player.in_bulk < 50
    assert len(wire.tape) < 2 * len(told)


def test_a_ping_between_fragments_is_answered_and_the_message_goes_on(wire: Wire):
    player = Player(wire)
    payload = encode(ONLINE)
    player.send(b"\x01\x05" + payload[:5] + b"\x89\x02hi" + b"\x80" + bytes([len(payload) - 5]) + payload[5:])
    assert player.presence == [(7, True)]
    pong = player.server.recv(100)
    mask, masked = pong[2:6], pong[6:]
    assert pong[:2] == b"\x8a\x82"
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == b"hi"


def test_what_another_player_had_is_not_taken_apart_again_and_says_the_same(wire: Wire):
    first, second = Player(wire), Player(wire)
    first.send(EVENTS)
    second.send(EVENTS)
    assert (first.in_bulk, second.in_bulk) == (0, 1)
    assert first.presence == second.presence == HEARD
    assert first.rooms == second.rooms == 1
    assert second.times_s == sorted(set(second.times_s))
    counters = first.connection.counters, second.connection.counters
    assert counters[0].messages_in == counters[1].messages_in
    assert counters[0].payload_in == counters[1].payload_in
    assert counters[0].bytes_in == counters[1].bytes_in


def test_one_who_wants_each_event_by_itself_gets_it_so(wire: Wire):
    first, second = Player(wire), Player(wire)
    first.send(EVENTS)
    heard: list[int] = []
    second.connection.on_presence = lambda user_id, is_online, heard_s: heard.append(user_id)
    second.send(EVENTS)
    assert heard == [user_id for user_id, _ in HEARD]
    assert second.in_bulk == 0


def test_a_known_read_in_the_middle_of_a_frame_is_part_of_that_frame(wire: Wire):
    first, second = Player(wire), Player(wire)
    first.send(EVENTS)
    header = b"\x81\x7e" + len(EVENTS).to_bytes(2, "big")
    second.send(header)
    second.send(EVENTS)  # the very bytes, as the payload of one message that is none
    assert second.in_bulk == 0
    assert second.presence == []
    assert second.connection.counters.messages_in["(undecodable)"] == 1


def test_what_the_server_does_not_take_is_counted_by_its_reason(wire: Wire):
    player = Player(wire)
    for reason in (ErrorReason.ROOM_FULL, ErrorReason.INVALID_JOIN_ROOM, ErrorReason.ROOM_FULL):
        player.send(encode_frame(Error(reason=reason)))
    assert player.connection.counters.errors_told == {"room_full": 2, "invalid_join_room": 1}


def test_a_known_read_before_the_acceptance_is_not_heard(wire: Wire):
    first, second = Player(wire), Player(wire)
    first.send(EVENTS)
    second.connection.state = State.SHAKING
    second.send(EVENTS)
    assert second.presence == []


@pytest.mark.parametrize(
    "read", [encode_frame(Pong(ts=1)), EVENTS + server_frame(b"hi", frames.OP_PING), EVENTS + b"\x81", b"\x81\x02{}"]
)
def test_what_is_for_one_player_is_not_remembered(wire: Wire, read: bytes):
    player = Player(wire)
    player.send(read)
    assert wire.chunks.get(read) is None


def test_an_event_that_asks_for_an_answer_is_not_remembered(wire: Wire):
    player = Player(wire)
    player.send(server_frame(b'{"type":"user_online","data":{"user_id":2,"username":"x","ack":7}}'))
    assert len(wire.chunks) == 0
    assert player.presence == [(2, True)]


@pytest.mark.parametrize("masked", [b"\x81\x82abcdxy", b"\x89\x80abcd"])
def test_a_masked_frame_of_the_server_ends_the_connection_with_1002(wire: Wire, masked: bytes):
    player = Player(wire)
    player.send(masked)
    wait_for(lambda: player.ends)
    close = player.server.recv(100)
    assert close[0] == 0x88
    assert bytes(byte ^ close[2 + at % 4] for at, byte in enumerate(close[6:])) == struct.pack("!H", 1002)
    assert player.connection.counters.close_codes == {"none": 1}


@pytest.mark.parametrize(("how", "codes"), [("close frame", {"1012": 1}), ("end", {"none": 1}), ("reset", {"none": 1})])
def test_every_kind_of_end_is_counted_as_what_it_was(wire: Wire, how: str, codes: dict[str, int]):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        ours.setblocking(False)
        server, _ = listener.accept()
    player = Player(wire)
    wire.reader.remove(player.connection)
    player.connection.sock.close()
    player.connection.sock = ours
    wire.reader.add(player.connection)
    with server:
        if how == "close frame":
            server.sendall(server_frame(struct.pack("!H", 1012), 0x8))
            wait_for(lambda: player.ends)
        elif how == "reset":
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: player.ends)
    assert player.connection.counters.close_codes == codes
    assert player.connection.state is State.WAITING


def test_a_frame_of_the_client_is_masked_and_says_what_it_was():
    for size in (0, 1, 5, 125, 126, 70_000):
        payload = bytes(at % 251 for at in range(size))
        frame = frames.client_frame(payload)
        start = 2 if size < 126 else 4 if size < 1 << 16 else 10
        assert frame[0] == 0x81
        assert frame[1] & 0x80
        mask, masked = frame[start : start + 4], frame[start + 4 :]
        assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)) == payload
    assert len({frames.client_frame(b"same") for _ in range(8)}) > 1


# -- bounds -------------------------------------------------------------------------------------------------------


def test_a_full_memo_starts_anew_and_stays_below_its_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memo_module, "MOST_BYTES", 20 * (memo_module.ENTRY_BYTES + 100))
    memo, most = Memo(), 0
    for number in range(200):
        assert memo.get(encode(UserOnline(user_id=number, username="ada"))).user_id == number
        most = max(most, len(memo))
    assert 10 < most <= 25


def test_full_chunks_start_anew_and_stay_below_their_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chunks_module, "MOST_BYTES", 20 * (chunks_module.ENTRY_BYTES + 100))
    known, memo, most = Chunks(), Memo(), 0
    for number in range(200):
        payload = encode(UserOnline(user_id=number, username="ada"))
        known.keep(server_frame(payload), [(memo.get(payload), len(payload))])
        assert known.get(server_frame(payload)) is not None
        most = max(most, len(known))
    assert 10 < most <= 25


def test_an_id_that_no_ledger_can_hold_is_not_remembered():
    known = Chunks()
    message = UserOnline(user_id=1 << 70, username="x")
    known.keep(b"read", [(Heard("user_online", message, 1 << 70, True, is_for_many=True), 4)])
    assert len(known) == 0


def test_the_reader_takes_in_together_what_comes_at_once(wire: Wire):
    players = [Player(wire) for _ in range(20)]
    turns = 0
    read_ready = wire.reader._read_ready

    def count() -> int:
        nonlocal turns
        number = read_ready()
        turns += bool(number)
        return number

    wire.reader._read_ready = count  # type: ignore[method-assign]
    for player in players:
        player.server.sendall(EVENTS)
    wait_for(lambda: all(player.presence == HEARD for player in players))
    gevent.sleep(0.01)
    assert turns <= 3, "not one for each"


def test_a_reader_that_is_closed_while_it_has_something_to_read_ends_without_a_word(
    capsys: pytest.CaptureFixture[str],
):
    wire = Wire("ws://127.0.0.1:1/")
    players = [Player(wire) for _ in range(3)]
    greenlet = wire.reader.greenlet
    assert greenlet is not None
    for _ in range(3):
        for player in players:
            player.server.sendall(EVENTS)
        gevent.sleep(0.0005)
    wire.close()
    wait_for(lambda: greenlet.dead)
    assert capsys.readouterr().err == ""
    while Player.made:
        Player.made.pop().close()


def test_an_answer_to_a_heartbeat_that_comes_alone_is_counted_as_one_among_others(wire: Wire):
    alone, among = Player(wire), Player(wire)
    pong = encode_frame(Pong(ts=1_700_000_000_123))
    round_trips: list[list[float | None]] = [[], []]
    told: list[list[object]] = [[], []]
    for player, trips, heard in zip((alone, among), round_trips, told, strict=True):
        player.connection.heartbeat_finished.connect(trips.append)
        player.connection.message_received.connect(heard.append)
        player.connection._heartbeats.sent(wire.clock())
    alone.send(pong)
    before = among.connection.counters.messages_in.copy()
    among.send(pong + encode_frame(ONLINE))
    assert among.connection.counters.messages_in - before == {"pong": 1, "user_online": 1}
    assert told[0] == told[1][:1] == [Pong(ts=1_700_000_000_123)]
    assert [len(trips) for trips in round_trips] == [1, 1]
    assert alone.connection.counters.messages_in["pong"] == 1
    assert alone.connection.counters.payload_in["pong"] == among.connection.counters.payload_in["pong"] == len(pong) - 2


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x1d" + b'{"type":"pong","data":{"ts":1}',
        server_frame(b'{"type":"pong","data":{"ts":"1"}}'),
        server_frame(b'{"type":"pong","data":{"ts":1}}')[:-1],
        server_frame(b'{"type":"pong","data":{"ts":1}}', 2),
        server_frame(b'{"type":"pong","data":{"ts":1}} '),
    ],
    ids=["no JSON", "another type", "cut off", "binary", "with more"],
)
def test_what_only_looks_like_an_answer_to_a_heartbeat_takes_the_long_way(wire: Wire, frame: bytes):
    assert wire.memo.pong_in(frame) is None
    assert wire.memo.pong_in(server_frame(b'{"type":"pong","data":{"ts":1}}')) == (31, 1)
