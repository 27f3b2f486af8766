"""Text that is UTF-8 and text that is not: RFC 6455 section 8.1, RFC 3629 section 4. Failures come at once."""

from __future__ import annotations

from itertools import pairwise

from tests.conformance.case import Case, SocketCase, closes, named, stays
from tests.conformance.wire import BINARY, CONTINUATION, PING, TEXT, close_frame, fragments, frame, pong_of

_BASE = "RFC 6455 8.1; RFC 3629 4"
_FAST = "RFC 6455 8.1; protocol 1"
_FAST_NOTE = "fail-fast: the bytes that can no longer become UTF-8 are enough"
_VALID = {
    "U+0020": " ",
    "U+007F": "\x7f",
    "U+0080": "\x80",
    "U+07FF": "\u07ff",
    "U+0800": "\u0800",
    "U+0FFF": "\u0fff",
    "U+D7FF": "\ud7ff",
    "U+E000": "\ue000",
    "U+FEFF": "\ufeff",
    "U+FFFD": "\ufffd",
    "U+FFFF": "\uffff",
    "U+10000": "\U00010000",
    "U+1F600": "\U0001f600",
    "U+10FFFF": "\U0010ffff",
    "accents": "κόσμε",
    "all lengths": "a\xe9\u20ac\U00010348",
}
_INVALID = {
    "lone 80": b"\x80",
    "lone BF": b"\xbf",
    "FE": b"\xfe",
    "FF": b"\xff",
    "overlong C0 80": b"\xc0\x80",
    "overlong C1 BF": b"\xc1\xbf",
    "overlong E0 80 80": b"\xe0\x80\x80",
    "overlong E0 9F BF": b"\xe0\x9f\xbf",
    "overlong F0 80 80 80": b"\xf0\x80\x80\x80",
    "overlong F0 8F BF BF": b"\xf0\x8f\xbf\xbf",
    "surrogate ED A0 80": b"\xed\xa0\x80",
    "surrogate ED BF BF": b"\xed\xbf\xbf",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "above U+10FFFF F4 90": b"\xf4\x90\x80\x80",
    "above U+10FFFF F5": b"\xf5\x80\x80\x80",
    "five bytes F8": b"\xf8\x88\x80\x80\x80",
    "six bytes FC": b"\xfc\x84\x80\x80\x80\x80",
    "two of three bytes": b"\xe2\x82",
    "three of four bytes": b"\xf0\x90\x8d",
    "one of two bytes": b"\xc3",
    "Latin-1": "é".encode("latin-1"),
}
_EURO = "€".encode()
_GRIN = "😀".encode()
_BAD_IN_DATA = b'{"type":"ping","data":{"nobody reads this":"\xff"}}'
_BAD_KEY = b'{"type":"ping","data":{"\xff":1}}'


def _unfinished(start: bytes, *, declared: int = 100, opcode: int = TEXT, fin: bool = True) -> bytes:
    """A frame of `declared` bytes of which only the start is sent."""
    return frame(start, opcode, declared=declared, fin=fin)


def _cut(payload: bytes, *places: int) -> tuple[bytes, ...]:
    bounds = (0, *places, len(payload))
    return tuple(payload[start:end] for start, end in pairwise(bounds))


_NAME_EURO, _NAME_GRIN = named(_EURO), named(_GRIN)
_AT_EURO, _AT_GRIN = _NAME_EURO.index(_EURO), _NAME_GRIN.index(_GRIN)

