"""Invitations end: who is told, why, and what becomes of the notification."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.blocks import Block
from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.room_codes import code_of as code_of_room
from lobby_server.protocol.requests import RoomSettings, Whom
from lobby_server.service.rooms.stored import stored_invitations
from tests.service.house import ANN, BOB, CLEO, Client, House
from tests.service.rooms.test_looking_again import meanwhile

TO_BOB = Whom(BOB.id)


async def code_of(work: Any) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


async def invited_to_party(house: House, *, times: int = 1) -> tuple[str, Client]:
    """Ann's party, and a socket of Bob whom she has invited; he has read what he was told."""
    ear = house.connect(BOB)
    party = await house.app.social.parties.create(ANN)
    for _ in range(times):
        await house.app.social.parties.invite(ANN, party.id, TO_BOB)
        await house.settle()
    return party.id, ear


def closed(ear: Client) -> list[tuple[str, str]]:
    """Type and reason of what was closed since the last look."""
    return [(type_, data["reason"]) for type_, data in ear.told() if type_.endswith("_closed")]


async def rooms_of(house: House) -> list[tuple[str, int, str, str]]:
    """Those that invite Bob now."""
    invites = (await house.app.social.invitations.mine(BOB)).invites
    return [(each.room_id, each.from_user_id, each.from_username, each.gamemode) for each in invites]


async def unread(house: House) -> int:
    await house.settle()
    return (await house.app.social.notifications.page(BOB, before=None)).unread


# -- parties ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["accepted", "declined", "withdrawn", "left", "kicked", "expired", "gone"])
async def test_end_of_a_party_invitation_is_told_to_all_of_the_guest_and_read(house: House, ending: str) -> None:
    parties = house.app.social.parties
    party_id, ear = await invited_to_party(house)
    tablet = house.connect(BOB, "rev")
    house.connect(ANN), house.connect(CLEO)
    assert await unread(house) == 1
    reason = {"left": "withdrawn", "kicked": "withdrawn"}.get(ending, ending)
    if ending in ("left", "kicked"):
        await parties.invite(ANN, party_id, Whom(CLEO.id))
        await parties.join(CLEO, party_id)
    ear.told(), tablet.told()
    if ending == "accepted":
        await parties.join(BOB, party_id)
    elif ending == "declined":
        await parties.decline(BOB, party_id)
    elif ending == "withdrawn":
        await parties.withdraw(ANN, party_id, BOB.id)
    elif ending == "expired":
        house.clock.advance(61.0)
    elif ending == "kicked":
        await parties.hand_over(ANN, party_id, CLEO.id)
        await parties.kick(CLEO, party_id, ANN.id)
    else:
        await parties.leave(ANN, party_id)
    told = closed(ear)
    assert told == [("party_invite_closed", reason)]
    assert closed(tablet) == told
    assert await unread(house) == 0
    assert parties.mine(BOB).invites == []


async def test_second_invitation_that_is_unread_is_no_second_notification(house: House) -> None:
    party_id, ear = await invited_to_party(house, times=60)
    assert ear.types().count("party_invite") == 1
    assert await unread(house) == 1
    (mine,) = house.app.social.parties.mine(BOB).invites
    assert mine.party_id == party_id


async def test_invitation_after_the_first_was_read_is_told_again(house: House) -> None:
    party_id, ear = await invited_to_party(house)
    (kept,) = (await house.app.social.notifications.page(BOB, before=None)).notifications
    await house.app.social.notifications.read(BOB, kept.id)
    ear.told()
    await house.app.social.parties.invite(ANN, party_id, TO_BOB)
    assert "party_invite" in ear.types()
    assert await unread(house) == 1


async def test_crossing_invitations_bring_two_together_and_swap_nobody(house: House) -> None:
    parties = house.app.social.parties
    for user in (ANN, BOB):
        house.connect(user)
    of_ann, of_bob = (await parties.create(ANN)).id, (await parties.create(BOB)).id
    await parties.invite(ANN, of_ann, TO_BOB)
    await parties.invite(BOB, of_bob, Whom(ANN.id))
    await parties.join(ANN, of_bob)
    assert await code_of(parties.join(BOB, of_ann)) is RefusalCode.INVITE_OUTDATED
    party = parties.mine(BOB).party
    assert party is not None
    assert [member.user_id for member in party.members] == [BOB.id, ANN.id]


