"""A message becomes the bytes of one WebSocket frame, once, for everybody.

A frame from a server is not masked (RFC 6455 section 5.1), so the same bytes go to every recipient.
Only whole, uncompressed, final frames are made here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lobby_server.protocol.codes import MAX_CLOSE_REASON_BYTES

OP_TEXT = 0x1
OP_CLOSE = 0x8
OP_PING = 0x9
OP_PONG = 0xA

_FIN = 0x80


def server_frame(payload: bytes, opcode: int = OP_TEXT) -> bytes:
    """One final unmasked frame: 2, 4 or 10 bytes of header, then the payload."""
    if len(payload) < 126:
        return bytes((_FIN | opcode, len(payload))) + payload
    return server_frame_header(len(payload), opcode) + payload


def server_frame_header(payload_bytes: int, opcode: int = OP_TEXT) -> bytes:
    """The header alone, for a payload of that many bytes."""
    if payload_bytes < 126:
        return bytes((_FIN | opcode, payload_bytes))
    if payload_bytes < 1 << 16:
        return struct.pack("!BBH", _FIN | opcode, 126, payload_bytes)
    return struct.pack("!BBQ", _FIN | opcode, 127, payload_bytes)


def client_frame_bytes(payload_bytes: int) -> int:
    """Size on the wire of one client frame: a client masks, which costs four bytes more than a server frame."""
    return len(server_frame_header(payload_bytes)) + 4 + payload_bytes


def split_server_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of whole unmasked frames joined back to back, as `server_frame` makes them.

    Raises `ValueError` when the last one is cut off.
    """
    position = 0
    while position < len(data):
        opcode = data[position] & 0x0F
        length = data[position + 1] & 0x7F if position + 1 < len(data) else 0
        start = position + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        elif length == 127:
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        position = start + length
        if position > len(data):
            raise ValueError("the last frame is cut off")
        yield opcode, data[start:position]


def close_frame(code: int, reason: str) -> bytes:
    """A close frame of the server. The reason is cut at 123 bytes of UTF-8, between characters."""
    text = reason.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore").encode()
    return server_frame(code.to_bytes(2, "big") + text, OP_CLOSE)
