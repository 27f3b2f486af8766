"""What an exchange costs in bytes, in three layers.

* **message**: what the application says: a JSON text, an HTTP body;
* **framed**: with WebSocket frame headers, or HTTP request line and headers. It is exactly what TCP carries, so the
  kernel's ``bytes_sent`` and ``bytes_received`` of the very socket must agree;
* **wire**: with TCP/IP, modelled, because the loopback's segments (MTU 65,536) say nothing about a network.

The model is of one direction at a time over a path with an MTU of 1500: segments carry at most `MSS_BYTES`, each has
`HEADER_BYTES` of IPv4 and TCP with timestamps, a receiver acknowledges every second segment and the last one (RFC 1122
section 4.2.3.2, delayed ACK), and data that answers data carries that acknowledgement for nothing. Ethernet's own
framing, losses and the opening of connections are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from lobby_server.protocol.framing.frames import client_frame_bytes, server_frame_header
from lobby_server.protocol.messages import Ping, encode

HEARTBEAT_S = 30.0
"""Between two pings of a client that holds a socket, where a scenario does not say otherwise."""

PING_MESSAGE = encode(Ping())
PONG_BYTES = len('{"type":"pong","data":{"ts":1234567890123}}')

MSS_BYTES = 1448
"""1500 − 20 (IPv4) − 32 (TCP with the timestamp option)."""

HEADER_BYTES = 52
"""20 (IPv4) + 32 (TCP with the timestamp option), on every segment and on every pure acknowledgement."""


def segments(payload_bytes: int) -> int:
    """Segments that one write of that many bytes takes."""
    return -(-payload_bytes // MSS_BYTES)


def one_way_wire_bytes(payload_bytes: int) -> int:
    """A message that nothing answers: its segments and the acknowledgements for them."""
    count = segments(payload_bytes)
    return payload_bytes + count * HEADER_BYTES + -(-count // 2) * HEADER_BYTES


def exchange_wire_bytes(request_bytes: int, response_bytes: int) -> int:
    """A request and its answer, which acknowledges the request's last segments; then the answer's acknowledgement."""
    request_segments = segments(request_bytes)
    saved = HEADER_BYTES if request_segments else 0
    return one_way_wire_bytes(request_bytes) - saved + one_way_wire_bytes(response_bytes)


def server_frame_bytes(payload_bytes: int) -> int:
    """Size of one unmasked frame."""
    return len(server_frame_header(payload_bytes)) + payload_bytes


@dataclass(slots=True)
class ByteCount:
    """What one client sent and received, counted as it happens. Up is from the client to the server."""

    requests: int = 0
    """Things that the server had to answer: HTTP requests, or heartbeats."""
    events: int = 0
    """Messages that came unasked."""
    message_up_bytes: int = 0
    message_down_bytes: int = 0
    framed_up_bytes: int = 0
    framed_down_bytes: int = 0
    wire_bytes: int = 0
    """Modelled, both directions."""
    header_bytes: int = 0
    """Of what is framed: HTTP request lines and headers, and the headers of event frames."""
    payload_bytes: int = 0
    """Of what is framed: bodies and events; the rest of it is heartbeat."""

    def add(self, other: ByteCount) -> None:
        """Make it the count of both."""
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def since(self, earlier: ByteCount) -> ByteCount:
        """What was added."""
        return ByteCount(**{name: getattr(self, name) - getattr(earlier, name) for name in _COUNTED})

    def http_exchange(self, *, request_bytes: int, head_bytes: int, body_bytes: int) -> None:
        """One GET without a body, and its answer."""
        self.requests += 1
        self.message_down_bytes += body_bytes
        self.framed_up_bytes += request_bytes
        self.framed_down_bytes += head_bytes + body_bytes
        self.wire_bytes += exchange_wire_bytes(request_bytes, head_bytes + body_bytes)
        self.header_bytes += request_bytes + head_bytes
        self.payload_bytes += body_bytes

    def heartbeat(self, *, ping_bytes: int, pong_bytes: int) -> None:
        """The client's own ``ping`` message and the server's ``pong``; sizes of the messages."""
        self.requests += 1
        self.message_up_bytes += ping_bytes
        self.message_down_bytes += pong_bytes
        self._frames(up_bytes=client_frame_bytes(ping_bytes), down_bytes=server_frame_bytes(pong_bytes))

    def control_ping(self, *, payload_bytes: int) -> None:
        """A protocol-level ping of the server and the client's pong: frames without a message."""
        up_bytes, down_bytes = client_frame_bytes(payload_bytes), server_frame_bytes(payload_bytes)
        self.framed_up_bytes += up_bytes
        self.framed_down_bytes += down_bytes
        self.wire_bytes += exchange_wire_bytes(down_bytes, up_bytes)

    def notification(self, *, message_bytes: int) -> None:
        """An event that nothing answers."""
        framed = server_frame_bytes(message_bytes)
        self.events += 1
        self.message_down_bytes += message_bytes
        self.framed_down_bytes += framed
        self.wire_bytes += one_way_wire_bytes(framed)
        self.header_bytes += framed - message_bytes
        self.payload_bytes += message_bytes

    def _frames(self, *, up_bytes: int, down_bytes: int) -> None:
        self.framed_up_bytes += up_bytes
        self.framed_down_bytes += down_bytes
        self.wire_bytes += exchange_wire_bytes(up_bytes, down_bytes)


_COUNTED = tuple(each.name for each in fields(ByteCount))
