"""Frames read out of bytes: what is a message, what is a fault, and at which byte that is known."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.web.websocket.deflate import Agreement, Inflater, agree
from lobby_server.web.websocket.reader import (
    OP_BINARY,
    OP_PART,
    Event,
    FrameFault,
    FrameReader,
    close_answer,
    unmask,
    whole_text,
)

TEXT, PING, CLOSE = 0x1, 0x9, 0x8
MAX_BYTES = 4096
PACKED = Agreement("", deflates=True, window_bytes=0)


def frame(payload: bytes, first: int = 0x81, *, mask: bytes = b"\x37\xfa\x21\x3d") -> bytes:
    size = len(payload)
    if size < 126:
        header = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        header = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return header + mask + unmask(mask, payload)


def packed(payload: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def read(pieces: Iterable[bytes], *, agreement: Agreement | None = None) -> list[Event]:
    reader = FrameReader(max_bytes=MAX_BYTES, agreement=agreement)
    events = []
    for piece in pieces:
        reader.feed(piece)
        while (event := reader.next_event()) is not None:
            events.append(event)
    assert reader.is_idle
    return events


def fault_of(data: bytes, *, agreement: Agreement | None = None) -> int | None:
    """The close code with which bytes end their connection; None: they do not."""
    reader = FrameReader(max_bytes=MAX_BYTES, agreement=agreement)
    try:
        for byte in data:
            reader.feed(bytes((byte,)))
            while reader.next_event() is not None:
                pass
    except FrameFault as fault:
        return int(fault.code)
    return None


@pytest.mark.parametrize("size", [1, 125, 126, 4096])
def test_everyday_frame_is_taken_without_a_reader(size: int) -> None:
    assert whole_text(frame(b"x" * size), MAX_BYTES) == b"x" * size


@pytest.mark.parametrize(
    "data",
    [
        frame(b""),
        frame(b"x")[:-1],
        frame(b"x") + frame(b"y"),
        frame(b"x", 0x82),
        frame(b"x", 0x01),
        frame(b"x", 0xC1),
        frame("é".encode()),
        frame(b"x" * 4097),
        b"\x81\x05abcde\0",
        b"\x81\xfe\x00\x05" + b"\0\0\0\0" + b"hello",
    ],
    ids=["empty", "cut", "two", "binary", "fragment", "compressed", "not ASCII", "big", "not masked", "long length"],
)
def test_any_other_frame_is_left_to_the_reader(data: bytes) -> None:
    assert whole_text(data, MAX_BYTES) is None


@given(
    st.lists(st.tuples(st.sampled_from(["whole", "parts", "ping", "packed"]), st.text(max_size=200)), max_size=6),
    st.randoms(use_true_random=False),
)
def test_messages_are_the_same_wherever_the_bytes_are_cut(said: list[tuple[str, str]], random: object) -> None:
    data, expected = b"", []
    for kind, text in said:
        payload = text.encode()
        if kind == "whole":
            data += frame(payload)
        elif kind == "packed":
            data += frame(packed(payload), 0xC1)
        elif kind == "ping":
            data += frame(payload[:125], 0x89)
            expected.append(Event(PING, payload[:125]))
            continue
        else:
            cut = len(payload) // 2
            data += frame(payload[:cut], 0x01) + frame(b"between", 0x89) + frame(payload[cut:], 0x80)
            expected += [Event(OP_PART, b""), Event(PING, b"between")]
        expected.append(Event(TEXT, payload))
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(5))  # type: ignore[attr-defined]
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert read([data], agreement=PACKED) == read(pieces, agreement=PACKED) == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xa1", 1002),
        (b"\xc1\x80", 1002),
        (b"\x83\x80", 1002),
        (b"\x8b\x80", 1002),
        (b"\x81\x00", 1002),
        (b"\x89\xfe", 1002),
        (b"\x09\x80", 1002),
        (frame(b"x", 0x80)[:2], 1002),
        (frame(b"x", 0x01) + b"\x81\x80", 1002),
        (b"\x81\xfe\x00\x7d", 1002),
        (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 1002),
        (b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", 1002),
        (b"\x81\xfe\x10\x01", 1009),
        (frame(b"x" * 4000, 0x01) + b"\x80\xe1", 1009),
        (frame(b"\xff")[:-1] + b"\xc8", 1007),
        (frame(b"ok \xed\xa0\x80 and more to come")[:11], 1007),
        (frame(b"\xc3", 0x01) + frame(b"\x28", 0x80), 1007),
        (frame(b"\xc3"), 1007),
    ],
)
def test_fault_is_known_at_the_first_byte_that_shows_it(data: bytes, code: int) -> None:
    assert fault_of(data[:-1]) is None
    assert fault_of(data) == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(packed(b"x"), 0xC0), 1002),
        (frame(packed(b"x"), 0x41) + frame(b"", 0xC0), 1002),
        (frame(b"", 0xC9), 1002),
        (frame(b"\xff\xff\xff\xff", 0xC1), 1007),
        (frame(packed(b"\xff"), 0xC1), 1007),
        (frame(packed(b"0" * 4097), 0xC1), 1009),
        (frame(packed(b"0" * 50_000_000)[:4000], 0x41), 1009),
        (frame(packed(b"0" * 4096), 0xC1), None),
    ],
    ids=["on a continuation first", "on a continuation", "on a ping", "no deflate", "no UTF-8", "big", "bomb", "most"],
)
def test_compressed_message_is_held_to_the_same_bounds(data: bytes, code: int | None) -> None:
    assert fault_of(data, agreement=PACKED) == code


def test_blocks_behind_one_that_is_marked_as_the_last_are_read() -> None:
    stream = zlib.compressobj(wbits=-15)
    ended = stream.compress(b"Hello") + stream.flush(zlib.Z_FINISH) + b"\x00"  # RFC 7692 section 7.2.3.4
    assert read([frame(ended, 0xC1)], agreement=PACKED) == [Event(TEXT, b"Hello")]
    assert Inflater(b"").take(ended, most=100, is_end=True) == b"Hello"


def test_client_that_refers_to_its_earlier_messages_is_understood_where_its_window_was_agreed_on() -> None:
    agreement = agree([("permessage-deflate", [("client_max_window_bits", None)])])
    assert agreement is not None
    stream = zlib.compressobj(wbits=-10)
    data = b""
    for _ in range(3):
        message = stream.compress(b'{"type":"ping","data":{}}') + stream.flush(zlib.Z_SYNC_FLUSH)
        data += frame(message.removesuffix(b"\x00\x00\xff\xff"), 0xC1)
    assert read([data], agreement=agreement) == [Event(TEXT, b'{"type":"ping","data":{}}')] * 3


def test_binary_message_is_no_text() -> None:
    assert read([frame(b"\xff\xfe", 0x82)]) == [Event(OP_BINARY, b"\xff\xfe")]


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"", 1000),
        (b"\x03\xe8", 1000),
        (b"\x03\xe8bye", 1000),
        (b"\x03\xf6", 1014),
        (b"\x0f\xa0", 4000),
        (b"\x03", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xe7", 1002),
        (b"\x07\xd0", 1002),
        (b"\x13\x88", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_close_frame_is_answered_with_its_code_or_with_what_is_wrong_with_it(payload: bytes, answer: int) -> None:
    try:
        assert close_answer(payload) == answer
    except FrameFault as fault:
        assert fault.code == answer


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ([], ""),
        ([("server_max_window_bits", "9")], "; server_max_window_bits=9"),
        ([("client_max_window_bits", None)], "; client_max_window_bits=10"),
        ([("client_max_window_bits", "8")], "; client_max_window_bits=8"),
        ([("server_no_context_takeover", None), ("client_no_context_takeover", None)], ""),
        ([("server_max_window_bits", "7")], None),
        ([("server_max_window_bits", "16")], None),
        ([("server_max_window_bits", None)], None),
        ([("server_max_window_bits", "08")], None),
        ([("server_no_context_takeover", "1")], None),
        ([("server_no_context_takeover", None)] * 2, None),
        ([("unknown", None)], None),
    ],
)
def test_offer_of_compression_is_accepted_or_declined_as_a_whole(
    offer: list[tuple[str, str | None]], answer: str | None
) -> None:
    agreement = agree([("x-unknown", []), ("permessage-deflate", offer)])
    if answer is None:
        assert agreement is None
        assert agree([("permessage-deflate", offer), ("permessage-deflate", [])]) is not None
    else:
        assert agreement is not None
        expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + answer
        assert agreement.answer == expected
