"""A client of a peer that knows the wire and nothing else: sockets that block, frames by their header."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any

from bench.load.sockets.sinks import masked_text, upgrade_request
from bench.record.wire import PING_MESSAGE
from lobby_server.protocol.messages import Handshake, encode
from tests.patience import PATIENCE_S

TIMEOUT_S = PATIENCE_S


class Client:
    """One WebSocket. Use as a context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._came = b""
        self._socket.sendall(upgrade_request(port))
        while b"\r\n\r\n" not in self._came:
            self._read()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def log_in(self, token: str) -> None:
        self._socket.sendall(masked_text(encode(Handshake(version="13020", name="a player", token=token))))

    def ping(self) -> None:
        self._socket.sendall(masked_text(PING_MESSAGE))

    def hear(self) -> dict[str, Any]:
        """The next message. Raises `TimeoutError`."""
        while (text := self._text()) is None:
            self._read()
        found: dict[str, Any] = json.loads(text)
        return found

    def hears(self, kind: str) -> dict[str, Any]:
        """What the next message says, which is of this kind."""
        message = self.hear()
        assert message["type"] == kind, message
        found: dict[str, Any] = message["data"]
        return found

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _text(self) -> bytes | None:
        """One whole text frame, unmasked as a server's are."""
        if len(self._came) < 2:
            return None
        assert self._came[0] == 0x81, self._came[:20]
        size, at = self._came[1], 2
        if size == 126:
            size, at = int.from_bytes(self._came[2:4], "big"), 4
        if len(self._came) < at + size:
            return None
        text, self._came = self._came[at : at + size], self._came[at + size :]
        return text

    def _read(self) -> None:
        piece = self._socket.recv(65_536)
        assert piece, "the peer has hung up"
        self._came += piece
