"""A broadcast server on `websockets`, as its documentation shows one: what anybody says goes to everybody."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed


async def run() -> None:
    connections: set[ServerConnection] = set()

    async def live(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            async for said in connection:
                broadcast(connections, said)
        except ConnectionClosed:
            pass  # it is gone, as clients go
        finally:
            connections.discard(connection)

    async with serve(live, "127.0.0.1", 0) as server:
        over = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: sys.stdin.read(1) or over.set())
        print("listening", next(iter(server.sockets)).getsockname()[1], flush=True)
        await over.wait()


if __name__ == "__main__":
    asyncio.run(run())
