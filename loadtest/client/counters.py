"""What passed through a connection, counted. One object may be shared by all connections of a process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

UNKNOWN_TYPE = "(unknown type)"
UNDECODABLE = "(undecodable)"
NO_CLOSE_FRAME = "none"


@dataclass(slots=True)
class Counters:
    """Whole numbers since the start. Exact for one connection; shared between operating-system threads a rare
    increment may get lost (greenlets share without loss)."""

    messages_in: Counter[str] = field(default_factory=Counter)
    """By type; also `UNKNOWN_TYPE` and `UNDECODABLE`."""
    messages_out: Counter[str] = field(default_factory=Counter)
    close_codes: Counter[str] = field(default_factory=Counter)
    """Of connections that the other side ended; `NO_CLOSE_FRAME` where it just went away."""
    payload_in: Counter[str] = field(default_factory=Counter)
    """Bytes of messages by type, without the 2 to 10 of their frame's header."""
    payload_out: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    """Of the sockets: frames with their headers and the upgrade, without TCP/IP and TLS."""
    bytes_out: int = 0
    attempts: int = 0
    established: int = 0
    reconnects: int = 0
    """Accepted again after a loss."""
    losses: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