async def test_outdated_invitation_is_refused_where_the_party_goes_on_without_its_sender(house: House) -> None:
    parties = house.app.social.parties
    party_id, _ = await invited_to_party(house)
    house.connect(ANN), house.connect(CLEO)
    await parties.invite(ANN, party_id, Whom(CLEO.id))
    await parties.join(CLEO, party_id)
    await parties.leave(ANN, party_id)
    assert await code_of(parties.join(BOB, party_id)) is RefusalCode.INVITE_OUTDATED
    await parties.invite(CLEO, party_id, TO_BOB)
    assert len((await parties.join(BOB, party_id)).members) == 2
    house.clock.advance(61.0)
    assert await code_of(parties.join(ANN, party_id)) is RefusalCode.NOT_INVITED


async def test_party_invitation_is_withdrawn_by_its_sender_or_the_leader_only(house: House) -> None:
    parties = house.app.social.parties
    party_id, _ = await invited_to_party(house)
    house.connect(CLEO)
    await parties.invite(ANN, party_id, Whom(CLEO.id))
    await parties.join(CLEO, party_id)
    assert await code_of(parties.withdraw(CLEO, party_id, BOB.id)) is RefusalCode.NOT_LEADER
    assert await code_of(parties.withdraw(ANN, party_id, 99)) is RefusalCode.INVITATION_NOT_FOUND
    await parties.hand_over(ANN, party_id, CLEO.id)
    await parties.withdraw(CLEO, party_id, BOB.id)
    assert await code_of(parties.decline(BOB, party_id)) is RefusalCode.INVITATION_NOT_FOUND


async def test_party_invitations_of_an_earlier_life_count_as_read(house: House) -> None:
    await invited_to_party(house)
    reborn = await House(store=house.store, clock=house.clock).start()
    assert await unread(reborn) == 0
    await reborn.stop()


# -- rooms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["accepted", "declined", "withdrawn", "left", "kicked", "gone"])
async def test_end_of_a_match_invitation_is_told_to_all_of_the_guest_and_read(house: House, ending: str) -> None:
    host, ann, bob = house.connect(CLEO), house.connect(ANN), house.connect(BOB)
    tablet = house.connect(BOB, "rev")
    room_id = await house.room(CLEO)
    ann.say("join_room", roomId=room_id, version="1", name="P")
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    assert await unread(house) == 1
    assert await rooms_of(house) == [(room_id, ANN.id, ANN.username, "ffa")]
    bob.told(), tablet.told()
    reason = {"left": "withdrawn", "kicked": "withdrawn"}.get(ending, ending)
    if ending == "accepted":
        bob.say("join_room", roomId=room_id, version="1", name="P")
    elif ending == "declined":
        await house.app.social.invitations.decline(BOB, room_id)
    elif ending == "withdrawn":
        await house.app.social.invitations.withdraw(ANN, room_id, BOB.id)
    elif ending == "left":
        ann.say("leave_room")
    elif ending == "kicked":
        host.say("kick", peerId=2)
    else:
        await house.app.rooms.delete_room(CLEO, room_id)
    assert closed(bob) == closed(tablet) == [("match_invite_closed", reason)]
    assert await unread(house) == 0
    assert await rooms_of(house) == []


async def test_invitation_into_a_room_stands_for_as_long_as_it_does_whoever_has_read_of_it(house: House) -> None:
    invitations, room_id = house.app.social.invitations, await house.room(CLEO)
    host, ann = house.connect(CLEO), house.connect(ANN)
    ann.say("join_room", roomId=room_id, version="1", name="P")
    for sender in (CLEO, ANN):
        await invitations.invite(sender, room_id, TO_BOB)
    await house.settle()
    for each in (await house.app.social.notifications.page(BOB, before=None)).notifications:
        await house.app.social.notifications.read(BOB, each.id)
    assert [sender_id for _, sender_id, *_ in await rooms_of(house)] == [CLEO.id, ANN.id]
    host.say("leave_room")
    assert [sender_id for _, sender_id, *_ in await rooms_of(house)] == [ANN.id]
    await house.app.social.blocks.add(BOB, ANN.id)
    assert await rooms_of(house) == []
    await house.app.social.blocks.remove(BOB, ANN.id)
    assert [sender_id for _, sender_id, *_ in await rooms_of(house)] == [ANN.id]


