"""Friends, requests and blocks: what always holds, searched by a state machine."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lobby_server.core import blocks, friends
from lobby_server.core.blocks import Block, BlockBook
from lobby_server.core.friends import Direction, FriendBook, FriendRequest
from lobby_server.core.friends.table import Friendships
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
USERS = {number: User(number, f"user{number}") for number in range(5)}
users = st.sampled_from(list(USERS.values()))
ids, names = st.integers(0, 4), st.sampled_from(["ann", "bob"])
moments = st.integers(0, 3).map(lambda second: NOW + timedelta(seconds=second))


class FriendMachine(RuleBasedStateMachine):
    """A few users who ask, answer and part in any order, beside a plain model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = FriendBook()
        self.friends: set[frozenset[int]] = set()
        self.asked: set[tuple[int, int]] = set()
        self.last_id = 0

    @rule(sender=users, receiver=users)
    def asks(self, sender: User, receiver: User) -> None:
        pair = frozenset({sender.id, receiver.id})
        try:
            self.book.check_may_ask(sender.id, receiver.id)
        except Refusal as refusal:
            assert refusal.code.value == ("invalid_target" if sender == receiver else "already_friends")
            assert sender == receiver or pair in self.friends
            return
        assert pair not in self.friends
        if (sender.id, receiver.id) in self.asked or (receiver.id, sender.id) in self.asked:
            return
        self.last_id += 1
        self.book.add_request(FriendRequest(self.last_id, sender, receiver, NOW))
        self.asked.add((sender.id, receiver.id))

    @rule(one=users, other=users)
    def become_friends(self, one: User, other: User) -> None:
        if one != other:
            self.book.befriend(one, other, NOW)
            self.friends.add(frozenset({one.id, other.id}))
            self.asked -= {(one.id, other.id), (other.id, one.id)}

    @rule(sender=users, receiver=users)
    def takes_back(self, sender: User, receiver: User) -> None:
        request = self.book.request_between(sender.id, receiver.id)
        assert (request is not None) == ((sender.id, receiver.id) in self.asked)
        if request is not None:
            self.book.remove_request(request)
            self.book.remove_request(request)
            self.asked.remove((sender.id, receiver.id))

    @rule(one=users, other=users)
    def part(self, one: User, other: User) -> None:
        pair = frozenset({one.id, other.id})
        assert self.book.part(one.id, other.id) == (pair in self.friends)
        self.friends.discard(pair)

    @invariant()
    def friendship_goes_both_ways(self) -> None:
        for one in USERS.values():
            theirs = {friend.user.id for friend in self.book.friends_of(one.id)}
            assert theirs == set(self.book.friend_ids(one.id))
            assert theirs == {other for other in USERS if other != one.id and {one.id, other} in self.friends}

    @invariant()
    def requests_are_seen_from_both_ends(self) -> None:
        sent = {(each.sender.id, each.receiver.id) for user_id in USERS for each in self.book.sent_by(user_id)}
        received = {(each.sender.id, each.receiver.id) for user_id in USERS for each in self.book.received_by(user_id)}
        assert sent == received == self.asked

    @invariant()
    def who_has_somebody_can_be_named_and_nobody_else(self) -> None:
        for user in USERS.values():
            is_known = any(user.id in pair for pair in [*self.friends, *self.asked])
            assert self.book.name_of(user.id) == (user.username if is_known else None)


