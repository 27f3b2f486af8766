"""A room list that is ready made, through a plain ``RequestHandler``: what ``GET /api/rooms`` costs the usual way.

The body is the file named on the command line. Ends with standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import tornado.httpserver
import tornado.netutil
import tornado.web
import uvloop


class RoomsHandler(tornado.web.RequestHandler):
    def initialize(self, body: bytes) -> None:
        self._body = body

    def get(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(self._body)


async def serve(body: bytes) -> None:
    application = tornado.web.Application([(r"/api/rooms", RoomsHandler, {"body": body})], log_function=lambda _: None)
    server = tornado.httpserver.HTTPServer(application)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), over.set)
    print("listening", sockets[0].getsockname()[1], flush=True)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]).read_bytes()))