async def test_room_whose_time_is_over_closes_its_invitations(house: House) -> None:
    bob = house.connect(BOB)
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    bob.told()
    house.clock.advance(61.0)
    assert house.app.rooms.book.get(room_id) is None
    assert closed(bob) == [("match_invite_closed", "gone")]


async def test_sixty_invitations_into_a_room_are_one_notification(house: House) -> None:
    bob, room_id = house.connect(BOB), await house.room(ANN)
    for _ in range(60):
        await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()
    assert bob.types().count("match_invite") == 1
    assert await unread(house) == 1


@pytest.mark.parametrize("ending", ["decline", "withdraw"])
async def test_invitation_that_was_taken_back_lets_into_a_private_room_no_more(house: House, ending: str) -> None:
    bob, room_id = house.connect(BOB), await house.room(ANN, isPublic=False)
    house.connect(ANN)
    invitations = house.app.social.invitations
    await invitations.invite(ANN, room_id, TO_BOB)
    await (invitations.decline(BOB, room_id) if ending == "decline" else invitations.withdraw(ANN, room_id, BOB.id))
    bob.told()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert bob.refused() == "invitation_required"
    await house.settle()
    (stored,) = await house.store.rooms()
    assert BOB.id not in stored.invited_user_ids


async def test_withdrawal_does_not_shut_out_who_was_in_the_private_room_before(house: House) -> None:
    bob, room_id = house.connect(BOB), await house.room(ANN, isPublic=False)
    house.connect(ANN)
    invitations = house.app.social.invitations
    await invitations.invite(ANN, room_id, TO_BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.say("leave_room")
    await invitations.invite(ANN, room_id, TO_BOB)
    await invitations.withdraw(ANN, room_id, BOB.id)
    bob.told()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()


async def invited_by_two(house: House, *senders: User) -> str:
    """A private room of Cleo's, in which Ann is; both have invited Bob, in this order."""
    ann, invitations = house.connect(ANN), house.app.social.invitations
    room_id = await house.room(CLEO, isPublic=False)
    house.connect(CLEO).say("create_room")
    await invitations.invite(CLEO, room_id, Whom(ANN.id))
    ann.say("join_room", roomId=room_id, version="1", name="P")
    for sender in senders:
        await invitations.invite(sender, room_id, TO_BOB)
    return room_id


async def is_let_in(house: House, room_id: str) -> bool:
    """Whether the room lets Bob in, as the lobby and the store say alike."""
    await house.settle()
    room = house.app.rooms.book.get(room_id)
    (stored,) = await house.store.rooms()
    assert room is not None
    assert stored.invited_user_ids == room.invited_user_ids
    assert stored.invitations == stored_invitations(house.app.replica.books.matches.of_room(room_id))
    return BOB.id in stored.invited_user_ids


@pytest.mark.parametrize("senders", [(ANN, CLEO), (CLEO, ANN)], ids=["hers first", "hers second"])
async def test_guest_is_let_in_until_the_last_of_two_invitations_is_taken_back(
    house: House, senders: tuple[User, User]
) -> None:
    room_id, invitations = await invited_by_two(house, *senders), house.app.social.invitations
    await invitations.withdraw(ANN, room_id, BOB.id)
    assert await is_let_in(house, room_id)
    assert [sender_id for _, sender_id, *_ in await rooms_of(house)] == [CLEO.id]
    await invitations.withdraw(CLEO, room_id, BOB.id)
    assert not await is_let_in(house, room_id)


@pytest.mark.parametrize("ending", ["withdraw", "decline"])
async def test_invitation_that_stands_when_the_first_sender_has_left_is_the_one_to_take_back(
    house: House, ending: str
) -> None:
    room_id, invitations = await invited_by_two(house, CLEO, ANN), house.app.social.invitations
    house.connect(CLEO).say("leave_room")
    assert await is_let_in(house, room_id)
    await (invitations.withdraw(ANN, room_id, BOB.id) if ending == "withdraw" else invitations.decline(BOB, room_id))
    assert not await is_let_in(house, room_id)


@pytest.mark.parametrize("ending", ["leaves", "is kicked", "is deleted"])
async def test_guest_of_a_sender_who_is_in_the_private_room_no_more_is_shut_out(house: House, ending: str) -> None:
    room_id = await invited_by_two(house, ANN)
    assert await is_let_in(house, room_id)
    if ending == "leaves":
        house.connect(ANN).say("leave_room")
    elif ending == "is kicked":
        room = house.app.rooms.book.get(room_id)
        assert room is not None
        house.connect(CLEO).say("kick", peerId=room.members[ANN.id].peer_id)
    else:
        await house.store.delete_account(ANN.id)
        await house.app.replica.run(commands.ForgetUser(ANN.id, mark_of(ANN.username)))
    assert not await is_let_in(house, room_id)


async def test_guests_of_a_public_room_are_let_in_when_it_becomes_private_until_that_is_taken_back(
    house: House,
) -> None:
    ann, invitations = house.connect(ANN), house.app.social.invitations
    room_id = await house.room(ANN)
    ann.say("create_room")
    await invitations.invite(ANN, room_id, TO_BOB)
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    assert await is_let_in(house, room_id)
    await invitations.withdraw(ANN, room_id, BOB.id)
    assert not await is_let_in(house, room_id)


async def test_code_of_the_room_lets_its_user_in_whatever_becomes_of_their_invitation(house: House) -> None:
    room_id, invitations = await invited_by_two(house, ANN), house.app.social.invitations
    await house.app.hosting.use_code(BOB, code_of_room(room_id))
    await invitations.withdraw(ANN, room_id, BOB.id)
    assert await is_let_in(house, room_id)


async def test_invitation_is_taken_back_of_a_room_that_was_public_as_it_came_or_as_it_went(house: House) -> None:
    ann, invitations = house.connect(ANN), house.app.social.invitations
    room_id = await house.room(ANN)
    ann.say("create_room")
    await invitations.invite(ANN, room_id, TO_BOB)
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    await invitations.invite(ANN, room_id, TO_BOB)
    assert await is_let_in(house, room_id)
    await invitations.withdraw(ANN, room_id, BOB.id)
    assert not await is_let_in(house, room_id)
    await invitations.invite(ANN, room_id, TO_BOB)
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=True))
    await invitations.withdraw(ANN, room_id, BOB.id)
    await house.app.hosting.change(ANN, room_id, RoomSettings(isPublic=False))
    assert not await is_let_in(house, room_id)


