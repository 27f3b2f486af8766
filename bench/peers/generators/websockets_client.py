"""A load generator with the library `websockets`, as one writes it by hand: a task for each player.

``python -m bench.peers.generators.websockets_client WS_URL TOKEN_FILE HEARTBEAT_S PLAYERS_PER_S FEATURES``; it plays
until it is stopped, and then prints count, p50 and p99 in ms of what it timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import sys
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TIMES_S: dict[str, list[float]] = {}


def note(kind: str, at_s: float) -> None:
    TIMES_S.setdefault(kind, []).append(at_s)


async def play(url: str, token: str, number: int, heartbeat_s: float, features: list[str]) -> None:
    began_s = time.perf_counter()
    async with connect(url, compression=None, ping_interval=None) as socket:
        note("upgrade", time.perf_counter() - began_s)
        data: dict[str, object] = {"version": "13020", "name": f"player {number}", "token": token}
        if features:
            data["features"] = features
        await socket.send(json.dumps({"type": "handshake", "data": data}))
        pinged_s: list[float] = []
        beating = asyncio.create_task(beat(socket, heartbeat_s, pinged_s))
        try:
            async for received in socket:
                kind = json.loads(received)["type"]
                now_s = time.perf_counter()
                if kind == "pong":
                    note("heartbeat", now_s - pinged_s.pop(0))
                else:
                    note(kind, now_s)
        except ConnectionClosed:
            pass
        finally:
            beating.cancel()


async def beat(socket: ClientConnection, heartbeat_s: float, pinged_s: list[float]) -> None:
    await asyncio.sleep(random.random() * heartbeat_s)
    while True:
        pinged_s.append(time.perf_counter())
        await socket.send('{"type":"ping","data":{}}')
        await asyncio.sleep(heartbeat_s)


async def main(tokens: list[str]) -> None:
    url, _, heartbeat_s, players_per_s, features = sys.argv[1:6]
    playing, began_s = [], time.perf_counter()
    for number, token in enumerate(tokens):
        wait_s = began_s + number / float(players_per_s) - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        wanted = [name for name in features.split(",") if name]
        playing.append(asyncio.create_task(play(url, token, number, float(heartbeat_s), wanted)))
    await asyncio.gather(*playing, return_exceptions=True)


def figures() -> dict[str, tuple[int, float, float]]:
    found = {}
    for kind in ("upgrade", "heartbeat"):
        times_s = sorted(TIMES_S.get(kind, []))
        if times_s:
            p50, p99 = (times_s[max(0, math.ceil(q / 100 * len(times_s)) - 1)] * 1000 for q in (50, 99))
            found[kind] = len(times_s), p50, p99
    return found


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[2]).read_text(encoding="utf-8").split()))
    print(f"times {json.dumps(figures())}", flush=True)
