"""In which room friends are: who hears it, and what stays hidden."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.machine.deleted import mark_of
from lobby_server.protocol.requests import Audience, RoomSettings, Whom
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


async def test_hidden_user_is_in_no_room_for_friends_from_that_moment_on(house: House) -> None:
    _, bob = await friends(house)
    room_id = await house.room(ANN)
    assert rooms_told(bob) == [room_id]
    await house.app.social.whereabouts.choose(ANN, "nobody")
    assert rooms_told(bob) == [None]
    assert house.app.social.whereabouts.of_friends(BOB).rooms == []
    await house.app.hosting.change(ANN, room_id, RoomSettings(name="renamed", isPublic=True))
    assert set(rooms_told(bob)) <= {None}
    await house.app.social.whereabouts.choose(ANN, "friends")
    assert rooms_told(bob) == [room_id]


@pytest.mark.parametrize(
    ("audience", "seen"),
    [("everybody", {"bob", "cleo"}), ("friends", {"bob"}), ("nobody", set())],
)
async def test_profile_says_where_a_user_is_to_whom_the_user_lets_know(
    house: House, audience: Audience, seen: set[str]
) -> None:
    await friends(house)
    room_id = await house.room(ANN)
    await house.app.social.whereabouts.choose(ANN, audience)
    profiles = {reader.username: await house.app.social.profiles.of(ANN.id, reader=reader) for reader in (BOB, CLEO)}
    assert {name for name, profile in profiles.items() if profile.room_id == room_id} == seen
    assert {profile.room_id for profile in profiles.values()} <= {room_id, None}
    assert (await house.app.social.profiles.of(ANN.id, reader=ANN)).room_id == room_id


async def test_blocked_user_and_private_room_are_told_nothing_of(house: House) -> None:
    room_id = await house.room(ANN)
    await house.app.social.whereabouts.choose(ANN, "everybody")
    assert house.app.social.whereabouts.seen_by(CLEO, ANN.id) == room_id
    await house.app.social.blocks.add(ANN, CLEO.id)
    assert house.app.social.whereabouts.seen_by(CLEO, ANN.id) is None
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    assert house.app.social.whereabouts.seen_by(BOB, ANN.id) is None


async def test_choice_outlives_a_restart_and_goes_with_the_account(house: House) -> None:
    await house.app.social.whereabouts.choose(ANN, "nobody")
    again = House(store=house.store, clock=house.clock)
    await again.start()
    assert again.app.social.whereabouts.audience_of(ANN) == "nobody"
    await again.app.forgetting.forget(ANN.id, mark_of(ANN.username))
    assert again.app.social.whereabouts.audience_of(ANN) == "friends"
    await again.stop()
