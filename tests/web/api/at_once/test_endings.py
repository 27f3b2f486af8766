"""The same call many times at once: one of them does it, and the others find it done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.web.api.test_upkeep import cheap_hashes, log_in, register
from tests.web.conftest import Lobby
from tests.web.people import Person

__all__ = ["cheap_hashes"]

MANY = 20
Prepared = tuple[Person, str, str, Any]
"""Who calls, and method, path and body."""


def boss_of(lobby: Lobby) -> Person:
    return Person(lobby, 99, "boss", role="admin")


async def two(lobby: Lobby) -> tuple[Person, Person]:
    """Users that the lobby knows."""
    people = Person(lobby, 1, "ann"), Person(lobby, 2, "bob")
    for person in people:
        await person.open()
    return people


async def room_of(host: Person, **wish: Any) -> str:
    made = await host.post("/api/rooms", {"gamemode": "ctf", **wish}, status=201)
    return str(made["room"]["id"])


async def a_room_by_its_host(lobby: Lobby) -> Prepared:
    ann, _ = await two(lobby)
    return ann, "DELETE", f"/api/rooms/{await room_of(ann)}", None


async def a_room_by_an_administrator(lobby: Lobby) -> Prepared:
    ann, _ = await two(lobby)
    return boss_of(lobby), "POST", f"/api/admin/rooms/{await room_of(ann)}/close", {"reason": "spam"}


async def a_ban(lobby: Lobby) -> Prepared:
    await two(lobby)
    boss = boss_of(lobby)
    await boss.post("/api/admin/bans", {"username": "bob", "reason": "spam"}, status=201)
    return boss, "DELETE", "/api/admin/bans/2", None


async def a_sign_in(lobby: Lobby) -> Prepared:
    token = (await register(lobby, "ann"))["token"]
    assert (await log_in(lobby, "ann")).status == 200
    ann = Person(lobby, 1, "ann")
    ann.token = token
    listed = (await ann.get("/api/auth/sign-ins"))["sign_ins"]
    other = next(each["id"] for each in listed if not each["is_current"])
    return ann, "DELETE", f"/api/auth/sign-ins/{other}", None


async def a_friendship(lobby: Lobby) -> Prepared:
    ann, bob = await two(lobby)
    asked = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    await bob.post(f"/api/friends/requests/{asked['request']['request_id']}/accept")
    return ann, "DELETE", "/api/friends/2", None


async def a_friend_request(lobby: Lobby) -> Prepared:
    ann, bob = await two(lobby)
    asked = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    return bob, "POST", f"/api/friends/requests/{asked['request']['request_id']}/decline", {}


async def a_block(lobby: Lobby) -> Prepared:
    ann, _ = await two(lobby)
    await ann.post("/api/blocks", {"user_id": 2}, status=201)
    return ann, "DELETE", "/api/blocks/2", None


async def invited(lobby: Lobby) -> tuple[Person, Person, str]:
    ann, bob = await two(lobby)
    room_id = await room_of(ann, isPublic=False)
    await ann.sockets[0].command("create_room")
    await ann.sockets[0].expect("room_created")
    await ann.post(f"/api/rooms/{room_id}/invites", {"to_user_id": 2}, status=201)
    return ann, bob, room_id


async def an_invitation_by_its_sender(lobby: Lobby) -> Prepared:
    ann, _, room_id = await invited(lobby)
    return ann, "DELETE", f"/api/rooms/{room_id}/invites/2", None


async def an_invitation_by_its_guest(lobby: Lobby) -> Prepared:
    _, bob, room_id = await invited(lobby)
    return bob, "POST", f"/api/rooms/{room_id}/invites/decline", {}


async def a_party(lobby: Lobby) -> Prepared:
    ann, _ = await two(lobby)
    party = (await ann.post("/api/parties", status=201))["party"]
    return ann, "POST", f"/api/parties/{party['id']}/leave", {}


@pytest.mark.parametrize(
    "prepare",
    [
        a_room_by_its_host, a_room_by_an_administrator, a_ban, a_sign_in, a_friendship, a_friend_request, a_block,
        an_invitation_by_its_sender, an_invitation_by_its_guest, a_party,
    ],
    ids=lambda prepare: prepare.__name__,
)  # fmt: skip
async def test_one_of_many_calls_that_end_something_ends_it(
    lobby: Lobby, prepare: Callable[[Lobby], Awaitable[Prepared]]
) -> None:
    person, method, path, body = await prepare(lobby)
    answers = await asyncio.gather(*(person.call(method, path, body) for _ in range(MANY)))
    assert sum(answer.status in (200, 204) for answer in answers) == 1
    assert all(answer.status in (200, 204, 403, 404, 409) for answer in answers), [each.status for each in answers]
