"""What the host of a room decides: settings, hand-over, bans, readiness, start, and codes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.room_codes import code_of
from lobby_server.protocol.requests import RoomSettings
from tests.service.house import ANN, BOB, CLEO, Client, House


async def refusal_of(work: Awaitable[Any]) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


async def two_in_a_room(house: House, *features: str, **wish: Any) -> tuple[Client, Client, str]:
    """Ann, who hosts, and Bob."""
    ann, bob = house.connect(ANN, *features), house.connect(BOB, *features)
    room_id = await house.room(ANN, **wish)
    await house.app.hosting.use_code(BOB, code_of(room_id))
    bob.say("join_room", roomId=room_id, version="1", name="P")
    ann.told(), bob.told()
    return ann, bob, room_id


async def restarted(house: House) -> House:
    await house.settle()
    house.app.stop()
    return await House(store=house.store, clock=house.clock).start()


async def test_user_is_told_that_a_host_lets_them_in_again_on_every_device_that_asked_for_it(house: House) -> None:
    ann, bob, room_id = await two_in_a_room(house, "room_state")
    tablet, base = house.connect(BOB, "room_state"), house.connect(BOB)
    ann.say("kick", peerId=2)
    for client in (ann, bob, tablet, base):
        client.told()
    await house.app.hosting.unban(ANN, room_id, BOB.id)
    assert bob.told() == tablet.told() == [("room_unbanned", {"roomId": room_id})]
    assert (ann.told(), base.told()) == ([], [])


async def test_state_follows_the_entry_and_carries_everything(house: House) -> None:
    room_id = await house.room(ANN, name=" friday night ", mapName="dust", maxPlayers=4)
    bob = house.connect(BOB, "room_state")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    (joined, state) = [each for each in bob.told() if each[0].startswith("room_")]
    assert joined[0] == "room_joined"
    assert state == (
        "room_state",
        {
            "roomId": room_id, "code": code_of(room_id), "name": "friday night", "gamemode": "ffa", "mapName": "dust",
            "maxPlayers": 4, "isPublic": True, "isStarted": False, "hostPeerId": 1, "ready": [],
        },
    )  # fmt: skip
    second = Client(house, BOB)
    second.handshake("room_state")
    assert second.types() == ["room_joined", "room_state"]


async def test_nobody_hears_of_the_state_who_did_not_ask_for_it(house: House) -> None:
    ann, bob, room_id = await two_in_a_room(house, "rev")
    plain = house.connect(BOB)
    await house.app.hosting.set_ready(BOB, room_id, is_ready=True)
    await house.app.hosting.start(ANN, room_id, is_forced=False)
    assert (ann.types(), bob.types(), plain.types()) == ([], [], [])


async def test_settings_are_told_listed_and_kept_over_a_restart(house: House) -> None:
    _, bob, room_id = await two_in_a_room(house, "room_state")
    wish = RoomSettings(name="friday", gamemode="race", mapName="ring", maxPlayers=3)
    state = await house.app.hosting.change(ANN, room_id, wish)
    assert (state.name, state.gamemode, state.mapName, state.maxPlayers) == ("friday", "race", "ring", 3)
    assert bob.types(but=frozenset()) == ["room_state", "rooms_changed"]
    listed = house.app.rooms.room(room_id)
    assert (listed.name, listed.gamemode, listed.map_name, listed.max_players) == ("friday", "race", "ring", 3)
    await house.app.hosting.change(ANN, room_id, RoomSettings(mapName=""))
    after = await restarted(house)
    kept = after.app.rooms.room(room_id)
    assert (kept.name, kept.gamemode, kept.map_name, kept.max_players) == ("friday", "race", None, 3)
    await after.stop()


async def test_settings_that_are_as_they_were_are_announced_to_nobody(house: House) -> None:
    _, _, room_id = await two_in_a_room(house, name="friday", maxPlayers=4)
    reader, follower = house.connect(CLEO), house.connect(CLEO, "rooms_delta")
    etag = house.app.room_list.etag()
    as_it_is = RoomSettings(name=" friday ", gamemode="ffa", mapName="", maxPlayers=4, isPublic=True)
    for wish in (RoomSettings(), as_it_is):
        await house.app.hosting.change(ANN, room_id, wish)
        assert (reader.told(), follower.told(), house.app.room_list.etag()) == ([], [], etag)
    await house.app.hosting.change(ANN, room_id, RoomSettings(mapName="ring"))
    assert reader.told() == [("rooms_changed", {})]


async def test_settings_are_the_hosts_and_leave_everybody_a_place(house: House) -> None:
    _, _, room_id = await two_in_a_room(house)
    house.connect(CLEO).say("join_room", roomId=room_id, version="1", name="P")
    change = house.app.hosting.change
    assert await refusal_of(change(BOB, room_id, RoomSettings(name="mine"))) is RefusalCode.NOT_HOST
    assert await refusal_of(change(ANN, "nowhere", RoomSettings())) is RefusalCode.ROOM_NOT_FOUND
    assert await refusal_of(change(ANN, room_id, RoomSettings(maxPlayers=2))) is RefusalCode.TOO_FEW_PLACES
    assert house.app.rooms.room(room_id).max_players == 8


async def test_room_that_becomes_private_leaves_the_list_and_lets_its_members_come_back(house: House) -> None:
    _, bob, room_id = await two_in_a_room(house)
    cleo = house.connect(CLEO)
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    assert cleo.told() == [("rooms_changed", {})]
    assert house.app.rooms.book.public() == []
    cleo.say("join_room", roomId=room_id, version="1", name="P")
    assert cleo.refused() == "invitation_required"
    after = await restarted(house)
    bob = after.connect(BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()
    await after.app.hosting.change(ANN, room_id, RoomSettings(isPublic=True))
    assert [room.id for room in after.app.rooms.book.public()] == [room_id]
    await after.stop()


async def test_host_hands_over_and_everybody_hears_who_leads(house: House) -> None:
    ann, bob, room_id = await two_in_a_room(house)
    hosting = house.app.hosting
    assert await refusal_of(hosting.hand_over(ANN, room_id, 9)) is RefusalCode.INVALID_TARGET
    assert await refusal_of(hosting.hand_over(ANN, room_id, 1)) is RefusalCode.INVALID_TARGET
    assert await refusal_of(hosting.hand_over(BOB, room_id, 1)) is RefusalCode.NOT_HOST
    assert (await hosting.hand_over(ANN, room_id, 2)).hostPeerId == 2
    for client in (ann, bob):
        assert ("host_changed", {"newHostPeerId": 2, "newHostName": "bob"}) in client.told()
    ann.say("kick", peerId=2)
    assert ann.refused() == "not_host"
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.host_user_id == BOB.id


async def test_banned_player_is_named_to_the_host_and_may_come_back_once_the_ban_is_lifted(house: House) -> None:
    ann, bob, room_id = await two_in_a_room(house)
    hosting = house.app.hosting
    ann.say("kick", peerId=2)
    bob.told()
    (ban,) = (await hosting.bans(ANN, room_id)).bans
    assert (ban.user_id, ban.username) == (BOB.id, "bob")
    assert await refusal_of(hosting.bans(BOB, room_id)) is RefusalCode.NOT_HOST
    assert await refusal_of(hosting.unban(BOB, room_id, BOB.id)) is RefusalCode.NOT_HOST
    assert await refusal_of(hosting.unban(ANN, room_id, CLEO.id)) is RefusalCode.NOT_BANNED
    await hosting.unban(ANN, room_id, BOB.id)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.banned_user_ids == frozenset()


async def test_host_starts_when_all_others_are_ready(house: House) -> None:
    ann, bob, room_id = await two_in_a_room(house, "room_state")
    hosting = house.app.hosting
    assert await refusal_of(hosting.start(BOB, room_id, is_forced=True)) is RefusalCode.NOT_HOST
    assert await refusal_of(hosting.start(ANN, room_id, is_forced=False)) is RefusalCode.NOT_ALL_READY
    assert (await hosting.set_ready(BOB, room_id, is_ready=True)).ready == [2]
    assert ann.told()[0][1]["ready"] == [2]
    bob.told()
    await hosting.start(ANN, room_id, is_forced=False)
    told = bob.told()
    assert told[0] == ("room_started", {"roomId": room_id})
    assert (told[1][0], told[1][1]["isStarted"]) == ("room_state", True)
    assert await refusal_of(hosting.start(ANN, room_id, is_forced=False)) is RefusalCode.ALREADY_STARTED
    assert await refusal_of(hosting.set_ready(BOB, room_id, is_ready=False)) is RefusalCode.ALREADY_STARTED
    assert await refusal_of(hosting.set_ready(CLEO, room_id, is_ready=True)) is RefusalCode.NOT_IN_ROOM


async def test_started_room_is_closed_to_newcomers_and_open_to_its_players_over_a_restart_too(house: House) -> None:
    _, bob, room_id = await two_in_a_room(house)
    await house.app.hosting.start(ANN, room_id, is_forced=True)
    assert house.app.rooms.room(room_id).is_started
    cleo = house.connect(CLEO)
    cleo.say("join_room", roomId=room_id, version="1", name="P")
    assert cleo.refused() == "already_started"
    bob.say("leave_room")
    bob.types()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()
    after = await restarted(house)
    for user, told in ((CLEO, "error"), (BOB, "room_joined")):
        client = after.connect(user)
        client.say("join_room", roomId=room_id, version="1", name="P")
        assert client.types()[0] == told
    await after.app.hosting.reopen(ANN, room_id)
    assert await refusal_of(after.app.hosting.reopen(ANN, room_id)) is RefusalCode.NOT_STARTED
    cleo = after.connect(CLEO)
    cleo.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in cleo.types()
    await after.stop()


async def test_readiness_ends_with_the_membership_and_with_another_map(house: House) -> None:
    _, bob, room_id = await two_in_a_room(house)
    hosting = house.app.hosting
    await hosting.set_ready(BOB, room_id, is_ready=True)
    assert hosting.state(ANN, room_id).ready == [2]
    await hosting.change(ANN, room_id, RoomSettings(name="still the same game"))
    assert hosting.state(ANN, room_id).ready == [2]
    await hosting.change(ANN, room_id, RoomSettings(mapName="dust"))
    assert hosting.state(ANN, room_id).ready == []
    await hosting.set_ready(BOB, room_id, is_ready=True)
    bob.say("leave_room")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert hosting.state(BOB, room_id).ready == []


async def test_code_counts_as_an_invitation_and_opens_no_other_door(house: House) -> None:
    ann = house.connect(ANN)
    room_id = await house.room(ANN, isPublic=False)
    bob = house.connect(BOB)
    code = code_of(room_id)
    assert await refusal_of(house.app.hosting.use_code(BOB, "AAAAAA")) is RefusalCode.ROOM_NOT_FOUND
    found = await house.app.hosting.use_code(BOB, f" {code[:3].lower()}-{code[3:]} ")
    assert (found.id, found.host_username) == (room_id, "ann")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()
    ann.say("kick", peerId=2)
    assert await refusal_of(house.app.hosting.use_code(BOB, code)) is RefusalCode.BANNED
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.invited_user_ids >= {BOB.id}


async def test_new_room_takes_no_code_that_another_room_has() -> None:
    ids = iter(["same", "same", "other", "token"])
    house = await House(new_id=lambda: next(ids)).start()
    await house.room(ANN)
    assert await house.room(BOB) == "other"
    await house.stop()


async def test_nothing_is_decided_while_writes_cannot_be_kept(house: House) -> None:
    _, _, room_id = await two_in_a_room(house)
    with pytest.MonkeyPatch.context() as patch:

        def full() -> None:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)

        patch.setattr(house.app.writer, "check", full)
        hosting = house.app.hosting
        for work in (
            hosting.change(ANN, room_id, RoomSettings(name="x")),
            hosting.unban(ANN, room_id, BOB.id),
            hosting.use_code(CLEO, code_of(room_id)),
        ):
            assert await refusal_of(work) is RefusalCode.TRY_AGAIN_LATER
    assert house.app.rooms.room(room_id).name is None
