"""The specification's server with the library `websockets`: its ``broadcast`` to the set of connections. It serves no
list.

One broadcast of `rooms_changed` a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from bench.peers.messages import ROOMS_CHANGED, message, orders, pong, user_of

BACKLOG = 4096


async def run() -> None:
    connections: set[ServerConnection] = set()
    over = asyncio.Event()

    async def live(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            async for received in connection:
                said = json.loads(received)
                if said["type"] == "ping":
                    await connection.send(pong())
                elif (user := user_of(said["data"]["token"])) is None:
                    await connection.send(message("error", {"reason": "invalid_token"}))
                else:
                    await connection.send(message("handshake_accepted", {"peer_id": 0, **user}))
                    broadcast(connections, message("user_online", user))
        except ConnectionClosed:
            pass  # it is gone, as clients go
        finally:
            connections.discard(connection)

    def on_line() -> None:
        ordered = orders()
        if ordered < 0:
            over.set()
        for _ in range(ordered):
            broadcast(connections, ROOMS_CHANGED)

    async with serve(live, "127.0.0.1", 0, backlog=BACKLOG, compression=None, ping_interval=None) as server:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), on_line)
        print("listening", next(iter(server.sockets)).getsockname()[1], flush=True)
        await over.wait()


if __name__ == "__main__":
    uvloop.run(run())
