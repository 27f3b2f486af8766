"""The listener: connections are accepted, a few per turn of the loop, and the first bytes of each say where it belongs.

A plain request for a WebSocket becomes a `Connection` here and now; everything else goes on to Tornado's HTTP server
with the bytes that were read already, and never notices.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Sequence
from typing import Any

import tornado.httpserver
import tornado.iostream

from lobby_server.service.pacing import Patience
from lobby_server.web.context import WebContext
from lobby_server.web.websocket.connection import Connection, Connections
from lobby_server.web.websocket.upgrade import read_upgrade, upgrade_response

log = logging.getLogger("lobby.listener")

ACCEPTS_PER_TURN = 32
"""Newcomers per turn of the loop: clients that are connected get the turns in between."""
FIRST_READ_BYTES = 16 * 1024
OUT_OF_DESCRIPTORS_PAUSE_S = 1.0


class ReplayStream(tornado.iostream.IOStream):
    """A stream whose first bytes were read already."""

    def __init__(self, sock: socket.socket, received: bytes, *args: Any, **named: Any) -> None:
        self._received = received
        super().__init__(sock, *args, **named)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        if not self._received:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._received))
        buf[:size] = self._received[:size]
        self._received = self._received[size:]
        return size


class Listener:
    """Takes over listening sockets. `stop` leaves the connections alone."""

    def __init__(
        self, context: WebContext, http: tornado.httpserver.HTTPServer, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._context = context
        self._http = http
        self._loop = loop
        self._shared = Connections(context, loop)
        self._sockets: list[socket.socket] = []
        self._newcomers: dict[socket.socket, Any] = {}
        self._patience: Patience[socket.socket] = Patience(
            context.app.clock, delay_s=context.settings.handshake_timeout_s, act=self._give_up
        )

    def start(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = list(sockets)
        for listener in self._sockets:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def stop(self) -> None:
        """Accept no more connections."""
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        self._sockets = []
        for newcomer in list(self._newcomers):
            self._give_up(newcomer)

    # -- private --------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                newcomer, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as fault:
                if fault.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause(listener, fault)
                    return
                raise
            newcomer.setblocking(False)
            newcomer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._newcomers[newcomer] = address
            self._patience.add(newcomer)
            self._loop.add_reader(newcomer.fileno(), self._first_bytes, newcomer)

    def _pause(self, listener: socket.socket, fault: OSError) -> None:
        """Out of file descriptors: clients in the backlog are accepted when some are free again."""
        log.error("no more connections can be taken for the moment: %s", fault.strerror)
        self._loop.remove_reader(listener.fileno())

        def go_on() -> None:
            if listener in self._sockets:
                self._loop.add_reader(listener.fileno(), self._accept, listener)

        self._loop.call_later(OUT_OF_DESCRIPTORS_PAUSE_S, go_on)

    def _give_up(self, newcomer: socket.socket) -> None:
        """A connection on which nothing was said."""
        self._patience.discard(newcomer)
        if self._newcomers.pop(newcomer, None) is not None:
            self._loop.remove_reader(newcomer.fileno())
            newcomer.close()

    def _first_bytes(self, newcomer: socket.socket) -> None:
        try:
            data = newcomer.recv(FIRST_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._give_up(newcomer)
            return
        address = self._newcomers.pop(newcomer)
        self._patience.discard(newcomer)
        request = read_upgrade(data)
        if (
            request is None
            or not self._context.app.takes_sockets
            or not self._context.origin_is_allowed(request.origin, request.host)
        ):
            self._hand_over(newcomer, address, data)
            return
        try:
            newcomer.send(upgrade_response(request.key))  # a fresh socket takes 130 bytes whole
        except OSError:
            self._loop.remove_reader(newcomer.fileno())
            newcomer.close()
            return
        Connection(self._shared, newcomer, data[request.size :])

    def _hand_over(self, newcomer: socket.socket, address: Any, data: bytes) -> None:
        self._loop.remove_reader(newcomer.fileno())
        stream = ReplayStream(
            newcomer, data, max_buffer_size=self._http.max_buffer_size, read_chunk_size=self._http.read_chunk_size
        )
        self._http.handle_stream(stream, address)
