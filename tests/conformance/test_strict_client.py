"""The client that judges is judged: what a server may not send is a fault, and what it may is none."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib

import pytest

from tests.conformance.case import ACCEPT, Outcome, Reply, RequestCase, SocketCase, Way, any_of, upgrade
from tests.conformance.http_replies import Response, read_response
from tests.conformance.judging import Observation, judge
from tests.conformance.line import Line, Reads
from tests.conformance.wire import CLOSE, NO_CODE, PING, PONG, TEXT, Agreed, Deflater, ServerFrames, frame, read_agreed

_PONG_JSON = b'{"type":"pong","data":{"ts":1}}'
_ERROR_JSON = b'{"type":"error","data":{"reason":"bad_json"}}'


def _server(payload: bytes, opcode: int = TEXT, **more: int) -> bytes:
    return frame(payload, opcode, mask=None, **more)  # type: ignore[arg-type]


def _read(data: bytes, agreed: Agreed | None = None) -> ServerFrames:
    frames = ServerFrames(agreed)
    for byte in data:
        frames.feed(bytes((byte,)))
    return frames


GOOD = {
    "pong": (_server(_PONG_JSON), ["pong"]),
    "error": (_server(_ERROR_JSON), ["error bad_json"]),
    "control pong": (_server(b"p", PONG), ["PONG 70"]),
    "heartbeat is no event": (_server(b"", PING), []),
    "message in fragments": (_server(_PONG_JSON[:5], fin=False) + _server(_PONG_JSON[5:], 0), ["pong"]),
    "close with a reason": (_server(b"\x03\xe8bye", CLOSE), []),
    "close without a body": (_server(b"", CLOSE), []),
}
BAD = {
    "masked": frame(_PONG_JSON),
    "length not minimal": _server(_PONG_JSON, length_form=16),
    "RSV1": _server(_PONG_JSON, rsv=0x40),
    "RSV2": _server(_PONG_JSON, rsv=0x20),
    "reserved opcode": _server(b"", 3),
    "reserved control opcode": _server(b"", 0xB),
    "stray continuation": _server(_PONG_JSON, 0),
    "text inside a message": _server(b"{", fin=False) + _server(_PONG_JSON),
    "long control frame": _server(b"p" * 126, PONG),
    "control frame without FIN": _server(b"p", PONG, fin=False),
    "binary": _server(_PONG_JSON, 2),
    "text that is not UTF-8": _server(b"\xff"),
    "no message": _server(b"[]"),
    "close body of one byte": _server(b"\x03", CLOSE),
    "close code that may not be sent": _server(b"\x03\xed", CLOSE),
    "close reason not UTF-8": _server(b"\x03\xe8\xff", CLOSE),
    "frame behind the close": _server(b"\x03\xe8", CLOSE) + _server(_PONG_JSON),
    "heartbeat with a payload": _server(b"x", PING),
    "above 32 KiB": _server(_PONG_JSON + b" " * 32768),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_server_may_send_is_read_without_a_fault(name: str) -> None:
    data, events = GOOD[name]
    frames = _read(data)
    assert (frames.events, frames.faults) == (events, [])


@pytest.mark.parametrize("name", BAD)
def test_what_no_server_may_send_is_a_fault(name: str) -> None:
    assert _read(BAD[name]).faults


def test_close_without_a_body_reads_as_1005() -> None:
    assert _read(_server(b"", CLOSE)).close == NO_CODE


def _compressed(bits: int, *messages: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits)
    payloads = [compressor.compress(each) + compressor.flush(zlib.Z_SYNC_FLUSH) for each in messages]
    return b"".join(_server(payload[:-4], rsv=0x40) for payload in payloads)


def test_compressed_messages_inflate_from_the_context_agreed_on() -> None:
    data = _compressed(15, _PONG_JSON, _PONG_JSON)
    assert _read(data, Agreed()).events == ["pong", "pong"]
    without = _read(data, Agreed(server_no_context_takeover=True))
    assert (without.events, len(without.faults)) == (["pong"], 1)


def test_compressed_message_from_beyond_the_window_agreed_on_is_a_fault() -> None:
    text = "".join(chr(97 + (n * n * 7 + n // 26) % 26) for n in range(900)) * 2
    data = _compressed(15, b'{"type":"%b","data":{}}' % text.encode())
    assert _read(data, Agreed()).faults == []
    assert _read(data, Agreed(server_max_window_bits=9)).faults


def test_deflater_without_takeover_compresses_each_message_alone() -> None:
    alone, joined = Deflater(Agreed(client_no_context_takeover=True)), Deflater(Agreed())
    assert alone.deflate(_PONG_JSON) == alone.deflate(_PONG_JSON)
    assert len(joined.deflate(_PONG_JSON)) > len(joined.deflate(_PONG_JSON))


@pytest.mark.parametrize(
    "value",
    [
        "permessage-deflate; x",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate, permessage-deflate",
        "x-other",
    ],
)
def test_response_with_parameters_that_it_may_not_have_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_agreed(value)


def _response(head: bytes, method: str = "GET") -> Response:
    read = read_response(head, method=method, has_ended=True)
    assert read is not None
    return read[0]


_101 = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n%b\r\n"
FAULTY = {
    "101 of another key": _101 % (b"c3RyYW5nZQ==", b""),
    "101 with a subprotocol": _101 % (ACCEPT.encode(), b"Sec-WebSocket-Protocol: chat\r\n"),
    "101 with a length": _101 % (ACCEPT.encode(), b"Content-Length: 0\r\n"),
    "426 without Upgrade": b"HTTP/1.1 426 x\r\nContent-Length: 0\r\n\r\n",
    "405 without Allow": b"HTTP/1.1 405 x\r\nContent-Length: 0\r\n\r\n",
    "204 with a length": b"HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", FAULTY)
def test_response_that_no_server_may_send_is_a_fault(name: str) -> None:
    assert _response(FAULTY[name]).faults


def test_upgrade_response_as_the_rfc_has_it_is_without_a_fault() -> None:
    assert _response(_101 % (ACCEPT.encode(), b"")).faults == []


@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", b"HTTP/1.1 200"]
)
def test_bytes_that_are_no_response_are_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        _response(head)


def test_chunked_and_pipelined_responses_are_told_apart() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 204 x\r\n\r\n"
    read = read_response(data, method="GET", has_ended=False)
    assert read is not None
    assert (read[0].body, read[1]) == (b"abc", b"HTTP/1.1 204 x\r\n\r\n")


def test_case_is_judged_by_events_close_and_end() -> None:
    case = SocketCase("x", "y", (b"",), (Outcome(("pong",), (1002,)),))
    right = Observation(events=("pong",), close=1002, has_ended=True)
    assert judge(case, Way.BARE, right) is None
    for wrong in (
        Observation(events=(), close=1002, has_ended=True),
        Observation(events=("pong",), close=1000, has_ended=True),
        Observation(events=("pong",), close=1002),
        Observation(events=("pong",), has_ended=True),
        Observation(events=("pong",), is_open=True),
        Observation(events=("pong",), close=1002, has_ended=True, faults=("masked",)),
    ):
        assert judge(case, Way.BARE, wrong)


def test_request_is_judged_by_status_header_extension_and_socket() -> None:
    case = RequestCase("x", "y", (upgrade(),), any_of(101), extension=lambda value: value == "permessage-deflate")
    reply = Response(101, [])
    good = Observation(replies=(reply,), is_open=True, extension="permessage-deflate")
    assert judge(case, Way.DEFLATE, good) is None
    assert judge(case, Way.BARE, good)
    assert judge(case, Way.BARE, Observation(replies=(reply,), is_open=True)) is None
    assert judge(case, Way.DEFLATE, Observation(replies=(reply,), is_open=True))
    assert judge(case, Way.BARE, Observation(replies=(reply,), has_ended=True))
    assert judge(case, Way.BARE, Observation(replies=(Response(400, []),)))
    dated = RequestCase("x", "y", (b"",), ((Reply((200,), (("date", ".+"),)),),))
    assert judge(dated, Way.BARE, Observation(replies=(Response(200, []),)))
    assert judge(dated, Way.BARE, Observation(replies=(Response(200, [("date", "today")]),))) is None


async def test_what_came_before_a_reset_is_read_however_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = await Line.open(listening.getsockname()[1], Way.BARE, Reads())
        server, _ = listening.accept()
        server.sendall(b"\x88\x02\x03\xea")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while not line._reader._buffer:  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        server.close()
        while line._reader.exception() is None:
            await asyncio.sleep(0)
        assert await line.more() == b"\x88\x02\x03\xea"
        assert line.has_ended
        await line.end()
