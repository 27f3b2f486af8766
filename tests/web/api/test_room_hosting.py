"""What the host of a room decides, over HTTP: the answers, the errors, and the bytes of those who use none of it."""

from __future__ import annotations

from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person, ann_bob_eve


async def room_of(ann: Person, **wish: object) -> str:
    made = await ann.post("/api/rooms", {"gamemode": "ffa", **wish}, status=201)
    return str(made["room"]["id"])


async def test_room_without_a_name_is_listed_in_the_same_bytes_as_ever(lobby: Lobby) -> None:
    ann, _, _ = await ann_bob_eve(lobby)
    room_id = await room_of(ann)
    listed = (await lobby.call("GET", "/api/rooms")).body["rooms"][0]
    assert list(listed) == [
        "id", "host_username", "gamemode", "map_name", "current_players", "max_players", "created_at", "is_full",
    ]  # fmt: skip
    await ann.call("PATCH", f"/api/rooms/{room_id}", {"name": "friday"})
    await ann.post(f"/api/rooms/{room_id}/start")
    listed = (await lobby.call("GET", "/api/rooms")).body["rooms"][0]
    assert (listed["name"], listed["is_started"]) == ("friday", True)


async def test_settings_readiness_start_and_the_way_back_over_http(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    room_id = await room_of(ann, name="friday")
    at = f"/api/rooms/{room_id}"
    code = (await ann.get(f"{at}/state"))["code"]
    assert await bob.refused("GET", f"{at}/state") == (403, "not_in_room")
    assert (await bob.post(f"/api/codes/{code}"))["id"] == room_id
    await bob.sockets[0].command("join_room", roomId=room_id, version="13020", name="P")
    assert [type_ for type_, _ in await bob.told()] == ["room_joined"]
    assert await ann.refused("POST", f"{at}/start") == (409, "not_all_ready")
    assert (await bob.post(f"{at}/ready", {"ready": True}))["ready"] == [2]
    assert (await ann.post(f"{at}/start"))["isStarted"] is True
    assert await ann.refused("POST", f"{at}/start", {"force": True}) == (409, "already_started")
    assert (await ann.call("DELETE", f"{at}/start")).body["isStarted"] is False
    assert await ann.refused("DELETE", f"{at}/start") == (409, "not_started")
    assert (await ann.post(f"{at}/host", {"peerId": 2}))["hostPeerId"] == 2
    assert await ann.refused("PATCH", at, {"name": "mine"}) == (403, "not_host")
    await bob.sockets[0].command("kick", peerId=1)
    assert [type_ for type_, _ in await ann.told()][-1] == "kicked"
    bans = await bob.get(f"{at}/bans")
    assert bans == {"count": 1, "bans": [{"user_id": 1, "username": "ann"}]}
    assert (await bob.call("DELETE", f"{at}/bans/1")).status == 200
    assert await bob.refused("DELETE", f"{at}/bans/1") == (404, "not_banned")


async def test_bodies_that_do_not_fit_name_their_fields(lobby: Lobby) -> None:
    ann, _, _ = await ann_bob_eve(lobby)
    at = f"/api/rooms/{await room_of(ann)}"
    for path, body, field in (
        (at, {"name": "x" * 65}, "name"),
        (at, {"gamemode": " "}, "gamemode"),
        (at, {"maxPlayers": 1}, "maxPlayers"),
        (at, {"isPublic": "yes"}, "isPublic"),
    ):
        answer = await ann.call("PATCH", path, body)
        assert (answer.status, list(answer.body["fields"])) == (400, [field])
    for path, body, field in (
        (f"{at}/host", {}, "peerId"),
        (f"{at}/ready", {"ready": 1}, "ready"),
        (f"{at}/start", {"force": "yes"}, "force"),
        ("/api/rooms", {"gamemode": "x", "name": 5}, "name"),
    ):
        answer = await ann.call("POST", path, body)
        assert (answer.status, list(answer.body["fields"])) == (400, [field]), path


async def test_guessing_codes_is_limited(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(social_rate_per_min=6.0)
    ann = Person(lobby, 1, "ann")
    answers = [await ann.call("POST", "/api/codes/AAAAAA") for _ in range(4)]
    assert [answer.status for answer in answers] == [404, 404, 404, 429]