async def test_match_invitation_of_an_earlier_life_ends_with_its_room(house: House) -> None:
    room_id = await house.room(ANN)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()
    reborn = await House(store=house.store, clock=house.clock).start()
    bob = reborn.connect(BOB)
    assert await unread(reborn) == 1
    assert [(each[:3]) for each in await rooms_of(reborn)] == [(room_id, ANN.id, ANN.username)]
    reborn.clock.advance(61.0)
    assert closed(bob) == [("match_invite_closed", "gone")]
    assert await unread(reborn) == 0
    await reborn.stop()


@pytest.mark.parametrize("ending", ["withdraw", "decline", "accept", "none"])
async def test_match_invitation_of_an_earlier_life_stands_though_its_notification_was_read(
    house: House, ending: str
) -> None:
    room_id = await invited_by_two(house, CLEO, ANN)
    await house.settle()
    for each in (await house.app.social.notifications.page(BOB, before=None)).notifications:
        await house.app.social.notifications.read(BOB, each.id)
    assert await unread(house) == 0
    reborn = await House(store=house.store, clock=house.clock).start()
    try:
        bob, invitations = reborn.connect(BOB), reborn.app.social.invitations
        assert [(each[:3]) for each in await rooms_of(reborn)] == [
            (room_id, CLEO.id, CLEO.username), (room_id, ANN.id, ANN.username),
        ]  # fmt: skip
        assert await is_let_in(reborn, room_id)
        if ending == "withdraw":
            await invitations.withdraw(ANN, room_id, BOB.id)
            assert await is_let_in(reborn, room_id)
            await invitations.withdraw(CLEO, room_id, BOB.id)
        elif ending == "decline":
            await invitations.decline(BOB, room_id)
        elif ending == "accept":
            bob.say("join_room", roomId=room_id, version="1", name="P")
            assert "room_joined" in bob.types()
        assert await is_let_in(reborn, room_id) is (ending in ("accept", "none"))
        assert len(await rooms_of(reborn)) == (2 if ending == "none" else 0)
    finally:
        await reborn.stop()