TestFriends = FriendMachine.TestCase
TestFriends.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class TableMachine(RuleBasedStateMachine):
    """Rows as a store may have them: one way only, with several names for one user, twice; beside a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Friendships()
        self.rows: dict[int, dict[int, tuple[str, datetime]]] = {}

    @rule(rows=st.lists(st.tuples(ids, ids, names, moments), max_size=4))
    def takes_up(self, rows: list[Direction]) -> None:
        self.table.add(rows)
        for user_id, friend_id, name, since in rows:
            self.rows.setdefault(user_id, {})[friend_id] = (name, since)

    @rule(user_id=ids, friend_id=ids)
    def discards(self, user_id: int, friend_id: int) -> None:
        self.table.discard(user_id, friend_id)
        self.rows.get(user_id, {}).pop(friend_id, None)
        if not self.rows.get(user_id):
            self.rows.pop(user_id, None)

    @rule()
    def orders(self) -> None:
        assert sum(1 for _ in self.table.in_order()) == len(self.rows)
        for user_id, theirs in self.rows.items():
            self.rows[user_id] = dict(sorted(theirs.items(), key=lambda each: (each[1][1], each[0])))

    @invariant()
    def each_row_says_what_it_said_in_its_place(self) -> None:
        assert list(self.table.user_ids()) == list(self.rows)
        for user_id in range(5):
            rows = self.rows.get(user_id, {})
            assert list(self.table.of(user_id)) == [(User(key, name), at) for key, (name, at) in rows.items()]
            assert list(self.table.ids(user_id)) == list(rows)
            assert self.table.count(user_id) == len(rows)

    @invariant()
    def halves_are_the_rows_without_the_other_one(self) -> None:
        assert [(each[0], each[1].id) for each in self.table.halves() if each is not None] == [
            (user_id, friend_id)
            for user_id, theirs in self.rows.items()
            for friend_id in theirs
            if user_id not in self.rows.get(friend_id, {})
        ]

    @invariant()
    def nothing_is_kept_of_whom_no_row_names(self) -> None:
        named = {friend_id for theirs in self.rows.values() for friend_id in theirs}
        assert set(self.table._known) <= named
        assert {friend_id for _, friend_id in self.table._otherwise} <= named


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)


def test_friendship_costs_no_object_of_its_own_and_a_fraction_of_one_in_memory() -> None:
    """200 users who are all friends. With an object per direction, one per name and one per moment it was 323 B."""
    users_count, later = 200, timedelta(seconds=1)
    gc.collect()
    tracked_before = len(gc.get_objects())
    tracemalloc.start()
    try:
        book = FriendBook()
        for one in range(1000, 1000 + users_count):  # with values of its own in each row, as a database gives them
            book.restore(
                (one * 1, other * 1, f"player_{other}", NOW + (one + other) * later)
                for other in range(1000, 1000 + users_count)
                if other != one
            )
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    directions = users_count * (users_count - 1)
    assert held_bytes / directions < 110
    gc.collect()
    assert len(gc.get_objects()) - tracked_before < directions / 10
    assert len(book.friends_of(1000)) == users_count - 1


def code_of(call: object) -> str:
    with pytest.raises(Refusal) as refusal:
        call()  # type: ignore[operator]
    return refusal.value.code.value


def test_who_asked_too_many_is_refused() -> None:
    book = FriendBook()
    for number in range(friends.MAX_OPEN_REQUESTS):
        book.check_may_ask(0, 1000 + number)
        book.add_request(FriendRequest(number, USERS[0], User(1000 + number, "x"), NOW))
    assert code_of(lambda: book.check_may_ask(0, 1)) == "limit_reached"
    book.check_may_ask(1, 0)


def test_who_has_too_many_friends_gets_no_more_and_is_nobody_elses() -> None:
    book = FriendBook()
    for number in range(friends.MAX_FRIENDS):
        book.check_may_befriend(0, 1000 + number)
        book.befriend(USERS[0], User(1000 + number, "x"), NOW)
    assert code_of(lambda: book.check_may_befriend(0, 1)) == "limit_reached"
    assert code_of(lambda: book.check_may_befriend(1, 0)) == "limit_reached"
    book.check_may_befriend(1, 2)


def test_block_goes_one_way_and_is_lifted_once() -> None:
    book = BlockBook()
    book.check_may_block(1, 2)
    book.add(1, Block(USERS[2], NOW))
    book.add(1, Block(USERS[3], NOW))
    assert (book.blocks(1, 2), book.blocks(2, 1), book.blocks(3, 2)) == (True, False, False)
    assert [block.user.id for block in book.blocked_by(1)] == [2, 3]
    assert code_of(lambda: book.check_may_address(1, 2)) == "blocked_by_you"
    book.check_may_address(2, 1)
    assert (book.remove(1, 2), book.remove(1, 2), book.remove(9, 2)) == (True, False, False)
    assert not book.blocks(1, 2)


def test_block_of_oneself_and_one_too_many_are_refused() -> None:
    book = BlockBook()
    assert code_of(lambda: book.check_may_block(1, 1)) == "invalid_target"
    for number in range(blocks.MAX_BLOCKS):
        book.add(1, Block(User(1000 + number, "x"), NOW))
    assert code_of(lambda: book.check_may_block(1, 2)) == "limit_reached"
