"""What a user changes on one device: their other devices hear it, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from tests.patience import PATIENCE_S
from tests.service.house import ANN, BOB, CLEO, Client, House

CHANGES = frozenset({"user_blocked", "user_unblocked", "notification_read", "whereabouts_changed"})


def changes(client: Client) -> list[tuple[str, dict[str, Any]]]:
    return [(type_, data) for type_, data in client.told() if type_ in CHANGES]


async def test_block_and_its_end_are_told_to_the_sockets_of_who_blocks_and_to_no_other(house: House) -> None:
    laptop, phone = house.connect(ANN, "own_changes"), house.connect(ANN, "own_changes", "rooms_delta")
    base, plain = house.connect(ANN), house.connect(ANN, "rev")
    bob, cleo = house.connect(BOB, "own_changes"), house.connect(CLEO, "own_changes")
    await house.app.social.blocks.add(ANN, BOB.id)
    assert changes(laptop) == changes(phone) == [("user_blocked", {"user_id": BOB.id, "username": "bob"})]
    await house.app.social.blocks.remove(ANN, BOB.id)
    assert changes(laptop) == changes(phone) == [("user_unblocked", {"user_id": BOB.id})]
    assert base.types() == plain.types() == bob.types() == cleo.types() == []


async def test_second_same_block_is_told_of_once(house: House) -> None:
    laptop = house.connect(ANN, "own_changes")
    for _ in range(2):
        await house.app.social.blocks.add(ANN, BOB.id)
    assert [type_ for type_, _ in changes(laptop)] == ["user_blocked"]


async def test_block_of_a_friend_is_told_before_the_friendship_ends(house: House) -> None:
    """So that no page offers to add a friend whom it would have to unblock first."""
    laptop = house.connect(ANN, "own_changes")
    await house.app.social.friends.ask(ANN, Whom(BOB.id))
    await house.app.social.friends.ask(BOB, Whom(ANN.id))
    await house.settle()
    laptop.told()
    await house.app.social.blocks.add(ANN, BOB.id)
    assert laptop.types() == ["user_blocked", "friend_removed"]


async def test_notification_that_is_read_on_one_device_is_told_to_the_others(house: House) -> None:
    laptop, base = house.connect(ANN, "own_changes"), house.connect(ANN)
    await house.app.social.friends.ask(BOB, Whom(ANN.id))
    await house.settle()
    for client in (laptop, base):
        client.told()
    (kept,) = (await house.app.social.notifications.page(ANN, before=None)).notifications
    await house.app.social.notifications.read(ANN, kept.id)
    await house.settle()
    assert changes(laptop) == [("notification_read", {"id": kept.id})]
    assert base.types() == []


async def test_notification_that_was_read_before_is_told_to_nobody_and_is_no_entry_of_the_log(house: House) -> None:
    await house.app.social.friends.ask(BOB, Whom(ANN.id))
    await house.settle()
    (kept,) = (await house.app.social.notifications.page(ANN, before=None)).notifications
    await house.app.social.notifications.read(ANN, kept.id)
    await house.settle()
    laptop = house.connect(ANN, "own_changes")
    await house.settle()
    laptop.told()
    await house.app.social.notifications.read(ANN, kept.id)
    await house.settle()
    assert changes(laptop) == []


async def test_invitation_that_there_is_not_keeps_nobody_waiting(house: House) -> None:
    invitations = house.app.social.invitations
    async with house.app.replica.gate():  # as whoever blocks or befriends somebody
        for call in (invitations.decline(ANN, "no room"), invitations.withdraw(ANN, "no room", BOB.id)):
            with pytest.raises(Refusal) as refused:
                await asyncio.wait_for(call, PATIENCE_S)
            assert refused.value.code is RefusalCode.INVITATION_NOT_FOUND


@pytest.mark.parametrize("audience", ["nobody", "everybody", "friends"])
async def test_audience_that_is_chosen_on_one_device_is_told_to_the_others(house: House, audience: Any) -> None:
    laptop, bob = house.connect(ANN, "own_changes"), house.connect(BOB, "own_changes")
    await house.app.social.whereabouts.choose(ANN, audience)
    assert changes(laptop) == [("whereabouts_changed", {"whereabouts": audience})]
    assert changes(bob) == []
