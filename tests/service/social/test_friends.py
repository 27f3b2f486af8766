"""Friends: who may ask whom, who is told, what is written."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta

import pytest

from bench.simulation.outside import social_memory
from lobby_server.core.friends import Friend
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.social.ports import FriendshipsPage, StoredFriendship
from tests.kept_ties import stored_friendships
from tests.service.house import ANN, BOB, CLEO, House


async def refusal_of(work: Awaitable[object]) -> RefusalCode:
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


async def befriend(house: House) -> None:
    asked, _ = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    assert asked.request is not None
    await house.app.social.friends.accept(BOB, asked.request.request_id)


async def test_request_is_told_to_all_sockets_of_its_receiver_and_kept(house: House) -> None:
    ann, bob, other_tab = house.connect(ANN), house.connect(BOB), house.connect(BOB)
    asked, is_new = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    await house.settle()
    assert (asked.status, is_new) == ("sent", True)
    assert bob.types() == other_tab.types() == ["friend_request", "notification"]
    assert ann.types() == []
    (stored,) = await house.store.friend_requests()
    assert (stored.sender, stored.receiver) == (ANN, BOB)


async def test_user_is_found_by_name_without_regard_to_case(house: House) -> None:
    asked, _ = await house.app.social.friends.ask(ANN, Whom(to_username="BoB"))
    assert asked.request is not None
    assert asked.request.to_user_id == BOB.id


async def test_same_request_again_is_the_one_that_is_there_and_told_once(house: House) -> None:
    bob = house.connect(BOB)
    first, _ = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    again, is_new = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    await house.settle()
    assert (again, is_new) == (first, False)
    assert bob.types() == ["friend_request", "notification"]


async def test_two_who_ask_each_other_are_friends(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    await house.app.social.friends.ask(ANN, Whom(BOB.id))
    ann.types(), bob.types()
    asked, is_new = await house.app.social.friends.ask(BOB, Whom(ANN.id))
    await house.settle()
    assert (asked.status, is_new) == ("accepted", False)
    assert "friend_accepted" in ann.types()
    assert "friend_accepted" in bob.types()
    assert await house.store.friend_requests() == []
    assert {(each.user_id, each.friend.user.id) for each in await stored_friendships(house.store)} == {(1, 2), (2, 1)}


async def test_requests_that_make_no_sense_are_refused(house: House) -> None:
    friends = house.app.social.friends
    assert await refusal_of(friends.ask(ANN, Whom(ANN.id))) is RefusalCode.INVALID_TARGET
    assert await refusal_of(friends.ask(ANN, Whom(99))) is RefusalCode.USER_NOT_FOUND
    assert await refusal_of(friends.accept(ANN, 99)) is RefusalCode.REQUEST_NOT_FOUND
    assert await refusal_of(friends.decline(ANN, 99)) is RefusalCode.REQUEST_NOT_FOUND
    assert await refusal_of(friends.remove(ANN, BOB.id)) is RefusalCode.NOT_FRIENDS
    await befriend(house)
    assert await refusal_of(friends.ask(ANN, Whom(BOB.id))) is RefusalCode.ALREADY_FRIENDS


async def test_only_its_receiver_accepts_a_request_and_a_third_user_declines_nothing(house: House) -> None:
    friends = house.app.social.friends
    asked, _ = await friends.ask(ANN, Whom(BOB.id))
    assert asked.request is not None
    assert await refusal_of(friends.accept(ANN, asked.request.request_id)) is RefusalCode.REQUEST_NOT_FOUND
    assert await refusal_of(friends.decline(CLEO, asked.request.request_id)) is RefusalCode.REQUEST_NOT_FOUND
    assert len(await house.store.friend_requests()) == 1


async def test_declined_request_is_closed_for_the_one_who_declines_and_its_sender_is_not_told(house: House) -> None:
    ann, bob = house.connect(ANN), house.connect(BOB)
    asked, _ = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    await house.settle()
    ann.types(), bob.types()
    assert asked.request is not None
    await house.app.social.friends.decline(BOB, asked.request.request_id)
    assert (ann.types(), bob.types()) == ([], ["friend_request_closed"])
    assert await house.store.friend_requests() == []


@pytest.mark.parametrize("end", ["accepted", "declined", "withdrawn", "asked back", "blocked"])
async def test_notification_of_a_request_counts_as_read_once_the_request_is_over(house: House, end: str) -> None:
    friends = house.app.social.friends
    asked, _ = await friends.ask(ANN, Whom(BOB.id))
    await friends.ask(CLEO, Whom(BOB.id))
    assert asked.request is not None
    await house.settle()
    assert await house.store.unread_notifications(BOB.id) == 2
    if end == "accepted":
        await friends.accept(BOB, asked.request.request_id)
    elif end == "asked back":
        await friends.ask(BOB, Whom(ANN.id))
    elif end == "blocked":
        await house.app.social.blocks.add(ANN, BOB.id)
    else:
        await friends.decline(BOB if end == "declined" else ANN, asked.request.request_id)
    await house.settle()
    (left,) = [each for each in await house.store.notifications(BOB.id, before=None, most=9) if not each.is_read]
    assert left.from_user_id == CLEO.id, "and no other one does"


async def test_request_to_a_user_who_blocks_looks_sent_and_does_not_arrive(house: House) -> None:
    bob = house.connect(BOB)
    await house.app.social.blocks.add(BOB, ANN.id)
    asked, is_new = await house.app.social.friends.ask(ANN, Whom(BOB.id))
    await house.settle()
    assert (asked.status, is_new) == ("sent", True)
    assert bob.types() == []
    assert house.app.social.friends.overview(BOB).incoming == []
    assert await refusal_of(house.app.social.friends.ask(BOB, Whom(ANN.id))) is RefusalCode.BLOCKED_BY_YOU


async def test_end_of_a_friendship_is_told_to_both_and_written(house: House) -> None:
    await befriend(house)
    ann, bob = house.connect(ANN), house.connect(BOB)
    await house.app.social.friends.remove(BOB, ANN.id)
    assert ann.told() == [("friend_removed", {"user_id": BOB.id})]
    assert bob.told() == [("friend_removed", {"user_id": ANN.id})]
    assert await stored_friendships(house.store) == []


async def test_presence_of_friends_is_told_to_sockets_that_hear_of_friends_only(house: House) -> None:
    await befriend(house)
    bob, cleo = house.connect(BOB, "presence_friends"), house.connect(CLEO, "presence_friends")
    hidden = frozenset({"player_count"})
    bob.told(but=hidden), cleo.told(but=hidden)
    ann = house.connect(ANN)
    assert bob.told(but=hidden) == [("user_online", {"user_id": 1, "username": "ann"})]
    ann.go()
    assert bob.told(but=hidden) == [("user_offline", {"user_id": 1, "username": "ann"})]
    assert cleo.told(but=hidden) == []


async def test_change_that_cannot_be_kept_does_not_hold(house: House) -> None:
    house.connect(ANN), house.connect(BOB)
    await house.app.social.friends.ask(ANN, Whom(BOB.id))
    house.store.is_away = True
    with pytest.raises(StoreUnavailable):
        await house.app.social.friends.ask(BOB, Whom(ANN.id))
    house.store.is_away = False
    assert house.app.social.friends.overview(ANN).count == 0
    assert len(house.app.social.friends.overview(ANN).outgoing) == 1


async def test_start_takes_up_friendships_by_pages_and_lists_them_in_the_order_of_their_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(social_memory, "DIRECTIONS_PER_PAGE", 3)
    strangers = [User(100 + number, f"stranger{number}") for number in range(5)]
    for number, stranger in enumerate(reversed(strangers)):
        since = house.clock.utc_now() + timedelta(seconds=number)
        for one, other in ((ANN, stranger), (stranger, ANN)):
            house.store._friendships[one.id, other.id] = StoredFriendship(one.id, Friend(other, since))
    read = house.store.friendships_after
    sizes: list[int] = []

    async def noted(mark: tuple[int, ...] | None) -> FriendshipsPage:
        page = await read(mark)
        sizes.append(len(page.rows))
        return page

    monkeypatch.setattr(house.store, "friendships_after", noted)
    again = House(store=house.store, clock=house.clock)
    await again.start()
    assert sizes == [3, 3, 3, 1]
    overview = again.app.social.friends.overview(ANN)
    assert [friend.username for friend in overview.friends] == [each.username for each in reversed(strangers)]
    assert again.app.social.friends.overview(strangers[0]).friends[0].since == overview.friends[-1].since
    assert not again.app.social.ties.is_looking
    await again.stop()
