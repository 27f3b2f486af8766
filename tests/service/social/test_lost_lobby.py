"""A node goes on with books that are behind the store: what was decided in a log that is gone is in the store alone.

What the books allow may go against it. The store refuses that; the caller is told to try again, and the books follow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.machine import commands
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.social.ports import StoredBlock, StoredFriendship
from tests.kept_ties import stored_friendships
from tests.service.accounts.test_revocations import soon
from tests.service.house import ANN, BOB, CLEO, House
from tests.service.social.test_ties import known, log_takes_nothing, stored

Act = Callable[[House], Awaitable[Any]]


async def asked(house: House, sender: User, receiver: User) -> None:
    """In the store, as another lobby had it."""
    assert await house.store.add_friend_request(sender, receiver, house.clock.utc_now()) is not None


async def became_friends(house: House, asker: User, other: User) -> None:
    await asked(house, asker, other)
    assert await house.store.add_friendship(asker, other, house.clock.utc_now()) is not None


async def withdrew(house: House) -> None:
    """What Bob had asked Cleo."""
    [request] = [each for each in await house.store.friend_requests() if each.sender == BOB]
    await house.store.delete_friend_request(request.id)


async def asked_anew(house: House) -> None:
    await withdrew(house)
    await asked(house, BOB, CLEO)


async def blocked(house: House, user: User, other: User) -> None:
    await house.store.add_block(user.id, other, house.clock.utc_now())


async def ask(house: House, user: User, whom: User) -> None:
    await house.app.social.friends.ask(user, Whom(whom.id))


async def accept(house: House) -> None:
    """Cleo says yes to Bob."""
    [request] = house.app.social.friends.overview(CLEO).incoming
    await house.app.social.friends.accept(CLEO, request.request_id)


@dataclass(frozen=True)
class Case:
    """What was decided in the lobby that is gone, what the books allow, and what is between the two in the end."""

    lost: Act
    call: Act
    are_friends: bool
    requests: list[tuple[User, User]]
    users: tuple[User, User] = (BOB, CLEO)


ANN_AND_CLEO = (ANN, CLEO)
CASES = {
    "friends": Case(
        lambda h: became_friends(h, ANN, CLEO), lambda h: ask(h, ANN, CLEO), True, [], ANN_AND_CLEO
    ),
    "friends, asked by the other": Case(
        lambda h: became_friends(h, ANN, CLEO), lambda h: ask(h, CLEO, ANN), True, [], ANN_AND_CLEO
    ),
    "asked": Case(
        lambda h: asked(h, CLEO, ANN), lambda h: ask(h, ANN, CLEO), False, [(CLEO, ANN)], ANN_AND_CLEO
    ),
    "blocked": Case(lambda h: blocked(h, ANN, CLEO), lambda h: ask(h, ANN, CLEO), False, [], ANN_AND_CLEO),
    "withdrawn": Case(withdrew, accept, False, []),
    "withdrawn, and blocked by the asker": Case(lambda h: blocked(h, BOB, CLEO), accept, False, []),
    "blocked by the asked": Case(lambda h: blocked(h, CLEO, BOB), accept, False, [(BOB, CLEO)]),
    "withdrawn, and asked again": Case(withdrew, lambda h: ask(h, BOB, CLEO), False, [(BOB, CLEO)]),
    "asked anew": Case(asked_anew, lambda h: ask(h, BOB, CLEO), False, [(BOB, CLEO)]),
}  # fmt: skip


@pytest.fixture
async def house(house: House) -> House:
    """Bob has asked Cleo."""
    await ask(house, BOB, CLEO)
    await house.settle()
    return house


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
async def test_what_the_store_has_stands_against_what_the_books_allow(house: House, case: Case) -> None:
    await case.lost(house)
    with pytest.raises(Refusal) as refused:
        await case.call(house)
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    await soon(house)
    await soon(house)
    assert known(house) == await stored(house)
    one, other = case.users
    books = house.app.replica.books
    assert books.friends.are_friends(one.id, other.id) is case.are_friends
    asked_now = [(each.sender, each.receiver) for each in books.friends.requests()]
    assert [pair for pair in asked_now if {*pair} == {*case.users}] == case.requests
    assert not house.app.social.ties.is_looking


async def test_who_tries_again_is_answered_as_the_store_has_it(house: House) -> None:
    await became_friends(house, ANN, CLEO)
    with pytest.raises(Refusal):
        await ask(house, ANN, CLEO)
    await soon(house)
    with pytest.raises(Refusal) as refused:
        await ask(house, ANN, CLEO)
    assert refused.value.code is RefusalCode.ALREADY_FRIENDS


async def test_yes_to_a_user_who_was_deleted_meanwhile_finds_no_request(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_friendship = house.store.add_friendship

    async def after_the_deletion(*arguments: Any) -> Any:
        await house.store.delete_account(BOB.id)
        house.app.replica.submit(commands.ForgetUser(BOB.id, mark_of(BOB.username)))
        return await add_friendship(*arguments)

    monkeypatch.setattr(house.store, "add_friendship", after_the_deletion)
    with pytest.raises(Refusal) as refused:
        await accept(house)
    assert refused.value.code is RefusalCode.REQUEST_NOT_FOUND
    assert await stored_friendships(house.store) == []


async def test_block_that_the_store_has_no_more_stands_once_it_was_asked_for_again(house: House) -> None:
    blocks = house.app.social.blocks
    await blocks.add(ANN, CLEO.id)
    await house.store.delete_block(ANN.id, CLEO.id)
    assert await blocks.add(ANN, CLEO.id) is False
    house.app.social.ties.look_again()
    await soon(house)
    assert house.app.replica.books.blocks.blocks(ANN.id, CLEO.id)
    assert known(house) == await stored(house)


async def test_block_that_only_the_store_has_stands_since_then(house: House) -> None:
    since = house.clock.utc_now()
    await blocked(house, ANN, CLEO)
    house.clock.advance(5.0)
    assert await house.app.social.blocks.add(ANN, CLEO.id)
    [block] = house.app.replica.books.blocks.blocked_by(ANN.id)
    assert block.since == since


async def test_yes_that_was_kept_though_it_failed_may_be_said_again_and_holds_since_then(house: House) -> None:
    with log_takes_nothing(house), pytest.raises(Refusal):
        await accept(house)
    since = house.clock.utc_now()
    house.clock.advance(0.5)
    await accept(house)
    [friend] = house.app.replica.books.friends.friends_of(CLEO.id)
    assert friend.since == since
    await soon(house)
    assert known(house) == await stored(house)


async def test_block_that_no_node_could_be_told_of_holds_soon(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the store, and the log refuses the entry: other nodes could not read it."""
    add_block = house.store.add_block

    async def without_a_time(*arguments: Any) -> Any:
        await add_block(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "add_block", without_a_time)
        with pytest.raises(TypeError, match="Block"):
            await house.app.social.blocks.add(ANN, CLEO.id)
    assert not house.app.replica.books.blocks.blocks(ANN.id, CLEO.id)
    await soon(house)
    assert house.app.replica.books.blocks.blocks(ANN.id, CLEO.id)
    assert known(house) == await stored(house)


