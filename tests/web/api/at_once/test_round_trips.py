"""A call asks once what was answered on other nodes, however many rules it goes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.service.test_calls import Asked
from tests.web.conftest import Lobby
from tests.web.people import Person

Call = tuple[Person, str, str, Any, int]
"""Who calls, method, path, body, and the status of the answer."""


async def two(lobby: Lobby) -> tuple[Person, Person]:
    people = Person(lobby, 1, "ann"), Person(lobby, 2, "bob")
    for person in people:
        await person.open()
    return people


async def room_of(host: Person, **wish: Any) -> str:
    made = await host.post("/api/rooms", {"gamemode": "ctf", **wish}, status=201)
    await host.sockets[0].command("create_room")
    await host.sockets[0].expect("room_created")
    return str(made["room"]["id"])


async def invited(lobby: Lobby) -> tuple[Person, Person, str]:
    ann, bob = await two(lobby)
    room_id = await room_of(ann, isPublic=False)
    await ann.post(f"/api/rooms/{room_id}/invites", {"to_user_id": 2}, status=201)
    return ann, bob, room_id


async def making_a_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "POST", "/api/rooms", {"gamemode": "ctf"}, 201


async def deleting_a_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "DELETE", f"/api/rooms/{await room_of(ann)}", None, 200


async def closing_a_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    boss = Person(lobby, 99, "boss", role="admin")
    return boss, "POST", f"/api/admin/rooms/{await room_of(ann)}/close", {"reason": "spam"}, 200


async def all_rooms(lobby: Lobby) -> Call:
    return Person(lobby, 99, "boss", role="admin"), "GET", "/api/admin/rooms", None, 200


async def one_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "GET", f"/api/rooms/{await room_of(ann)}", None, 200


async def bans_of_a_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "GET", f"/api/rooms/{await room_of(ann)}/bans", None, 200


async def inviting_to_a_room(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "POST", f"/api/rooms/{await room_of(ann)}/invites", {"to_user_id": 2}, 201


async def declining_a_room(lobby: Lobby) -> Call:
    _, bob, room_id = await invited(lobby)
    return bob, "POST", f"/api/rooms/{room_id}/invites/decline", {}, 200


async def withdrawing_from_a_room(lobby: Lobby) -> Call:
    ann, _, room_id = await invited(lobby)
    return ann, "DELETE", f"/api/rooms/{room_id}/invites/2", None, 200


async def inviting_to_a_party(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    party = (await ann.post("/api/parties", status=201))["party"]
    return ann, "POST", f"/api/parties/{party['id']}/invites", {"to_user_id": 2}, 201


async def a_page_of_chat(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "GET", "/api/chat/lobby", None, 200


async def asking_a_friend(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "POST", "/api/friends/requests", {"to_user_id": 2}, 201


async def blocking(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "POST", "/api/blocks", {"user_id": 2}, 201


async def a_profile(lobby: Lobby) -> Call:
    ann, _ = await two(lobby)
    return ann, "GET", "/api/users/2", None, 200


@pytest.mark.parametrize(
    "prepare",
    [
        making_a_room, deleting_a_room, closing_a_room, all_rooms, one_room, bans_of_a_room,
        inviting_to_a_room, declining_a_room, withdrawing_from_a_room, inviting_to_a_party, a_page_of_chat,
        asking_a_friend, blocking, a_profile,
    ],
    ids=lambda prepare: prepare.__name__,
)  # fmt: skip
async def test_call_with_a_token_asks_once(
    lobby: Lobby, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Lobby], Awaitable[Call]]
) -> None:
    person, method, path, body, status = await prepare(lobby)
    asked = Asked(lobby.server.app.replica.log, monkeypatch)
    answer = await person.call(method, path, body)
    assert (answer.status, asked.times) == (status, 1), answer.body
    again = await person.call(method, path, body)
    assert (again.status < 500, asked.times) == (True, 2), "the next call, on the same connection, asks as well"


async def test_call_of_anybody_that_reads_the_state_asks_once(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, path, _, _ = await one_room(lobby)
    asked = Asked(lobby.server.app.replica.log, monkeypatch)
    assert (await lobby.call("GET", path)).status == 200
    assert asked.times == 1
