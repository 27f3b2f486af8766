"""The closing handshake: RFC 6455 sections 5.5.1, 7.1, 7.4. After it the server ends TCP first (7.1.1)."""

from __future__ import annotations

from tests.conformance.case import PING_TEXT, Case, Heard, Outcome, SocketCase, closes
from tests.conformance.wire import CLOSE, NO_CODE, PING, close_frame, frame, pong_of

_CODE = "RFC 6455 7.4"
_SHAKE = "RFC 6455 5.5.1, 7.1"
_VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999)
_INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535)
_BAD = frame(b"", 3)
"""Ends the connection from the server's side, with 1002."""


def _bye(name: str, source: str, sent: bytes, *codes: int, after: tuple[str, ...] = (), note: str = "") -> SocketCase:
    return SocketCase(name, source, (sent,), closes(*codes, after=after), answers_close=False, note=note)


CASES: tuple[Case, ...] = (
    *(_bye(f"code {code} is echoed", _CODE, close_frame(code), code) for code in _VALID),
    *(_bye(f"code {code} is refused", _CODE, close_frame(code), 1002) for code in _INVALID),
    _bye("without a body", _SHAKE, close_frame(None), NO_CODE, 1000, note="an echo, or the code for it"),
    _bye("body of 1 byte", "RFC 6455 5.5.1", frame(b"\x03", CLOSE), 1002),
    _bye("reason of 1 byte", _SHAKE, close_frame(1000, b"x"), 1000),
    _bye("reason of 123 bytes", _SHAKE, close_frame(1000, b"x" * 123), 1000),
    _bye("reason of 124 bytes", "RFC 6455 5.5", close_frame(1000, b"x" * 124), 1002),
    _bye("reason of 5,000 bytes", "RFC 6455 5.5", close_frame(1000, b"x" * 5000), 1002, 1009, note="both are true"),
    _bye("refused code with a reason", _CODE, close_frame(1005, b"why"), 1002),
    _bye("mask of zero", _SHAKE, frame(b"\x03\xe8", CLOSE, mask=b"\0\0\0\0"), 1000),
    _bye("message before it is answered", _SHAKE, PING_TEXT + close_frame(), 1000, after=("pong",)),
    _bye("message behind it is ignored", "RFC 6455 5.5.1", close_frame() + PING_TEXT, 1000),
    _bye("ping behind it is ignored", "RFC 6455 5.5.1", close_frame() + frame(b"p", PING), 1000),
    _bye("garbage behind it is ignored", "RFC 6455 5.5.1", close_frame() + b"\xff" * 20, 1000),
    _bye("two of them", "RFC 6455 5.5.1", close_frame(1000) + close_frame(1001), 1000),
    _bye("ping, then close", _SHAKE, frame(b"p", PING) + close_frame(), 1000, after=(pong_of(b"p"),)),
    SocketCase("a byte at a time", _SHAKE, tuple(bytes((b,)) for b in close_frame(1001, b"bye")), closes(1001),
               answers_close=False),
    SocketCase("cut inside the code", _SHAKE, (close_frame(1001)[:7], close_frame(1001)[7:]), closes(1001),
               answers_close=False),
    # -- the server says it first
    SocketCase("fault, then message in one segment", "RFC 6455 7.1.7", (_BAD + PING_TEXT,), closes(1002)),
    SocketCase("fault, then close in one segment", "RFC 6455 7.1.7", (_BAD + close_frame(),), closes(1002),
               answers_close=False, note="the closes cross; one close frame of the server, and the end"),
    SocketCase("fault, then a second fault", "RFC 6455 7.1.7", (_BAD + _BAD,), closes(1002)),
    SocketCase("fault behind two messages", "RFC 6455 7.1.7", (PING_TEXT * 2 + _BAD,),
               closes(1002, after=("pong", "pong"))),
    SocketCase("fault and 100 KB behind it", "RFC 6455 7.1.7", (_BAD + b"\x81\xfe" * 50_000,), closes(1002),
               note="what came before the end is read, so that no reset takes the close frame away"),
    SocketCase("fault, answered with another code", "RFC 6455 7.1.6", (_BAD, Heard(1), close_frame(4000)), closes(1002),
               answers_close=False),
    SocketCase("fault, answered without a body", "RFC 6455 7.1.6", (_BAD, Heard(1), close_frame(None)), closes(1002),
               answers_close=False),
    SocketCase("three refused handshakes", "protocol 2.1", (frame(b'{"type":"handshake","data":{}}') * 3,),
               (Outcome(("error invalid_handshake",) * 3, (4501,)),)),
    SocketCase("too big, never answered", "RFC 6455 7.1.1", (frame(b" " * 5000),), closes(1009),
               answers_close=False, note="the server ends TCP by itself, within its patience"),
)  # fmt: skip
