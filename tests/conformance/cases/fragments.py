"""Messages in fragments: RFC 6455 section 5.4, with control frames between, and under the rate limit."""

from __future__ import annotations

from tests.conformance.case import PING_JSON, PING_TEXT, Case, Outcome, Pause, SocketCase, closes, named, stays
from tests.conformance.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, fragments, frame, pong_of

_BASE = "RFC 6455 5.4"
_CONTROL = "RFC 6455 5.4, 5.5"
_A, _B, _C = PING_JSON[:5], PING_JSON[5:12], PING_JSON[12:]
_START = frame(_A, fin=False)
_END = frame(_B + _C, CONTINUATION)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789" * 2
_WHOLE = "accepted " + _LETTERS
_NAMED = named(_LETTERS.encode())
_PARTS = (_NAMED[:-74], *(bytes((byte,)) for byte in _NAMED[-74:-3]), _NAMED[-3:])
"""A message in 73 fragments, one letter of its name in most of them."""
_NOTHING = (Outcome(("error rate_limited",)), Outcome((), (4003,)), Outcome(("error rate_limited",), (4003,)))
# The pause gives back more of the default limit (20 per s) than the rest of the message needs: a server that drops
# single fragments over the limit takes the end of the message, and delivers it without its middle.
_RATE_NOTE = "whole, or an error and nothing; never a text that was shortened"


def _slowly(pause_after: int) -> tuple[bytes | Pause, ...]:
    sent = fragments(*_PARTS)
    frames = [frame(_PARTS[0], fin=False)]
    frames += [frame(part, CONTINUATION, fin=False) for part in _PARTS[1:-1]]
    frames += [frame(_PARTS[-1], CONTINUATION)]
    assert b"".join(frames) == sent
    return (b"".join(frames[:pause_after]), Pause(1.5), b"".join(frames[pause_after:]))


