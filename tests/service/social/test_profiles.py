"""What somebody may know of another user."""

from __future__ import annotations

import pytest

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from tests.service.house import ANN, BOB, CLEO, House


async def befriend(house: House, one: User, other: User) -> None:
    await house.app.social.friends.ask(one, Whom(to_user_id=other.id))
    await house.app.social.friends.ask(other, Whom(to_user_id=one.id))


async def test_profile_says_since_when_how_many_rooms_and_which_friends_of_both(house: House) -> None:
    for friend in (BOB, ANN):
        await befriend(house, CLEO, friend)
    house.connect(BOB)
    room_id = await house.room(BOB)
    await house.app.rooms.delete_room(BOB, room_id)
    await house.room(BOB)
    profile = await house.app.social.profiles.of(BOB.id, reader=ANN)
    assert (profile.username, profile.is_online, profile.rooms_hosted) == ("bob", True, 2)
    assert profile.since is not None
    assert (profile.mutual_friends, profile.mutual_friends_count) == (["cleo"], 1)


async def test_account_of_another_service_has_no_beginning_here(house: House) -> None:
    outside = User(77, "outside")
    house.connect(outside)
    profile = await house.app.social.profiles.of(77, reader=ANN)
    assert (profile.username, profile.since, profile.rooms_hosted) == ("outside", None, None)


async def test_nobody_has_no_profile(house: House) -> None:
    with pytest.raises(Refusal) as refused:
        await house.app.social.profiles.of(99, reader=ANN)
    assert refused.value.code is RefusalCode.USER_NOT_FOUND
