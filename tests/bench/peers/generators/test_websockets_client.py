"""A player of the generator that is written by hand: it greets as the specification says, and times what it hears."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytest.importorskip("websockets")

from websockets.asyncio.server import ServerConnection, serve

from bench.peers.generators import websockets_client


class Peer:
    """Accepts, answers so many pings, and hangs up."""

    def __init__(self, pings: int) -> None:
        self.pings = pings
        self.heard: list[Any] = []

    async def serve(self, socket: ServerConnection) -> None:
        self.heard.append(json.loads(await socket.recv()))
        await socket.send('{"type":"handshake_accepted","data":{}}')
        await socket.send('{"type":"user_online","data":{}}')
        for _ in range(self.pings):
            self.heard.append(json.loads(await socket.recv()))
            await socket.send('{"type":"pong","data":{}}')


async def played(peer: Peer, monkeypatch: pytest.MonkeyPatch, *features: str) -> dict[str, list[float]]:
    """Times by what they are of."""
    times_s: dict[str, list[float]] = {}
    monkeypatch.setattr(websockets_client, "TIMES_S", times_s)
    async with serve(peer.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await websockets_client.play(f"ws://127.0.0.1:{port}", "a token", 3, 0.005, list(features))
    return times_s


@pytest.mark.parametrize("features", [(), ("presence", "rooms_delta")])
async def test_player_greets_with_token_and_features_and_then_pings(
    features: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer(pings=2)
    await played(peer, monkeypatch, *features)
    greeting, *pings = peer.heard
    data = {"version": "13020", "name": "player 3", "token": "a token"}
    assert greeting == {"type": "handshake", "data": {**data, "features": list(features)} if features else data}
    assert pings == [{"type": "ping", "data": {}}] * 2


async def test_every_answer_has_a_time_of_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    began_s = time.perf_counter()
    times_s = await played(Peer(pings=3), monkeypatch)
    took_s = time.perf_counter() - began_s
    assert {kind: len(each) for kind, each in times_s.items()} == {
        "upgrade": 1, "handshake_accepted": 1, "user_online": 1, "heartbeat": 3,
    }  # fmt: skip
    assert all(0 < each < took_s for each in times_s["heartbeat"])
