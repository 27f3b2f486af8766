"""A socket that takes what a test lets it take."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lobby_server.protocol.framing.frames import OP_TEXT


class FakeOutlet:
    """An `Outlet` with a window: bytes that it still takes. Everything taken is kept and parsed into messages."""

    def __init__(self, window: int | None = None) -> None:
        """`window` None: takes everything."""
        self.window = window
        self.is_dead = False
        self.callback: Callable[[], None] | None = None
        self.sends = 0
        self.bytes = self.frames = 0
        """Taken; only whole frames count."""
        self.messages: list[Any] = []
        self.on_message: Callable[[Any], None] = self.messages.append
        self._buffer = bytearray()
        self.closed_with: tuple[int, str] | None = None

    def send(self, data: bytes | memoryview) -> int:
        assert self.closed_with is None, "somebody wrote behind the close frame"
        if self.is_dead:
            raise BrokenPipeError
        self.sends += 1
        taken = len(data) if self.window is None else min(len(data), self.window)
        if not taken and len(data):
            raise BlockingIOError
        if self.window is not None:
            self.window -= taken
        self.bytes += taken
        self._buffer += data[:taken]
        self._parse()
        return taken

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback

    def read_on(self) -> None:
        pass

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        self.closed_with = (code, reason)
        self._buffer += before
        self._parse()

    def poll(self) -> bool:
        """One turn of the loop for this socket: call whoever waits for it. True: there was somebody, and room."""
        if self.callback is None or self.is_dead or self.window == 0:
            return False
        self.callback()
        return True

    @property
    def has_begun_frame(self) -> bool:
        """Whether what was taken ends within a frame."""
        return bool(self._buffer)

    def _parse(self) -> None:
        while len(self._buffer) >= 2:
            length, header = self._buffer[1], 2
            if length == 126:
                length, header = int.from_bytes(self._buffer[2:4], "big"), 4
            elif length == 127:
                length, header = int.from_bytes(self._buffer[2:10], "big"), 10
            if len(self._buffer) < header + length:
                return
            assert self._buffer[0] & 0x70 == 0
            payload = bytes(self._buffer[header : header + length])
            opcode = self._buffer[0] & 0x0F
            del self._buffer[: header + length]
            self.frames += 1
            if opcode == OP_TEXT:
                self.on_message(json.loads(payload))
