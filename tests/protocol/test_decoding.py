"""JSON from clients that we did not write: numbers with a fraction, null, byte order marks."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.decoding import FAULTS, decode_untyped, decoder_of, what_is_wrong, whole_number

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


class Counted(msgspec.Struct):
    count: int
    label: str = ""


decode = decoder_of(Counted)


@st.composite
def literals(draw: st.DrawFn) -> tuple[str, int]:
    """A whole number, and a way of writing it as JSON."""
    number = draw(INT64)
    zeros = "0" * draw(st.integers(0, 30))
    form = draw(st.sampled_from(["plain", "fraction", "exponent", "shifted"]))
    if form == "plain":
        return str(number), number
    if form == "fraction":
        return f"{number}.0{zeros}", number
    if form == "exponent":
        return f"{number}{draw(st.sampled_from(['e0', 'E0', 'e+0', 'e-0']))}", number
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    return f"{sign}{digits[0]}.{digits[1:] or '0'}{zeros}e{len(digits) - 1}", number


@given(literals())
def test_whole_number_is_an_integer_however_it_is_written(written: tuple[str, int]) -> None:
    literal, number = written
    found = decode(f'{{"count":{literal}}}').count
    assert found == number
    assert type(found) is int


@given(INT64, st.integers(1, 10**20).map(str).filter(lambda digits: digits.strip("0") != ""))
def test_number_with_a_fraction_is_refused(number: int, fraction: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(f'{{"count":{number}.{fraction}}}')


@given(st.text(max_size=20) | st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr))
def test_text_never_becomes_a_number(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(json.dumps({"count": text}))


@pytest.mark.parametrize(
    "literal",
    ["1e400", "-1e400", "1e99999999999999999999", "1e-400", "1e-99999999999999999999", "8.5", "0.1", "1e19", "true",
     "null", '"8"', "[8.0]", "{}", "9007199254740992.5", "8.00000000000000000000000000000001"],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(literal: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(f'{{"count":{literal}}}')


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "8.", ".8", "08.0", "+8.0", "8.0.0", "8e"])
def test_what_is_no_json_number_is_refused(literal: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(f'{{"count":{literal}}}')


def test_negative_zero_is_zero() -> None:
    assert repr(decode('{"count":-0.0}').count) == "0"
    assert whole_number("-0e5") == 0


@given(st.binary(max_size=100))
def test_any_bytes_decode_or_raise_what_decoding_raises(raw: bytes) -> None:
    for call in (decode, decode_untyped):
        try:
            call(raw)
        except FAULTS as fault:
            assert what_is_wrong(raw, fault)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ('{"type":"kick","data":{"peerId":2.0}}', messages.Kick(peerId=2)),
        ('{"type":"kick","data":{"peerId":2e0}}', messages.Kick(peerId=2)),
        ('{"type":"ack","data":{"id":5.0}}', messages.Ack(id=5)),
        ('{"type":"ack","data":{"id":5.0,"when":0.25}}', messages.Ack(id=5)),
        ('{"type":"join_room","data":{"roomId":"a","version":"1","name":"P","ifIn":null}}',
         messages.JoinRoom(roomId="a", version="1", name="P")),
        ('{"type":"handshake","data":{"version":"1","name":"P","token":null,"features":null}}',
         messages.Handshake(version="1", name="P")),
    ],
)  # fmt: skip
def test_client_message_of_an_engine_is_read(raw: str, message: messages.ClientMessage) -> None:
    assert messages.decode_client_message(raw) == message


def test_server_message_of_another_server_is_read() -> None:
    assert messages.decode_server_message('{"type":"pong","data":{"ts":1.5e12}}') == messages.Pong(ts=1_500_000_000_000)
    assert messages.ack_id_of(b'{"type":"rooms_changed","data":{"ack":3.0}}') == 3


@pytest.mark.parametrize(
    ("raw", "reason", "what"),
    [
        ('{"type":"handshake","data":{"version":13020,"name":"P"}}', "invalid_handshake", "Expected `str`, got `int`"),
        ('{"type":"handshake","data":{"version":"1"}}', "invalid_handshake", "required field `name`"),
        (b'\xef\xbb\xbf{"type":"ping"}', "bad_json", "byte order mark"),
        (b'{"type":"ping"}\0', "bad_json", "NUL byte"),
        ("ping", "bad_json", "is not JSON"),
        ('{"type":"ping","data":[]}', "bad_json", "data is not an object"),
    ],
)
def test_error_says_what_was_wrong(raw: Any, reason: str, what: str) -> None:
    with pytest.raises(messages.Refused) as refused:
        messages.decode_client_message(raw)
    assert refused.value.reason is ErrorReason(reason)
    assert what in (refused.value.detail or "")
