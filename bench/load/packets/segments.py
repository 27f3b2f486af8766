"""Captured packets as TCP segments, and the bytes of one direction in their order (RFC 9293). No I/O."""

from __future__ import annotations

import struct
from typing import NamedTuple

STAMP = struct.Struct("@qq")
"""Seconds and nanoseconds, as SO_TIMESTAMPNS has them on 64-bit Linux."""
FIN, SYN = 0x01, 0x02
TCP = 6
_SPACE = 1 << 32
"""Sequence numbers are counted modulo this."""


class Segment(NamedTuple):
    at_s: float
    """By the wall clock of the kernel."""
    is_up: bool
    """From the client to the server."""
    client: bytes
    """Address and port."""
    sequence: int
    """Of the first byte of the payload."""
    is_syn: bool
    payload: bytes


def read_segment(stamp: bytes, packet: bytes, port: int) -> Segment | None:
    """`packet` begins with its IPv4 header, `port` is the server's. None: it is of another connection, or cut off."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != TCP:
        return None
    tcp = (packet[0] & 0x0F) * 4
    end = int.from_bytes(packet[2:4], "big")
    if end > len(packet) or len(packet) < tcp + 20:
        return None
    source, destination, sequence = struct.unpack_from("!HHI", packet, tcp)
    is_up = destination == port
    if not is_up and source != port:
        return None
    is_syn = bool(packet[tcp + 13] & SYN)
    payload = packet[tcp + (packet[tcp + 12] >> 4) * 4 : end]
    client = packet[12:16] + packet[tcp : tcp + 2] if is_up else packet[16:20] + packet[tcp + 2 : tcp + 4]
    seconds, nanoseconds = STAMP.unpack_from(stamp)
    return Segment(seconds + nanoseconds * 1e-9, is_up, client, (sequence + is_syn) % _SPACE, is_syn, payload)


class Ordered:
    """One direction of a connection. What was sent again is not told again; what overtook others waits for them, as it
    does in the kernel."""

    __slots__ = ("_early", "_next")

    def __init__(self, first: int) -> None:
        """`first`: the sequence number of its first byte."""
        self._next = first
        self._early: dict[int, bytes] = {}

    @property
    def is_whole(self) -> bool:
        """Nothing is missing before what came."""
        return not self._early

    def take(self, sequence: int, payload: bytes) -> bytes:
        """What can be read by this segment: nothing, its payload, or more."""
        ready = self._fresh(sequence, payload)
        if ready and self._early:
            pieces = [ready]
            while (piece := self._that_waited()) is not None:
                pieces.append(piece)
            return b"".join(pieces)
        return ready

    def _fresh(self, sequence: int, payload: bytes) -> bytes:
        known = (self._next - sequence) % _SPACE
        if known >= _SPACE // 2:
            self._early[sequence] = payload
            return b""
        fresh = payload[known:] if known else payload
        self._next = (self._next + len(fresh)) % _SPACE
        return fresh

    def _that_waited(self) -> bytes | None:
        for sequence in self._early:
            if (self._next - sequence) % _SPACE < _SPACE // 2:
                return self._fresh(sequence, self._early.pop(sequence))
        return None
