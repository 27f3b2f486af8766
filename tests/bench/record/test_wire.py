"""The byte model against exchanges counted by hand."""

from __future__ import annotations

import pytest

from bench.record.wire import ByteCount, exchange_wire_bytes, one_way_wire_bytes, segments, server_frame_bytes
from lobby_server.protocol.framing.frames import client_frame_bytes

PING = b'{"type":"ping","data":{}}'
PONG = b'{"type":"pong","data":{"ts":1234567890123}}'
REQUEST = b"GET /api/rooms HTTP/1.1\r\nHost: 127.0.0.1:30820\r\nAccept: */*\r\n\r\n"
HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 3000\r\nEtag: "7"\r\n\r\n'


@pytest.mark.parametrize(("payload", "expected"), [(0, 0), (1, 1), (1448, 1), (1449, 2), (2896, 2), (2897, 3)])
def test_segments_at_the_edges_of_the_mss(payload: int, expected: int) -> None:
    assert segments(payload) == expected


def test_frame_sizes_by_hand() -> None:
    # RFC 6455 section 5.2: 2 bytes of header below 126 bytes, 4 below 65,536; a client's mask is 4 more.
    assert server_frame_bytes(len(PONG)) == 2 + 43
    assert client_frame_bytes(len(PING)) == 2 + 4 + 25
    assert server_frame_bytes(126) == 4 + 126
    assert client_frame_bytes(330) == 4 + 4 + 330


def test_one_way_message_is_a_segment_and_an_acknowledgement() -> None:
    assert one_way_wire_bytes(36) == (52 + 36) + 52


def test_three_segments_are_acknowledged_twice() -> None:
    assert one_way_wire_bytes(3000) == 3000 + 3 * 52 + 2 * 52


def test_heartbeat_by_hand() -> None:
    # ping up (52 + 31), pong down with the acknowledgement in it (52 + 45), the client's acknowledgement (52)
    count = ByteCount()
    count.heartbeat(ping_bytes=len(PING), pong_bytes=len(PONG))
    assert (count.requests, count.events) == (1, 0)
    assert (count.message_up_bytes, count.message_down_bytes) == (25, 43)
    assert (count.framed_up_bytes, count.framed_down_bytes) == (31, 45)
    assert count.wire_bytes == 83 + 97 + 52


def test_poll_by_hand() -> None:
    # request up, three segments down, two acknowledgements up
    count = ByteCount()
    count.http_exchange(request_bytes=len(REQUEST), head_bytes=len(HEAD), body_bytes=3000)
    assert (count.message_up_bytes, count.message_down_bytes) == (0, 3000)
    assert count.framed_up_bytes == len(REQUEST)
    assert count.framed_down_bytes == len(HEAD) + 3000
    assert count.wire_bytes == (52 + len(REQUEST)) + (3 * 52 + len(HEAD) + 3000) + 2 * 52


def test_control_ping_is_frames_without_a_message() -> None:
    count = ByteCount()
    count.control_ping(payload_bytes=0)
    assert (count.message_up_bytes, count.message_down_bytes, count.requests) == (0, 0, 0)
    assert (count.framed_up_bytes, count.framed_down_bytes) == (6, 2)
    assert count.wire_bytes == (52 + 2) + (52 + 6) + 52


def test_notification_is_an_event_that_nothing_answers() -> None:
    count = ByteCount()
    count.notification(message_bytes=34)
    assert (count.events, count.message_down_bytes, count.framed_down_bytes) == (1, 34, 36)
    assert count.wire_bytes == 36 + 52 + 52


def test_answer_saves_the_acknowledgement_of_the_question() -> None:
    assert exchange_wire_bytes(100, 100) == one_way_wire_bytes(100) * 2 - 52
