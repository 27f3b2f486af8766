"""Rooms: what is asked, what is refused, who hears of it, and what is written."""

from __future__ import annotations

import pytest

from lobby_server.core.refusal import AlreadyHosting, Refusal, RefusalCode
from lobby_server.protocol.requests import RoomWish
from lobby_server.service.ports import StoreUnavailable
from tests.service.house import ANN, BOB, CLEO, House


async def refusal_of(work: object) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await work  # type: ignore[misc]
    return refused.value.code


async def test_new_room_is_kept_and_then_announced_to_everybody(house: House) -> None:
    bob = house.connect(BOB)
    room_id = await house.room(ANN, mapName="dust", maxPlayers=4)
    (stored,) = await house.store.rooms()
    assert (stored.id, stored.host_user_id, stored.map_name, stored.max_players) == (room_id, ANN.id, "dust", 4)
    assert bob.told() == [("rooms_changed", {})]


async def test_private_room_is_kept_and_announced_to_nobody(house: House) -> None:
    bob = house.connect(BOB)
    await house.room(ANN, isPublic=False)
    assert len(await house.store.rooms()) == 1
    assert bob.told() == []


async def test_new_room_has_the_version_of_its_creators_oldest_socket(house: House) -> None:
    house.connect(ANN, version="7")
    house.connect(ANN, version="8")
    await house.room(ANN)
    (stored,) = await house.store.rooms()
    assert stored.version == "7"


async def test_new_room_without_a_map_and_a_name_may_say_so_by_empty_ones(house: House) -> None:
    room = house.app.rooms.room(await house.room(ANN, mapName="", name=" "))
    assert (room.map_name, room.name) == (None, None)


async def test_second_room_of_a_host_is_refused_with_the_first(house: House) -> None:
    room_id = await house.room(ANN)
    with pytest.raises(AlreadyHosting) as refused:
        await house.app.rooms.create_room(ANN, RoomWish(gamemode="ffa"))
    assert refused.value.room_id == room_id
    assert len(await house.store.rooms()) == 1


async def test_room_that_cannot_be_kept_does_not_exist_and_can_be_asked_for_again(house: House) -> None:
    bob = house.connect(BOB)
    house.store.is_away = True
    with pytest.raises(StoreUnavailable):
        await house.app.rooms.create_room(ANN, RoomWish(gamemode="ffa"))
    assert (len(house.app.rooms.book), bob.told()) == (0, [])
    house.store.is_away = False
    await house.room(ANN)


async def test_host_takes_the_place_and_joiners_are_told_to_members(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    room_id = await house.room(ANN)
    ann.told()
    ann.say("create_room")
    assert ann.told()[0] == ("room_created", {"roomId": room_id, "peerId": 1, "gamemode": "ffa", "mapName": None})
    bob.told()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    (joined, _) = bob.told()
    assert joined[0] == "room_joined"
    assert [(each["peerId"], each["isHost"]) for each in joined[1]["members"]] == [(1, True), (2, False)]
    assert ann.told()[0] == ("peer_joined", {"peerId": 2, "name": "bob"})


async def test_taking_the_place_without_a_room_is_refused(house: House) -> None:
    ann = house.connect(ANN)
    ann.say("create_room")
    assert ann.refused() == "no_room_found"


@pytest.mark.parametrize(
    ("room", "reason"),
    [({"maxPlayers": 2}, "room_full"), ({"isPublic": False}, "invitation_required"), (None, "room_not_found")],
)
async def test_join_that_the_rules_refuse_is_answered_to_its_socket_alone(
    house: House, room: dict[str, object] | None, reason: str
) -> None:
    bob, other_tab = house.connect(BOB), house.connect(BOB)
    room_id = "nowhere" if room is None else await house.room(ANN, **room)
    if reason == "room_full":
        house.connect(CLEO).say("join_room", roomId=room_id, version="1", name="P")
    bob.told(), other_tab.told()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert bob.refused() == reason
    assert other_tab.told() == []


async def test_membership_is_told_to_a_users_other_sockets_with_features_only(house: House) -> None:
    bob, featured, plain = house.connect(BOB), house.connect(BOB, "rev"), house.connect(BOB)
    room_id = await house.room(ANN)
    bob.types(), featured.types(), plain.types()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert (bob.types(), featured.types(), plain.types()) == (["room_joined"], ["room_joined"], [])
    bob.say("leave_room")
    assert (bob.types(), featured.types(), plain.types()) == ([], ["peer_left"], [])


async def test_line_in_a_room_goes_to_its_members_and_nobody_else(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    room_id = await house.room(ANN)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    ann.told(), bob.told(), cleo.told()
    bob.say("chat", text="hello")
    (to_ann,), (to_bob,) = ann.told(), bob.told()
    assert to_ann == to_bob
    assert (to_ann[0], to_ann[1]["text"]) == ("chat", "hello")
    assert cleo.told() == []
    cleo.say("chat", text="me too")
    assert cleo.refused() == "not_in_room"


async def test_kicked_member_is_told_the_others_too_and_the_ban_is_written(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    room_id = await house.room(ANN)
    for client in (bob, cleo):
        client.say("join_room", roomId=room_id, version="1", name="P")
    ann.types(), bob.types(), cleo.types()
    cleo.say("kick", peerId=2)
    assert cleo.refused() == "not_host"
    ann.say("kick", peerId=2)
    assert (bob.types(), cleo.types(), ann.types()) == (["kicked"], ["peer_left"], ["peer_left"])
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert bob.refused() == "banned"
    await house.settle()
    (stored,) = await house.store.rooms()
    assert stored.banned_user_ids == {BOB.id}


async def test_host_who_leaves_hands_the_room_over_and_the_new_host_is_written(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    room_id = await house.room(ANN)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.types()
    ann.say("leave_room")
    assert bob.types() == ["peer_left", "host_changed"]
    await house.settle()
    (stored,) = await house.store.rooms()
    assert (stored.host_user_id, stored.host_username) == (BOB.id, "bob")


async def test_only_the_host_deletes_a_room_and_its_members_are_put_out(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    room_id = await house.room(ANN)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    ann.types(), bob.types()
    assert await refusal_of(house.app.rooms.delete_room(BOB, room_id)) is RefusalCode.NOT_HOST
    assert await refusal_of(house.app.rooms.delete_room(ANN, "nowhere")) is RefusalCode.ROOM_NOT_FOUND
    await house.app.rooms.delete_room(ANN, room_id)
    assert (ann.types(), bob.types()) == ([], ["kicked"])
    assert await house.store.rooms() == []


async def test_empty_room_is_deleted_after_its_time_and_nobody_sooner(house: House) -> None:
    ann = house.connect(ANN)
    await house.room(ANN)
    ann.say("leave_room")
    house.clock.advance(house.app.rooms.book.empty_ttl_s - 1.0)
    await house.settle()
    assert len(await house.store.rooms()) == 1
    house.clock.advance(1.0)
    await house.settle()
    assert await house.store.rooms() == []


async def test_rooms_of_an_earlier_life_are_there_again_and_empty(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    room_id = await house.room(ANN)
    next_life = House(store=house.store)
    with caplog.at_level("INFO"):
        await next_life.app.rooms.upkeep.restore()
    assert "1 room was left from before; the empty ones go in 60 s" in caplog.messages
    assert next_life.app.rooms.room(room_id).current_players == 0
    next_life.app.rooms.upkeep.stop()
