"""Bytes on the wire, both ways: what a client sends (as wrong as a case wants it), and a strict reader of frames.

`ServerFrames` holds the server to RFC 6455 section 5: nothing masked, lengths minimal, no reserved bit or opcode that
was not agreed on, control frames whole and short, text valid, close bodies well-formed, nothing behind a close frame.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 section 5.7
NO_CODE = 1005
"""A close frame with an empty body, as RFC 6455 section 7.1.5 names it."""
MAX_SERVER_MESSAGE_BYTES = 32 * 1024
_TAIL = b"\x00\x00\xff\xff"
_STEP_BYTES = 32


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length_form: int | None = None,
    declared: int | None = None,
) -> bytes:
    """One frame of a client. `length_form`: 7, 16 or 64 bits, the least that will do when None; `declared`: the length
    that the header names, that of the payload when None."""
    size = len(payload) if declared is None else declared
    form = length_form or (7 if size <= 125 else 16 if size <= 0xFFFF else 64)
    masked = 0 if mask is None else 0x80
    head = bytes(((0x80 if fin else 0) | rsv | opcode,))
    if form == 7:
        head += bytes((masked | size,))
    elif form == 16:
        head += bytes((masked | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((masked | 127,)) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[position % 4] for position, byte in enumerate(payload))


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame of a client; None: without a body."""
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def fragments(*parts: bytes, opcode: int = TEXT, rsv: int = 0) -> bytes:
    """One message in so many frames."""
    last = len(parts) - 1
    return b"".join(
        frame(part, CONTINUATION if number else opcode, fin=number == last, rsv=0 if number else rsv)
        for number, part in enumerate(parts)
    )


@dataclass(frozen=True)
class Agreed:
    """What a response says of permessage-deflate (RFC 7692 section 7.1)."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15


_PARAMETER = re.compile(r'(server|client)_(no_context_takeover|max_window_bits)(?:="?([1-9][0-9]?)"?)?')


def read_agreed(value: str) -> Agreed:
    """Raises `ValueError` for what a response may not contain."""
    name, *parameters = [part.strip() for part in value.split(";")]
    if name != "permessage-deflate":
        raise ValueError(f"an extension that nobody offered: {value}")
    seen: dict[str, int | bool] = {}
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None:
            raise ValueError(f"a parameter that is none: {value}")
        side, kind, number = found.groups()
        if (kind == "max_window_bits") is not (number is not None) or f"{side}_{kind}" in seen:
            raise ValueError(f"a value missing, not wanted, or a parameter twice: {value}")
        if number is not None and not 8 <= int(number) <= 15:
            raise ValueError(f"window bits out of range: {value}")
        seen[f"{side}_{kind}"] = True if number is None else int(number)
    return Agreed(**seen)  # type: ignore[arg-type]


class Deflater:
    """The client's half of permessage-deflate, true to what was agreed on."""

    def __init__(self, agreed: Agreed) -> None:
        self._agreed = agreed
        self._compressor = self._fresh()

    def deflate(self, message: bytes) -> bytes:
        """The payload of a compressed message (RFC 7692 section 7.2.1)."""
        if self._agreed.client_no_context_takeover:
            self._compressor = self._fresh()
        data = self._compressor.compress(message) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(_TAIL)

    def message(self, message: bytes, opcode: int = TEXT) -> bytes:
        return frame(self.deflate(message), opcode, rsv=RSV1)

    def _fresh(self) -> zlib._Compress:
        bits = max(9, self._agreed.client_max_window_bits)  # zlib has no raw window of 2 ** 8
        return zlib.compressobj(9, zlib.DEFLATED, -bits)


