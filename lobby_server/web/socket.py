"""The socket through Tornado's own WebSocket: a thin adapter between a `Session` and `WebSocketHandler`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import tornado.iostream
import tornado.websocket

from lobby_server.protocol.codes import ApiCode, CloseCode
from lobby_server.protocol.frames import split_server_frames
from lobby_server.service.session import Session
from lobby_server.web.base import ApiFault, BaseHandler

log = logging.getLogger("lobby.socket")

RETRY_AFTER_S = 5.0
HARD_LIMIT_FACTOR = 16
"""Tornado tears the connection down at its own limit, before the client can read why; so the close 1009 is sent at
ours, and Tornado's stands that much higher as the bound on memory."""


class SocketHandler(BaseHandler, tornado.websocket.WebSocketHandler):
    """``/`` and ``/ws`` with an Upgrade header."""

    session: Session | None = None

    def prepare(self) -> None:
        context = self.context
        if context.is_draining or len(context.sessions) >= context.settings.max_connections:
            context.metrics.connections_refused += 1
            raise ApiFault(
                503,
                ApiCode.TRY_AGAIN_LATER,
                "The lobby is full at the moment; try again in a few seconds.",
                retry_after_s=RETRY_AFTER_S,
            )

    def check_origin(self, origin: str) -> bool:
        return self.context.origin_is_allowed(origin, self.request.host)

    def get_compression_options(self) -> dict[str, Any] | None:
        return {} if self.context.settings.compression else None

    def open(self, *_: str, **__: str) -> None:
        context = self.context
        self.set_nodelay(True)
        self.session = Session(context.rules, _StreamTransport(self), session_id=next(context.session_ids))
        context.sessions.add(self.session)
        context.heartbeat.watch(self.session)

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
            self.context.sessions.discard(session)
            session.closed(abrupt=self.close_code is None)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if self.session is not None:
            log.error("session %d failed", self.session.id, exc_info=(typ, value, tb))
            self.session.close(CloseCode.INTERNAL_ERROR, "a fault of the server")
        else:
            super().log_exception(typ, value, tb)


class _StreamTransport:
    """The `Transport` over Tornado's stream."""

    def __init__(self, handler: SocketHandler) -> None:
        self._handler = handler
        self._compresses = handler.context.settings.compression

    def send(self, frames: bytes) -> None:
        connection = self._handler.ws_connection
        if connection is None or connection.is_closing() or connection.stream is None:
            return
        try:
            if self._compresses:
                for payload in split_server_frames(frames):
                    self._handler.write_message(payload).add_done_callback(_retrieve)
            else:
                # A ready frame goes straight to the stream: no task, and no header to pack once more.
                connection.stream.write(frames).add_done_callback(_retrieve)
        except (tornado.websocket.WebSocketClosedError, tornado.iostream.StreamClosedError):
            pass  # the handler's on_close follows

    def ping(self) -> None:
        try:
            self._handler.ping(b"")
        except (tornado.websocket.WebSocketClosedError, tornado.iostream.StreamClosedError):
            pass  # the handler's on_close follows

    def close(self, code: int, reason: str) -> None:
        self._handler.close(code, reason)


def _retrieve(future: asyncio.Future[None]) -> None:
    """Look at the outcome of a write, or the loop complains that nobody did: the handler's on_close tells the end."""
    if not future.cancelled():
        future.exception()
