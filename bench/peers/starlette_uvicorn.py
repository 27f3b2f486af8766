"""The specification's server with Starlette on uvicorn: a list of sockets, ``send_text`` to each.

One broadcast of `rooms_changed` a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.messages import ROOMS_CHANGED, message, orders, pong, rooms_body, user_of

BACKLOG = 4096


class Lobby:
    """Everybody who is connected."""

    def __init__(self) -> None:
        self._sockets: set[WebSocket] = set()
        self._body = rooms_body()
        self._telling: set[asyncio.Task[None]] = set()

    async def live(self, connection: WebSocket) -> None:
        await connection.accept()
        self._sockets.add(connection)
        try:
            while True:
                said = json.loads(await connection.receive_text())
                if said["type"] == "ping":
                    await connection.send_text(pong())
                elif (user := user_of(said["data"]["token"])) is None:
                    await connection.send_text(message("error", {"reason": "invalid_token"}))
                else:
                    await connection.send_text(message("handshake_accepted", {"peer_id": 0, **user}))
                    await self.tell(message("user_online", user))
        except WebSocketDisconnect:
            pass  # it is gone, as clients go
        finally:
            self._sockets.discard(connection)

    async def rooms(self, request: Request) -> Response:
        return Response(self._body, media_type="application/json")

    async def tell(self, text: str) -> None:
        for connection in list(self._sockets):
            try:
                await connection.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                self._sockets.discard(connection)  # it went while others were told

    def on_line(self, server: uvicorn.Server) -> None:
        ordered = orders()
        if ordered < 0:
            server.should_exit = True
        for _ in range(ordered):
            task = asyncio.ensure_future(self.tell(ROOMS_CHANGED))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)


async def run() -> None:
    lobby = Lobby()
    application = Starlette(routes=[WebSocketRoute("/ws", lobby.live), Route("/api/rooms", lobby.rooms)])
    config = uvicorn.Config(
        application, log_level="error", access_log=False, ws="websockets-sansio", ws_ping_interval=None,
        ws_per_message_deflate=False, loop="uvloop", lifespan="off", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lobby.on_line, server)
    print("listening", listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(run())