CASES: tuple[Case, ...] = (
    SocketCase("text in 2", _BASE, (fragments(_A, _B + _C),), stays("pong")),
    SocketCase("text in 3", _BASE, (fragments(_A, _B, _C),), stays("pong")),
    SocketCase("text, a fragment a byte", _BASE, (fragments(*(bytes((b,)) for b in PING_JSON)),), stays("pong")),
    SocketCase("text in 3, a segment each", _BASE,
               (_START, frame(_B, CONTINUATION, fin=False), frame(_C, CONTINUATION)), stays("pong")),
    SocketCase("first fragment empty", _BASE, (fragments(b"", PING_JSON),), stays("pong")),
    SocketCase("middle fragment empty", _BASE, (fragments(_A, b"", _B + _C),), stays("pong")),
    SocketCase("last fragment empty", _BASE, (fragments(PING_JSON, b""),), stays("pong")),
    SocketCase("all fragments empty", _BASE, (fragments(b"", b"", b""),), stays("error bad_json")),
    SocketCase("binary in 2", "protocol 1; RFC 6455 5.4", (fragments(_A, _B + _C, opcode=BINARY),), stays("pong")),
    SocketCase("binary in 3 that is no JSON", "protocol 1", (fragments(b"\0", b"\1", b"\2", opcode=BINARY),),
               stays("error bad_json")),
    SocketCase("two messages in fragments", _BASE, (fragments(_A, _B + _C) * 2,), stays("pong", "pong")),
    SocketCase("whole message behind one in fragments", _BASE, (fragments(_A, _B + _C) + PING_TEXT,),
               stays("pong", "pong")),
    SocketCase("masks differ by fragment", "RFC 6455 5.3", (_START + frame(_B + _C, CONTINUATION, mask=b"wxyz"),),
               stays("pong")),
    SocketCase("name comes back whole", _BASE, (fragments(named(b"abc")[:-5], named(b"abc")[-5:]),),
               stays("accepted abc")),
    # -- control frames between
    SocketCase("ping between", _CONTROL, (_START + frame(b"p", PING) + _END,), stays(pong_of(b"p"), "pong")),
    SocketCase("ping answered before the message ends", _CONTROL, (_START + frame(b"p", PING),), stays(pong_of(b"p"))),
    SocketCase("pong between", _CONTROL, (_START + frame(b"p", PONG) + _END,), stays("pong")),
    SocketCase("ping in each of 5 gaps", _CONTROL, (b"".join(
        frame(bytes((b,)), CONTINUATION if n else TEXT, fin=False) + frame(b"", PING)
        for n, b in enumerate(PING_JSON[:5])
    ) + frame(PING_JSON[5:], CONTINUATION),), (
        Outcome((*[pong_of(b"")] * 5, "pong")), Outcome((pong_of(b""), "pong"))),
        note="RFC 6455 5.5.3: only the latest of several pings need be answered"),
    SocketCase("ping between, a segment each", _CONTROL, (_START, frame(b"p", PING), _END),
               stays(pong_of(b"p"), "pong")),
    SocketCase("close between", "RFC 6455 5.5.1", (_START + close_frame(1000),), closes(1000), answers_close=False),
    SocketCase("close between, rest behind it", "RFC 6455 5.5.1", (_START + close_frame(1000) + _END,), closes(1000),
               answers_close=False),
    SocketCase("long ping between", _CONTROL, (_START + frame(b"x" * 126, PING) + _END,), closes(1002)),
    # -- out of order
    SocketCase("continuation without start", _BASE, (frame(PING_JSON, CONTINUATION),), closes(1002)),
    SocketCase("unfinished continuation without start", _BASE, (frame(PING_JSON, CONTINUATION, fin=False),),
               closes(1002)),
    SocketCase("empty continuation without start", _BASE, (frame(b"", CONTINUATION),), closes(1002)),
    SocketCase("continuation behind a whole message", _BASE, (PING_TEXT + frame(b"", CONTINUATION),),
               closes(1002, after=("pong",))),
    SocketCase("continuation behind a message in fragments", _BASE, (fragments(_A, _B + _C) + _END,),
               closes(1002, after=("pong",))),
    SocketCase("text inside a message", _BASE, (_START + PING_TEXT,), closes(1002)),
    SocketCase("unfinished text inside a message", _BASE, (_START + _START,), closes(1002)),
    SocketCase("binary inside a text", _BASE, (_START + frame(b"x", BINARY),), closes(1002)),
    SocketCase("text inside a binary", _BASE, (frame(b"x", BINARY, fin=False) + PING_TEXT,), closes(1002)),
    SocketCase("binary inside a binary", _BASE, (frame(b"x", BINARY, fin=False) * 2,), closes(1002)),
    SocketCase("text inside, after a ping", _BASE, (_START + frame(b"p", PING) + PING_TEXT,),
               closes(1002, after=(pong_of(b"p"),))),
    # -- control frames in fragments
    SocketCase("ping without FIN", "RFC 6455 5.5", (frame(b"p", PING, fin=False),), closes(1002)),
    SocketCase("pong without FIN", "RFC 6455 5.5", (frame(b"p", PONG, fin=False),), closes(1002)),
    SocketCase("close without FIN", "RFC 6455 5.5", (frame(b"\x03\xe8", CLOSE, fin=False),), closes(1002)),
    SocketCase("ping in 2 fragments", "RFC 6455 5.5",
               (frame(b"p", PING, fin=False) + frame(b"q", CONTINUATION),), closes(1002)),
    SocketCase("ping without FIN inside a message", "RFC 6455 5.5", (_START + frame(b"p", PING, fin=False),),
               closes(1002)),
    # -- the rate limit
    SocketCase("73 fragments at once", "protocol 9; RFC 6455 5.4", (fragments(*_PARTS),),
               (Outcome((_WHOLE,)), *_NOTHING), folds=True, note=_RATE_NOTE),
    SocketCase("50 fragments, a pause, the rest", "protocol 9; RFC 6455 5.4", _slowly(50),
               (Outcome((_WHOLE,)), *_NOTHING), folds=True, note=_RATE_NOTE),
    SocketCase("70 fragments, a pause, the rest", "protocol 9; RFC 6455 5.4", _slowly(70),
               (Outcome((_WHOLE,)), *_NOTHING), folds=True, note=_RATE_NOTE),
    SocketCase("message after 73 fragments and a pause", "protocol 9; RFC 6455 5.4",
               (fragments(*_PARTS), Pause(2.5), frame(PING_JSON)),
               (Outcome((_WHOLE, "pong")), Outcome(("error rate_limited", "pong")), *_NOTHING[1:]), folds=True,
               note=_RATE_NOTE),
)  # fmt: skip
