"""Announcements of administrators, and how many are playing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Lobby
from tests.web.people import Person, ann_bob_eve


async def test_announcement_of_an_administrator_reaches_everybody_once(lobby: Lobby) -> None:
    people = await ann_bob_eve(lobby)
    await people[0].open("rooms_delta", "presence_batch")
    stranger = await lobby.connect()
    root = Person(lobby, 9, "root", role="admin")
    made = await root.post("/api/announcements", {"title": "Maintenance", "body": "At noon."}, status=201)
    assert (made["title"], made["body"]) == ("Maintenance", "At noon.")
    for person in people:
        assert await person.told() == [("announcement", made)]
    assert ("announcement", made) in await people[0].told(socket=1)
    assert await stranger.fence() == []
    assert await people[1].get("/api/announcements") == {"announcements": [made]}


@pytest.mark.parametrize("role", [None, "user", True])
async def test_announcement_of_anybody_else_is_refused(lobby: Lobby, role: Any) -> None:
    ann = Person(lobby, 1, "ann", role=role)
    assert await ann.refused("POST", "/api/announcements", {"title": "x", "body": "y"}) == (403, "admin_required")
    assert await ann.get("/api/announcements") == {"announcements": []}
    assert (await lobby.call("POST", "/api/announcements", {"title": "x", "body": "y"})).status == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": "b"}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "x", "body": 1}, "body"),
    ],
)
async def test_announcement_that_says_nothing_is_refused(lobby: Lobby, body: Any, field: str) -> None:
    root = Person(lobby, 9, "root", role="admin")
    answer = await root.call("POST", "/api/announcements", body)
    assert (answer.status, answer.body["code"], list(answer.body["fields"])) == (400, "invalid_request", [field])


async def test_stats_are_for_everybody_and_count_users(lobby: Lobby) -> None:
    async def stats() -> Any:
        return (await lobby.call("GET", "/api/stats")).body

    assert await stats() == {"online": 0, "rooms": 0, "players_in_rooms": 0}
    ann, *_ = await ann_bob_eve(lobby)
    await ann.open()
    await ann.post("/api/rooms", {"gamemode": "duel"}, status=201)
    assert await stats() == {"online": 3, "rooms": 1, "players_in_rooms": 1}


async def test_player_count_comes_to_who_asks_for_it_beside_presence(lobby: Lobby) -> None:
    ann, bob = Person(lobby, 1, "ann"), Person(lobby, 2, "bob")
    ear = await ann.open("player_count")
    assert await ear.expect("player_count") == {"online": 1}
    await bob.open()
    assert (await ear.expect("user_online"))["user_id"] == 2
    assert await ear.expect("player_count") == {"online": 2}