# -- what got into the store all the same ------------------------------------------------------------------------------


def friends(house: House, one: User, other: User) -> None:
    now = house.clock.utc_now()
    for user, friend in ((one, other), (other, one)):
        house.store._friendships[user.id, friend.id] = StoredFriendship(user.id, Friend(friend, now))


def request(house: House, number: int, sender: User, receiver: User) -> FriendRequest:
    made = FriendRequest(number, sender, receiver, house.clock.utc_now() + timedelta(seconds=number))
    house.store._requests[number] = made
    return made


def friends_with_a_request(house: House) -> None:
    friends(house, ANN, CLEO)
    request(house, 101, CLEO, ANN)


def friends_with_a_block(house: House) -> None:
    friends(house, ANN, CLEO)
    house.store._blocks[ANN.id, CLEO.id] = StoredBlock(ANN.id, CLEO, house.clock.utc_now())


def request_of_who_blocks(house: House) -> None:
    request(house, 101, ANN, CLEO)
    house.store._blocks[ANN.id, CLEO.id] = StoredBlock(ANN.id, CLEO, house.clock.utc_now())


def two_requests(house: House) -> None:
    request(house, 101, ANN, CLEO)
    request(house, 102, CLEO, ANN)


VOID: dict[Callable[[House], None], bool] = {
    friends_with_a_request: True, friends_with_a_block: False, request_of_who_blocks: False, two_requests: True,
}  # fmt: skip
"""And whether Ann and Cleo are friends in the end."""
each_void = pytest.mark.parametrize("void", VOID, ids=lambda void: void.__name__)


