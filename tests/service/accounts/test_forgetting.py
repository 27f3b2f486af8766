"""What goes of deleted users, and what stays of others who have the same ids, of an outside account service."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.service.accounts.forgetting import USERS_PER_WRITE
from lobby_server.service.writes.kept import ForgetUsers
from tests.kept_ties import stored_friendships
from tests.service.accounts.test_upkeep import befriend
from tests.service.house import ANN, BOB, House

GONE = User(50, "alice")
OTHER = User(50, "dora")
"""Of an outside account service."""


async def deleted(house: House, user: User = GONE) -> None:
    await house.store.revoke_token(f"user {user.id} {mark_of(user.username)}", house.clock.utc_now().replace(year=9000))
    await house.app.forgetting.forget(user.id, mark_of(user.username))
    await house.settle()


async def kept_of(house: House, user_id: int) -> tuple[bool, bool]:
    """Whether the store has their friends, and their choice of who knows where they are."""
    friends = {row.user_id for row in await stored_friendships(house.store)}
    return user_id in friends, user_id in await house.store.whereabouts()


async def test_friend_with_the_id_of_a_deleted_user_keeps_everything_while_they_are_offline(house: House) -> None:
    await deleted(house)
    await befriend(house, OTHER, ANN)
    await house.app.social.whereabouts.choose(OTHER, "nobody")
    house.app.replica.submit(commands.KeepNotice(OTHER.id))
    await house.settle()
    assert OTHER.id in house.app.replica.books.notices.waiting
    house.app.forgetting.forget_latest()
    await house.settle()
    assert await kept_of(house, OTHER.id) == (True, True)


async def test_choice_and_block_of_somebody_whom_nobody_knows_count_by_their_token(house: House) -> None:
    await deleted(house)
    await house.app.social.whereabouts.choose(OTHER, "nobody")
    await house.app.social.blocks.add(OTHER, BOB.id)
    await house.settle()
    assert await kept_of(house, OTHER.id) == (False, True)
    assert house.app.social.blocks.overview(OTHER).count == 1


@pytest.mark.parametrize(("user", "stays"), [(GONE, False), (OTHER, True)], ids=["deleted", "another"])
async def test_start_that_makes_up_writes_restores_nothing_of_deleted_users_and_all_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch, user: User, stays: bool
) -> None:
    await deleted(house)
    now = house.clock.utc_now()
    again = House(store=house.store, clock=house.clock)

    async def recover(life: str) -> int:
        """What the journal had is written only now."""
        await house.store.set_whereabouts(user.id, "nobody")
        await house.store.add_friend_request(user, ANN, now)
        await house.store.add_friendship(user, ANN, now)
        return 2

    monkeypatch.setattr(again.app.writer, "recover", recover)
    await again.start()
    assert await kept_of(again, user.id) == (stays, stays)
    assert again.app.social.friends.overview(ANN).count == int(stays)
    assert (again.app.replica.books.whereabouts.get(user.id) == "nobody") == stays
    await again.stop()


async def test_only_the_users_who_were_deleted_last_are_swept_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there were: it is done by the queue that lines of chat are written by."""
    latest = range(3 * USERS_PER_WRITE, 2 * USERS_PER_WRITE, -1)  # their ids say nothing of when
    for user_id in (*range(10_000, 10_000 + USERS_PER_WRITE), *reversed(latest)):
        house.app.replica.submit(commands.ForgetUser(user_id, "0" * 16))
    await house.settle()
    kept: list[Any] = []
    monkeypatch.setattr(house.app.writer, "keep", lambda write, **_: kept.append(write))
    house.app.forgetting.forget_latest()
    assert kept == [ForgetUsers(user_ids=tuple(latest))]
