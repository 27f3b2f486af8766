"""Invitations of an earlier life of the server: which of them stand, which are over, and whether the next is told."""

from __future__ import annotations

import itertools

from lobby_server.core.machine.image import dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.protocol.requests import Whom
from tests.service.house import ANN, BOB, Client, House

TO_BOB = Whom(BOB.id)


async def again(house: House) -> House:
    """After a restart; ids and keys are others than before it."""
    await house.settle()
    numbers = itertools.count(100)

    def new_id() -> str:
        return f"id{next(numbers)}"

    reborn = House(store=house.store, clock=house.clock, new_id=new_id)
    reborn.app.social.notifications.new_key = new_id
    return await reborn.start()


async def unread(house: House) -> int:
    await house.settle()
    return (await house.app.social.notifications.page(BOB, before=None)).unread


async def invited_into_a_new_party(house: House) -> None:
    party = await house.app.social.parties.create(ANN)
    await house.app.social.parties.invite(ANN, party.id, TO_BOB)


async def told_of(house: House, ear: Client) -> list[str]:
    """Types of what a guest heard, and the kinds of notifications."""
    await house.settle()
    return [data["kind"] if type_ == "notification" else type_ for type_, data in ear.told()]


# -- those that are over ----------------------------------------------------------------------------------------------


async def test_next_invitation_into_a_party_is_told_though_that_of_an_earlier_life_was_not_read(house: House) -> None:
    await invited_into_a_new_party(house)
    reborn = await again(house)
    bob = reborn.connect(BOB)
    await invited_into_a_new_party(reborn)
    assert await told_of(reborn, bob) == ["party_invite", "party_invite"]
    assert await unread(reborn) == 1
    await reborn.stop()


async def test_next_invitation_is_told_though_one_of_an_earlier_life_was_into_a_room_that_is_gone(
    house: House,
) -> None:
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()
    await house.store.delete_room(room_id)
    reborn = await again(house)
    bob, another = reborn.connect(BOB), await reborn.room(ANN)
    bob.told()
    await reborn.app.social.invitations.invite(ANN, another, TO_BOB)
    assert await told_of(reborn, bob) == ["match_invite", "match_invite"]
    await reborn.stop()


async def test_next_invitation_into_a_room_is_not_told_while_that_of_an_earlier_life_stands_unread(
    house: House,
) -> None:
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    reborn = await again(house)
    reborn.connect(ANN).say("create_room")
    bob = reborn.connect(BOB)
    assert await told_of(reborn, bob) == ["match_invite"]
    await reborn.app.social.invitations.invite(ANN, room_id, TO_BOB)
    assert await told_of(reborn, bob) == []
    assert await unread(reborn) == 1
    await reborn.stop()


async def test_node_that_joins_later_tells_of_the_next_invitation_too(house: House) -> None:
    """It starts from the state of the one that asked the database."""
    await invited_into_a_new_party(house)
    reborn = await again(house)
    newcomer = LobbyState(House().app.replica.books)
    load(newcomer, dump(reborn.app.replica.state))
    for state in (reborn.app.replica.state, newcomer):
        assert not state.books.notices.is_open(BOB.id, "party_invite", ANN.id)
    await reborn.stop()


async def test_what_told_of_an_earlier_life_is_read_before_anybody_can_invite_again(house: House) -> None:
    """Nor is a write left for a node whose state comes to nothing, because another one was quicker."""
    await invited_into_a_new_party(house)
    await house.settle()
    reborn = House(store=house.store, clock=house.clock)
    await reborn.app._restore()
    assert await house.store.unread_notifications(BOB.id) == 0
    assert reborn.app.writer.waiting == 0


async def test_database_that_is_asked_twice_opens_nothing_that_is_over_by_then(house: House) -> None:
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()
    reborn = House(store=house.store, clock=house.clock)
    await reborn.app._restore()
    assert reborn.app.replica.books.notices.is_open(BOB.id, "match_invite", ANN.id)
    await house.store.read_invitation(BOB.id, kind="match_invite", from_user_id=ANN.id, room_id=room_id)
    await reborn.app._restore()
    assert not reborn.app.replica.books.notices.is_open(BOB.id, "match_invite", ANN.id)