class ServerFrames:
    """Reads what the server sends after its 101. `events` in the form that cases expect; `faults` are its own."""

    def __init__(self, agreed: Agreed | None) -> None:
        self.events: list[str] = []
        self.faults: list[str] = []
        self.close: int | None = None
        self.pongs: list[bytes] = []
        self._agreed = agreed
        self._buffer = b""
        self._message: bytearray | None = None
        self._opcode = 0
        self._is_deflated = False
        self._inflater = self._fresh() if agreed is not None else None

    def feed(self, data: bytes) -> None:
        if self.close is not None and data:
            self.faults.append("bytes after the close frame")
            return
        self._buffer += data
        while self.close is None and self._take():
            pass
        if self.close is not None and self._buffer:
            self.faults.append("bytes after the close frame")

    # -- private --------------------------------------------------------------------------------------------------

    def _take(self) -> bool:
        data = self._buffer
        if len(data) < 2:
            return False
        first, length, position = data[0], data[1] & 0x7F, 2
        if length > 125:
            position = 4 if length == 126 else 10
            if len(data) < position:
                return False
            least = 126 if length == 126 else 0x10000
            length = int.from_bytes(data[2:position], "big")
            self._hold(length >= least, "a length that is not minimal")
        self._hold(not data[1] & 0x80, "a masked frame")
        if len(data) < position + length:
            return False
        self._buffer = data[position + length :]
        self._frame(first, data[position : position + length])
        return True

    def _frame(self, first: int, payload: bytes) -> None:
        fin, rsv, opcode = bool(first & 0x80), first & 0x70, first & 0x0F
        self._hold(not rsv & (RSV2 | RSV3), "RSV2 or RSV3")
        may_deflate = self._agreed is not None and opcode in (TEXT, BINARY)
        self._hold(not rsv & RSV1 or may_deflate, "RSV1 where it means nothing")
        if opcode >= CLOSE:
            self._hold(fin and len(payload) <= 125, "a control frame that is long or not whole")
            self._control(opcode, payload)
        elif opcode in (TEXT, BINARY, CONTINUATION):
            self._hold((opcode == CONTINUATION) is (self._message is not None), "fragments out of order")
            if opcode != CONTINUATION or self._message is None:
                self._message, self._opcode, self._is_deflated = bytearray(), opcode, bool(rsv & RSV1)
            self._message += payload
            if fin:
                message, self._message = bytes(self._message), None
                self._whole(message)
        else:
            self.faults.append(f"opcode {opcode:x}")

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._close(payload)
        elif opcode == PONG:
            self.pongs.append(payload)
            self.events.append(pong_of(payload))
        elif opcode == PING:
            self._hold(len(payload) == 0, "a heartbeat with a payload")  # not an event: it comes when it likes
        else:
            self.faults.append(f"opcode {opcode:x}")

    def _close(self, payload: bytes) -> None:
        self.close = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_CODE
        self._hold(len(payload) != 1, "a close body of one byte")
        sendable = self.close in (1000, 1001, 1002, 1003) or 1007 <= self.close <= 1014 or 3000 <= self.close <= 4999
        self._hold(not payload or sendable, f"close code {self.close}, which no endpoint may send")
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            self.faults.append("a close reason that is not UTF-8")

    def _whole(self, message: bytes) -> None:
        if self._is_deflated and self._agreed is not None and self._inflater is not None:
            if self._agreed.server_no_context_takeover:
                self._inflater = self._fresh()
            try:
                message = _inflate(self._inflater, message + _TAIL)
            except zlib.error as fault:
                self.faults.append(f"does not inflate as agreed: {fault}")
                return
        self._hold(len(message) <= MAX_SERVER_MESSAGE_BYTES, "a message above 32 KiB")
        self._hold(self._opcode == TEXT, "a binary message")
        try:
            self.events.append(_event_of(message))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.faults.append(f"a message that is none of the protocol: {message[:80]!r}")

    def _fresh(self) -> zlib._Decompress:
        assert self._agreed is not None
        return zlib.decompressobj(-self._agreed.server_max_window_bits)

    def _hold(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)


def pong_of(payload: bytes) -> str:
    """How a protocol-level pong reads among the events."""
    return f"PONG {payload.hex()}"


def _inflate(inflater: zlib._Decompress, data: bytes) -> bytes:
    """In small steps: zlib holds a match to the window only across calls."""
    inflated = b""
    while part := inflater.decompress(data, _STEP_BYTES):
        inflated += part
        data = inflater.unconsumed_tail
    return inflated


def _event_of(message: bytes) -> str:
    read = json.loads(message.decode())
    kind, data = read["type"], read["data"]
    if kind == "error":
        return f"error {data['reason']}"
    if kind == "handshake_accepted":
        return f"accepted {data['username']}"
    return str(kind)
