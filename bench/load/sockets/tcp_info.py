"""The kernel's own count of what one TCP socket carried (Linux, ``TCP_INFO``).

Counters are of TCP payload, retransmissions of it included in `sent_bytes`. Segment counts are of this path: on the
loopback, with its MTU of 65,536, they compare with a network's only where everything fits one segment.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_BYTES_RECEIVED_AT = 128
_SEGMENTS_AT = 136
_BYTES_SENT_AT = 200
_SIZE_BYTES = 232
"""Offsets in ``struct tcp_info`` of linux/tcp.h; ``tcpi_bytes_sent`` is there since Linux 4.19."""


class TcpCounters(NamedTuple):
    sent_bytes: int
    received_bytes: int
    segments_out: int
    segments_in: int

    def since(self, earlier: TcpCounters) -> TcpCounters:
        """What was added."""
        return TcpCounters(*(now - then for now, then in zip(self, earlier, strict=True)))


def read_tcp_counters(connection: socket.socket) -> TcpCounters | None:
    """``None`` where the kernel does not count (not Linux, or older than 4.19)."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return None
    raw = connection.getsockopt(socket.IPPROTO_TCP, option, _SIZE_BYTES)
    if len(raw) < _BYTES_SENT_AT + 8:
        return None
    (received,) = struct.unpack_from("=Q", raw, _BYTES_RECEIVED_AT)
    segments_out, segments_in = struct.unpack_from("=II", raw, _SEGMENTS_AT)
    (sent,) = struct.unpack_from("=Q", raw, _BYTES_SENT_AT)
    return TcpCounters(sent, received, segments_out, segments_in)
