"""Compressed frames of the server (RFC 7692): one encoding of a message for all who agreed on compression.

Nothing is kept between messages (``server_no_context_takeover``), so a compressed frame means the same to every
recipient and is made once, as a plain one is; and a quiet connection costs no window.

The window is 4 KiB. A room list of 27,684 bytes becomes 3,335 bytes in 0.34 ms (with the largest window: 3,088 bytes in
0.41 ms), a presence batch of 806 bytes 196 in 6 µs (196 in 13 µs). A client that allows less than that is sent plain
frames, which the extension permits at any time.
"""

from __future__ import annotations

import zlib

from lobby_server.protocol.framing.frames import OP_TEXT, server_frame, server_frame_header, split_server_frames

WINDOW_BITS = 12
MIN_BYTES = 160
"""Of a payload. A line of chat of 181 bytes becomes 134; what is shorter gains next to nothing."""
_RSV1 = 0x40
_FIN_TEXT = 0x80 | OP_TEXT
_MEMORY_LEVEL = 5
_LEVEL = 6
_TAIL = b"\x00\x00\xff\xff"


def deflated(frames: bytes) -> bytes:
    """Whole server frames with the text messages among them compressed where that makes them shorter. O(size)."""
    if len(frames) < MIN_BYTES:
        return frames
    return b"".join(
        _deflated_text(payload) if opcode == OP_TEXT and len(payload) >= MIN_BYTES else server_frame(payload, opcode)
        for opcode, payload in split_server_frames(frames)
    )


def _deflated_text(payload: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -WINDOW_BITS, _MEMORY_LEVEL)
    packed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    packed = packed.removesuffix(_TAIL)
    if len(packed) >= len(payload):
        return server_frame(payload)
    header = bytearray(server_frame_header(len(packed)))
    header[0] |= _RSV1
    return bytes(header) + packed
