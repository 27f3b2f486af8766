"""The wire, to the byte: every message of the base protocol, and whatever else a peer may send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.protocol import messages
from lobby_server.protocol.codes import CloseCode, ErrorReason, may_reconnect
from lobby_server.protocol.framing.frames import client_frame_bytes, server_frame, split_server_frames

BASE = [
    (
        messages.HandshakeAccepted(peer_id=0, user_id=123, username="PlayerName"),
        b'{"type":"handshake_accepted","data":{"peer_id":0,"user_id":123,"username":"PlayerName"}}',
    ),
    (
        messages.HandshakeAccepted(peer_id=0, user_id=None, username="Guest"),
        b'{"type":"handshake_accepted","data":{"peer_id":0,"user_id":null,"username":"Guest"}}',
    ),
    (
        messages.UserOnline(user_id=456, username="FriendName"),
        b'{"type":"user_online","data":{"user_id":456,"username":"FriendName"}}',
    ),
    (
        messages.UserOffline(user_id=456, username="FriendName"),
        b'{"type":"user_offline","data":{"user_id":456,"username":"FriendName"}}',
    ),
    (messages.RoomsChanged(), b'{"type":"rooms_changed","data":{}}'),
    (messages.Pong(ts=1234567890123), b'{"type":"pong","data":{"ts":1234567890123}}'),
    (messages.Error(reason=ErrorReason.INVALID_TOKEN), b'{"type":"error","data":{"reason":"invalid_token"}}'),
    (
        messages.RoomCreated(roomId="a1", peerId=1, gamemode="ffa", mapName=None),
        b'{"type":"room_created","data":{"roomId":"a1","peerId":1,"gamemode":"ffa","mapName":null}}',
    ),
    (
        messages.RoomJoined(
            roomId="a1", peerId=2, members=[messages.PeerInfo(1, "ann", True)], gamemode="ffa", mapName="moon"
        ),
        b'{"type":"room_joined","data":{"roomId":"a1","peerId":2,"members":[{"peerId":1,"name":"ann","isHost":true}],'
        b'"gamemode":"ffa","mapName":"moon"}}',
    ),
    (messages.PeerJoined(peerId=2, name="bob"), b'{"type":"peer_joined","data":{"peerId":2,"name":"bob"}}'),
    (messages.PeerLeft(peerId=2), b'{"type":"peer_left","data":{"peerId":2}}'),
    (
        messages.HostChanged(newHostPeerId=2, newHostName="bob"),
        b'{"type":"host_changed","data":{"newHostPeerId":2,"newHostName":"bob"}}',
    ),
    (
        messages.Chat(from_peer=1, from_name="ann", text="hé"),
        '{"type":"chat","data":{"from":1,"fromName":"ann","text":"hé"}}'.encode(),
    ),
    (messages.Kicked(), b'{"type":"kicked","data":{"reason":"host_kick"}}'),
]


@pytest.mark.parametrize(("message", "text"), BASE, ids=lambda value: getattr(value, "TYPE", ""))
def test_server_message_is_exactly_these_bytes(message: messages.ServerMessage, text: bytes) -> None:
    assert messages.encode(message) == text
    assert messages.decode_server_message(text) == message


def test_announcement_that_asks_for_an_answer_is_read_with_and_without_a_revision() -> None:
    asking = b'{"type":"rooms_changed","data":{"ack":3}}'
    assert messages.decode_server_message(asking) == messages.RoomsChanged()
    assert messages.ack_id_of(asking) == 3
    told_more = b'{"type":"rooms_changed","data":{"rev":7,"fetch_within_ms":9,"ack":4}}'
    assert messages.decode_server_message(told_more) == messages.RoomsChangedRev(rev=7, fetch_within_ms=9)


@pytest.mark.parametrize(("message", "text"), BASE)
def test_type_of_an_encoded_message_is_the_one_that_it_decodes_to(message: messages.ServerMessage, text: bytes) -> None:
    assert messages.type_of(text) == message.TYPE == messages.type_of(text.decode())


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"type":"of_a_later_version","data":{}}', "of_a_later_version"),
        (b'{"type":"user_online","data":{"user_id":"not a number"}}', "user_online"),
        (b'{"type":"user_online","data":[]}', None),
        (b'{"data":{}}', None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_type_of_reads_the_envelope_alone_and_is_none_for_no_message(raw: bytes, found: str | None) -> None:
    assert messages.type_of(raw) == found


def test_every_server_message_has_its_bytes_written_down() -> None:
    assert {message.TYPE for message, _ in BASE} == set(messages.SERVER_MESSAGES)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            '{"type":"handshake","data":{"version":"13020","name":"P","token":"t"}}',
            messages.Handshake(version="13020", name="P", token="t"),
        ),
        ('{"data":{},"type":"ping"}', messages.Ping()),
        ('{"type":"ping"}', messages.Ping()),
        ('{"type":"ping","data":null}', messages.Ping()),
        (' {"type" : "ping", "data" : {"x": 1}, "more": 2} ', messages.Ping()),
        ('{"type":"create_room","data":{}}', messages.CreateRoom()),
        (
            '{"type":"join_room","data":{"roomId":"a1","version":"1","name":"P"}}',
            messages.JoinRoom(roomId="a1", version="1", name="P"),
        ),
        ('{"type":"leave_room"}', messages.LeaveRoom()),
        ('{"type":"chat","data":{"text":"<b>hi</b>"}}', messages.SendChat(text="<b>hi</b>")),
        ('{"type":"kick","data":{"peerId":2}}', messages.Kick(peerId=2)),
    ],
)
def test_client_message_is_read(raw: str, message: messages.ClientMessage) -> None:
    assert messages.decode_client_message(raw) == message


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("[]", "bad_json"),
        ("null", "bad_json"),
        ('"ping"', "bad_json"),
        ("{}", "bad_json"),
        ('{"type":1}', "bad_json"),
        ('{"type":"ping","data":5}', "bad_json"),
        ('{"type":"ping"}x', "bad_json"),
        ('{"type":"ping","data":{"a":' + "[" * 2000 + "]" * 2000 + "}}", "bad_json"),
        ('{"type":"no_such"}', "unknown_type"),
        ('{"type":""}', "unknown_type"),
        ('{"type":"handshake","data":{}}', "invalid_handshake"),
        ('{"type":"handshake","data":{"version":13020,"name":"P","token":"t"}}', "invalid_handshake"),
        ('{"type":"handshake","data":{"version":"1","name":null,"token":"t"}}', "invalid_handshake"),
        (r'{"type":"handshake","data":{"version":"1\u0000","name":"P","token":"t"}}', "invalid_handshake"),
        ('{"type":"join_room","data":{"roomId":5,"version":"1","name":"P"}}', "invalid_join_room"),
        ('{"type":"join_room","data":{"roomId":"x"}}', "invalid_join_room"),
        ('{"type":"kick","data":{"peerId":"2"}}', "invalid_target"),
        ('{"type":"kick","data":{"peerId":2.5}}', "invalid_target"),
        ('{"type":"kick","data":{"peerId":18446744073709551616}}', "invalid_target"),
        ('{"type":"kick","data":{"peerId":-9223372036854775809}}', "invalid_target"),
        ('{"type":"chat","data":{"text":5}}', "bad_json"),
        ('{"type":"chat","data":{}}', "bad_json"),
    ],
)
def test_bad_client_message_has_its_error(raw: str, reason: str) -> None:
    with pytest.raises(messages.Refused) as refused:
        messages.decode_client_message(raw)
    assert refused.value.reason.value == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(messages.CLIENT_MESSAGES)) | json_values},
    optional={
        "data": st.dictionaries(
            st.sampled_from(["version", "name", "token", "roomId", "text", "peerId"]), json_values, max_size=6
        )
        | json_values
    },
)


@given(st.binary(max_size=200) | st.text(max_size=100) | envelopes.map(json.dumps))
def test_any_bytes_decode_or_get_an_error_of_the_protocol(raw: Any) -> None:
    try:
        message = messages.decode_client_message(raw)
    except messages.Refused as refused:
        assert refused.reason in ErrorReason
    else:
        assert isinstance(message, messages.ClientMessage)


@given(st.binary(max_size=200))
def test_any_bytes_of_a_server_decode_or_are_refused(raw: bytes) -> None:
    try:
        message = messages.decode_server_message(raw)
    except messages.Refused as refused:
        assert refused.reason is ErrorReason.BAD_JSON
    else:
        assert message is None or isinstance(message, messages.ServerMessage)


@given(st.lists(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536]).map(lambda size: b"x" * size), max_size=5))
def test_frames_joined_back_to_back_come_apart_again(payloads: list[bytes]) -> None:
    joined = b"".join(server_frame(payload) for payload in payloads)
    assert list(split_server_frames(joined)) == [(0x1, payload) for payload in payloads]


@pytest.mark.parametrize(("payload_bytes", "header"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_header_is_as_long_as_rfc_6455_says(payload_bytes: int, header: int) -> None:
    assert len(server_frame(b"x" * payload_bytes)) == payload_bytes + header
    assert client_frame_bytes(payload_bytes) == payload_bytes + header + 4


def test_cut_off_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(split_server_frames(server_frame(b"abc")[:-1]))


def test_close_codes_say_whether_to_come_back() -> None:
    assert [code for code in CloseCode if not may_reconnect(code)] == [
        CloseCode.PROTOCOL_ABUSE,
        CloseCode.SIGNED_OUT,
        CloseCode.BANNED,
    ]
    assert may_reconnect(None)
