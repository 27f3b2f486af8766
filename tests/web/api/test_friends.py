"""Friends and blocks over HTTP, and what the sockets of those concerned are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person, ann_bob_eve


async def befriend(one: Person, other: Person) -> None:
    await one.post("/api/friends/requests", {"to_user_id": other.id}, status=201)
    answer = await other.post("/api/friends/requests", {"to_user_id": one.id})
    assert answer["status"] == "accepted"


def of_type(told: list[tuple[str, dict[str, Any]]], type_: str) -> list[dict[str, Any]]:
    return [data for each, data in told if each == type_]


# Requests


async def test_request_reaches_every_socket_of_who_is_asked_and_nobody_else(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await bob.open("presence_batch")
    answer = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    request = answer["request"]
    assert answer == {"status": "sent", "request": request, "friend": None}
    expected = {"request_id": request["request_id"], "from_user_id": 1, "to_user_id": 2, "from_username": "ann"}
    for socket in range(2):
        told = await bob.told(socket=socket)
        assert of_type(told, "friend_request") == [expected]
        (notification,) = of_type(told, "notification")
        assert (notification["kind"], notification["body"]) == (
            "friend_request",
            "ann would like to be your friend.",
        )
    assert await ann.told() == await eve.told() == []
    assert (await bob.get("/api/friends"))["incoming"] == (await ann.get("/api/friends"))["outgoing"] == [request]


async def test_accepted_request_makes_friends_of_both_and_tells_both(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    request = (await ann.post("/api/friends/requests", {"to_username": "BOB"}, status=201))["request"]
    answer = await bob.post(f"/api/friends/requests/{request['request_id']}/accept")
    assert {**answer["friend"], "since": ""} == {"user_id": 1, "username": "ann", "is_online": True, "since": ""}
    assert of_type(await ann.told(), "friend_accepted") == [{"user_id": 2, "username": "bob"}]
    assert of_type(await bob.told(), "friend_accepted") == [{"user_id": 1, "username": "ann"}]
    assert await eve.told() == []
    overview = await ann.get("/api/friends")
    assert (overview["count"], overview["incoming"], overview["outgoing"]) == (1, [], [])
    assert overview["friends"][0]["username"] == "bob"
    assert await ann.refused("POST", "/api/friends/requests", {"to_user_id": 2}) == (409, "already_friends")


async def test_two_who_ask_each_other_at_once_are_friends(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    answers = await asyncio.gather(
        *(
            person.call("POST", "/api/friends/requests", {"to_user_id": other.id})
            for person, other in ((ann, bob), (bob, ann))
        )
    )
    assert sorted((answer.status, answer.body["status"]) for answer in answers) == [(200, "accepted"), (201, "sent")]
    for person in (ann, bob):
        overview = await person.get("/api/friends")
        assert (overview["count"], overview["incoming"], overview["outgoing"]) == (1, [], [])


async def test_same_request_again_is_the_same_and_tells_nobody(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    first = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    await bob.told()
    assert await ann.post("/api/friends/requests", {"to_user_id": 2}) == first
    assert await bob.told() == []


async def test_declined_request_is_gone_without_a_word_to_who_asked(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    request_id = (await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201))["request"]["request_id"]
    await bob.told()
    assert await eve.refused("POST", f"/api/friends/requests/{request_id}/decline") == (404, "request_not_found")
    await bob.post(f"/api/friends/requests/{request_id}/decline")
    assert await bob.told() == [("friend_request_closed", {"request_id": request_id})]
    assert await ann.told() == []
    assert (await ann.get("/api/friends"))["outgoing"] == []
    assert await bob.refused("POST", f"/api/friends/requests/{request_id}/accept") == (404, "request_not_found")


async def test_withdrawn_request_is_gone_for_both(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    request_id = (await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201))["request"]["request_id"]
    assert await ann.refused("POST", f"/api/friends/requests/{request_id}/accept") == (404, "request_not_found")
    await bob.told()
    await ann.post(f"/api/friends/requests/{request_id}/decline")
    assert await bob.told() == await ann.told() == [("friend_request_closed", {"request_id": request_id})]


async def test_removed_friend_is_told_and_so_is_who_removed(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await befriend(ann, bob)
    await ann.told()
    await bob.told()
    assert (await ann.call("DELETE", "/api/friends/2")).status == 200
    assert await ann.told() == [("friend_removed", {"user_id": 2})]
    assert await bob.told() == [("friend_removed", {"user_id": 1})]
    assert await eve.told() == []
    assert await bob.refused("DELETE", "/api/friends/1") == (404, "not_friends")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"to_user_id": 1}, (400, "invalid_target")),
        ({"to_user_id": 77}, (404, "user_not_found")),
        ({"to_username": "nobody"}, (404, "user_not_found")),
        ({"to_user_id": "2"}, (400, "invalid_request")),
        ({"to_user_id": True}, (400, "invalid_request")),
        ({"to_user_id": -1}, (400, "invalid_request")),
        ({"to_username": "nul\0"}, (400, "invalid_request")),
        ({}, (400, "invalid_request")),
    ],
)
async def test_request_to_nobody_is_refused(lobby: Lobby, body: Any, expected: tuple[int, str]) -> None:
    ann = Person(lobby, 1, "ann")
    await ann.open()
    assert await ann.refused("POST", "/api/friends/requests", body) == expected


async def test_account_is_found_by_name_though_offline_and_email_is_no_name(lobby: Lobby) -> None:
    account = {"username": "Grace", "password": "correct horse", "email": "g@example.org"}
    grace_id = (await lobby.call("POST", "/api/auth/register", account)).body["user"]["id"]
    ann = Person(lobby, 99, "ann")
    asked = await ann.post("/api/friends/requests", {"to_username": "grace"}, status=201)
    assert asked["request"]["to_user_id"] == grace_id
    by_email = await ann.refused("POST", "/api/friends/requests", {"to_username": "g@example.org"})
    assert by_email == (404, "user_not_found")


async def test_too_many_requests_get_429_and_other_users_do_not(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(social_rate_per_min=4)
    ann, bob, _ = await ann_bob_eve(lobby)
    body = {"to_user_id": 3}
    statuses = [(await ann.call("POST", "/api/friends/requests", body)).status for _ in range(4)]
    assert statuses == [201, 200, 429, 429]
    assert (await bob.call("POST", "/api/friends/requests", body)).status == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/friends"),
        ("POST", "/api/friends/requests"),
        ("POST", "/api/friends/requests/1/accept"),
        ("POST", "/api/friends/requests/1/decline"),
        ("DELETE", "/api/friends/2"),
        ("GET", "/api/blocks"),
        ("POST", "/api/blocks"),
        ("DELETE", "/api/blocks/2"),
        ("GET", "/api/notifications"),
        ("POST", "/api/notifications/1/read"),
    ],
)
async def test_call_without_a_token_gets_401(lobby: Lobby, method: str, path: str) -> None:
    answer = await lobby.call(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.body["code"]) == (401, "authentication_required")


# Presence of friends


async def test_presence_friends_hears_of_friends_only(lobby: Lobby) -> None:
    ann, bob, eve = (Person(lobby, number, name) for number, name in ((1, "ann"), (2, "bob"), (3, "eve")))
    ear = await ann.open("presence_friends")
    await bob.open()
    await eve.open()
    assert {message["type"] for message in await ear.fence()} <= {"player_count"}
    await befriend(ann, bob)
    await ear.expect("friend_accepted", user_id=2)
    assert (await ear.expect("user_online"))["user_id"] == 2  # the new friend is there
    bob.sockets[0].connection.close()
    eve.sockets[0].connection.close()
    assert await ear.expect("user_offline") == {"user_id": 2, "username": "bob"}
    await eve.open()
    await bob.open()
    assert await ear.expect("user_online") == {"user_id": 2, "username": "bob"}
    assert not [message for message in await ear.fence() if message["type"].startswith("user_")]


async def test_friends_of_a_base_client_are_announced_once(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await befriend(ann, bob)
    await ann.told()
    bob.sockets[0].connection.close()
    await ann.sockets[0].expect("user_offline", user_id=2)
    assert await ann.sockets[0].fence() == []


# Blocks


async def test_request_of_somebody_blocked_looks_sent_and_does_not_arrive(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    assert (await bob.call("POST", "/api/blocks", {"user_id": 1})).status == 201
    assert (await bob.call("POST", "/api/blocks", {"user_id": 1})).status == 200
    asked = await ann.post("/api/friends/requests", {"to_user_id": 2}, status=201)
    assert asked["status"] == "sent"
    assert await bob.told() == []
    assert (await bob.get("/api/friends"))["incoming"] == []
    assert (await bob.get("/api/notifications"))["notifications"] == []
    request_id = asked["request"]["request_id"]
    assert await bob.refused("POST", f"/api/friends/requests/{request_id}/accept") == (404, "request_not_found")
    assert await bob.refused("POST", "/api/friends/requests", {"to_user_id": 1}) == (409, "blocked_by_you")
    assert (await bob.call("DELETE", "/api/blocks/1")).status == 200
    assert (await bob.get("/api/friends"))["incoming"] == [asked["request"]]
    assert await bob.refused("DELETE", "/api/blocks/1") == (404, "not_blocked")


async def test_block_ends_a_friendship_and_withdraws_what_was_asked(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await befriend(ann, bob)
    request_id = (await ann.post("/api/friends/requests", {"to_user_id": 3}, status=201))["request"]["request_id"]
    for person in (ann, bob, eve):
        await person.told()
    for other in (2, 3):
        await ann.post("/api/blocks", {"user_id": other}, status=201)
    assert await bob.told() == [("friend_removed", {"user_id": 1})]
    assert await eve.told() == [("friend_request_closed", {"request_id": request_id})]
    overview = await ann.get("/api/friends")
    assert (overview["friends"], overview["outgoing"]) == ([], [])
    assert [block["username"] for block in (await ann.get("/api/blocks"))["blocks"]] == ["bob", "eve"]


@pytest.mark.parametrize(("user_id", "expected"), [(1, (400, "invalid_target")), (77, (404, "user_not_found"))])
async def test_block_of_oneself_or_of_nobody_is_refused(lobby: Lobby, user_id: int, expected: tuple[int, str]) -> None:
    assert await Person(lobby, 1, "ann").refused("POST", "/api/blocks", {"user_id": user_id}) == expected


# Restart


async def test_friends_requests_and_blocks_outlive_the_server(start_lobby: StartLobby) -> None:
    lobby = await start_lobby()
    ann, bob, eve = await ann_bob_eve(lobby)
    await befriend(ann, bob)
    await eve.post("/api/friends/requests", {"to_user_id": 1}, status=201)
    await bob.post("/api/blocks", {"user_id": 3}, status=201)
    before = [await person.get(path) for person in (ann, bob, eve) for path in ("/api/friends", "/api/blocks")]
    await lobby.server.drain()
    again = await ann_bob_eve(await start_lobby())
    after = [await person.get(path) for person in again for path in ("/api/friends", "/api/blocks")]
    assert after == before


# Notifications


async def test_notification_of_who_was_offline_is_told_at_the_next_login_and_once(lobby: Lobby) -> None:
    account = {"username": "grace", "password": "correct horse"}
    grace = Person(lobby, (await lobby.call("POST", "/api/auth/register", account)).body["user"]["id"], "grace")
    ann = Person(lobby, 50, "ann")
    await ann.post("/api/friends/requests", {"to_user_id": grace.id}, status=201)
    await lobby.written()
    first = await grace.open()
    told = await grace.told()
    assert [(type_, data["kind"]) for type_, data in told] == [("notification", "friend_request")]
    await grace.open()
    assert await grace.told(socket=1) == []
    first.connection.close()
    kept = await grace.get("/api/notifications")
    assert (kept["unread"], kept["has_more"]) == (1, False)
    (one,) = kept["notifications"]
    assert {key: one[key] for key in told[0][1]} == told[0][1]
    await grace.post(f"/api/notifications/{one['id']}/read")
    assert (await grace.get("/api/notifications"))["unread"] == 0
    assert await ann.refused("POST", f"/api/notifications/{one['id']}/read") == (404, "notification_not_found")


async def test_before_that_is_no_id_is_refused(lobby: Lobby) -> None:
    ann = Person(lobby, 1, "ann")
    assert await ann.refused("GET", "/api/notifications?before=x") == (400, "invalid_request")
    assert await ann.refused("GET", f"/api/notifications?before={'9' * 30}") == (400, "invalid_request")
