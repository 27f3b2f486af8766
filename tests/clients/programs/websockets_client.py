"""The same with Python's websockets and its own loop that reconnects. Arguments: address, token."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def soon(error: Exception) -> Exception | None:
    """Whatever went wrong at the upgrade, try again: the server may be starting."""
    return None


async def main(address: str, token: str) -> None:
    async for socket in connect(address, process_exception=soon, proxy=None):
        data = {"version": "13020", "name": "python", "token": token}
        try:
            await socket.send(json.dumps({"type": "handshake", "data": data}))
            while True:
                say(message=json.loads(await socket.recv()))
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd is not None else 1006
            say(closed=code)
            if code >= 4500:
                return


asyncio.run(main(*sys.argv[1:]))