def stands(house: House, void: Callable[[House], None]) -> bool:
    books = house.app.replica.books.friends
    no_request = not books.request_between(ANN.id, CLEO.id) and not books.request_between(CLEO.id, ANN.id)
    return no_request and books.are_friends(ANN.id, CLEO.id) is VOID[void]


@each_void
async def test_look_takes_out_of_the_store_what_cannot_stand_in_it(house: House, void: Callable[[House], None]) -> None:
    void(house)
    house.app.social.ties.look_again()
    await soon(house)
    assert known(house) == await stored(house)
    assert stands(house, void)
    [bobs] = await house.store.friend_requests()
    assert bobs.sender == BOB, "and nothing else"


@each_void
async def test_start_does_not_bring_back_what_cannot_stand_and_the_store_has_it_no_more(
    house: House, void: Callable[[House], None]
) -> None:
    void(house)
    await house.stop()
    again = await House(store=house.store, clock=house.clock).start()
    books = again.app.replica.books.friends
    if void is two_requests:  # they become friends once it can be told
        assert [each.id for each in books.requests() if each.sender != BOB] == [101]
    else:
        assert stands(again, void)
    await soon(again)
    assert known(again) == await stored(again)
    assert stands(again, void)
    await again.stop()


async def told_of_a_request(house: House, sender: User, receiver: User) -> None:
    """What the lobby that is gone kept."""
    await house.store.add_notification(
        key=f"of {sender.username}",
        user_id=receiver.id,
        kind="friend_request",
        title="Friend request",
        body="",
        from_user_id=sender.id,
        created_at=house.clock.utc_now(),
        is_delivered=True,
    )


async def unread(house: House, user: User) -> list[tuple[str, int]]:
    found = await house.store.notifications(user.id, before=None, most=9)
    return sorted((each.kind, each.from_user_id) for each in found if not each.is_read)


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "started"])
@each_void
async def test_what_told_of_a_request_that_was_taken_out_counts_as_read(
    house: House, void: Callable[[House], None], restarts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    void(house)
    for made in house.store._requests.values():
        if made.sender != BOB:
            await told_of_a_request(house, made.sender, made.receiver)
    if restarts:
        await house.stop()
        house = await House(store=house.store, clock=house.clock).start()
        monkeypatch.setattr(house.app.social.notifications, "new_key", lambda: "of another life")
    house.app.social.ties.look_again()
    await soon(house)
    await house.settle()
    became = void is two_requests or (void is friends_with_a_request and not restarts)  # which the books did not have
    assert await unread(house, ANN) == ([("friend_accepted", CLEO.id)] if became else [])
    assert await unread(house, CLEO) == [("friend_request", BOB.id)]
    await house.stop()


async def test_two_who_asked_each_other_in_an_earlier_life_are_told_that_they_are_friends(house: House) -> None:
    two_requests(house)
    await house.stop()
    again = await House(store=house.store, clock=house.clock).start()
    ann, cleo = again.connect(ANN, "rev"), again.connect(CLEO, "rev")
    await soon(again)
    assert ("friend_accepted", {"user_id": CLEO.id, "username": "cleo"}) in ann.told()
    assert ("friend_accepted", {"user_id": ANN.id, "username": "ann"}) in cleo.told()
    await again.stop()


# -- one row of a friendship without the other one ---------------------------------------------------------------------

OUTSIDE = User(77, "of another service")
HALVES = [(ANN, CLEO), (CLEO, ANN), (ANN, OUTSIDE), (OUTSIDE, ANN)]
each_half = pytest.mark.parametrize("half", HALVES, ids=lambda half: f"{half[0].username} has {half[1].username}")


def half_of_a_friendship(house: House, half: tuple[User, User]) -> None:
    user, friend = half
    house.store._friendships[user.id, friend.id] = StoredFriendship(user.id, Friend(friend, house.clock.utc_now()))


def are_friends(house: House, half: tuple[User, User]) -> list[bool]:
    book = house.app.replica.books.friends
    return [book.are_friends(one.id, other.id) for one, other in (half, half[::-1])]


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "started"])
@each_half
async def test_friendship_of_which_one_row_is_gone_stands_where_both_names_are_known(
    house: House, half: tuple[User, User], restarts: bool
) -> None:
    half_of_a_friendship(house, half)
    if restarts:
        await house.stop()
        house = await House(store=house.store, clock=house.clock).start()
    else:
        house.app.social.ties.look_again()
        await soon(house)
    stand = half[0] is not OUTSIDE  # whose name the row that is there does not tell
    assert are_friends(house, half) == [stand, stand]
    await soon(house)
    await soon(house)
    assert are_friends(house, half) == [stand, stand]
    assert known(house) == await stored(house)
    assert not house.app.social.ties.is_looking
    await house.stop()


