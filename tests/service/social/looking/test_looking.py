"""A look at what is between users comes to its end, however much there is to read and however much changes meanwhile,
and leaves the books as the store is."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.simulation.outside import social_memory
from lobby_server.backplane.node.gate import HELD_S
from lobby_server.core.blocks import Block
from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.machine import commands
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Whom
from lobby_server.service.social.looking import settling
from lobby_server.service.social.ports import FriendIdsPage, StoredBlock, StoredFriendship
from lobby_server.service.writes.look import AGAIN_S
from tests.kept_ties import stored_friendships
from tests.patience import PATIENCE_S
from tests.service.accounts.test_revocations import soon
from tests.service.house import ANN, BOB, CLEO, House
from tests.service.social.test_ties import known, stored
from tests.service.writes.test_gated import Lock

Patch = pytest.MonkeyPatch


def pair_of_strangers(number: int) -> tuple[User, User]:
    return User(2 * number, f"user{2 * number}"), User(2 * number + 1, f"user{2 * number + 1}")


def keep_friends(house: House, one: User, other: User) -> None:
    """In the store, by a call of which the books have not heard."""
    now = house.clock.utc_now()
    for user, friend in ((one, other), (other, one)):
        house.store._friendships[user.id, friend.id] = StoredFriendship(user.id, Friend(friend, now))


def unheard_of(house: House, count: int) -> list[tuple[User, User]]:
    pairs = [pair_of_strangers(number) for number in range(50, 50 + count)]
    for pair in pairs:
        keep_friends(house, *pair)
    return pairs


def heard_of(house: House, pairs: list[tuple[User, User]]) -> int:
    return sum(house.app.replica.books.friends.are_friends(one.id, other.id) for one, other in pairs)


def before_each_read(house: House, patch: Patch, act: Callable[[], None]) -> None:
    """Of friendships, whole or by pages."""

    def acting(read: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            act()
            return await read(*arguments)

        return call

    for name in ("friendships_after", "friend_ids_after"):
        patch.setattr(house.store, name, acting(getattr(house.store, name)))


async def test_look_whose_read_outlasts_the_lock_ends_though_others_change_things_all_the_time(
    house: House, monkeypatch: Patch
) -> None:
    Lock(house.clock).give(house)
    monkeypatch.setattr(social_memory, "ROWS_PER_PAGE", 10)
    pairs, newcomers = unheard_of(house, 40), newcoming_pairs()
    since = house.clock.utc_now()

    def change() -> None:
        """Another node makes two friends, and a call here does not know what became of its own."""
        house.clock.advance(0.8 * HELD_S)
        one, other = next(newcomers)
        keep_friends(house, one, other)
        befriended = commands.Befriend(FriendRequest(0, one, other, since), since, f"key{one.id}")
        house.app.replica.submit(befriended)
        house.app.social.ties.look_again()

    with monkeypatch.context() as patch:
        before_each_read(house, patch, change)
        house.app.social.ties.look_again()
        for _ in range(2):
            await soon(house)
        assert heard_of(house, pairs) == 40
        assert house.app.social.ties.is_looking, "since it was asked for again"
    await soon(house)
    await soon(house)
    assert not house.app.social.ties.is_looking
    assert known(house) == await stored(house)


def newcoming_pairs() -> Iterator[tuple[User, User]]:
    number = 1000
    while True:
        yield pair_of_strangers(number)
        number += 1


async def test_calls_of_others_have_their_turn_while_much_is_settled(house: House, monkeypatch: Patch) -> None:
    pairs, at_once, read = unheard_of(house, 250), [], house.store.ties_between

    async def counting(asked: Any) -> Any:
        at_once.append(len(asked))
        return await read(asked)

    monkeypatch.setattr(house.store, "ties_between", counting)
    house.app.social.ties.look_again()
    house.clock.advance(AGAIN_S)
    while not at_once:
        await asyncio.sleep(0)
    await asyncio.wait_for(house.app.social.friends.ask(ANN, Whom(BOB.id)), PATIENCE_S)
    assert heard_of(house, pairs) <= settling.PER_HOLD
    await house.settle()
    assert heard_of(house, pairs) == 250
    assert at_once == [100, 100, 50]


async def test_lock_is_let_go_in_time_where_each_entry_takes_long(house: House, monkeypatch: Patch) -> None:
    pairs, run, holds = unheard_of(house, 10), house.app.replica.run, []
    gate = house.app.replica.gate

    async def slow(command: Any, *rest: Any, **named: Any) -> Any:
        house.clock.advance(settling.HOLD_S / 2)
        return await run(command, *rest, **named)

    def counted() -> Any:
        holds.append(heard_of(house, pairs))
        return gate()

    monkeypatch.setattr(house.app.replica, "run", slow)
    monkeypatch.setattr(house.app.replica, "gate", counted)
    monkeypatch.setattr(settling, "PAUSE_S", 0.0)
    house.app.social.ties.look_again()
    await soon(house)
    assert holds == [0, 2, 4, 6, 8]
    assert heard_of(house, pairs) == 10


async def test_look_that_is_broken_off_goes_on_where_it_was(house: House, monkeypatch: Patch) -> None:
    pairs, reads, gate, holds = unheard_of(house, 250), [], house.app.replica.gate, []

    def once() -> Any:
        holds.append(None)
        if len(holds) == 2:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        return gate()

    before_each_read(house, monkeypatch, lambda: reads.append(None))
    monkeypatch.setattr(house.app.replica, "gate", once)
    house.app.social.ties.look_again()
    await soon(house)
    assert (heard_of(house, pairs), house.app.social.ties.is_looking) == (100, True)
    read = len(reads)
    await soon(house)
    assert (heard_of(house, pairs), house.app.social.ties.is_looking) == (250, False)
    assert len(reads) == read


async def test_half_a_friendship_waits_for_the_name_that_another_one_tells(house: House) -> None:
    """Of a user of an outside account service: the store has what they are called in a friendship that the books do
    not have yet."""
    outside, zoe = User(900, "outside"), User(901, "zoe")
    keep_friends(house, ANN, outside)
    del house.store._friendships[ANN.id, outside.id]
    keep_friends(house, outside, zoe)
    house.app.social.ties.look_again()
    await soon(house)
    friends = house.app.replica.books.friends
    assert {each.user for each in friends.friends_of(ANN.id)} == {outside}
    assert {each.user for each in friends.friends_of(outside.id)} == {ANN, zoe}
    assert known(house) == await stored(house)


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_either_has_the_books_are_as_the_store_in_the_end(house: House, seed: int) -> None:
    """Halves, void ties and all: what can stand side by side is left, in both alike."""
    chance, now, books = random.Random(seed), house.clock.utc_now(), house.app.replica.books
    users, number = (ANN, BOB, CLEO), 1
    for one in users:
        for other in (each for each in users if each != one):
            if chance.random() < 0.4:
                house.store._friendships[one.id, other.id] = StoredFriendship(one.id, Friend(other, now))
            if chance.random() < 0.4:
                books.friends.restore([(one.id, other.id, other.username, now)])
            if chance.random() < 0.3:
                request = FriendRequest(number, one, other, now)
                number += 1
                where = chance.randrange(3)
                if where != 0:
                    house.store._requests[request.id] = request
                if where != 1:
                    books.friends.add_request(request)
            if chance.random() < 0.2:
                house.store._blocks[one.id, other.id] = StoredBlock(one.id, other, now)
            if chance.random() < 0.2:
                books.blocks.add(one.id, Block(other, now))
        if chance.random() < 0.5:
            house.store._whereabouts[one.id] = "nobody"
        if chance.random() < 0.5:
            books.whereabouts[one.id] = "everybody"
    house.store._last_id = number
    for _ in range(2):
        house.app.social.ties.look_again()
        await soon(house)
    assert known(house) == await stored(house)
    friends = {(each.user_id, each.friend.user.id) for each in await stored_friendships(house.store)}
    blocks = {(each.user_id, each.blocked.id) for each in await house.store.blocks()}
    asked = {(each.sender.id, each.receiver.id) for each in await house.store.friend_requests()}
    assert friends == {way[::-1] for way in friends}
    assert not friends & blocks
    assert not asked & (friends | blocks | {way[::-1] for way in asked})


async def test_look_at_many_friendships_lets_the_loop_go_on_between(house: House, monkeypatch: Patch) -> None:
    book, now, of_whom = house.app.replica.books.friends, house.clock.utc_now(), dict[int, dict[int, None]]()
    for number in range(500, 20_500):
        one, other = pair_of_strangers(number)
        book.befriend(one, other, now)
        of_whom.update({one.id: {other.id: None}, other.id: {one.id: None}})
    ids, done, ask_book = sorted(of_whom), 0, book.are_friends

    async def friend_ids_after(user_id: int) -> FriendIdsPage:
        start = bisect_right(ids, user_id)
        page = ids[start : start + 1000]
        return FriendIdsPage({each: of_whom[each] for each in page}, has_more=page[-1] != ids[-1])

    def are_friends(one_id: int, other_id: int) -> bool:
        nonlocal done
        done += 1
        return ask_book(one_id, other_id)

    monkeypatch.setattr(house.store, "friend_ids_after", friend_ids_after)
    monkeypatch.setattr(book, "are_friends", are_friends)
    house.app.social.ties.look_again()
    house.clock.advance(AGAIN_S)
    most = turns = before = 0
    while house.app.social.ties.is_looking:
        await asyncio.sleep(0)
        turns += 1
        most, before = max(most, done - before), done
    assert done == 80_000
    assert most <= 2000
    assert turns >= 80, "a page, or as many users, per turn"
