"""The HTTP API of rooms: make, read, delete, and who is online."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from lobby_server.service.ports import StoreUnavailable
from tests.web.conftest import Answer, Lobby, StartLobby


async def make_room(lobby: Lobby, token: str | None = None, **wish: Any) -> Answer:
    return await lobby.call("POST", "/api/rooms", {"gamemode": "ctf", **wish}, token=token or lobby.token())


async def listed(lobby: Lobby, query: str = "") -> list[dict[str, Any]]:
    answer = await lobby.call("GET", f"/api/rooms{query}")
    assert answer.status == 200
    assert list(answer.body) == ["count", "rooms"]
    assert answer.body["count"] == len(answer.body["rooms"])
    rooms: list[dict[str, Any]] = answer.body["rooms"]
    return rooms


async def test_made_room_is_answered_201_listed_and_readable_alone(lobby: Lobby) -> None:
    answer = await make_room(lobby, mapName="Harbour", maxPlayers=4)
    assert answer.status == 201
    assert list(answer.body) == ["success", "room"]
    assert answer.body["success"] is True
    room = answer.body["room"]
    assert list(room) == [
        "id", "host_username", "gamemode", "map_name", "current_players", "max_players", "created_at", "is_full",
    ]  # fmt: skip
    assert room["host_username"] == "ann"
    assert (room["gamemode"], room["map_name"], room["current_players"], room["max_players"], room["is_full"]) == (
        "ctf", "Harbour", 1, 4, False,
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", room["created_at"])
    assert await listed(lobby) == [room]
    assert (await lobby.call("GET", f"/api/rooms/{room['id']}")).body == room


async def test_room_has_eight_places_and_no_map_unless_told_otherwise(lobby: Lobby) -> None:
    room = (await make_room(lobby)).body["room"]
    assert (room["max_players"], room["map_name"]) == (8, None)


@pytest.mark.parametrize("places", [2, 64])
async def test_room_takes_the_least_and_the_most_places(lobby: Lobby, places: int) -> None:
    assert (await make_room(lobby, maxPlayers=places)).body["room"]["max_players"] == places


async def test_names_of_sixty_four_characters_are_taken(lobby: Lobby) -> None:
    name = "\U0001f600" * 64
    room = (await make_room(lobby, gamemode=name, mapName=name)).body["room"]
    assert (room["gamemode"], room["map_name"]) == (name, name)


async def test_list_is_newest_first_and_can_be_of_one_gamemode(lobby: Lobby) -> None:
    for number, gamemode in enumerate(["ctf", "duel", "ctf", "Duel"]):
        await make_room(lobby, lobby.token(number, f"user{number}"), gamemode=gamemode)
    assert [room["host_username"] for room in await listed(lobby)] == ["user3", "user2", "user1", "user0"]
    assert [room["host_username"] for room in await listed(lobby, "?gamemode=ctf")] == ["user2", "user0"]
    assert [room["host_username"] for room in await listed(lobby, "?gamemode=duel")] == ["user1"]
    assert await listed(lobby, "?gamemode=none") == []
    assert len(await listed(lobby, "?gamemode=")) == len(await listed(lobby, "?other=1")) == 4
    assert len(await listed(lobby, "?gamemode=duel&gamemode=ctf")) == 2  # the last one counts


async def test_private_room_is_readable_by_id_and_in_no_list(lobby: Lobby) -> None:
    room = (await make_room(lobby, isPublic=False)).body["room"]
    assert await listed(lobby) == await listed(lobby, "?gamemode=ctf") == []
    assert (await lobby.call("GET", f"/api/rooms/{room['id']}")).body == room


async def test_host_of_a_room_gets_409_for_a_second_with_the_id_of_the_first(lobby: Lobby) -> None:
    room = (await make_room(lobby)).body["room"]
    answer = await make_room(lobby)
    assert (answer.status, answer.body["code"]) == (409, "already_hosting")
    assert answer.body["existing_room_id"] == room["id"]
    assert (await make_room(lobby, lobby.token(2, "bob"))).status == 201


async def test_six_rooms_of_one_user_at_once_become_one(lobby: Lobby) -> None:
    answers = await asyncio.gather(*(make_room(lobby) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    (room,) = await listed(lobby)
    assert {answer.body["existing_room_id"] for answer in answers if answer.status == 409} == {room["id"]}
    assert [stored.id for stored in await lobby.server.app.store.rooms()] == [room["id"]]


async def test_host_deletes_the_room_and_may_make_another(lobby: Lobby) -> None:
    room = (await make_room(lobby)).body["room"]
    answer = await lobby.call("DELETE", f"/api/rooms/{room['id']}", token=lobby.token())
    assert (answer.status, answer.body) == (200, {"success": True})
    assert await listed(lobby) == await lobby.server.app.store.rooms() == []
    for method in ("GET", "DELETE"):
        gone = await lobby.call(method, f"/api/rooms/{room['id']}", token=lobby.token())
        assert (gone.status, gone.body["code"]) == (404, "room_not_found")
    assert (await make_room(lobby)).status == 201


async def test_nobody_but_the_host_deletes_a_room(lobby: Lobby) -> None:
    room = (await make_room(lobby)).body["room"]
    answer = await lobby.call("DELETE", f"/api/rooms/{room['id']}", token=lobby.token(2, "bob"))
    assert (answer.status, answer.body["code"]) == (403, "not_host")
    assert await listed(lobby) == [room]


async def test_room_deleted_twice_at_once_is_deleted_once_and_nobody_fails(lobby: Lobby) -> None:
    room = (await make_room(lobby)).body["room"]
    answers = await asyncio.gather(
        *(lobby.call("DELETE", f"/api/rooms/{room['id']}", token=lobby.token()) for _ in range(4))
    )
    assert {answer.status for answer in answers} <= {200, 404}
    assert 200 in {answer.status for answer in answers}
    assert await listed(lobby) == []


async def test_rooms_made_and_deleted_in_a_race_leave_store_and_list_the_same(lobby: Lobby) -> None:
    async def churn(user_id: int) -> None:
        token = lobby.token(user_id, f"user{user_id}")
        for _ in range(5):
            room_id = (await make_room(lobby, token)).body["room"]["id"]
            again, deleted = await asyncio.gather(
                make_room(lobby, token), lobby.call("DELETE", f"/api/rooms/{room_id}", token=token)
            )
            assert deleted.status == 200
            assert again.status in (201, 409)
            if again.status == 201:
                again_id = again.body["room"]["id"]
                assert (await lobby.call("DELETE", f"/api/rooms/{again_id}", token=token)).status == 200

    await asyncio.gather(*(churn(user_id) for user_id in range(5)))
    assert await listed(lobby) == await lobby.server.app.store.rooms() == []
    assert lobby.server.app.rooms._creating == {}


async def test_room_that_the_database_does_not_take_is_not_there_and_may_be_tried_again(
    lobby: Lobby, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = lobby.server.app.store

    async def away(_: object) -> None:
        raise StoreUnavailable("The database cannot be reached.")

    watcher = await lobby.connect(lobby.token(2, "bob"))
    with monkeypatch.context() as patch:
        patch.setattr(store, "add_room", away)
        assert (await make_room(lobby)).status == 503
    caplog.clear()
    assert await listed(lobby) == []
    assert await watcher.fence() == []  # nothing is announced that is not committed
    assert (await make_room(lobby)).status == 201


async def test_rooms_of_an_earlier_life_are_listed_with_nobody_in_them(start_lobby: StartLobby) -> None:
    before = await start_lobby()
    made = [
        (await make_room(before, before.token(number, f"user{number}"), isPublic=number != 2)).body["room"]
        for number in range(3)
    ]
    etag = (await before.call("GET", "/api/rooms")).headers["ETag"]
    await before.server.drain()
    after = await start_lobby()
    assert await listed(after) == [{**room, "current_players": 0} for room in (made[1], made[0])]
    assert (await after.call("GET", "/api/rooms")).headers["ETag"] != etag  # revisions go on where they were
    assert (await after.call("GET", f"/api/rooms/{made[2]['id']}")).status == 200
    again = await make_room(after, after.token(0, "user0"))
    assert (again.status, again.body["existing_room_id"]) == (409, made[0]["id"])


# -- who is online ------------------------------------------------------------------------------------------------


async def test_online_users_are_those_with_an_accepted_socket_each_once(lobby: Lobby) -> None:
    async def online() -> Any:
        return (await lobby.call("GET", "/api/users/online", token=lobby.token(9, "eve"))).body

    assert await online() == {"count": 0, "users": []}
    await lobby.connect()
    for user_id, username in [(1, "ann"), (2, "bob"), (1, "ann")]:
        await lobby.connect(lobby.token(user_id, username))
    users = [{"user_id": 1, "username": "ann"}, {"user_id": 2, "username": "bob"}]
    assert await online() == {"count": 2, "users": users}
    lobby.clients[2].connection.close()
    await lobby.clients[1].expect("user_offline", user_id=2)
    assert await online() == {"count": 1, "users": users[:1]}


async def test_own_room_is_404_without_one_and_the_room_with_its_members_in_one(lobby: Lobby) -> None:
    nowhere = await lobby.call("GET", "/api/rooms/mine", token=lobby.token())
    assert (nowhere.status, nowhere.body["code"]) == (404, "not_in_room")
    assert (await lobby.call("GET", "/api/rooms/mine")).status == 401
    made = await lobby.call("POST", "/api/rooms", {"gamemode": "ffa"}, token=lobby.token())
    mine = await lobby.call("GET", "/api/rooms/mine", token=lobby.token())
    members = [{"peerId": 1, "name": made.body["room"]["host_username"], "isHost": True}]
    assert (mine.status, mine.body) == (200, {**made.body["room"], "peerId": 1, "members": members})
