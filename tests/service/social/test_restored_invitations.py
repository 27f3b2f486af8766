"""Invitations of an earlier life of the server: which of them stand, which are over, and whether the next is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.simulation.outside.store import MemoryJournal
from lobby_server.core.machine.image import dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.protocol.requests import Whom
from lobby_server.service.rooms.stored import stored_invitations
from lobby_server.service.writes.kept import Ban, DeleteRoom, KeptWrite, LetIn, Notify, ReadInvitation, ShutOut, line_of
from tests.service.house import ANN, BOB, CLEO, Client, House

TO_BOB = Whom(BOB.id)


async def again(house: House, journal: MemoryJournal | None = None) -> House:
    """After a restart; ids and keys are others than before it."""
    await house.settle()
    numbers = itertools.count(100)

    def new_id() -> str:
        return f"id{next(numbers)}"

    reborn = House(store=house.store, clock=house.clock, journal=journal, new_id=new_id)
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


async def test_invitation_of_a_member_who_does_not_come_back_is_taken_back_though_the_host_does(house: House) -> None:
    room_id, invitations = await house.room(CLEO, isPublic=False), house.app.social.invitations
    await invitations.invite(CLEO, room_id, Whom(ANN.id))
    house.connect(CLEO), house.connect(ANN).say("join_room", roomId=room_id, version="1", name="P")
    await invitations.invite(ANN, room_id, TO_BOB)
    reborn = await again(house)
    reborn.connect(CLEO).say("create_room")
    bob, room = reborn.connect(BOB), reborn.app.rooms.book.get(room_id)
    assert room is not None
    assert await standing(reborn, room_id) == [ANN.id]
    await told_of(reborn, bob)
    reborn.clock.advance(reborn.app.rooms.book.empty_ttl_s)
    assert ("match_invite_closed", {"room_id": room_id, "reason": "withdrawn"}) in bob.told()
    assert (await standing(reborn, room_id), await unread(reborn), room.admits(BOB.id)) == ([], 0, False)
    await reborn.stop()


# -- those of a version that kept only what told of them --------------------------------------------------------------


async def left_by_an_older_version(house: House, room_id: str, *writes: KeptWrite) -> House:
    """The journal has an invitation of Bob by Ann as such a version noted it, and then others of its writes."""
    notify = Notify(
        key="of the older version", user_id=BOB.id, kind="match_invite", title="Match invitation", body="",
        from_user_id=ANN.id, created_at=house.clock.utc_now(), room_id=room_id, is_one_per_sender=True,
    )  # fmt: skip
    await house.settle()
    journal = MemoryJournal()
    journal.begin(await house.store.life())
    for write in (LetIn(room_id=room_id, user_ids=(BOB.id,)), notify, *writes):
        journal.append(line_of(write))
    return await again(house, journal)


async def standing(house: House, room_id: str) -> list[int]:
    """Senders whose invitations Bob finds; the store has the same."""
    await house.settle()
    of_room = house.app.replica.books.matches.of_room(room_id)
    kept = [each.invitations for each in await house.store.rooms() if each.id == room_id]
    assert kept in ([], [stored_invitations(of_room)])
    return [each.from_user_id for each in (await house.app.social.invitations.mine(BOB)).invites]


@pytest.mark.parametrize("ending", ["withdraw", "decline", "accept", "none", "restart"])
@pytest.mark.parametrize("is_public", [True, False], ids=["public", "private"])
async def test_invitation_in_the_journal_of_an_older_version_stands(
    house: House, *, is_public: bool, ending: str
) -> None:
    room_id = await house.room(ANN, isPublic=is_public)
    reborn = await left_by_an_older_version(house, room_id)
    if ending == "restart":
        await reborn.stop()
        reborn = await again(reborn)
    bob, invitations = reborn.connect(BOB), reborn.app.social.invitations
    assert await standing(reborn, room_id) == [ANN.id]
    assert (await told_of(reborn, bob), await unread(reborn)) == (["match_invite"], 1)
    if ending == "withdraw":
        await invitations.withdraw(ANN, room_id, BOB.id)
    elif ending == "decline":
        await invitations.decline(BOB, room_id)
    elif ending == "accept":
        bob.say("join_room", roomId=room_id, version="1", name="P")
        bob.say("leave_room")
    is_over = ending not in ("none", "restart")
    assert await standing(reborn, room_id) == ([] if is_over else [ANN.id])
    assert await unread(reborn) == (0 if is_over else 1)
    room = reborn.app.rooms.book.get(room_id)
    assert room is not None
    assert room.admits(BOB.id) is (is_public or ending not in ("withdraw", "decline"))
    await reborn.stop()


async def test_invitation_of_an_older_version_does_not_let_in_alone_where_another_one_stands(house: House) -> None:
    room_id = await house.room(CLEO, isPublic=False)
    await house.app.social.invitations.invite(CLEO, room_id, TO_BOB)
    reborn = await left_by_an_older_version(house, room_id, LetIn(room_id=room_id, user_ids=(ANN.id,)))
    room, invitations = reborn.app.rooms.book.get(room_id), reborn.app.social.invitations
    assert room is not None
    assert await standing(reborn, room_id) == [CLEO.id, ANN.id]
    await invitations.withdraw(ANN, room_id, BOB.id)
    assert room.admits(BOB.id)
    await invitations.withdraw(CLEO, room_id, BOB.id)
    assert not room.admits(BOB.id)
    await reborn.stop()


OVER: dict[str, Callable[[str], KeptWrite]] = {
    "it was ended": lambda room_id: ReadInvitation(
        user_id=BOB.id, kind="match_invite", from_user_id=ANN.id, room_id=room_id
    ),
    "the room is gone": lambda room_id: DeleteRoom(room_id=room_id),
    "the sender was put out": lambda room_id: Ban(room_id=room_id, user_id=ANN.id),
    "the guest was put out": lambda room_id: Ban(room_id=room_id, user_id=BOB.id),
    "the guest was shut out": lambda room_id: ShutOut(room_id=room_id, user_id=BOB.id),
    "the sender was never in": lambda room_id: ShutOut(room_id=room_id, user_id=ANN.id),
}


@pytest.mark.parametrize("over", OVER.values(), ids=OVER.keys())
async def test_invitation_of_an_older_version_that_is_over_is_not_taken_up(
    house: House, over: Callable[[str], KeptWrite]
) -> None:
    room_id = await house.room(CLEO, isPublic=False)
    reborn = await left_by_an_older_version(house, room_id, LetIn(room_id=room_id, user_ids=(ANN.id,)), over(room_id))
    assert (await standing(reborn, room_id), await unread(reborn)) == ([], 0)
    assert not reborn.app.replica.books.notices.is_open(BOB.id, "match_invite", ANN.id)
    await reborn.stop()


async def test_invitation_of_an_older_version_into_a_game_that_began_without_its_sender_is_not_taken_up(
    house: House,
) -> None:
    room_id = await house.room(CLEO)
    (room,) = await house.store.rooms()
    await house.store.change_room(replace(room, player_ids=frozenset({CLEO.id})))
    reborn = await left_by_an_older_version(house, room_id)
    assert (await standing(reborn, room_id), await unread(reborn)) == ([], 0)
    await reborn.stop()
