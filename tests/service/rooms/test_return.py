"""Coming back: what a new socket of a user who is in a room is told, and what it must not do to that room."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode
from tests.service.house import ANN, BOB, CLEO, Client, House


@pytest.fixture
async def graceful() -> AsyncIterator[House]:
    """A service with a grace period."""
    house = await House(presence_grace_s=10.0).start()
    yield house
    await house.stop()


def back(house: House, client: Client, *features: str) -> list[str]:
    """Lose a socket, and open another one; what that one hears."""
    client.go(abrupt=True)
    house.clock.advance(1.0)
    fresh = Client(house, client.user)
    fresh.handshake(*features)
    return fresh.types()


async def test_new_socket_of_a_member_hears_the_room_if_it_asked_for_features(house: House) -> None:
    room_id = await house.room(ANN)
    bob = house.connect(BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    second = Client(house, BOB)
    second.handshake("rev")
    told = dict(second.told())
    assert (told["room_joined"]["roomId"], told["room_joined"]["peerId"]) == (room_id, 2)
    assert [each["name"] for each in told["room_joined"]["members"]] == ["ann", "bob"]


async def test_acceptance_comes_first_and_a_base_client_hears_nothing_of_the_room(house: House) -> None:
    room_id = await house.room(ANN)
    house.connect(BOB).say("join_room", roomId=room_id, version="1", name="P")
    featured, plain = Client(house, BOB), Client(house, BOB)
    featured.handshake("rev")
    plain.handshake()
    assert featured.types(but=frozenset())[:2] == ["handshake_accepted", "room_joined"]
    assert "room_joined" not in plain.types()


async def test_member_who_blinks_hears_who_is_in_the_room_now(graceful: House) -> None:
    room_id = await graceful.room(ANN)
    graceful.connect(ANN)
    bob = graceful.connect(BOB, "rev")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.go(abrupt=True)
    graceful.connect(CLEO).say("join_room", roomId=room_id, version="1", name="P")
    fresh = Client(graceful, BOB)
    fresh.handshake("rev")
    members = dict(fresh.told())["room_joined"]["members"]
    assert [each["name"] for each in members] == ["ann", "bob", "cleo"]


async def test_kick_within_the_grace_period_is_told_to_the_socket_that_comes_back(graceful: House) -> None:
    room_id = await graceful.room(ANN)
    ann, bob = graceful.connect(ANN), graceful.connect(BOB, "rev")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.go(abrupt=True)
    ann.say("kick", peerId=2)
    fresh, plain = Client(graceful, BOB), Client(graceful, BOB)
    fresh.handshake("rev")
    plain.handshake()
    assert fresh.types() == ["kicked"]
    assert plain.types() == []


async def test_deletion_within_the_grace_period_is_told_to_the_socket_that_comes_back(graceful: House) -> None:
    room_id = await graceful.room(ANN)
    bob = graceful.connect(BOB, "rev")
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.go(abrupt=True)
    await graceful.app.rooms.delete_room(ANN, room_id)
    fresh = Client(graceful, BOB)
    fresh.handshake("rev")
    assert ("room_closed", {"roomId": room_id}) in fresh.told()


async def test_kick_is_forgotten_with_the_grace_period_and_with_the_next_room(graceful: House) -> None:
    first, second = await graceful.room(ANN), await graceful.room(CLEO)
    ann, bob = graceful.connect(ANN), graceful.connect(BOB, "rev")
    for room_id in (first, second):
        bob.say("join_room", roomId=room_id, version="1", name="P")
        if room_id == first:
            ann.say("kick", peerId=2)
    bob.say("leave_room")
    assert back(graceful, bob, "rev") == []
    bob = graceful.connect(BOB, "rev")
    bob.go(abrupt=True)
    graceful.clock.advance(60.0)
    assert "kicked" not in back(graceful, graceful.connect(BOB, "rev"), "rev")


async def test_automatic_return_does_not_take_its_user_out_of_the_room_they_are_in(house: House) -> None:
    old, new = await house.room(ANN), await house.room(CLEO)
    phone, laptop = house.connect(BOB, "rev"), house.connect(BOB, "rev")
    phone.say("join_room", roomId=new, version="1", name="P")
    phone.types(), laptop.types()
    for room_id in (old, new):
        laptop.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
        assert laptop.refused() == "already_in_room"
    assert phone.types() == []
    assert house.app.rooms.mine(BOB).id == new


async def test_automatic_return_enters_when_its_user_is_in_no_room(house: House) -> None:
    room_id = await house.room(ANN)
    bob = house.connect(BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
    assert "room_joined" in bob.types()
    bob.say("join_room", roomId=room_id, version="1", name="P", ifIn="any")
    assert bob.refused() == "invalid_join_room"


async def test_own_room_is_shown_with_its_members_and_ones_own_peer_id(house: House) -> None:
    with pytest.raises(Refusal) as refused:
        house.app.rooms.mine(BOB)
    assert refused.value.code is RefusalCode.IN_NO_ROOM
    room_id = await house.room(ANN, isPublic=False)
    house.connect(ANN)
    mine = house.app.rooms.mine(ANN)
    assert (mine.id, mine.peerId, [each.name for each in mine.members]) == (room_id, 1, ["ann"])


async def next_life(house: House) -> House:
    """The same database, and the same clock, after a restart."""
    await house.settle()
    house.app.stop()
    return await House(store=house.store, clock=house.clock).start()


async def test_host_keeps_the_place_after_a_restart_though_a_member_came_back_first(house: House) -> None:
    room_id = await house.room(ANN)
    after = await next_life(house)
    bob = after.connect(BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    ((_, joined), _) = bob.told()
    assert [(each["name"], each["isHost"]) for each in joined["members"]] == [("bob", False)]
    assert after.app.rooms.room(room_id).host_username == "ann"
    ann = after.connect(ANN)
    bob.told()
    ann.say("join_room", roomId=room_id, version="1", name="P", ifIn="none")
    assert [(each["name"], each["isHost"]) for each in ann.told()[0][1]["members"]] == [("bob", False), ("ann", True)]
    assert bob.types() == ["peer_joined", "host_changed"]
    await after.stop()


async def test_host_who_does_not_come_back_is_followed_by_a_member_who_hears_so(house: House) -> None:
    room_id = await house.room(ANN)
    after = await next_life(house)
    bob = after.connect(BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.told()
    after.clock.advance(after.app.rooms.book.empty_ttl_s)
    assert [each for each in bob.told() if each[0] != "rooms_changed"] == [
        ("host_changed", {"newHostPeerId": 1, "newHostName": "bob"})
    ]
    await after.settle()
    (stored,) = await after.store.rooms()
    assert stored.host_user_id == BOB.id
    await after.stop()


async def test_deleted_room_is_closed_to_clients_with_features_and_a_kick_to_the_others(house: House) -> None:
    room_id = await house.room(ANN)
    bob, plain, host = house.connect(BOB, "rev"), house.connect(BOB), house.connect(ANN, "rev")
    plain_host = house.connect(ANN)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.types(), plain.types(), host.types(), plain_host.types()
    await house.app.rooms.delete_room(ANN, room_id)
    assert [each for each in bob.told() if each[0] != "rooms_changed"] == [("room_closed", {"roomId": room_id})]
    assert plain.types() == ["kicked"]
    assert host.types() == ["room_closed"]
    assert plain_host.types() == []
