"""Requests for a WebSocket that were good before, but for the key that each has of its own.

The clients of a game all say the same, so that what one head was read as holds for the next that has the same bytes on
both sides of a key. Remembered is what follows from the head and from the settings alone; whether there is a place is
asked each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from lobby_server.web.websocket.deflate import Agreement
from lobby_server.web.websocket.head import Head
from lobby_server.web.websocket.upgrade import Upgrade, is_key

MAX_KNOWN = 256
MAX_KNOWN_BYTES = 1024
"""Of a head that is remembered: a quarter of a megabyte for all of them at most."""
_FIELD = b"\r\nSec-WebSocket-Key: "
"""As nearly all clients write it; of another spelling nothing is remembered."""
_KEY_BYTES = 24


@dataclass(frozen=True, slots=True)
class KnownUpgrade:
    """A head without its key."""

    path: str
    agreement: Agreement | None
    """On compression."""
    forwarded_for: str | None


class KnownUpgrades:
    """One per server. Forgets everything when it is full."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownUpgrade] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> tuple[KnownUpgrade, Upgrade] | None:
        """What a request is, if it was good before. `data`: all that was read, which is that head and nothing else."""
        at = data.find(_FIELD)
        if at < 0:
            return None
        at += len(_FIELD)
        known = self._known.get(data[:at] + data[at + _KEY_BYTES :])
        if known is None:
            return None
        key = data[at : at + _KEY_BYTES]
        return (known, Upgrade(key, known.agreement)) if is_key(key) else None

    def remember(self, raw: bytes, head: Head, path: str, upgrade: Upgrade) -> None:
        """A head was found to be good. `raw`: its bytes, to the empty line at its end."""
        at = raw.find(_FIELD) + len(_FIELD)
        end = at + _KEY_BYTES
        if len(raw) > MAX_KNOWN_BYTES or raw[at : end + 2] != upgrade.key + b"\r\n":
            return
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        forwarded_for = head.all("x-forwarded-for")
        self._known[raw[:at] + raw[end:]] = KnownUpgrade(
            path, upgrade.agreement, ",".join(forwarded_for) if forwarded_for else None
        )
