"""Rooms over the socket, against a real server: who is told what, in which order, and what everybody can see of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.web.conftest import Client, Lobby, StartLobby
from tests.web.later import pass_for_rooms
from tests.web.websocket.test_socket import wait_until

NOISE = ("user_online", "user_offline", "rooms_changed")


class Player:
    """A client of one user, with what a game does."""

    def __init__(self, lobby: Lobby, client: Client, token: str) -> None:
        self.lobby = lobby
        self.client = client
        self.token = token

    async def make_room(self, **wish: Any) -> str:
        """A room over HTTP, without taking the host's place."""
        answer = await self.lobby.call("POST", "/api/rooms", {"gamemode": "ctf", **wish}, token=self.token)
        assert answer.status == 201, answer.body
        room_id: str = answer.body["room"]["id"]
        return room_id

    async def host(self, **wish: Any) -> str:
        room_id = await self.make_room(**wish)
        await self.client.command("create_room")
        assert (await self.told())["type"] == "room_created"
        return room_id

    async def join(self, room_id: str, version: str = "13020") -> Any:
        """The reply to ``join_room``."""
        await self.client.command("join_room", roomId=room_id, version=version, name="ignored")
        return await self.told()

    async def told(self) -> Any:
        """The next message that is about rooms and for this player."""
        return await self.client.next(skipping=NOISE)

    async def told_until_now(self) -> list[Any]:
        return [message for message in await self.client.fence() if message["type"] not in NOISE]

    async def asks(self, type_: str, **data: Any) -> Any:
        await self.client.command(type_, **data)
        return await self.told()

    async def room(self, room_id: str) -> Any:
        """The room as everybody sees it; None when it is gone."""
        answer = await self.lobby.call("GET", f"/api/rooms/{room_id}")
        return answer.body if answer.status == 200 else None


NAMES = ["ann", "bob", "cat", "dan", "eve"]


Gather = Callable[[Lobby, int], Awaitable[list[Player]]]


@pytest.fixture
async def players(start_lobby: StartLobby) -> AsyncIterator[Gather]:
    """Connect that many players to a server. At the end their sockets are read to the end: Tornado's client takes the
    close frame only after what was not read before it."""
    lobbies: list[Lobby] = []

    async def gather(lobby: Lobby, count: int) -> list[Player]:
        lobbies.append(lobby)
        made = []
        for user_id, name in list(enumerate(NAMES, 1))[:count]:
            token = lobby.token(user_id, name)
            made.append(Player(lobby, await lobby.connect(token), token))
        return made

    yield gather
    for lobby in lobbies:
        await hang_up(lobby)


async def hang_up(lobby: Lobby) -> None:
    while lobby.clients:
        client = lobby.clients.pop()
        client.connection.close()
        await client.closed()


def error(reason: str) -> dict[str, Any]:
    return {"type": "error", "data": {"reason": reason}}


# -- entering -----------------------------------------------------------------------------------------------------


async def test_host_takes_the_place_of_peer_one(lobby: Lobby, players: Gather) -> None:
    (ann,) = await players(lobby, 1)
    room_id = await ann.make_room(mapName="Harbour")
    created = {
        "type": "room_created",
        "data": {"roomId": room_id, "peerId": 1, "gamemode": "ctf", "mapName": "Harbour"},
    }
    assert await ann.asks("create_room") == created
    assert await ann.asks("create_room") == created  # asking again changes nothing
    assert (await ann.room(room_id))["current_players"] == 1


