"""In which room friends are: who hears it, and what stays hidden."""

from __future__ import annotations

from typing import Any

from lobby_server.protocol.requests import RoomSettings, Whom
from tests.service.house import ANN, BOB, CLEO, Client, House


async def friends(house: House) -> tuple[Client, Client]:
    """Ann and Bob, who are friends; Bob hears where Ann is."""
    await house.app.social.friends.ask(ANN, Whom(to_user_id=BOB.id))
    await house.app.social.friends.ask(BOB, Whom(to_user_id=ANN.id))
    ann, bob = house.connect(ANN), house.connect(BOB, "friend_rooms")
    await house.settle()
    ann.told(), bob.told()
    return ann, bob


def rooms_told(client: Client) -> list[Any]:
    return [data["room_id"] for type_, data in client.told() if type_ == "friend_room"]


async def test_friend_who_enters_and_leaves_a_public_room_is_told_and_can_be_asked_for(house: House) -> None:
    ann, bob = await friends(house)
    room_id = await house.room(CLEO)
    ann.say("join_room", roomId=room_id, version="1", name="P")
    assert rooms_told(bob) == [room_id]
    (found,) = house.app.social.whereabouts.of_friends(BOB).rooms
    assert (found.user_id, found.room_id) == (ANN.id, room_id)
    ann.say("leave_room")
    assert rooms_told(bob) == [None]
    assert house.app.social.whereabouts.of_friends(BOB).rooms == []


async def test_own_room_counts_and_its_deletion_too(house: House) -> None:
    _, bob = await friends(house)
    room_id = await house.room(ANN)
    assert rooms_told(bob) == [room_id]
    await house.app.rooms.delete_room(ANN, room_id)
    assert rooms_told(bob) == [None]


async def test_private_room_is_nobodys_business_until_it_is_public(house: House) -> None:
    _, bob = await friends(house)
    room_id = await house.room(ANN, isPublic=False)
    assert set(rooms_told(bob)) <= {None}
    assert house.app.social.whereabouts.of_friends(BOB).rooms == []
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=True))
    assert rooms_told(bob) == [room_id]
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    assert rooms_told(bob) == [None]


async def test_neither_strangers_nor_clients_that_did_not_ask_hear_of_it(house: House) -> None:
    _, bob = await friends(house)
    cleo, plain = house.connect(CLEO, "friend_rooms"), house.connect(BOB, "rev")
    await house.room(ANN)
    assert (rooms_told(cleo), rooms_told(plain)) == ([], [])
    assert rooms_told(bob) != []
