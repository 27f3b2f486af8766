"""Parties and match invitations over HTTP, and what the sockets of those concerned are told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Lobby, StartLobby
from tests.web.people import Person, ann_bob_eve

Told = list[tuple[str, dict[str, Any]]]


async def events(*people: Person) -> list[Told]:
    """What each was told since the last time, notifications left out: they come beside it."""
    return [[each for each in await person.told() if each[0] != "notification"] for person in people]


async def party_of(leader: Person, *others: Person) -> str:
    party_id: str = (await leader.post("/api/parties", status=201))["party"]["id"]
    for other in others:
        await leader.post(f"/api/parties/{party_id}/invites", {"to_user_id": other.id}, status=201)
        await other.post(f"/api/parties/{party_id}/join")
    await events(leader, *others)
    return party_id


async def room_of(host: Person, **wish: Any) -> str:
    room_id: str = (await host.post("/api/rooms", {"gamemode": "duel", **wish}, status=201))["room"]["id"]
    return room_id


# Parties


async def test_invitation_and_joining_are_told_to_whom_they_concern(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    party = (await ann.post("/api/parties", status=201))["party"]
    member = {"user_id": 1, "username": "ann", "is_online": True}
    assert party == {
        "id": party["id"],
        "leader_user_id": 1,
        "max_members": 8,
        "members": [member],
        "invited": [],
    }
    assert await ann.refused("POST", "/api/parties", {}) == (409, "already_in_party")
    await ann.post(f"/api/parties/{party['id']}/invites", {"to_username": "bob"}, status=201)
    invited = ("party_invite", {"party_id": party["id"], "from_user_id": 1, "from_username": "ann"})
    assert await events(ann, bob, eve) == [[], [invited], []]
    (invite,) = (await bob.get("/api/parties/mine"))["invites"]
    assert 0 < invite.pop("expires_in_s") <= 60
    assert invite == invited[1]
    joined = (await bob.post(f"/api/parties/{party['id']}/join"))["party"]
    assert [each["username"] for each in joined["members"]] == ["ann", "bob"]
    event = ("party_joined", {"party_id": party["id"], "user_id": 2, "username": "bob"})
    closed = ("party_invite_closed", {"party_id": party["id"], "reason": "accepted"})
    assert await events(ann, bob, eve) == [[event], [event, closed], []]
    assert await bob.get("/api/parties/mine") == {"party": joined, "invites": []}
    assert await eve.refused("POST", f"/api/parties/{party['id']}/join", {}) == (403, "not_invited")


async def test_invitation_is_over_after_its_time(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(party_invite_ttl_s=0.01)
    ann, bob, _ = await ann_bob_eve(lobby)
    party_id = (await ann.post("/api/parties", status=201))["party"]["id"]
    await ann.post(f"/api/parties/{party_id}/invites", {"to_user_id": 2}, status=201)
    while (await bob.get("/api/parties/mine"))["invites"]:
        pass
    assert await bob.refused("POST", f"/api/parties/{party_id}/join", {}) == (403, "not_invited")


async def test_invitation_of_somebody_blocked_looks_sent_and_does_not_arrive(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    await bob.post("/api/blocks", {"user_id": 1}, status=201)
    party_id = (await ann.post("/api/parties", status=201))["party"]["id"]
    await ann.post(f"/api/parties/{party_id}/invites", {"to_user_id": 2}, status=201)
    assert await bob.told() == []
    assert await bob.get("/api/parties/mine") == {"party": None, "invites": []}
    party_id = (await bob.post("/api/parties", status=201))["party"]["id"]
    refused = await bob.refused("POST", f"/api/parties/{party_id}/invites", {"to_user_id": 1})
    assert refused == (409, "blocked_by_you")


async def test_leader_kicks_hands_over_and_leaves(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    party_id = await party_of(ann, bob, eve)
    assert await bob.refused("POST", f"/api/parties/{party_id}/kick", {"user_id": 3}) == (403, "not_leader")
    await ann.post(f"/api/parties/{party_id}/kick", {"user_id": 3})
    left = ("party_left", {"party_id": party_id, "user_id": 3, "username": "eve", "reason": "kicked"})
    assert await events(ann, bob, eve) == [[left]] * 3
    await ann.post(f"/api/parties/{party_id}/leader", {"user_id": 2})
    leads = ("party_leader_changed", {"party_id": party_id, "user_id": 2, "username": "bob"})
    assert await events(ann, bob, eve) == [[leads], [leads], []]
    await bob.post(f"/api/parties/{party_id}/leave")
    left = ("party_left", {"party_id": party_id, "user_id": 2, "username": "bob", "reason": "left"})
    leads = ("party_leader_changed", {"party_id": party_id, "user_id": 1, "username": "ann"})
    assert await events(ann, bob) == [[left, leads], [left]]
    assert (await bob.get("/api/parties/mine"))["party"] is None


async def test_joining_another_party_leaves_the_first(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    first, second = await party_of(ann, bob), await party_of(eve)
    await eve.post(f"/api/parties/{second}/invites", {"to_user_id": 2}, status=201)
    await bob.post(f"/api/parties/{second}/join")
    assert [data["party_id"] for type_, data in await ann.told() if type_ == "party_left"] == [first]
    assert (await bob.get("/api/parties/mine"))["party"]["id"] == second


async def test_members_are_told_of_who_goes_and_comes_back(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    party_id = await party_of(ann, bob)
    bob.sockets[0].connection.close()
    status = {"party_id": party_id, "user_id": 2, "username": "bob", "is_online": False}
    assert await ann.sockets[0].expect("party_member_status") == status
    mine = (await ann.get("/api/parties/mine"))["party"]
    assert [member["is_online"] for member in mine["members"]] == [True, False]
    assert await ann.refused("POST", f"/api/rooms/{await room_of(ann)}/party", {}) == (409, "member_offline")
    await bob.open()
    assert await ann.sockets[0].expect("party_member_status") == {**status, "is_online": True}


async def test_member_who_stays_away_leaves_and_another_leads(start_lobby: StartLobby) -> None:
    lobby = await start_lobby(party_offline_ttl_s=0.05)
    ann, bob, _ = await ann_bob_eve(lobby)
    party_id = await party_of(ann, bob)
    ann.sockets[0].connection.close()
    left = await bob.sockets[0].expect("party_left")
    assert left == {"party_id": party_id, "user_id": 1, "username": "ann", "reason": "offline"}
    assert (await bob.sockets[0].expect("party_leader_changed"))["user_id"] == 2
    assert (await ann.get("/api/parties/mine"))["party"] is None


# A party in a room


async def test_party_enters_a_room_together(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await bob.open("rooms_delta")
    await party_of(ann, bob)
    room_id = await room_of(eve)
    await events(ann, bob, eve)
    answer = await ann.post(f"/api/rooms/{room_id}/party")
    assert (answer["room"]["current_players"], answer["user_ids"]) == (3, [1, 2])
    (_, joined), (_, same) = (await ann.told())[0], (await bob.told())[0]
    assert [(member["peerId"], member["name"]) for member in joined["members"]] == [(1, "eve"), (2, "ann"), (3, "bob")]
    assert (joined["peerId"], same["peerId"]) == (2, 3)
    assert "room_joined" in [type_ for type_, _ in await bob.told(socket=1)]
    assert [data for type_, data in await eve.told() if type_ == "peer_joined"] == [
        {"peerId": 2, "name": "ann"},
        {"peerId": 3, "name": "bob"},
    ]


async def test_party_without_space_for_all_does_not_enter(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await party_of(ann, bob)
    room_id = await room_of(eve, maxPlayers=2)
    assert await ann.refused("POST", f"/api/rooms/{room_id}/party", {}) == (409, "room_full")
    assert (await ann.get(f"/api/rooms/{room_id}"))["current_players"] == 1
    assert [each for each in await events(ann, bob) if each] == []


async def test_room_is_the_leaders_to_choose(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await party_of(ann, bob)
    room_id = await room_of(eve)
    assert await bob.refused("POST", f"/api/rooms/{room_id}/party", {}) == (403, "not_leader")
    assert await eve.refused("POST", f"/api/rooms/{room_id}/party", {}) == (403, "not_in_party")
    assert await ann.refused("POST", "/api/rooms/none/party", {}) == (404, "room_not_found")


async def test_members_of_a_party_enter_a_private_room_where_its_leader_may(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    await party_of(ann, bob)
    closed = await room_of(eve, isPublic=False)
    assert await ann.refused("POST", f"/api/rooms/{closed}/party", {}) == (403, "invitation_required")
    await eve.post(f"/api/rooms/{closed}/invites", {"to_user_id": 1}, status=201)
    assert (await ann.post(f"/api/rooms/{closed}/party"))["room"]["current_players"] == 3
    await bob.told()
    await bob.sockets[0].command("leave_room")
    await bob.sockets[0].command("join_room", roomId=closed, version="13020", name="P")
    assert (await bob.sockets[0].expect("room_joined", roomId=closed))["peerId"] == 4  # and may come back


# Match invitations


async def test_match_invitation_lets_into_a_private_room_also_after_a_restart(start_lobby: StartLobby) -> None:
    lobby = await start_lobby()
    ann, bob, eve = await ann_bob_eve(lobby)
    room_id = await room_of(ann, isPublic=False)
    await ann.post(f"/api/rooms/{room_id}/invites", {"to_user_id": 2}, status=201)
    invite = ("match_invite", {"room_id": room_id, "from_user_id": 1, "from_username": "ann", "gamemode": "duel"})
    assert await events(ann, bob, eve) == [[], [invite], []]
    (kept,) = (await bob.get("/api/notifications"))["notifications"]
    assert kept["body"] == f"ann invites you to play duel in room {room_id}."
    await lobby.server.drain()
    lobby = await start_lobby()
    _, bob, eve = await ann_bob_eve(lobby)
    for person in (bob, eve):
        await person.sockets[0].command("join_room", roomId=room_id, version="13020", name="P")
    assert await eve.told() == [("error", {"reason": "invitation_required"})]
    assert [type_ for type_, _ in await bob.told()] == ["room_joined", "match_invite_closed"]


async def test_match_invitation_is_refused_where_it_makes_no_sense(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    room_id = await room_of(ann)
    invites = f"/api/rooms/{room_id}/invites"
    assert await bob.refused("POST", invites, {"to_user_id": 3}) == (403, "not_in_room")
    assert await ann.refused("POST", "/api/rooms/none/invites", {"to_user_id": 3}) == (404, "room_not_found")
    assert await ann.refused("POST", invites, {"to_user_id": 1}) == (400, "invalid_target")
    assert await ann.refused("POST", invites, {"to_user_id": 77}) == (404, "user_not_found")
    await ann.sockets[0].command("create_room")
    await bob.sockets[0].command("join_room", roomId=room_id, version="13020", name="P")
    await bob.sockets[0].expect("room_joined")
    assert await ann.refused("POST", invites, {"to_user_id": 2}) == (409, "already_in_room")
    await ann.sockets[0].command("kick", peerId=2)
    await bob.sockets[0].expect("kicked")
    assert await ann.refused("POST", invites, {"to_user_id": 2}) == (403, "banned")
    await eve.post("/api/blocks", {"user_id": 1}, status=201)
    await ann.post(invites, {"to_user_id": 3}, status=201)
    assert await eve.told() == []


@pytest.mark.parametrize(
    "path",
    ["", "/p/invites", "/p/join", "/p/leave", "/p/kick", "/p/leader"],
)
async def test_call_without_a_token_gets_401_and_no_party_404(lobby: Lobby, path: str) -> None:
    answer = await lobby.call("POST", f"/api/parties{path}", {})
    assert (answer.status, answer.body["code"]) == (401, "authentication_required")
    if path:
        body = {"user_id": 1, "to_user_id": 1}
        assert await Person(lobby, 1, "ann").refused("POST", f"/api/parties{path}", body) == (404, "party_not_found")


async def test_party_invitation_is_declined_and_withdrawn_over_http(lobby: Lobby) -> None:
    ann, bob, eve = await ann_bob_eve(lobby)
    party_id = (await ann.post("/api/parties", status=201))["party"]["id"]
    invites = f"/api/parties/{party_id}/invites"
    for ending in ("declined", "withdrawn"):
        await ann.post(invites, {"to_user_id": 2}, status=201)
        await bob.told()
        if ending == "declined":
            await bob.post(f"{invites}/decline")
        else:
            assert await eve.refused("DELETE", f"{invites}/2") == (403, "not_in_party")
            assert (await lobby.call("DELETE", f"{invites}/2", token=ann.token)).status == 200
        assert await bob.told() == [("party_invite_closed", {"party_id": party_id, "reason": ending})]
        assert await bob.refused("POST", f"/api/parties/{party_id}/join", {}) == (403, "not_invited")
        assert await bob.refused("POST", f"{invites}/decline", {}) == (404, "invitation_not_found")
        await lobby.written()
        assert (await bob.get("/api/notifications"))["unread"] == 0


async def test_match_invitation_is_declined_and_withdrawn_over_http(lobby: Lobby) -> None:
    ann, bob, _ = await ann_bob_eve(lobby)
    room_id = await room_of(ann, isPublic=False)
    invites = f"/api/rooms/{room_id}/invites"
    for ending in ("declined", "withdrawn"):
        await ann.post(invites, {"to_user_id": 2}, status=201)
        await bob.told()
        if ending == "declined":
            await bob.post(f"{invites}/decline")
        else:
            assert (await lobby.call("DELETE", f"{invites}/2", token=ann.token)).status == 200
        assert await bob.told() == [("match_invite_closed", {"room_id": room_id, "reason": ending})]
        await bob.sockets[0].command("join_room", roomId=room_id, version="13020", name="P")
        assert await bob.told() == [("error", {"reason": "invitation_required"})]
        assert await bob.refused("POST", f"{invites}/decline", {}) == (404, "invitation_not_found")