CASES: tuple[Case, ...] = (
    *(
        SocketCase(f"valid {label}", _BASE, (frame(named(text.encode())),), stays(f"accepted {text}"))
        for label, text in _VALID.items()
    ),
    *(
        SocketCase(f"invalid {label}", _BASE, (frame(named(raw)),), closes(1007))
        for label, raw in _INVALID.items()
    ),
    SocketCase("invalid first byte", _BASE, (frame(b"\xff" + named(b"a")),), closes(1007)),
    SocketCase("invalid last byte", _BASE, (frame(named(b"a") + b"\xff"),), closes(1007)),
    SocketCase("cut off at the end of the message", _BASE, (frame(b"hello \xe2\x82"),), closes(1007)),
    SocketCase("one byte of four at the end", _BASE, (frame(b"hello \xf0"),), closes(1007)),
    SocketCase("invalid in a field that nobody reads", _BASE, (frame(_BAD_IN_DATA),), closes(1007)),
    SocketCase("invalid in a key", _BASE, (frame(_BAD_KEY),), closes(1007)),
    SocketCase("invalid in text that is no JSON", _BASE, (frame(b"\xc0\xaf"),), closes(1007)),
    SocketCase("invalid behind a good message", _BASE, (frame(named(b"a")) + frame(b"\xff"),),
               closes(1007, after=("accepted a",))),
    SocketCase("invalid in binary is bad JSON", "protocol 1", (frame(named(b"\xff"), BINARY),),
               stays("error bad_json")),
    SocketCase("binary with three-byte text", "protocol 1", (frame(_NAME_EURO, BINARY),), stays("accepted €")),
    SocketCase("invalid bytes in a ping are echoed", "RFC 6455 5.5.2", (frame(b"\xff\xc0", PING),),
               stays(pong_of(b"\xff\xc0"))),
    # -- sequences over fragments and segments
    *(
        SocketCase(f"three bytes split after {n} over fragments", _BASE,
                   (fragments(*_cut(_NAME_EURO, _AT_EURO + n)),), stays("accepted €"))
        for n in (1, 2)
    ),
    *(
        SocketCase(f"four bytes split after {n} over fragments", _BASE,
                   (fragments(*_cut(_NAME_GRIN, _AT_GRIN + n)),), stays("accepted 😀"))
        for n in (1, 2, 3)
    ),
    SocketCase("four bytes in four fragments", _BASE,
               (fragments(*_cut(_NAME_GRIN, *range(_AT_GRIN, _AT_GRIN + 5))),), stays("accepted 😀")),
    SocketCase("split over fragments, ping between", _BASE, (
        frame(_NAME_EURO[: _AT_EURO + 1], fin=False) + frame(b"p", PING)
        + frame(_NAME_EURO[_AT_EURO + 1 :], CONTINUATION),), stays(pong_of(b"p"), "accepted €")),
    SocketCase("split over fragments with an empty one between", _BASE, (
        fragments(_NAME_EURO[: _AT_EURO + 1], b"", _NAME_EURO[_AT_EURO + 1 :]),), stays("accepted €")),
    SocketCase("three bytes split over segments", _BASE, _cut(frame(_NAME_EURO), 6 + _AT_EURO + 1),
               stays("accepted €")),
    SocketCase("four bytes in four segments", _BASE,
               _cut(frame(_NAME_GRIN), *range(6 + _AT_GRIN + 1, 6 + _AT_GRIN + 4)), stays("accepted 😀")),
    SocketCase("sequence broken by the end of the last fragment", _BASE, (fragments(b"hello ", b"\xe2\x82"),),
               closes(1007)),
    SocketCase("sequence cut by fragments and never ended", _BASE, (fragments(b"hello \xe2", b"\x82", b""),),
               closes(1007)),
    SocketCase("valid binary fragments, split", "protocol 1",
               (fragments(*_cut(_NAME_EURO, _AT_EURO + 1), opcode=BINARY),), stays("accepted €")),
    # -- fail-fast
    SocketCase("FF in an unfinished frame", _FAST, (_unfinished(b"hello \xff"),), closes(1007), note=_FAST_NOTE),
    SocketCase("overlong in an unfinished frame", _FAST, (_unfinished(b"hello \xe0\x80"),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("surrogate in an unfinished frame", _FAST, (_unfinished(b"hello \xed\xa0"),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("F4 90 in an unfinished frame", _FAST, (_unfinished(b"hello \xf4\x90"),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("FF in the second segment of a frame", _FAST, _cut(_unfinished(b"hello \xff"), 12), closes(1007),
               note=_FAST_NOTE),
    SocketCase("FF in an unfinished fragment", _FAST, (_unfinished(b"hello \xff", fin=False),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("FF in a fragment of an unfinished message", _FAST, (frame(b"hello \xff", fin=False),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("FF in the second fragment of an unfinished message", _FAST,
               (frame(b"hello ", fin=False) + frame(b"\xff", CONTINUATION, fin=False),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("sequence broken over two fragments", _FAST,
               (frame(b"hello \xe2", fin=False) + frame(b"x", CONTINUATION, fin=False),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("overlong over two fragments", _FAST,
               (frame(b"hello \xe0", fin=False) + frame(b"\x80", CONTINUATION, fin=False),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("surrogate over two segments of fragments", _FAST,
               (frame(b"hello \xed", fin=False), frame(b"\xa0", CONTINUATION, fin=False)), closes(1007),
               note=_FAST_NOTE),
    SocketCase("FF in the second part of an unfinished continuation", _FAST,
               (frame(b"hello ", fin=False) + _unfinished(b"\xff", opcode=CONTINUATION),), closes(1007),
               note=_FAST_NOTE),
    SocketCase("valid in an unfinished frame waits", _BASE, (frame(_NAME_EURO)[:-3], frame(_NAME_EURO)[-3:]),
               stays("accepted €")),
    # -- close reasons
    SocketCase("close reason of valid UTF-8", "RFC 6455 5.5.1", (close_frame(1000, "tschüß".encode()),), closes(1000),
               answers_close=False),
    SocketCase("close reason with FF", "RFC 6455 5.5.1, 8.1", (close_frame(1000, b"\xff"),), closes(1007, 1002),
               answers_close=False, note="1007 by 8.1; 1002 for a malformed close body"),
    SocketCase("close reason cut off", "RFC 6455 5.5.1, 8.1", (close_frame(1000, b"bye \xe2\x82"),),
               closes(1007, 1002), answers_close=False),
    SocketCase("close reason with a surrogate", "RFC 6455 5.5.1, 8.1", (close_frame(1000, b"\xed\xa0\x80"),),
               closes(1007, 1002), answers_close=False),
    SocketCase("close reason overlong", "RFC 6455 5.5.1, 8.1", (close_frame(3000, b"\xc0\x80"),),
               closes(1007, 1002), answers_close=False),
)  # fmt: skip
