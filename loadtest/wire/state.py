"""Where a connection is in its life, and who takes its presence events."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from loadtest.wire.messages.tape import Stretches

APART_S = 1e-7
"""Between two messages that arrived together, so that their order is kept."""


class State(Enum):
    IDLE = "idle"
    OPENING = "opening"
    SHAKING = "shaking hands"
    ACCEPTED = "accepted"
    WAITING = "waiting for the next try"
    CLOSING = "closing"
    """Not wanted any more; the server's close frame is awaited."""


class PresenceSink(Protocol):
    """Takes presence, one user at a time, instead of any signal: it is what a swarm receives most. The last argument is
    when the event arrived."""

    def __call__(self, user_id: int, is_online: bool, heard_s: float, /) -> None: ...


class ManyPresenceSink(Protocol):
    """Takes the presence events of one read: as `loadtest.wire.messages.chunks.Chunk.presence` has them, or where they
    are on a tape. The n-th of them, from 1 on, arrived n × `APART_S` after the last argument."""

    def __call__(self, events: bytes | Stretches, heard_s: float, /) -> None: ...
