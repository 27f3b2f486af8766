"""The specification's server as Tornado's documentation shows it: ``write_message`` to each handler, a
``RequestHandler``.

One broadcast of `rooms_changed` a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket
import uvloop

from bench.peers.messages import ROOMS_CHANGED, message, orders, pong, rooms_body, user_of

BACKLOG = 4096


class Listener(tornado.websocket.WebSocketHandler):
    """One client."""

    def initialize(self, listeners: set[Listener]) -> None:
        self._listeners = listeners

    def open(self, *args: str, **kwargs: str) -> None:
        self._listeners.add(self)

    def on_message(self, received: str | bytes) -> None:
        said = json.loads(received)
        if said["type"] == "ping":
            self.write_message(pong())
            return
        user = user_of(said["data"]["token"])
        if user is None:
            self.write_message(message("error", {"reason": "invalid_token"}))
            return
        self.write_message(message("handshake_accepted", {"peer_id": 0, **user}))
        text = message("user_online", user)
        for listener in self._listeners:
            listener.write_message(text)

    def on_close(self) -> None:
        self._listeners.discard(self)


class Rooms(tornado.web.RequestHandler):
    """The list, ready made."""

    def initialize(self, body: bytes) -> None:
        self._body = body

    def get(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(self._body)


async def serve() -> None:
    listeners: set[Listener] = set()
    over = asyncio.Event()

    def on_line() -> None:
        ordered = orders()
        if ordered < 0:
            over.set()
        for _ in range(ordered):
            for listener in listeners:
                listener.write_message(ROOMS_CHANGED)

    routes = [(r"/ws", Listener, {"listeners": listeners}), (r"/api/rooms", Rooms, {"body": rooms_body()})]
    application = tornado.web.Application(routes, log_function=lambda _: None)  # type: ignore[arg-type]
    server = tornado.httpserver.HTTPServer(application)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=BACKLOG)
    server.add_sockets(sockets)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), on_line)
    print("listening", sockets[0].getsockname()[1], flush=True)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve())