async def test_joiner_gets_the_members_and_they_get_the_joiner(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    await bob.join(room_id)
    assert await cat.join(room_id) == {
        "type": "room_joined",
        "data": {
            "roomId": room_id,
            "peerId": 3,
            "members": [
                {"peerId": 1, "name": "ann", "isHost": True},
                {"peerId": 2, "name": "bob", "isHost": False},
                {"peerId": 3, "name": "cat", "isHost": False},
            ],
            "gamemode": "ctf",
            "mapName": None,
        },
    }
    joined = [{"type": "peer_joined", "data": {"peerId": number, "name": NAMES[number - 1]}} for number in (2, 3)]
    assert await ann.told_until_now() == joined
    assert await bob.told_until_now() == joined[1:]
    assert await cat.told_until_now() == []
    assert (await ann.room(room_id))["current_players"] == 3


async def test_joining_again_gives_the_same_place_and_tells_nobody(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    first = await bob.join(room_id)
    await ann.told()
    assert await bob.join(room_id) == first
    assert await ann.told_until_now() == []


async def test_peer_ids_count_up_and_are_not_used_again(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    for peer_id in (2, 3):
        assert (await bob.join(room_id))["data"]["peerId"] == peer_id
        await bob.client.command("leave_room")
    assert (await cat.join(room_id))["data"]["peerId"] == 4


async def test_full_room_takes_nobody_until_somebody_leaves(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host(maxPlayers=2)
    await bob.join(room_id)
    assert (await ann.room(room_id))["is_full"] is True
    assert await cat.join(room_id) == error("room_full")
    await bob.client.command("leave_room")
    await bob.told_until_now()
    assert (await ann.room(room_id))["is_full"] is False
    assert (await cat.join(room_id))["type"] == "room_joined"


async def test_race_for_the_last_place_has_one_winner(lobby: Lobby, players: Gather) -> None:
    ann, *others = await players(lobby, 5)
    room_id = await ann.host(maxPlayers=2)
    replies = await asyncio.gather(*(player.join(room_id) for player in others))
    assert sorted(reply["type"] for reply in replies) == ["error"] * 3 + ["room_joined"]
    assert (await ann.room(room_id))["current_players"] == 2


async def test_client_of_another_version_is_refused(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    assert await bob.join(room_id, version="13019") == error("version_mismatch")
    assert (await bob.join(room_id))["type"] == "room_joined"


async def test_room_has_no_version_until_its_creator_has_one(lobby: Lobby, players: Gather) -> None:
    token = lobby.token(1, "ann")
    _, bob = await players(lobby, 2)
    lobby.clients[0].connection.close()
    await bob.client.expect("user_offline", user_id=1)
    answer = await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=token)
    room_id = answer.body["room"]["id"]
    assert (await bob.join(room_id, version="any"))["type"] == "room_joined"
    await bob.client.command("leave_room")
    late = await lobby.connect()
    await late.handshake(token, version="14000")
    await late.command("create_room")
    await late.expect("room_created")
    assert await bob.join(room_id, version="any") == error("version_mismatch")
    assert (await bob.join(room_id, version="14000"))["type"] == "room_joined"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"roomId": "x"},
        {"roomId": "x", "version": "1"},
        {"roomId": 5, "version": "1", "name": "P"},
        {"roomId": "x", "version": 13020, "name": "P"},
        {"roomId": "x", "version": "1", "name": None},
        {"roomId": ["x"], "version": "1", "name": "P"},
    ],
)
async def test_join_room_of_another_shape_is_invalid_join_room(
    lobby: Lobby, data: dict[str, Any], players: Gather
) -> None:
    (ann,) = await players(lobby, 1)
    assert await ann.asks("join_room", **data) == error("invalid_join_room")


async def test_entering_another_room_leaves_the_first(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    first, second = await ann.host(), await bob.host()
    await cat.join(first)
    await ann.told()
    assert (await cat.join(second))["data"]["peerId"] == 2
    assert await ann.told_until_now() == [{"type": "peer_left", "data": {"peerId": 2}}]
    assert [(await ann.room(room_id))["current_players"] for room_id in (first, second)] == [1, 2]
    await cat.make_room()  # and so does making one
    assert [message["type"] for message in await bob.told_until_now()] == ["peer_joined", "peer_left"]
    # A host who goes elsewhere leaves an own room behind, and may come back to it.
    await bob.join(first)
    assert (await ann.room(second))["current_players"] == 0
    assert (await bob.asks("create_room"))["data"] == {
        "roomId": second,
        "peerId": 3,
        "gamemode": "ctf",
        "mapName": None,
    }
    assert (await ann.room(first))["current_players"] == 1


async def test_refused_join_leaves_the_player_where_they_were(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat, dan = await players(lobby, 4)
    full, other = await ann.host(maxPlayers=2), await bob.host()
    await cat.join(other)
    await dan.join(full)
    for room_id, reason in [(full, "room_full"), ("none", "room_not_found")]:
        assert await cat.join(room_id) == error(reason)
    assert (await ann.room(other))["current_players"] == 2


# -- leaving ------------------------------------------------------------------------------------------------------


async def test_leaving_tells_those_who_stay(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    await bob.join(room_id)
    await cat.join(room_id)
    for player in (ann, bob, cat):
        await player.told_until_now()
    await bob.client.command("leave_room")
    assert await bob.told_until_now() == []
    left = [{"type": "peer_left", "data": {"peerId": 2}}]
    assert await ann.told_until_now() == await cat.told_until_now() == left
    assert await bob.asks("leave_room") == error("not_in_room")


async def test_host_who_leaves_is_followed_by_whoever_is_longest_there(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat, dan = await players(lobby, 4)
    room_id = await ann.host()
    for player in (bob, cat, dan):
        await player.join(room_id)
    await bob.client.command("leave_room")
    await bob.join(room_id)  # now cat is longest there
    for player in (ann, bob, cat, dan):
        await player.told_until_now()
    await ann.client.command("leave_room")
    await ann.told_until_now()
    for player in (bob, cat, dan):
        assert await player.told_until_now() == [
            {"type": "peer_left", "data": {"peerId": 1}},
            {"type": "host_changed", "data": {"newHostPeerId": 3, "newHostName": "cat"}},
        ]
    assert (await ann.room(room_id))["host_username"] == "cat"
    assert await dan.asks("kick", peerId=5) == error("not_host")
    assert (await ann.join(room_id))["data"]["members"][0] == {"peerId": 3, "name": "cat", "isHost": True}
    refused = await lobby.call("DELETE", f"/api/rooms/{room_id}", token=ann.token)
    assert refused.body["code"] == "not_host"
    assert (await lobby.call("DELETE", f"/api/rooms/{room_id}", token=cat.token)).status == 200


async def test_going_offline_leaves_the_room_and_a_second_tab_keeps_the_place(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.told()
    tab = await lobby.connect(bob.token)
    bob.client.connection.close()
    await wait_until(lambda: len(lobby.server.app.sessions) == 2)
    assert await ann.told_until_now() == []
    tab.connection.close()
    assert await ann.told() == {"type": "peer_left", "data": {"peerId": 2}}
    assert (await ann.room(room_id))["current_players"] == 1


async def test_member_who_logs_out_leaves(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.told()
    await lobby.call("POST", "/api/auth/logout", token=bob.token)
    assert await ann.told_until_now() == [{"type": "peer_left", "data": {"peerId": 2}}]


async def test_member_lost_for_less_than_the_grace_period_stays(start_lobby: StartLobby, players: Gather) -> None:
    lobby = await start_lobby(presence_grace_s=30.0)
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.told()
    bob.client.connection.protocol._abort()  # as a network that goes away: no close frame
    await wait_until(lambda: len(lobby.server.app.sessions) == 1)
    bob.client = await lobby.connect(bob.token)
    assert (await bob.join(room_id))["data"]["peerId"] == 2
    assert await ann.told_until_now() == []


async def test_room_events_reach_every_tab_of_a_member_and_replies_the_one_that_asked(
    lobby: Lobby, players: Gather
) -> None:
    ann, bob = await players(lobby, 2)
    tab = await lobby.connect(ann.token)
    room_id = await ann.host()
    await bob.join(room_id)
    assert (await ann.told())["type"] == "peer_joined"
    assert [message["type"] for message in await tab.fence() if message["type"] not in NOISE] == ["peer_joined"]


# -- kick and chat ------------------------------------------------------------------------------------------------


async def test_kicked_member_is_told_put_out_and_banned_from_that_room_only(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id, other = await ann.host(), await cat.host()
    await bob.join(room_id)
    await ann.told()
    await ann.client.command("kick", peerId=2)
    assert await ann.told() == {"type": "peer_left", "data": {"peerId": 2}}
    assert await bob.told_until_now() == [{"type": "kicked", "data": {"reason": "host_kick"}}]
    assert (await ann.room(room_id))["current_players"] == 1
    assert await bob.join(room_id) == error("banned")
    assert (await bob.join(other))["type"] == "room_joined"


async def test_ban_holds_over_a_restart(start_lobby: StartLobby, players: Gather) -> None:
    before = await start_lobby()
    ann, bob = await players(before, 2)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.client.command("kick", peerId=2)
    await bob.told()
    await hang_up(before)
    await before.server.drain()
    after = await start_lobby()
    ann, bob = await players(after, 2)
    assert await bob.join(room_id) == error("banned")
    assert (await ann.asks("create_room"))["data"]["roomId"] == room_id


async def test_kick_is_for_the_host_and_for_members_in_the_room(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.told()
    assert await bob.asks("kick", peerId=1) == error("not_host")
    assert await cat.asks("kick", peerId=1) == error("not_in_room")
    for peer_id in (1, 3, 0, -1, 2**70, "2", None, 2.5, True):
        assert await ann.asks("kick", peerId=peer_id) == error("invalid_target"), peer_id
    assert await ann.asks("kick") == error("invalid_target")
    assert await bob.told_until_now() == []


async def test_chat_reaches_all_members_and_nobody_else(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    await bob.join(room_id)
    await ann.told()
    text = '<b>hi</b> "; DROP TABLE rooms \u4f60\u597d\n'
    await bob.client.command("chat", text=text)
    line = {"type": "chat", "data": {"from": 2, "fromName": "bob", "text": text}}
    assert await ann.told() == await bob.told() == line
    assert await cat.told_until_now() == []


@pytest.mark.parametrize("character", ["x", "\u4f60", "\U0001f600"])
async def test_chat_is_cut_at_five_hundred_characters(start_lobby: StartLobby, character: str, players: Gather) -> None:
    lobby = await start_lobby(max_message_bytes=16_384)
    (ann,) = await players(lobby, 1)
    await ann.host()
    for count in (500, 501, 600):
        assert (await ann.asks("chat", text=character * count))["data"]["text"] == character * 500


async def test_chat_without_a_text_is_bad_json(lobby: Lobby, players: Gather) -> None:
    (ann,) = await players(lobby, 1)
    await ann.host()
    for data in ({}, {"text": None}, {"text": 5}, {"text": ["hi"]}):
        assert await ann.asks("chat", **data) == error("bad_json")


# -- the end of rooms ---------------------------------------------------------------------------------------------


async def test_room_without_members_stays_for_its_time_then_goes_and_both_are_announced(
    start_lobby: StartLobby, players: Gather
) -> None:
    lobby = await start_lobby(empty_room_ttl_s=600, rooms_notify_interval_ms=0)
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    await ann.client.command("leave_room")
    await ann.told_until_now()
    await bob.client.fence()
    pass_for_rooms(lobby, 500.0)
    assert (await ann.room(room_id))["current_players"] == 0
    pass_for_rooms(lobby, 200.0)
    await bob.client.expect("rooms_changed")
    assert await ann.room(room_id) is None
    await wait_until(lambda: not lobby.server.app.writer.waiting)
    assert await lobby.server.app.store.rooms() == []
    assert await bob.join(room_id) == error("room_not_found")


async def test_whoever_enters_an_empty_room_becomes_its_host(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    room_id = await ann.host()
    await ann.client.command("leave_room")
    await ann.told_until_now()
    assert (await bob.join(room_id))["data"]["members"] == [{"peerId": 2, "name": "bob", "isHost": True}]
    assert (await ann.room(room_id))["host_username"] == "bob"
    assert await ann.asks("create_room") == error("no_room_found")


async def test_creator_who_opens_no_socket_loses_the_room(start_lobby: StartLobby, players: Gather) -> None:
    lobby = await start_lobby(empty_room_ttl_s=600, rooms_notify_interval_ms=0)
    bob = (await players(lobby, 2))[1]
    token = lobby.token(9, "zoe")
    made = await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=token)
    await bob.client.expect("rooms_changed")
    pass_for_rooms(lobby, 500.0)
    assert (await bob.room(made.body["room"]["id"]))["current_players"] == 1
    pass_for_rooms(lobby, 200.0)
    await bob.client.expect("rooms_changed")
    assert await bob.room(made.body["room"]["id"]) is None
    assert (await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=token)).status == 201


async def test_creator_who_opens_a_socket_in_time_keeps_the_room(lobby: Lobby) -> None:
    token = lobby.token(9, "zoe")
    made = await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=token)
    zoe = Player(lobby, await lobby.connect(token), token)
    assert lobby.server.app.rooms.book.next_deadline_s() is None  # nothing is waited for any more
    assert (await zoe.asks("create_room"))["data"]["roomId"] == made.body["room"]["id"]


async def test_creator_who_opens_no_socket_leaves_a_room_with_others_to_them(
    start_lobby: StartLobby, players: Gather
) -> None:
    lobby = await start_lobby(empty_room_ttl_s=600)
    (ann,) = await players(lobby, 1)
    made = await lobby.call("POST", "/api/rooms", {"gamemode": "ctf"}, token=lobby.token(9, "zoe"))
    room_id = made.body["room"]["id"]
    assert (await ann.join(room_id))["data"]["peerId"] == 2
    pass_for_rooms(lobby, 601.0)
    assert await ann.told() == {"type": "peer_left", "data": {"peerId": 1}}
    assert await ann.told() == {"type": "host_changed", "data": {"newHostPeerId": 2, "newHostName": "ann"}}
    assert (await ann.room(room_id))["current_players"] == 1


async def test_deleted_room_puts_its_members_out(lobby: Lobby, players: Gather) -> None:
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host()
    for player in (bob, cat):
        await player.join(room_id)
    for player in (ann, bob):
        await player.told_until_now()
    assert (await lobby.call("DELETE", f"/api/rooms/{room_id}", token=ann.token)).status == 200
    kicked = [{"type": "kicked", "data": {"reason": "host_kick"}}]
    assert await bob.told_until_now() == await cat.told_until_now() == kicked
    assert await ann.told_until_now() == []
    assert await bob.join(room_id) == error("room_not_found")
    assert await bob.asks("chat", text="hi") == error("not_in_room")
    await ann.host()  # and everybody is free for other rooms


async def test_own_tabs_hear_of_a_membership_if_they_asked_for_a_feature(lobby: Lobby, players: Gather) -> None:
    ann, bob = await players(lobby, 2)
    tab, own = await lobby.connect(), await lobby.connect()
    for client, token in ((tab, bob.token), (own, ann.token)):
        await client.command("handshake", version="13020", name="P", token=token, features=["ack"])
        await client.fence()
    room_id = await ann.host()
    await bob.join(room_id)
    await bob.client.command("leave_room")
    await bob.client.fence()
    heard = [message["type"] for message in await tab.fence() if message["type"] not in NOISE]
    assert heard == ["room_joined", "peer_left"]
    await own.fence()
    assert (await lobby.call("DELETE", f"/api/rooms/{room_id}", token=ann.token)).status == 200
    closed = {"type": "room_closed", "data": {"roomId": room_id}}
    assert [m for m in await own.fence() if m["type"] not in NOISE] == [closed]


async def test_every_change_that_a_reader_of_the_list_could_see_is_announced(
    start_lobby: StartLobby, players: Gather
) -> None:
    lobby = await start_lobby(rooms_notify_interval_ms=0)
    ann, bob, cat = await players(lobby, 3)

    async def announced(*acting: Player) -> int:
        for player in acting:
            await player.client.fence()
        messages = await cat.client.fence()
        assert {message["type"] for message in messages} <= {"rooms_changed"}
        return len(messages)

    room_id = await ann.make_room()
    assert await announced(ann) == 1
    await ann.client.command("create_room")
    assert await announced(ann) == 0  # the host was a member already
    await bob.client.command("join_room", roomId=room_id, version="13020", name="P")
    assert await announced(bob) == 1
    await bob.client.command("chat", text="hi")
    assert await announced(bob) == 0
    await ann.client.command("leave_room")
    assert await announced(ann) >= 1
    assert (await ann.room(room_id))["host_username"] == "bob"
    await ann.client.command("join_room", roomId=room_id, version="13020", name="P")
    assert await announced(ann) == 1
    await bob.client.command("kick", peerId=3)
    assert await announced(bob, ann) == 1
    await bob.client.command("leave_room")
    assert await announced(bob) == 1
    await lobby.call("DELETE", f"/api/rooms/{room_id}", token=bob.token)
    assert await announced(bob) == 1


async def test_private_room_changes_without_an_announcement(start_lobby: StartLobby, players: Gather) -> None:
    lobby = await start_lobby(rooms_notify_interval_ms=0)
    ann, bob, cat = await players(lobby, 3)
    room_id = await ann.host(isPublic=False)
    assert (await bob.join(room_id))["data"] == {"reason": "invitation_required"}
    await lobby.call("POST", f"/api/rooms/{room_id}/invites", {"to_user_id": 2}, token=ann.token)
    await bob.client.expect("match_invite", room_id=room_id)
    await lobby.written()
    await bob.told_until_now()
    assert (await bob.join(room_id))["type"] == "room_joined"
    await bob.client.command("leave_room")
    await bob.told_until_now()
    assert [message["type"] for message in await cat.client.fence()] == []
