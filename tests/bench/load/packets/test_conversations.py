"""Upgrades, messages and HTTP exchanges, read from packets with the times of those."""

from __future__ import annotations

import pytest

from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.messages import Ping, Pong, SendChat, UserOnline, encode
from tests.bench.load.packets.dialogue import Dialogue, Wire, client_frame, player

ONLINE = encode(UserOnline(user_id=5, username="x"))


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_upgrade_and_handshake_have_the_times_of_their_packets(wire: Wire) -> None:
    _, user_id = player(wire, port=999, index=3, at_s=100.0)
    [found] = wire.conversations().all()
    assert found.is_socket
    assert found.user_id == user_id
    times_s = (found.began_s, found.upgraded_s, found.shook_s, found.accepted_s)
    assert times_s == pytest.approx((100.0, 100.010, 100.020, 100.030), abs=1e-6)


def test_messages_in_one_packet_have_its_time_and_one_in_two_has_that_of_the_second(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    dialogue.hears(101.0, ONLINE, ONLINE)
    cut = server_frame(ONLINE)
    dialogue.down(102.0, cut[:10])
    dialogue.down(103.0, cut[10:])
    [found] = wire.conversations().all()
    assert found.heard == [
        (pytest.approx(101.0), ONLINE), (pytest.approx(101.0), ONLINE), (pytest.approx(103.0), ONLINE)
    ]  # fmt: skip


def test_long_frames_of_both_directions_are_whole(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    long = encode(UserOnline(user_id=5, username="y" * 70_000))
    frame = server_frame(long)
    for at, start in enumerate(range(0, len(frame), 1448)):
        dialogue.down(101.0 + at * 0.001, frame[start : start + 1448])
    dialogue.up(103.0, client_frame(encode(SendChat(text="z" * 300))) + client_frame(encode(Ping())))
    [found] = wire.conversations().all()
    assert [payload for _, payload in found.heard] == [long]
    assert found.pings_s == pytest.approx([103.0])


def test_pings_and_pongs_are_counted_apart_from_what_is_heard(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    dialogue.beat(101.0, 101.002)
    dialogue.hears(102.0, encode(Pong(ts=1)), ONLINE)
    [found] = wire.conversations().all()
    assert found.pings_s == pytest.approx([101.0])
    assert found.pongs_s == pytest.approx([101.002, 102.0])
    assert [payload for _, payload in found.heard] == [ONLINE]


def test_close_frame_of_the_client_ends_its_conversation(wire: Wire) -> None:
    dialogue, _ = player(wire, port=999, index=0, at_s=100.0)
    dialogue.says(105.0, b"\x03\xe8", opcode=8)
    assert wire.conversations().all()[0].closed_s == pytest.approx(105.0)


def test_requests_on_a_kept_connection_are_exchanges_one_by_one(wire: Wire) -> None:
    dialogue = Dialogue(wire, port=999, began_s=100.0)
    dialogue.asks(101.0, 101.5, method="POST", target="/api/rooms", body=b'{"mapName":"a"}', status=201)
    dialogue.asks(102.0, 102.1, method="DELETE", target="/api/rooms/7", status=404)
    first, second = wire.conversations().all()[0].exchanges
    assert (first.method, first.target, first.body, first.status) == ("POST", "/api/rooms", b'{"mapName":"a"}', 201)
    assert (first.asked_s, first.answered_s) == (pytest.approx(101.0), pytest.approx(101.5))
    assert (second.target, second.status, second.answered_s) == ("/api/rooms/7", 404, pytest.approx(102.1))


def test_request_in_two_packets_was_asked_with_its_first_byte(wire: Wire) -> None:
    dialogue = Dialogue(wire, port=999, began_s=100.0)
    dialogue.up(101.0, b"POST /api/rooms HTTP/1.1\r\nContent-Length: 4\r\n")
    dialogue.up(102.0, b"\r\nabcd")
    [exchange] = wire.conversations().all()[0].exchanges
    assert (exchange.asked_s, exchange.body, exchange.answered_s) == (pytest.approx(101.0), b"abcd", None)


def test_answer_in_pieces_has_come_with_its_last_one(wire: Wire) -> None:
    dialogue = Dialogue(wire, port=999, began_s=100.0)
    dialogue.up(101.0, b"GET /api/rooms HTTP/1.1\r\n\r\n")
    dialogue.down(101.1, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    dialogue.down(101.2, b"cd")
    [exchange] = wire.conversations().all()[0].exchanges
    assert (exchange.status, exchange.answered_s) == (200, pytest.approx(101.2))


def test_connection_whose_beginning_was_not_captured_is_left_out(wire: Wire) -> None:
    player(wire, port=999, index=0, at_s=100.0)
    wire.packets = wire.packets[2:]
    assert wire.conversations().all() == []


def test_port_that_is_used_again_is_another_conversation(wire: Wire) -> None:
    player(wire, port=999, index=0, at_s=100.0)
    player(wire, port=999, index=1, at_s=200.0)
    assert [each.began_s for each in wire.conversations().all()] == pytest.approx([100.0, 200.0])


def test_syn_that_is_sent_again_begins_no_other_conversation(wire: Wire) -> None:
    player(wire, port=999, index=0, at_s=100.0)
    wire.packets.insert(1, wire.packets[0])
    [found] = wire.conversations().all()
    assert found.accepted_s is not None
