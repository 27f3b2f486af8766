"""Where a connection is in its life, and who takes its presence events."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


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
