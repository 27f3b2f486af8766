"""Everybody does everything at once for a moment; afterwards all views of the lobby agree, and nothing was logged."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.websocket.test_socket import wait_until

USERS = 12
STEPS = 25


class Player:
    """Somebody who acts at random, and follows the list as a client does: it fetches on announcements."""

    def __init__(self, lobby: Lobby, user_id: int, source: random.Random) -> None:
        self.lobby = lobby
        self.source = source
        self.user_id = user_id
        self.token = lobby.token(user_id, f"user{user_id}")
        self.client: Client | None = None
        self.listener: asyncio.Task[None] | None = None
        self.rooms: list[Any] = []
        self.seen: list[Any] = []

    async def act(self) -> None:
        for _ in range(STEPS):
            choice = self.source.choice(
                ["make", "delete", "create", "join", "join", "leave", "kick", "chat", "hang up", "list", "break"]
            )
            await getattr(self, f"_{choice.replace(' ', '_')}")()

    async def _make(self) -> None:
        body = {"gamemode": "ctf", "maxPlayers": self.source.randint(2, 4), "isPublic": self.source.random() < 0.8}
        answer = await self.lobby.call("POST", "/api/rooms", body, token=self.token)
        assert answer.status in (201, 409)

    async def _delete(self) -> None:
        answer = await self.lobby.call("DELETE", f"/api/rooms/{self._some_room()}", token=self.token)
        assert answer.status in (200, 403, 404)

    async def _create(self) -> None:
        await self._say("create_room")

    async def _join(self) -> None:
        await self._say("join_room", roomId=self._some_room(), version="13020", name="P")

    async def _leave(self) -> None:
        await self._say("leave_room")

    async def _kick(self) -> None:
        await self._say("kick", peerId=self.source.randint(1, 4))

    async def _chat(self) -> None:
        await self._say("chat", text="hi")

    async def _list(self) -> None:
        self.rooms = (await self.lobby.call("GET", "/api/rooms")).body["rooms"]

    async def _hang_up(self) -> None:
        if self.client is not None:
            self.client.connection.close()
            await self._ended()

    async def _break(self) -> None:
        if self.client is not None and self.source.random() < 0.3:
            self.client.connection.protocol._abort()  # as a network that goes away
            await self._ended()

    async def _ended(self) -> None:
        assert self.client is not None
        assert self.listener is not None
        await self.listener
        self.client.connection.close()
        self.client = None

    async def _say(self, type_: str, **data: Any) -> None:
        await self.be_online()
        assert self.client is not None
        await self.client.command(type_, **data)

    async def be_online(self) -> None:
        if self.client is None:
            self.client = await self.lobby.connect()
            accepted = await self.client.handshake(self.token)
            assert accepted["type"] == "handshake_accepted"
            self.listener = asyncio.ensure_future(self._listen(self.client))

    async def _listen(self, client: Client) -> None:
        while (raw := await client.connection.read_message()) is not None:
            message = json.loads(raw)
            self.seen.append(message)
            if message["type"] == "rooms_changed":
                await self._list()

    def _some_room(self) -> str:
        return str(self.source.choice(self.rooms)["id"]) if self.rooms else "none"


@pytest.mark.parametrize("seed", [1])
async def test_all_views_agree_after_a_storm(start_lobby: StartLobby, seed: int) -> None:
    lobby = await start_lobby(command_rate_per_s=0.0, rooms_notify_interval_ms=20, empty_room_ttl_s=0.2)
    players = [Player(lobby, number, random.Random(f"{seed} {number}")) for number in range(1, USERS + 1)]
    await asyncio.gather(*(player.act() for player in players))
    for player in players:
        await player.be_online()
        await player._list()
    app = lobby.server.app
    book, store = app.rooms.book, app.store
    await wait_until(lambda: book.next_deadline_s() is None)
    await app.writer.idle()

    async def listed() -> Any:
        return (await lobby.call("GET", "/api/rooms")).body["rooms"]

    rooms = await listed()
    everything = {room.id: room for room in book._rooms.values()}
    assert {room["id"] for room in rooms} == {room.id for room in everything.values() if room.is_public}
    assert {(room.id, room.host_user_id) for room in await store.rooms()} == {
        (room.id, room.host.id) for room in everything.values()
    }
    members = [user_id for room in everything.values() for user_id in room.members]
    assert len(members) == len(set(members))
    assert all(1 <= len(room.members) <= room.max_players for room in everything.values())
    assert all(room.host.id in room.members for room in everything.values())
    # Whoever fetched on announcements has the list as it is, and nobody heard an error of the server.
    for player in players:
        await wait_until(lambda player=player: player.rooms == rooms)
        reasons = {message["data"]["reason"] for message in player.seen if message["type"] == "error"}
        assert reasons <= {
            "no_room_found", "room_not_found", "room_full", "not_in_room", "not_host", "invalid_target", "banned",
        }  # fmt: skip
    online = (await lobby.call("GET", "/api/users/online", token=players[0].token)).body
    assert sorted(user["user_id"] for user in online["users"]) == list(range(1, USERS + 1))
    for player in players:
        await player._hang_up()
    await wait_until(lambda: len(lobby.server.app.sessions) == len(app.fanout) == 0)
    assert len(app.presence) == 0
