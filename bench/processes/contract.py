"""What a server says of itself at ``GET /api/protocol``: the timers that the lab has to wait for."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

import msgspec

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Contract:
    """As the server runs, not as its defaults are."""

    heartbeat_timeout_s: float
    """A socket that says nothing for so long is closed."""
    rooms_notify_interval_s: float
    """Changes of the list within this time may be announced as one."""


class _Timers(msgspec.Struct):
    heartbeat_timeout_s: float
    rooms_notify_interval_ms: float


class _Document(msgspec.Struct):
    timers: _Timers


def read_contract(http_url: str) -> Contract:
    """Raises `OSError` where the server does not answer, `msgspec.MsgspecError` where it is none of this protocol."""
    with urllib.request.urlopen(f"{http_url}/api/protocol", timeout=TIMEOUT_S) as answer:
        timers = msgspec.json.decode(answer.read(), type=_Document).timers
    return Contract(timers.heartbeat_timeout_s, timers.rooms_notify_interval_ms / 1e3)
