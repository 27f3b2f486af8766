"""No message of the server is above 32 KiB: what would be comes in parts, and is the same once it is put together."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.protocol.decoding import MAX_FAULT_CHARACTERS
from lobby_server.protocol.features import Feature
from lobby_server.protocol.framing.frames import split_server_frames
from lobby_server.protocol.messages import (
    EVENTS,
    PeerInfo,
    PresenceChanged,
    Refused,
    RoomsChangedRev,
    RoomsDelta,
    RoomsSnapshot,
    ServerMessage,
    UserOnline,
    decode_client_message,
    decode_server_message,
    encode,
)
from lobby_server.protocol.parts import MAX_MESSAGE_BYTES, Joiner, encode_frames, join, split
from lobby_server.protocol.requests import MAX_NAME_CHARACTERS
from lobby_server.protocol.resources import MAX_ROOM_PLAYERS, OnlineUser, Room
from lobby_server.service.fanout.acks import with_ack
from lobby_server.settings import MAX_CHAT_CHARACTERS

SMALL = 600
WORST = "\x01" * MAX_NAME_CHARACTERS
"""A name that takes six bytes of JSON for each character."""


def room(number: int, gamemode: str = "ffa") -> Room:
    return Room(f"room{number}", "ann", gamemode, None, 1, 8, "2026-01-01T00:00:00.000Z", False)


rooms = st.lists(st.builds(room, st.integers(0, 10**9), st.text(max_size=20)), max_size=30)
users = st.lists(st.builds(OnlineUser, st.integers(0, 2**53 - 1), st.text(max_size=20)), max_size=60)
messages = st.one_of(
    st.builds(RoomsSnapshot, rev=st.integers(0, 2**53), rooms=rooms),
    st.builds(RoomsDelta, base=st.just(1), rev=st.just(2), set=rooms, gone=st.lists(st.text(max_size=20), max_size=60)),
    st.builds(PresenceChanged, online=users, offline=users),
)


@given(messages)
def test_parts_are_small_enough_and_join_to_the_message(message: ServerMessage) -> None:
    parts = split(message, max_bytes=SMALL)
    assert join(parts) == message
    assert all(len(encode(part)) <= SMALL for part in parts)
    numbers = [(getattr(part, "part", None), getattr(part, "of", None)) for part in parts]
    assert numbers == [(None, None)] or numbers == [(n, len(parts)) for n in range(1, len(parts) + 1)]


@given(messages, st.data())
def test_joiner_gives_each_message_once_though_others_come_between(message: ServerMessage, data: st.DataObject) -> None:
    joiner, whole = Joiner(), []
    for payload in (
        payload for frame in encode_frames(message, max_bytes=SMALL) for _, payload in split_server_frames(frame)
    ):
        received = decode_server_message(payload)
        assert received is not None
        whole.append(joiner.take(received))
        if data.draw(st.booleans()):
            assert joiner.take(UserOnline(1, "x")) == UserOnline(1, "x")
    assert whole == [None] * (len(whole) - 1) + [message]


def test_parts_whose_first_was_missed_are_no_message() -> None:
    parts = split(RoomsSnapshot(rev=1, rooms=[room(n) for n in range(20)]), max_bytes=SMALL)
    assert [Joiner().take(part) for part in parts[1:]] == [None] * (len(parts) - 1)
    joiner = Joiner()
    joiner.take(parts[0])
    joiner.forget()
    assert joiner.take(parts[1]) is None


def test_message_that_fits_is_one_frame_without_part_and_of() -> None:
    (frame,) = encode_frames(RoomsSnapshot(rev=1, rooms=[]))
    assert b"part" not in frame


@pytest.mark.parametrize(
    "message",
    [
        RoomsSnapshot(rev=2**53, rooms=[room(n, WORST) for n in range(500)]),
        RoomsDelta(base=1, rev=2, set=[room(n, WORST) for n in range(300)], gone=["x" * 12] * 5000),
        PresenceChanged(
            online=[OnlineUser(n, WORST) for n in range(500)], offline=[OnlineUser(n, "a") for n in range(5000)]
        ),
    ],
    ids=lambda message: message.TYPE,
)
def test_every_part_is_within_the_limit_marked_for_an_answer_too(message: ServerMessage) -> None:
    frames = encode_frames(message)
    assert len(frames) > 1
    for frame in frames:
        ((_, payload),) = split_server_frames(with_ack(frame, 2**40))
        assert len(payload) <= MAX_MESSAGE_BYTES


MAX_INTEGER = 2**53
TEXTS: dict[str, int] = {
    "text": MAX_CHAT_CHARACTERS,
    "body": MAX_CHAT_CHARACTERS,  # of a direct line; that of an announcement is shorter
    "title": 100,
    "detail": MAX_FAULT_CHARACTERS + 10,
}
"""The most characters of a field; others hold a name at most, or an id."""
ITEMS: dict[str, list[Any]] = {
    "members": [PeerInfo(MAX_INTEGER, WORST, True)] * MAX_ROOM_PLAYERS,
    "ready": [MAX_INTEGER] * MAX_ROOM_PLAYERS,
    "features": [feature.value for feature in Feature],
}
"""The most items of a list. A list without a bound has to be one that is split."""
BOUNDED = [kind for kind in (*EVENTS.values(), RoomsChangedRev) if "part" not in kind.__struct_fields__]


def worst(kind: type[ServerMessage]) -> ServerMessage:
    """The longest message of that type."""
    values: dict[str, Any] = {}
    for each in msgspec.structs.fields(kind):
        if each.name in ITEMS:
            values[each.name] = ITEMS[each.name]
        elif "int" in str(each.type) or "float" in str(each.type):
            values[each.name] = MAX_INTEGER
        elif "bool" in str(each.type):
            values[each.name] = False
        elif get_origin(each.type) is Literal:
            values[each.name] = max(get_args(each.type), key=len)
        else:
            assert "str" in str(each.type) or "ErrorReason" in str(each.type), (kind, each)
            values[each.name] = "\x01" * TEXTS.get(each.name, MAX_NAME_CHARACTERS)
    return kind(**values)


@pytest.mark.parametrize("kind", BOUNDED, ids=lambda kind: kind.__name__)
def test_message_without_a_list_that_grows_fits_at_its_worst(kind: type[ServerMessage]) -> None:
    for frame in encode_frames(worst(kind)):
        ((_, payload),) = split_server_frames(with_ack(frame, MAX_INTEGER))
        assert len(payload) <= MAX_MESSAGE_BYTES


def test_error_repeats_no_more_of_a_clients_text_than_fits() -> None:
    data = {"roomId": "x", "version": "1", "name": "p", "ifIn": "\x01" * 50_000}
    with pytest.raises(Refused) as refused:
        decode_client_message(json.dumps({"type": "join_room", "data": data}))
    assert len(refused.value.detail or "") <= TEXTS["detail"]
    assert (refused.value.detail or "").startswith("Invalid enum value")
