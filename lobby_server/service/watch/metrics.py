"""What the service counts: plain integers, so that counting costs next to nothing where it is hot. ``web.ops`` turns
them into Prometheus text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Metrics:
    """Totals since the start of the process, and nothing that can be asked for elsewhere."""

    sessions_opened: int = 0
    handshakes_accepted: int = 0
    handshakes_refused: Counter[str] = field(default_factory=Counter)
    messages_in: int = 0
    errors_out: Counter[str] = field(default_factory=Counter)
    events_published: Counter[str] = field(default_factory=Counter)
    events_conflated: Counter[str] = field(default_factory=Counter)
    frames_out: int = 0
    bytes_out: int = 0
    closes: Counter[int] = field(default_factory=Counter)
    """Closes that the server began, by code."""
    connections_refused: int = 0
    room_list_served: Counter[str] = field(default_factory=Counter)
    """Answers to ``GET /api/rooms``: ``full``, ``not_modified``."""
    room_list_built: int = 0
    security_events: Counter[str] = field(default_factory=Counter)
    """What the security log was told, written down or not, by event."""
    security_lines_left_out: int = 0
