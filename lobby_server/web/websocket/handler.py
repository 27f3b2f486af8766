"""The socket through Tornado's own WebSocket: a thin adapter between a `Session` and `WebSocketHandler`.

The general way in: TLS, compression, and every request that `lobby_server.web.websocket.listener` leaves alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import tornado.iostream
import tornado.websocket
from tornado.httputil import HTTPHeaders

from lobby_server.protocol.codes import ApiCode, CloseCode
from lobby_server.protocol.frames import OP_PING, OP_TEXT, split_server_frames
from lobby_server.service.session import Session
from lobby_server.web.base import ApiFault, BaseHandler
from lobby_server.web.websocket.upgrade import is_key

log = logging.getLogger("lobby.socket")

RETRY_AFTER_S = 5.0
VERSIONS = ("7", "8", "13")
"""The last two drafts of RFC 6455 differ from it in nothing that matters here; Tornado speaks all three."""
HARD_LIMIT_FACTOR = 16
"""Tornado tears the connection down at its own limit, before the client can read why; so the close 1009 is sent at
ours, and Tornado's stands that much higher as the bound on memory."""


def check_upgrade(headers: HTTPHeaders) -> None:
    """Raises `ApiFault` for a request that Tornado would answer in its own words."""
    if headers.get("Sec-WebSocket-Version") not in VERSIONS:
        raise ApiFault(426, ApiCode.UPGRADE_REQUIRED, "The server speaks WebSocket version 13.")
    if not is_key(headers.get("Sec-WebSocket-Key", "").encode()):
        raise ApiFault(400, ApiCode.INVALID_REQUEST, "Sec-WebSocket-Key is missing, or not 16 bytes in base64.")


class SocketHandler(BaseHandler, tornado.websocket.WebSocketHandler):
    """``/`` and ``/ws`` with an Upgrade header."""

    session: Session | None = None

    def prepare(self) -> None:
        context = self.context
        if not context.app.takes_sockets:
            context.app.metrics.connections_refused += 1
            raise ApiFault(
                503,
                ApiCode.TRY_AGAIN_LATER,
                "The lobby is full at the moment; try again in a few seconds.",
                retry_after_s=RETRY_AFTER_S,
            )
        check_upgrade(self.request.headers)

    def check_origin(self, origin: str) -> bool:
        return self.context.origin_is_allowed(origin, self.request.host)

    def get_compression_options(self) -> dict[str, Any] | None:
        return {} if self.context.settings.compression else None

    def open(self, *_: str, **__: str) -> None:
        self.set_nodelay(True)
        self.session = self.app.open_session(_StreamTransport(self))

    def on_message(self, message: str | bytes) -> None:
        session = self.session
        if session is None:
            return
        limit_bytes = self.context.settings.max_message_bytes
        if len(message if isinstance(message, bytes) else message.encode()) > limit_bytes:
            session.close(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {limit_bytes} bytes")
        elif isinstance(message, bytes):
            session.receive_binary()
        else:
            session.receive(message)

    def on_ping(self, data: bytes) -> None:
        if self.session is not None:
            self.session.heard()

    def on_pong(self, data: bytes) -> None:
        if self.session is not None:
            self.session.heard()

    def on_close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            self.app.end_session(session, abrupt=self.close_code is None)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if self.session is not None:
            log.error("session %d failed", self.session.id, exc_info=(typ, value, tb))
            self.session.close(CloseCode.INTERNAL_ERROR, "a fault of the server")
        else:
            super().log_exception(typ, value, tb)


class _StreamTransport:
    """The `Transport` over Tornado's stream: it takes a write when nothing waits in it, and nothing otherwise."""

    def __init__(self, handler: SocketHandler) -> None:
        self._handler = handler
        self._compresses = handler.context.settings.compression
        self._on_writable: Callable[[], None] | None = None

    def send(self, data: bytes | memoryview) -> int:
        connection = self._handler.ws_connection
        if connection is None or connection.is_closing() or connection.stream is None:
            raise BrokenPipeError
        if connection.stream.writing():
            raise BlockingIOError
        try:
            self._write(connection.stream, bytes(data))
        except (tornado.websocket.WebSocketClosedError, tornado.iostream.StreamClosedError):
            raise BrokenPipeError from None
        return len(data)

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        self._on_writable = callback  # the write that is under way calls it when it is done

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        self._handler.close(code, reason)  # goes through the stream, behind what is in it

    def _write(self, stream: tornado.iostream.IOStream, data: bytes) -> None:
        if not self._compresses:
            stream.write(data).add_done_callback(self._written)
            return
        for opcode, payload in split_server_frames(data):
            if opcode == OP_TEXT:
                self._handler.write_message(payload).add_done_callback(self._written)
            elif opcode == OP_PING:
                self._handler.ping(payload)

    def _written(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled():
            future.exception()  # the end of the stream is told by the handler's on_close
        if self._on_writable is not None:
            self._on_writable()
