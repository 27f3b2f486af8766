"""Ping and pong: RFC 6455 sections 5.5.2 and 5.5.3, and a flood of them under the rate limit."""

from __future__ import annotations

from tests.conformance.case import PING_TEXT, Case, Outcome, SocketCase, closes, named, stays
from tests.conformance.wire import PING, PONG, frame, pong_of

_PING = "RFC 6455 5.5.2"
_PONG = "RFC 6455 5.5.3"
_LATEST = "only the latest of several pings need be answered"


def _in_order(*payloads: bytes) -> tuple[Outcome, ...]:
    """A pong for each, or for the latest alone."""
    return (Outcome(tuple(pong_of(each) for each in payloads)), Outcome((pong_of(payloads[-1]),)))


CASES: tuple[Case, ...] = (
    *(
        SocketCase(f"ping of {len(payload)} bytes", _PING, (frame(payload, PING),), stays(pong_of(payload)))
        for payload in (bytes(range(size)) for size in (0, 1, 2, 4, 64, 124, 125))
    ),
    SocketCase("ping of 126 bytes", "RFC 6455 5.5", (frame(b"x" * 126, PING),), closes(1002)),
    SocketCase("ping of 65,536 bytes", "RFC 6455 5.5", (frame(b"x" * 0x10000, PING),), closes(1002, 1009),
               note="both are true of it"),
    SocketCase("pong of 126 bytes", "RFC 6455 5.5", (frame(b"x" * 126, PONG),), closes(1002)),
    SocketCase("header of a ping of 126 bytes", "RFC 6455 5.5", (frame(b"", PING, declared=126),), closes(1002),
               note="decided from the header"),
    SocketCase("ping with a mask of zero", _PING, (frame(b"hello", PING, mask=b"\0\0\0\0"),), stays(pong_of(b"hello"))),
    SocketCase("ping, a byte at a time", _PING, tuple(bytes((b,)) for b in frame(b"hello", PING)),
               stays(pong_of(b"hello"))),
    SocketCase("two pings in one segment", _PONG, (frame(b"1", PING) + frame(b"2", PING),), _in_order(b"1", b"2"),
               note=_LATEST),
    SocketCase("ten pings in one segment", _PONG, (b"".join(frame(b"%d" % n, PING) for n in range(10)),),
               _in_order(*(b"%d" % n for n in range(10))), note=_LATEST),
    SocketCase("two pings in two segments", _PONG, (frame(b"1", PING), frame(b"2", PING)), _in_order(b"1", b"2"),
               note=_LATEST),
    SocketCase("unsolicited pong", _PONG, (frame(b"", PONG),), stays()),
    SocketCase("unsolicited pong with payload", _PONG, (frame(b"hello", PONG),), stays()),
    SocketCase("unsolicited pong of 125 bytes", _PONG, (frame(b"x" * 125, PONG),), stays()),
    SocketCase("three unsolicited pongs, then a ping", _PONG, (frame(b"a", PONG) * 3 + frame(b"b", PING),),
               stays(pong_of(b"b"))),
    SocketCase("ping, then a message", _PING, (frame(b"p", PING) + PING_TEXT,), stays(pong_of(b"p"), "pong")),
    SocketCase("message, then a ping", _PING, (PING_TEXT + frame(b"p", PING),), stays("pong", pong_of(b"p"))),
    SocketCase("ping before and behind the handshake", _PING,
               (frame(b"1", PING) + frame(named(b"a")) + frame(b"2", PING),),
               (Outcome((pong_of(b"1"), "accepted a", pong_of(b"2"))), Outcome(("accepted a", pong_of(b"2")))),
               note=_LATEST),
    SocketCase("flood of 1,200 pings", "protocol 6", (frame(b"", PING) * 1200,),
               (Outcome((pong_of(b""),), (4003,)), Outcome((), (4003,))), folds=True,
               note="answered at most as far as the rate limit goes"),
    SocketCase("flood of 1,200 pongs", "protocol 6", (frame(b"", PONG) * 1200,), closes(4003), folds=True),
    SocketCase("flood of 1,200 messages", "protocol 6", (PING_TEXT * 1200,),
               (Outcome(("pong", "error rate_limited"), (4003,)), Outcome(("pong",), (4003,))), folds=True),
)  # fmt: skip
