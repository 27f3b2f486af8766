"""Settings of an account over HTTP: who sees the room that one is in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Lobby, StartLobby

ANN, BOB = (1, "ann"), (2, "bob")


async def befriended(lobby: Lobby) -> tuple[str, str]:
    ann, bob = lobby.token(*ANN), lobby.token(*BOB)
    for token in (ann, bob):
        await lobby.connect(token)
    for token, name in ((ann, "bob"), (bob, "ann")):
        await lobby.call("POST", "/api/friends/requests", {"to_username": name}, token=token)
    return ann, bob


async def choose(lobby: Lobby, token: str, whereabouts: Any) -> Any:
    return await lobby.call("PATCH", "/api/account", {"whereabouts": whereabouts}, token=token)


async def test_user_of_an_outside_service_chooses_too_and_it_outlives_a_restart(start_lobby: StartLobby) -> None:
    lobby = await start_lobby()
    token = lobby.token(7, "outside")
    before = (await lobby.call("GET", "/api/account", token=token)).body
    assert before == {
        "user": {"id": 7, "username": "outside", "email": None, "created_at": None},
        "is_here": False, "email_confirmed": False, "sends_mail": False, "whereabouts": "friends",
    }  # fmt: skip
    changed = await choose(lobby, token, "nobody")
    assert (changed.status, changed.body) == (200, {**before, "whereabouts": "nobody"})
    data_dir = lobby.server.settings.data_dir
    await lobby.server.drain()
    lobby = await start_lobby(data_dir=data_dir)
    assert (await lobby.call("GET", "/api/account", token=token)).body["whereabouts"] == "nobody"


@pytest.mark.parametrize("value", [None, "", "strangers", 1, ["friends"]])
async def test_other_choices_are_refused_with_a_sentence(lobby: Lobby, value: Any) -> None:
    refused = await choose(lobby, lobby.token(*ANN), value)
    assert (refused.status, list(refused.body["fields"])) == (400, ["whereabouts"])


async def test_hidden_friend_is_in_no_room_over_http(lobby: Lobby) -> None:
    ann, bob = await befriended(lobby)
    room_id = (await lobby.call("POST", "/api/rooms", {"gamemode": "duel"}, token=ann)).body["room"]["id"]

    async def seen() -> tuple[Any, Any]:
        rooms = (await lobby.call("GET", "/api/friends/rooms", token=bob)).body["rooms"]
        profile = (await lobby.call("GET", "/api/users/1", token=bob)).body
        return [each["room_id"] for each in rooms], profile["room_id"]

    assert await seen() == ([room_id], room_id)
    await choose(lobby, ann, "nobody")
    assert await seen() == ([], None)
    await choose(lobby, ann, "everybody")
    assert await seen() == ([room_id], room_id)
    stranger = (await lobby.call("GET", "/api/users/1", token=lobby.token(9, "stranger"))).body
    assert stranger["room_id"] == room_id
