"""Counts of what passed through a connection. All connections of a process may share one object."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

UNKNOWN_TYPE = "(unknown type)"
UNDECODABLE = "(undecodable)"
NO_CLOSE_FRAME = "none"


@dataclass(slots=True)
class Counters:
    """Whole numbers since it was made. Exact for one connection and between greenlets; shared by operating-system
    threads, an increment is lost now and then."""

    messages_in: Counter[str] = field(default_factory=Counter)
    """By type; also `UNKNOWN_TYPE` and `UNDECODABLE`."""
    messages_out: Counter[str] = field(default_factory=Counter)
    """By type."""
    close_codes: Counter[str] = field(default_factory=Counter)
    """Of connections that the server ended; `NO_CLOSE_FRAME` where it sent no close frame."""
    payload_in: Counter[str] = field(default_factory=Counter)
    """Bytes of messages by type, without the 2 to 10 bytes of a frame header."""
    payload_out: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    """Bytes on the socket: frames with their headers and the upgrade, without TCP/IP and TLS."""
    bytes_out: int = 0
    attempts: int = 0
    """Tries to connect, whatever came of them."""
    asked_again: int = 0
    """Opened after their first packet (SYN) had to be sent again: it was lost, or the server had no room for them."""
    established: int = 0
    """Accepted handshakes."""
    reconnects: int = 0
    """Accepted again after a loss."""
    losses: int = 0
    """Established connections that ended before the client meant to leave."""
    own_losses: int = 0
    """Those of them that the client brought about, to see what comes of it."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By the reason of `connection_refused`."""
    errors_told: Counter[str] = field(default_factory=Counter)
    """Messages of accepted connections that the server did not take, by its reason."""
