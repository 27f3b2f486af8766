"""The network as the kernel sees it: TCP_INFO of a few connections (tcp(7), linux/tcp.h).

The least round trip of a connection has neither the server's work in it nor its delayed acknowledgements.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from loadtest.wire.reader import SharedReader

CONNECTIONS = 16
_INFO_BYTES = 152
_ESTABLISHED = 1
"""The state, which is the first byte (``TCP_ESTABLISHED``)."""
_RETRANSMITTED_AT, _SEGMENTS_AT, _LEAST_ROUND_TRIP_AT = 100, 136, 148
_NOT_MEASURED_US = 0xFFFFFFFF


@dataclass
class Network:
    """Since the sample before."""

    round_trips_s: list[float] = field(default_factory=list)
    segments: int = 0
    """Sent by this side."""
    retransmitted: int = 0


class NetworkSample:
    """Of the connections of one reader; the same ones each time, as long as they are there.

    What a connection sent before it was first seen is left out: a SYN that is sent again may say that a server has no
    room for the connection, and nothing of the network.
    """

    def __init__(self, reader: SharedReader) -> None:
        self._reader = reader
        self._before: dict[Any, tuple[int, int]] = {}
        """By socket, also one that is closed by now: the next one is never taken for it."""

    def take(self) -> Network:
        network, now = Network(), dict[Any, tuple[int, int]]()
        for connection in islice(self._reader.connections(), CONNECTIONS):
            with contextlib.suppress(OSError, AttributeError, struct.error):  # closed just now, TLS, an old kernel
                info = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
                if info[0] != _ESTABLISHED:
                    continue
                (again,), (segments,), (least_us,) = (
                    struct.unpack_from("@I", info, at) for at in (_RETRANSMITTED_AT, _SEGMENTS_AT, _LEAST_ROUND_TRIP_AT)
                )
                had_again, had_segments = self._before.get(connection.sock, (again, segments))
                network.retransmitted += max(0, again - had_again)
                network.segments += max(0, segments - had_segments)
                now[connection.sock] = again, segments
                if least_us != _NOT_MEASURED_US:
                    network.round_trips_s.append(least_us / 1e6)
        self._before = now
        return network
