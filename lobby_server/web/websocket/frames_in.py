"""Frames from clients, parsed out of bytes (RFC 6455 section 5.2). No socket here, and no state between calls but the
bytes that were left over.
"""

from __future__ import annotations

from lobby_server.protocol.codes import CloseCode

PROTOCOL_ERROR = 1002
_MAX_CONTROL_BYTES = 125
_RESERVED_BITS = 0x70
_FIN = 0x80


class FrameFault(Exception):
    """Bytes that end the connection: the close code, what to say, and how many payload bytes are still to come."""

    def __init__(self, code: int, reason: str, *, to_come: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.to_come = to_come


def take_frame(data: bytes, start: int, max_bytes: int) -> tuple[int, bytes, int] | None:
    """The first frame at `start`: its first byte (FIN and opcode), its payload unmasked, and where the next one starts.

    None: the frame is not complete. Raises `FrameFault` for a frame that no client may send, or a payload of more than
    `max_bytes`.
    """
    available = len(data) - start
    if available < 2:
        return None
    first, second = data[start], data[start + 1]
    length, header = second & 0x7F, 2
    if first & _RESERVED_BITS:
        raise FrameFault(PROTOCOL_ERROR, "a reserved bit is set")
    if not second & 0x80:
        raise FrameFault(PROTOCOL_ERROR, "frames of a client are masked")
    if first & 0x08 and (length > _MAX_CONTROL_BYTES or not first & _FIN):
        raise FrameFault(PROTOCOL_ERROR, "a control frame is short and whole")
    if length > _MAX_CONTROL_BYTES:
        header = 4 if length == 126 else 10
        if available < header:
            return None
        length = int.from_bytes(data[start + 2 : start + header], "big")
    mask_end = start + header + 4
    end = mask_end + length
    if length > max_bytes:
        to_come = max(0, end - len(data))
        raise FrameFault(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {max_bytes} bytes", to_come=to_come)
    if len(data) < end:
        return None
    return first, unmask(data[mask_end - 4 : mask_end], data[mask_end:end]), end


def unmask(mask: bytes, payload: bytes) -> bytes:
    """The payload with the mask taken off: one exclusive or of two long integers."""
    size = len(payload)
    if not size or mask == b"\0\0\0\0":
        return payload
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")
