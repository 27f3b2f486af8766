"""permessage-deflate on the wire: RFC 7692 sections 6 and 7.2, on the ways that have it."""

from __future__ import annotations

import zlib

from lobby_server.service.auth import MAX_USERNAME_CHARACTERS
from tests.conformance.case import (
    DEFLATING,
    LIMIT_BYTES,
    OFFER,
    PING_JSON,
    PING_TEXT,
    Case,
    Outcome,
    SocketCase,
    Step,
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
    Deflater,
    close_frame,
    fragments,
    frame,
    pong_of,
)

_BASE = "RFC 7692 7.2"
_BITS = "RFC 7692 6"
_SIZE = "protocol 1; RFC 7692 8"
_DATA = (1007, 1002)
_DATA_NOTE = "the RFC names no code: 1007 for data that are not what they say, or 1002"
_EURO = named("€".encode())


def _deflated(*messages: bytes, opcode: int = 1) -> Step:
    """Messages in one segment, compressed as agreed on."""
    return lambda deflater: b"".join(deflater.message(message, opcode) for message in messages)


def _in_parts(message: bytes, parts: int, *, between: bytes = b"") -> Step:
    """One compressed message in fragments."""

    def step(deflater: Deflater) -> bytes:
        payload = deflater.deflate(message)
        size = -(-len(payload) // parts)
        cut = [payload[start : start + size] for start in range(0, len(payload), size)]
        first = frame(cut[0], rsv=RSV1, fin=False) + between
        return first + b"".join(
            frame(part, CONTINUATION, fin=number == len(cut) - 1) for number, part in enumerate(cut[1:], 1)
        )

    return step


def _whole(message: bytes, *, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY, bits: int = 15) -> bytes:
    """A message of its own, without the context of others."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
    return (compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def _final(message: bytes) -> bytes:
    """Ended by a block with BFINAL, and the empty byte that RFC 7692 section 7.2.3.4 puts behind it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(message) + compressor.flush(zlib.Z_FINISH) + b"\0"


def _in_blocks(*parts: bytes, flush: int = zlib.Z_FULL_FLUSH) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(compressor.compress(part) + compressor.flush(flush) for part in parts)
    return (data + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def _sent(name: str, source: str, step: Step, allowed: tuple[Outcome, ...], *, offer: str = OFFER,
          note: str = "", answers_close: bool = True) -> Case:  # fmt: skip
    return SocketCase(name, source, (step,), allowed, DEFLATING, offer, answers_close=answers_close, note=note)


def _raw(payload: bytes, opcode: int = 1) -> bytes:
    return frame(payload, opcode, rsv=RSV1)


_BOMB = _whole(b" " * (3 << 20))
assert len(_BOMB) < LIMIT_BYTES
_TAKEOVERS = {
    "no parameters": OFFER,
    "server without takeover": f"{OFFER}; server_no_context_takeover",
    "client without takeover": f"{OFFER}; client_no_context_takeover",
    "both without takeover": f"{OFFER}; server_no_context_takeover; client_no_context_takeover",
    "server window of 2^9": f"{OFFER}; server_max_window_bits=9",
    "client window named": f"{OFFER}; client_max_window_bits",
    "client window of 2^10": f"{OFFER}; client_max_window_bits=10",
}
_FAR = "".join(chr(97 + (n * n * 7 + n // 26) % 26) for n in range(900))
"""Repeats itself only at a distance above 2^9."""
_CUT = _FAR[:MAX_USERNAME_CHARACTERS]
"""What a guest of that name is called."""
_LONG = "".join(chr(0x1F600 + n % 60) for n in range(MAX_USERNAME_CHARACTERS))
"""Four bytes per character: the reply with it is long enough to be compressed."""

CASES: tuple[Case, ...] = (
    _sent("message", _BASE, _deflated(PING_JSON), stays("pong")),
    _sent("two messages, the second from the context of the first", "RFC 7692 7.2.3.2", _deflated(PING_JSON, PING_JSON),
          stays("pong", "pong")),
    _sent("five messages", _BASE, _deflated(*[PING_JSON] * 5), stays(*["pong"] * 5)),
    _sent("name comes back", _BASE, _deflated(named(b"abc")), stays("accepted abc")),
    _sent("binary with JSON", "protocol 1", _deflated(PING_JSON, opcode=BINARY), stays("pong")),
    *(
        _sent(f"message of 1,800 bytes, {label}", "RFC 7692 7.1.1, 7.1.2",
              _deflated(PING_JSON, named((_FAR * 2).encode()), PING_JSON),
              stays("pong", f"accepted {_CUT}", "pong"), offer=offer)
        for label, offer in _TAKEOVERS.items()
    ),
    *(
        _sent(f"compressed reply, {label}", "RFC 7692 7.1.1, 7.1.2",
              _deflated(PING_JSON, named(_LONG.encode()), PING_JSON),
              stays("pong", f"accepted {_LONG}", "pong"), offer=offer)
        for label, offer in _TAKEOVERS.items()
    ),
    *(
        _sent(f"not compressed, {label}", _BITS, frame(named((_FAR * 2).encode())) + PING_TEXT * 2,
              stays(f"accepted {_CUT}", "pong", "pong"), offer=offer)
        for label, offer in list(_TAKEOVERS.items())[:5]
    ),
    _sent("compressed, not, compressed", _BITS,
          lambda deflater: deflater.message(PING_JSON) + PING_TEXT + deflater.message(PING_JSON),
          stays("pong", "pong", "pong")),
    _sent("not compressed, in fragments", _BITS, fragments(PING_JSON[:5], PING_JSON[5:]), stays("pong")),
    # -- forms of DEFLATE
    _sent("stored block", "RFC 7692 7.2.3.3", _raw(_whole(PING_JSON, level=0)), stays("pong")),
    _sent("fixed codes", "RFC 1951 3.2.6", _raw(_whole(PING_JSON, strategy=zlib.Z_FIXED)), stays("pong")),
    _sent("dynamic codes", "RFC 1951 3.2.7", _raw(_whole(named((_FAR * 2).encode()))), stays(f"accepted {_CUT}")),
    _sent("Huffman only", "RFC 1951", _raw(_whole(padded(1000), strategy=zlib.Z_HUFFMAN_ONLY)), stays("pong")),
    _sent("two blocks", "RFC 7692 7.2.3.5", _raw(_in_blocks(PING_JSON[:8], PING_JSON[8:])), stays("pong")),
    _sent("a block a byte", "RFC 7692 7.2.3.5", _raw(_in_blocks(*(bytes((b,)) for b in PING_JSON))), stays("pong")),
    _sent("sync flushes inside", "RFC 7692 7.2.3.5",
          _raw(_in_blocks(PING_JSON[:8], PING_JSON[8:], flush=zlib.Z_SYNC_FLUSH)), stays("pong")),
    _sent("small window", "RFC 7692 7.1.2.2", _raw(_whole(padded(900), bits=9)), stays("pong")),
    _sent("BFINAL", "RFC 7692 7.2.3.4", _raw(_final(PING_JSON)), stays("pong")),
    _sent("BFINAL twice", "RFC 7692 7.2.3.4", _raw(_final(PING_JSON)) * 2, stays("pong", "pong")),
    _sent("BFINAL, then a message", "RFC 7692 7.2.3.4", _raw(_final(PING_JSON)) + _raw(_whole(PING_JSON)),
          stays("pong", "pong")),
    _sent("BFINAL inside a message", "RFC 7692 7.2.3.4, 7.2.2", _raw(_final(PING_JSON)[:-1] + _whole(b"   ")),
          (Outcome(("pong",)), Outcome((), _DATA)),
          note="the example ends a message so; blocks behind it are not spoken of"),
    _sent("empty message", "RFC 7692 7.2.3.6", _raw(b"\0"), stays("error bad_json")),
    _sent("empty message, then another", "RFC 7692 7.2.3.6", _raw(b"\0") + _raw(_whole(PING_JSON)),
          stays("error bad_json", "pong")),
    _sent("no payload at all", "RFC 7692 7.2.3.6", _raw(b""), (Outcome(("error bad_json",)), Outcome((), _DATA)),
          note="not a stream of a compressor, though the tail alone inflates to nothing"),
    # -- fragments
    _sent("two fragments", _BITS, _in_parts(PING_JSON, 2), stays("pong")),
    _sent("a fragment a byte", _BITS, _in_parts(PING_JSON, 40), stays("pong")),
    _sent("ping between fragments", _BITS, _in_parts(PING_JSON, 3, between=frame(b"p", PING)),
          stays(pong_of(b"p"), "pong")),
    _sent("empty last fragment", _BITS, frame(_whole(PING_JSON), rsv=RSV1, fin=False) + frame(b"", CONTINUATION),
          stays("pong")),
    _sent("empty first fragment", _BITS, frame(b"", rsv=RSV1, fin=False) + frame(_whole(PING_JSON), CONTINUATION),
          stays("pong")),
    _sent("UTF-8 over compressed fragments", "RFC 6455 8.1", _in_parts(_EURO, 20), stays("accepted €")),
    _sent("close between fragments", "RFC 6455 5.5.1",
          frame(_whole(PING_JSON)[:5], rsv=RSV1, fin=False) + close_frame(), closes(1000), answers_close=False),
    # -- the bit where it means nothing
    _sent("RSV1 on the last fragment", _BITS,
          frame(_whole(PING_JSON), rsv=RSV1, fin=False) + frame(b"", CONTINUATION, rsv=RSV1), closes(1002)),
    _sent("RSV1 on the second fragment only", _BITS,
          frame(PING_JSON, fin=False) + frame(b"\0", CONTINUATION, rsv=RSV1), closes(1002)),
    _sent("RSV1 on ping", _BITS, frame(b"", PING, rsv=RSV1), closes(1002)),
    _sent("RSV1 on pong", _BITS, frame(b"", PONG, rsv=RSV1), closes(1002)),
    _sent("RSV1 on close", _BITS, frame(b"\x03\xe8", CLOSE, rsv=RSV1), closes(1002)),
    _sent("RSV1 and RSV2", _BITS, frame(_whole(PING_JSON), rsv=RSV1 | RSV2), closes(1002)),
    # -- data that do not inflate
    _sent("block of type 3", _BASE, _raw(b"\x07"), closes(*_DATA), note=_DATA_NOTE),
    _sent("FF FF FF", _BASE, _raw(b"\xff\xff\xff"), closes(*_DATA), note=_DATA_NOTE),
    _sent("stored block, lengths differ", _BASE, _raw(b"\0\x05\0\x05\0hello"), closes(*_DATA), note=_DATA_NOTE),
    _sent("text that is not compressed", _BASE, _raw(b"\x06" + PING_JSON), closes(*_DATA), note=_DATA_NOTE),
    _sent("invalid data behind a good message", _BASE, _raw(_whole(PING_JSON)) + _raw(b"\x07"),
          closes(*_DATA, after=("pong",)), note=_DATA_NOTE),
    _sent("invalid data in a second fragment", _BASE,
          frame(_in_blocks(PING_JSON[:8]), rsv=RSV1, fin=False) + frame(b"\xff" * 8, CONTINUATION), closes(*_DATA),
          note=_DATA_NOTE),
    _sent("invalid UTF-8 once inflated", "RFC 6455 8.1; RFC 7692 6.2", _deflated(named(b"\xff")), closes(1007)),
    _sent("surrogate once inflated", "RFC 6455 8.1; RFC 7692 6.2", _deflated(named(b"\xed\xa0\x80")), closes(1007)),
    _sent("invalid UTF-8 in compressed binary", "protocol 1", _deflated(named(b"\xff"), opcode=BINARY),
          stays("error bad_json")),
    # -- size once inflated
    _sent("inflates to the limit", _SIZE, _deflated(padded(LIMIT_BYTES)), stays("pong")),
    _sent("inflates to one more", _SIZE, _deflated(padded(LIMIT_BYTES + 1)), closes(1009)),
    _sent("inflates to 65,536", _SIZE, _deflated(padded(0x10000)), closes(1009)),
    _sent("inflates to 3 MiB", _SIZE, _raw(_BOMB), closes(1009)),
    _sent("inflates to 1 MiB", _SIZE, _raw(_whole(b" " * (1 << 20))), closes(1009)),
    _sent("inflates to 1 MiB in an unfinished fragment", _SIZE,
          frame(_in_blocks(b" " * (1 << 20)), rsv=RSV1, fin=False), (Outcome(), Outcome((), (1009,))),
          note="may be inflated when the message ends; over the limit already"),
    _sent("good message, then one that inflates too far", _SIZE, _deflated(PING_JSON, padded(9000)),
          closes(1009, after=("pong",))),
    _sent("fragments inflate over the limit", _SIZE, _in_parts(padded(LIMIT_BYTES) + b" " * 100, 3), closes(1009)),
    _sent("header over the limit", _SIZE, frame(b"", rsv=RSV1, declared=0x10000), closes(1009),
          note="what has to be kept until the message ends is bounded by the limit too"),
    _sent("not compressed, over the limit", _SIZE, frame(padded(LIMIT_BYTES + 1)), closes(1009)),
)  # fmt: skip