async def test_invitation_that_nobody_was_told_of_outlives_a_restart(house: House) -> None:
    """The guest blocked the sender as it came, and does not any more."""
    room_id, blocks = await house.room(ANN), house.app.social.blocks
    await blocks.add(BOB, ANN.id)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await blocks.remove(BOB, ANN.id)
    await house.settle()
    reborn = await House(store=house.store, clock=house.clock).start()
    assert [sender_id for _, sender_id, *_ in await rooms_of(reborn)] == [ANN.id]
    await reborn.stop()


async def test_invitations_are_kept_with_a_room_that_is_written_once_more(house: House) -> None:
    room_id = await invited_by_two(house, CLEO, ANN)
    await house.settle()
    await house.store.delete_room(room_id)
    house.app.rooms.upkeep.reconcile()
    await house.settle()
    assert await is_let_in(house, room_id)
    (stored,) = await house.store.rooms()
    assert [each.sender_id for each in stored.invitations] == [CLEO.id, ANN.id]


# -- while others do something ------------------------------------------------------------------------------------


async def test_sender_who_left_while_the_guest_was_looked_for_has_invited_nobody(house: House) -> None:
    ann = house.connect(ANN)
    house.connect(CLEO)
    room_id = await house.room(ANN, isPublic=False)
    meanwhile(house, "account", lambda: ann.say("leave_room"))
    assert await code_of(house.app.social.invitations.invite(ANN, room_id, TO_BOB)) is RefusalCode.NOT_IN_ROOM
    assert await unread(house) == 0
    (stored,) = await house.store.rooms()
    assert BOB.id not in stored.invited_user_ids


async def test_sender_who_blocks_the_guest_while_they_are_looked_for_is_refused(house: House) -> None:
    house.connect(ANN)
    room_id = await house.room(ANN, isPublic=False)
    blocks = house.app.social.blocks._book

    def block() -> None:
        blocks.add(ANN.id, Block(BOB, house.clock.utc_now()))

    meanwhile(house, "account", block)
    assert await code_of(house.app.social.invitations.invite(ANN, room_id, TO_BOB)) is RefusalCode.BLOCKED_BY_YOU


async def test_guest_who_declines_as_another_member_invites_them_is_let_in_as_the_store_says(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, cleo = house.connect(ANN), house.connect(CLEO)
    room_id = await house.room(ANN, isPublic=False)
    ann.say("create_room")
    invitations, write, declined = house.app.social.invitations, house.store.invite_to_room, []
    await invitations.invite(ANN, room_id, Whom(CLEO.id))
    cleo.say("join_room", roomId=room_id, version="1", name="P")
    await invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()

    async def decline() -> None:
        declined.append(BOB)
        await invitations.decline(BOB, room_id)

    async def as_it_is_written(*arguments: Any) -> None:
        await write(*arguments)
        await decline()

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "invite_to_room", as_it_is_written)
        await invitations.invite(CLEO, room_id, TO_BOB)
        if not declined:
            await decline()
    await house.settle()
    room = house.app.rooms.book.get(room_id)
    assert room is not None
    (stored,) = await house.store.rooms()
    assert stored.invited_user_ids == room.invited_user_ids


async def test_no_that_comes_after_the_guest_was_in_the_room_shuts_nobody_out(house: House) -> None:
    """It was on its way from another node as they came in by this one."""
    house.connect(ANN)
    bob, room_id = house.connect(BOB), await house.room(ANN, isPublic=False)
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    bob.say("join_room", roomId=room_id, version="1", name="P")
    bob.say("leave_room")
    late = commands.EndMatchInvites(room_id, BOB.id, (ANN.id,), "declined")
    assert await code_of(house.app.replica.run(late)) is RefusalCode.INVITATION_NOT_FOUND
    bob.told()
    bob.say("join_room", roomId=room_id, version="1", name="P")
    assert "room_joined" in bob.types()
    await house.settle()
    (stored,) = await house.store.rooms()
    assert BOB.id in stored.invited_user_ids


async def test_whom_a_private_room_lets_in_is_written_by_the_node_that_leads(house: House) -> None:
    house.connect(ANN), house.connect(BOB)
    room_id = await house.room(ANN, isPublic=False)
    house.app.replica.submit(commands.NodeUp("the one that leads"))
    await house.app.social.invitations.invite(ANN, room_id, TO_BOB)
    await house.settle()
    (stored,) = await house.store.rooms()
    assert BOB.id not in stored.invited_user_ids
