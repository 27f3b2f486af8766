"""People of the tests: a user with a token, and the sockets that they have open."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import Answer, Client, Lobby

PRESENCE = frozenset({"user_online", "user_offline", "presence_changed", "player_count", "rooms_changed"})


class Person:
    """Somebody with a name, an id, and any number of sockets."""

    def __init__(self, lobby: Lobby, user_id: int, username: str, **claims: Any) -> None:
        self.lobby = lobby
        self.id = user_id
        self.username = username
        self.token = lobby.token(user_id, username, **claims)
        self.sockets: list[Client] = []

    async def open(self, *features: str) -> Client:
        """One more socket, with features or on the base protocol."""
        client = await self.lobby.connect()
        data: dict[str, Any] = {"version": "13020", "name": "P", "token": self.token}
        await client.command("handshake", **data, **({"features": list(features)} if features else {}))
        assert (await client.next())["type"] == "handshake_accepted"
        self.sockets.append(client)
        return client

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        if body is None and method == "POST":
            body = {}
        return await self.lobby.call(method, path, body, token=self.token)

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    async def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await self.call("POST", path, body)
        assert answer.status == status, (answer.status, answer.body)
        return answer.body

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and code of a call that is refused, with a sentence for people."""
        answer = await self.call(method, path, body)
        assert answer.body["error"].endswith("."), answer.body
        return answer.status, answer.body["code"]

    async def told(self, *, socket: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """What one socket was told since the last time, presence left out. What the server writes in the background
        is told by then, because every write of an earlier call is done."""
        await self.lobby.written()
        return [
            (message["type"], message["data"])
            for message in await self.sockets[socket].fence()
            if message["type"] not in PRESENCE
        ]


async def ann_bob_eve(lobby: Lobby) -> tuple[Person, Person, Person]:
    """Three people with a socket each, who have heard of each other's coming."""
    people = Person(lobby, 1, "ann"), Person(lobby, 2, "bob"), Person(lobby, 3, "eve")
    for person in people:
        await person.open()
    for person in people:
        await person.told()
    return people
