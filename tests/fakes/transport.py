"""A client's socket in memory: it keeps what it was sent, and can be full or broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lobby_server.protocol.framing.frames import OP_PING, OP_TEXT, split_server_frames


@dataclass(frozen=True)
class Closed:
    """How a connection was ended by the server."""

    code: int
    reason: str


class MemoryTransport:
    """`lobby_server.service.ports.Transport`. Nothing may be sent once it is closed: a test that does so fails.

    Set `is_full` and it takes nothing, until `make_room`; set `is_broken` and it raises as a reset socket does.
    """

    def __init__(self) -> None:
        self.sent = bytearray()
        self.closed: Closed | None = None
        self.is_full = False
        self.is_broken = False
        self._on_writable: Callable[[], None] | None = None
        self.on_read_on: Callable[[], object] = lambda: None
        """What reading on finds in the socket."""

    # -- Transport ------------------------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview) -> int:
        assert self.closed is None, "sent after the close"
        if self.is_broken:
            raise ConnectionResetError
        if self.is_full:
            raise BlockingIOError
        self.sent += data
        return len(data)

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        self._on_writable = callback

    def read_on(self) -> None:
        self.on_read_on()

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        assert self.closed is None, "closed a second time"
        assert len(reason.encode()) <= 123
        self.sent += before
        self.closed = Closed(code, reason)

    # -- what a test asks -----------------------------------------------------------------------------------------

    def make_room(self) -> None:
        self.is_full = False
        if self._on_writable is not None:
            self._on_writable()

    def take(self) -> list[Any]:
        """The messages that came since the last call; pings are left out."""
        return [json.loads(payload) for opcode, payload in self._take_frames() if opcode == OP_TEXT]

    def take_pings(self) -> int:
        """How many protocol-level pings came since the last call."""
        return sum(opcode == OP_PING for opcode, _ in self._take_frames())

    def _take_frames(self) -> list[tuple[int, bytes]]:
        sent, self.sent = bytes(self.sent), bytearray()
        return list(split_server_frames(sent))