@pytest.mark.parametrize("half", HALVES[:2], ids=["of who asks", "of who is asked"])
async def test_who_asks_the_other_of_half_a_friendship_hears_soon_that_they_are_friends(
    house: House, half: tuple[User, User]
) -> None:
    half_of_a_friendship(house, half)
    with pytest.raises(Refusal) as refused:
        await ask(house, ANN, CLEO)
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    await soon(house)
    with pytest.raises(Refusal) as refused:
        await ask(house, ANN, CLEO)
    assert refused.value.code is RefusalCode.ALREADY_FRIENDS


@each_half
async def test_half_a_friendship_gives_way_to_a_block(house: House, half: tuple[User, User]) -> None:
    half_of_a_friendship(house, half)
    house.store._blocks[ANN.id, CLEO.id] = StoredBlock(ANN.id, CLEO, house.clock.utc_now())
    house.store._blocks[ANN.id, OUTSIDE.id] = StoredBlock(ANN.id, OUTSIDE, house.clock.utc_now())
    house.app.social.ties.look_again()
    await soon(house)
    assert await stored_friendships(house.store) == []
    assert known(house) == await stored(house)


@each_half
async def test_half_a_friendship_in_the_books_is_made_whole_or_ends_as_the_store_has_it(
    house: House, half: tuple[User, User]
) -> None:
    user, friend = half
    house.app.replica.books.friends.restore([(user.id, friend.id, friend.username, house.clock.utc_now())])
    house.app.social.ties.look_again()
    await soon(house)
    assert are_friends(house, half) == [False, False]
    house.app.replica.books.friends.restore([(user.id, friend.id, friend.username, house.clock.utc_now())])
    friends(house, user, friend)
    house.app.social.ties.look_again()
    await soon(house)
    assert are_friends(house, half) == [True, True]
    assert known(house) == await stored(house)


async def test_start_with_a_sound_store_looks_at_nothing_more(house: House) -> None:
    await house.stop()
    again = await House(store=house.store, clock=house.clock).start()
    assert not again.app.social.ties.is_looking
    await again.stop()


async def test_mending_that_fails_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    friends_with_a_request(house)

    async def away(_: int) -> None:
        raise StoreUnavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "delete_friend_request", away)
        house.app.social.ties.look_again()
        await soon(house)
        assert len(await house.store.friend_requests()) == 2
    house.app.writer.is_away = False
    await soon(house)
    assert known(house) == await stored(house)
    assert len(await house.store.friend_requests()) == 1
