"""Parties: who may do what, and who is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from tests.service.house import ANN, BOB, CLEO, House


async def refusal_of(call: Callable[..., Awaitable[object]], *args: object) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await call(*args)
    return refused.value.code


async def party_of_two(house: House) -> str:
    """The id of Ann's party, which Bob has joined."""
    parties = house.app.social.parties
    party = await parties.create(ANN)
    await parties.invite(ANN, party.id, Whom(BOB.id))
    await parties.join(BOB, party.id)
    await house.settle()
    return party.id


async def test_guest_alone_is_told_of_an_invitation_and_all_members_of_who_joins(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    parties = house.app.social.parties
    party = await parties.create(ANN)
    await parties.invite(ANN, party.id, Whom(BOB.id))
    await house.settle()
    assert (ann.types(), bob.types(), cleo.types()) == ([], ["party_invite", "notification"], [])
    assert [each.party_id for each in parties.mine(BOB).invites] == [party.id]
    joined = await parties.join(BOB, party.id)
    assert [member.user_id for member in joined.members] == [ANN.id, BOB.id]
    assert (ann.types(), bob.types(), cleo.types()) == (["party_joined"], ["party_joined", "party_invite_closed"], [])


async def test_what_the_rules_refuse_is_told_to_nobody(house: House) -> None:
    parties = house.app.social.parties
    party_id = await party_of_two(house)
    ann, bob = house.connect(ANN), house.connect(BOB)
    ann.types(), bob.types()
    assert await refusal_of(parties.create, ANN) is RefusalCode.ALREADY_IN_PARTY
    assert await refusal_of(parties.join, CLEO, party_id) is RefusalCode.NOT_INVITED
    assert await refusal_of(parties.join, CLEO, "nowhere") is RefusalCode.PARTY_NOT_FOUND
    assert await refusal_of(parties.leave, CLEO, party_id) is RefusalCode.NOT_IN_PARTY
    assert await refusal_of(parties.kick, BOB, party_id, ANN.id) is RefusalCode.NOT_LEADER
    assert await refusal_of(parties.kick, ANN, party_id, ANN.id) is RefusalCode.INVALID_TARGET
    assert await refusal_of(parties.hand_over, ANN, party_id, CLEO.id) is RefusalCode.INVALID_TARGET
    assert (ann.types(), bob.types()) == ([], [])


async def test_full_party_invites_nobody() -> None:
    house = await House(party_max_members=2).start()
    party_id = await party_of_two(house)
    with pytest.raises(Refusal) as refused:
        await house.app.social.parties.invite(ANN, party_id, Whom(CLEO.id))
    assert refused.value.code is RefusalCode.PARTY_FULL
    await house.stop()


async def test_leader_who_leaves_is_followed_by_the_next_and_members_are_told(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    party_id = await party_of_two(house)
    ann.types(), bob.types()
    await house.app.social.parties.leave(ANN, party_id)
    assert (ann.types(), bob.types()) == (["party_left"], ["party_left", "party_leader_changed"])
    mine = house.app.social.parties.mine(BOB).party
    assert mine is not None
    assert mine.leader_user_id == BOB.id


async def test_kicked_member_is_told_why_and_can_be_invited_again(house: House) -> None:
    bob = house.connect(BOB)
    party_id = await party_of_two(house)
    bob.types()
    await house.app.social.parties.kick(ANN, party_id, BOB.id)
    ((type_, data),) = bob.told()
    assert (type_, data["reason"], data["user_id"]) == ("party_left", "kicked", BOB.id)
    await house.app.social.parties.invite(ANN, party_id, Whom(BOB.id))
    assert len(house.app.social.parties.mine(BOB).invites) == 1


async def test_member_who_goes_and_comes_back_keeps_the_place_and_the_others_know() -> None:
    house = await House(party_offline_ttl_s=60.0).start()
    ann, bob = house.connect(ANN), house.connect(BOB)
    await party_of_two(house)
    ann.types()
    bob.go()
    ((type_, data),) = ann.told()
    assert (type_, data["is_online"]) == ("party_member_status", False)
    house.clock.advance(59.0)
    house.connect(BOB)
    ((type_, data),) = ann.told()
    assert (type_, data["is_online"]) == ("party_member_status", True)
    await house.stop()


async def test_member_who_stays_away_leaves_after_the_time() -> None:
    house = await House(party_offline_ttl_s=60.0).start()
    ann, bob = house.connect(ANN), house.connect(BOB)
    await party_of_two(house)
    bob.go()
    ann.types()
    house.clock.advance(61.0)
    ((type_, data),) = ann.told()
    assert (type_, data["reason"], data["user_id"]) == ("party_left", "offline", BOB.id)
    await house.stop()


async def test_invitation_is_over_after_its_time() -> None:
    house = await House(party_invite_ttl_s=30.0).start()
    parties = house.app.social.parties
    party = await parties.create(ANN)
    await parties.invite(ANN, party.id, Whom(BOB.id))
    house.clock.advance(30.0)
    assert parties.mine(BOB).invites == []
    assert await refusal_of(parties.join, BOB, party.id) is RefusalCode.NOT_INVITED
    await house.stop()


async def test_party_enters_a_room_together_and_members_before_it_hear_of_each(house: House) -> None:
    ann, bob, cleo = house.connect(ANN), house.connect(BOB), house.connect(CLEO)
    await party_of_two(house)
    room_id = await house.room(CLEO)
    ann.types(), bob.types(), cleo.types()
    entered = await house.app.social.parties.enter_room(ANN, room_id)
    assert entered.user_ids == [ANN.id, BOB.id]
    assert (ann.types(), bob.types(), cleo.types()) == (["room_joined"], ["room_joined"], ["peer_joined"] * 2)


async def test_party_enters_whole_or_not_at_all(house: House) -> None:
    parties = house.app.social.parties
    assert await refusal_of(parties.enter_room, ANN, "nowhere") is RefusalCode.NOT_IN_PARTY
    ann, bob = house.connect(ANN), house.connect(BOB)
    await party_of_two(house)
    assert await refusal_of(parties.enter_room, BOB, "nowhere") is RefusalCode.NOT_LEADER
    assert await refusal_of(parties.enter_room, ANN, "nowhere") is RefusalCode.ROOM_NOT_FOUND
    room_id = await house.room(CLEO, maxPlayers=2)
    ann.types(), bob.types()
    assert await refusal_of(parties.enter_room, ANN, room_id) is RefusalCode.ROOM_FULL
    assert (ann.types(), bob.types()) == ([], [])
    assert house.app.rooms.room(room_id).current_players == 1
    bob.go()
    assert await refusal_of(parties.enter_room, ANN, room_id) is RefusalCode.MEMBER_OFFLINE
