"""A fan-out as Tornado's documentation shows it: ``write_message`` to each handler.

One broadcast a line on standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys

import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket
import uvloop

from lobby_server.protocol.messages import RoomsChanged, encode

BACKLOG = 4096
ORDERS_BYTES = 4096


class Listener(tornado.websocket.WebSocketHandler):
    """One client."""

    def initialize(self, listeners: set[Listener]) -> None:
        self._listeners = listeners

    def open(self, *args: str, **kwargs: str) -> None:
        self._listeners.add(self)

    def on_message(self, message: str | bytes) -> None:
        """Clients have nothing to say here."""

    def on_close(self) -> None:
        self._listeners.discard(self)


async def serve() -> None:
    listeners: set[Listener] = set()
    text = encode(RoomsChanged()).decode()
    over = asyncio.Event()

    def on_line() -> None:
        orders = os.read(sys.stdin.fileno(), ORDERS_BYTES)
        if not orders:
            over.set()
        for _ in range(orders.count(b"\n")):
            for listener in listeners:
                listener.write_message(text)

    application = tornado.web.Application([(r"/ws", Listener, {"listeners": listeners})], log_function=lambda _: None)
    server = tornado.httpserver.HTTPServer(application)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=BACKLOG)
    server.add_sockets(sockets)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), on_line)
    print("listening", sockets[0].getsockname()[1], flush=True)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve())
