"""Single frames: RFC 6455 section 5.2, and the inbound limit of the protocol."""

from __future__ import annotations

from tests.conformance.case import (
    LIMIT_BYTES,
    PING_JSON,
    PING_TEXT,
    PLAIN,
    Case,
    SocketCase,
    closes,
    named,
    padded,
    stays,
)
from tests.conformance.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    frame,
)

_BASE = "RFC 6455 5.2"
_LIMIT = "protocol 1; RFC 6455 7.4.1, 10.4"
_OVER = LIMIT_BYTES + 1
_RESERVED = (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)


def _header(declared: int, opcode: int = TEXT, *, fin: bool = True, form: int | None = None) -> bytes:
    """A header and mask alone: the payload never comes."""
    return frame(b"", opcode, fin=fin, declared=declared, length_form=form)


CASES: tuple[Case, ...] = (
    SocketCase("text", _BASE, (PING_TEXT,), stays("pong")),
    SocketCase("binary with JSON", "protocol 1", (frame(PING_JSON, BINARY),), stays("pong")),
    SocketCase("binary that is no JSON", "protocol 1", (frame(b"\x00\x01\x02", BINARY),), stays("error bad_json")),
    SocketCase("text that is no JSON", "protocol 2.7", (frame(b"hello"),), stays("error bad_json")),
    SocketCase("text without payload", _BASE, (frame(b""),), stays("error bad_json")),
    SocketCase("binary without payload", _BASE, (frame(b"", BINARY),), stays("error bad_json")),
    SocketCase("text of one byte", _BASE, (frame(b"1"),), stays("error bad_json")),
    # -- opcodes
    *(SocketCase(f"reserved opcode {opcode:X}", _BASE, (frame(b"", opcode),), closes(1002)) for opcode in _RESERVED),
    SocketCase("reserved opcode 3 with payload", _BASE, (frame(PING_JSON, 3),), closes(1002)),
    SocketCase("reserved opcode B with payload", _BASE, (frame(b"x" * 125, 0xB),), closes(1002)),
    SocketCase("reserved opcode 5 without FIN", _BASE, (frame(b"x", 5, fin=False),), closes(1002)),
    SocketCase("reserved opcode behind a message", _BASE, (PING_TEXT + frame(b"", 7),), closes(1002, after=("pong",))),
    # -- reserved bits
    SocketCase("RSV1 not agreed on", _BASE, (frame(PING_JSON, rsv=RSV1),), closes(1002), ways=PLAIN),
    SocketCase("RSV1 on binary, not agreed on", _BASE, (frame(b"x", BINARY, rsv=RSV1),), closes(1002), ways=PLAIN),
    SocketCase("RSV2 on text", _BASE, (frame(PING_JSON, rsv=RSV2),), closes(1002)),
    SocketCase("RSV3 on text", _BASE, (frame(PING_JSON, rsv=RSV3),), closes(1002)),
    SocketCase("all RSV bits", _BASE, (frame(PING_JSON, rsv=RSV1 | RSV2 | RSV3),), closes(1002)),
    SocketCase("RSV1 on ping", _BASE, (frame(b"", PING, rsv=RSV1),), closes(1002)),
    SocketCase("RSV2 on ping", _BASE, (frame(b"", PING, rsv=RSV2),), closes(1002)),
    SocketCase("RSV3 on pong", _BASE, (frame(b"", PONG, rsv=RSV3),), closes(1002)),
    SocketCase("RSV3 on close", _BASE, (frame(b"\x03\xe8", CLOSE, rsv=RSV3),), closes(1002)),
    SocketCase(
        "RSV2 on continuation",
        _BASE,
        (frame(PING_JSON, fin=False) + frame(b"", CONTINUATION, rsv=RSV2),),
        closes(1002),
    ),
    # -- masks
    SocketCase("mask of zero", "RFC 6455 5.3", (frame(PING_JSON, mask=b"\0\0\0\0"),), stays("pong")),
    SocketCase("mask of ones", "RFC 6455 5.3", (frame(PING_JSON, mask=b"\xff\xff\xff\xff"),), stays("pong")),
    SocketCase("mask with a zero byte", "RFC 6455 5.3", (frame(PING_JSON, mask=b"\0\x01\0\x02"),), stays("pong")),
    SocketCase("two masks", "RFC 6455 5.3", (PING_TEXT + frame(PING_JSON, mask=b"abcd"),), stays("pong", "pong")),
    SocketCase("unmasked text", "RFC 6455 5.1", (frame(PING_JSON, mask=None),), closes(1002)),
    SocketCase("unmasked binary", "RFC 6455 5.1", (frame(b"x", BINARY, mask=None),), closes(1002)),
    SocketCase("unmasked ping", "RFC 6455 5.1", (frame(b"", PING, mask=None),), closes(1002)),
    SocketCase("unmasked pong", "RFC 6455 5.1", (frame(b"", PONG, mask=None),), closes(1002)),
    SocketCase("unmasked close", "RFC 6455 5.1", (frame(b"\x03\xe8", CLOSE, mask=None),), closes(1002)),
    SocketCase("unmasked empty text", "RFC 6455 5.1", (frame(b"", mask=None),), closes(1002)),
    SocketCase(
        "unmasked continuation",
        "RFC 6455 5.1",
        (frame(PING_JSON, fin=False) + frame(b"", CONTINUATION, mask=None),),
        closes(1002),
    ),
    # -- lengths
    *(
        SocketCase(f"payload of {size} bytes", _BASE, (frame(padded(size)),), stays("pong"))
        for size in (124, 125, 126, 127, 128, 255, 256, 1024, LIMIT_BYTES - 1, LIMIT_BYTES)
    ),
    SocketCase("name of 3,000 bytes is taken, cut", _BASE, (frame(named(b"n" * 3000)),), stays("accepted " + "n" * 64)),
    SocketCase("16 bits for 0 bytes", _BASE, (frame(b"", length_form=16),), closes(1002)),
    SocketCase("16 bits for 125 bytes", _BASE, (frame(padded(125), length_form=16),), closes(1002)),
    SocketCase("64 bits for 5 bytes", _BASE, (frame(b"hello", length_form=64),), closes(1002)),
    SocketCase("64 bits for 126 bytes", _BASE, (frame(padded(126), length_form=64),), closes(1002)),
    SocketCase("64 bits for the limit", _BASE, (frame(padded(LIMIT_BYTES), length_form=64),), closes(1002)),
    SocketCase("16 bits for a ping", _BASE, (frame(b"hi", PING, length_form=16),), closes(1002)),
    SocketCase("64 bits for a close", _BASE, (frame(b"\x03\xe8", CLOSE, length_form=64),), closes(1002)),
    SocketCase(
        "64 bits for 65,535 bytes",
        _BASE,
        (_header(0xFFFF, form=64),),
        closes(1002, 1009),
        note="both are true of it",
    ),
    SocketCase(
        "64 bits, top bit set", _BASE, (_header(1 << 63, form=64),), closes(1002, 1009), note="both are true of it"
    ),
    SocketCase(
        "64 bits, all set", _BASE, (_header((1 << 64) - 1, form=64),), closes(1002, 1009), note="both are true of it"
    ),
    SocketCase(
        "16 bits for 5 bytes, a byte at a time",
        _BASE,
        tuple(bytes((byte,)) for byte in frame(b"hello", length_form=16)[:8]),
        closes(1002),
        note="decided from the header",
    ),
    # -- the inbound limit
    *(
        SocketCase(f"payload of {size} bytes is too many", _LIMIT, (frame(padded(size)),), closes(1009))
        for size in (_OVER, 0xFFFF, 0x10000, 200_000)
    ),
    *(
        SocketCase(f"header of {size} bytes, no payload", _LIMIT, (_header(size),), closes(1009))
        for size in (_OVER, 0xFFFF, 0x10000, 1 << 40)
    ),
    SocketCase("binary header over the limit", _LIMIT, (_header(_OVER, BINARY),), closes(1009)),
    SocketCase("first fragment over the limit", _LIMIT, (_header(_OVER, fin=False),), closes(1009)),
    SocketCase(
        "fragments whole at the limit",
        _LIMIT,
        (frame(padded(LIMIT_BYTES - 1), fin=False) + frame(b" ", CONTINUATION),),
        stays("pong"),
    ),
    SocketCase(
        "fragments grow over the limit by 1",
        _LIMIT,
        (frame(padded(LIMIT_BYTES), fin=False) + frame(b" ", CONTINUATION),),
        closes(1009),
    ),
    SocketCase(
        "fragments grow over the limit, header alone",
        _LIMIT,
        (frame(padded(4000), fin=False) + _header(97, CONTINUATION),),
        closes(1009),
        note="decided before the payload comes",
    ),
    SocketCase(
        "fragments grow over the limit, unfinished",
        _LIMIT,
        (frame(padded(4000), fin=False) + frame(b" " * 97, CONTINUATION, fin=False),),
        closes(1009),
    ),
    SocketCase(
        "binary fragments grow over the limit",
        _LIMIT,
        (frame(b"x" * 4000, BINARY, fin=False) + frame(b"x" * 97, CONTINUATION, fin=False),),
        closes(1009),
    ),
    SocketCase(
        "message before one that is too big", _LIMIT, (PING_TEXT + frame(padded(_OVER)),), closes(1009, after=("pong",))
    ),
    SocketCase("message behind one that is too big", _LIMIT, (frame(padded(_OVER)) + PING_TEXT,), closes(1009)),
    # -- frames and segments
    SocketCase("10 frames in one segment", "RFC 6455 5.4; protocol 2.8", (PING_TEXT * 10,), stays(*["pong"] * 10)),
    SocketCase(
        "two frames, cut inside the second", _BASE, (PING_TEXT + PING_TEXT[:9], PING_TEXT[9:]), stays("pong", "pong")
    ),
    SocketCase(
        "three segments cut across two frames",
        _BASE,
        (PING_TEXT[:3], PING_TEXT[3:] + PING_TEXT[:1], PING_TEXT[1:]),
        stays("pong", "pong"),
    ),
    SocketCase("one frame, a byte at a time", _BASE, tuple(bytes((byte,)) for byte in PING_TEXT), stays("pong")),
    SocketCase("16-bit length cut in two", _BASE, (frame(padded(300))[:3], frame(padded(300))[3:]), stays("pong")),
    SocketCase("mask cut in two", "RFC 6455 5.3", (frame(padded(300))[:6], frame(padded(300))[6:]), stays("pong")),
    SocketCase(
        "limit in 4 segments",
        _BASE,
        tuple(frame(padded(LIMIT_BYTES))[start : start + 1026] for start in range(0, LIMIT_BYTES + 8, 1026)),
        stays("pong"),
    ),
)
