"""What gives way between two users: each once, and nothing that may stay."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine.void_ties import BothAsked, VoidFriendship, VoidRequest, VoidTie, void_ties
from lobby_server.core.presence import User

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
Pairs = list[tuple[int, int]]
_Value = TypeVar("_Value")


def request(number: int, sender_id: int, receiver_id: int) -> FriendRequest:
    return FriendRequest(number, User(sender_id, "a"), User(receiver_id, "b"), NOON + timedelta(seconds=number))


def found(*, friends: Pairs = [], asked: Pairs = [], blocks: Pairs = []) -> list[VoidTie]:  # noqa: B006
    requests = [request(number, *pair) for number, pair in enumerate(asked, 1)]
    both = {*friends, *((other, one) for one, other in friends)}
    ties = void_ties(are_friends=lambda one, other: (one, other) in both, requests=requests, blocks=blocks)
    return [each for each in ties if each is not None]


def test_ties_of_different_users_and_one_of_each_may_stay() -> None:
    assert found(friends=[(1, 2)], asked=[(1, 3), (3, 2)], blocks=[(1, 4), (4, 1), (5, 1)]) == []


def test_request_to_a_user_who_blocks_its_sender_may_stay() -> None:
    assert found(asked=[(1, 2)], blocks=[(2, 1)]) == []


@pytest.mark.parametrize("pair", [(1, 2), (2, 1)])
def test_request_between_friends_gives_way(pair: tuple[int, int]) -> None:
    assert found(friends=[(1, 2)], asked=[pair]) == [VoidRequest(request(1, *pair))]


def test_request_of_the_one_who_blocks_gives_way() -> None:
    assert found(asked=[(1, 2)], blocks=[(1, 2)]) == [VoidRequest(request(1, 1, 2))]
    assert found(asked=[(1, 2), (2, 1)], blocks=[(1, 2)]) == [VoidRequest(request(1, 1, 2))]


@pytest.mark.parametrize("blocks", [[(1, 2)], [(2, 1)], [(1, 2), (2, 1)], [(2, 1), (1, 2)]], ids=str)
def test_friendship_gives_way_to_blocks_once(blocks: Pairs) -> None:
    [tie] = found(friends=[(1, 2)], blocks=blocks)
    assert isinstance(tie, VoidFriendship)
    assert {tie.one_id, tie.other_id} == {1, 2}


@pytest.mark.parametrize("asked", [[(1, 2), (2, 1)], [(2, 1), (1, 2)]], ids=str)
def test_two_who_have_asked_each_other_are_friends_as_the_first_one_wished(asked: Pairs) -> None:
    assert found(asked=asked) == [BothAsked(request(1, *asked[0]), request(2, *asked[1]))]


def test_whoever_asks_can_let_others_go_on_after_each_request_and_each_block() -> None:
    read = 0

    def one_by_one(values: Iterable[_Value]) -> Iterator[_Value]:
        nonlocal read
        for value in values:
            read += 1
            yield value

    requests = one_by_one(request(number, number, number + 1) for number in range(100))
    blocks = one_by_one((number, number + 1) for number in range(100))
    before = 0
    for _ in void_ties(are_friends=lambda one, other: False, requests=requests, blocks=blocks):
        assert read <= before + 1
        before = read
    assert read == 200


PAIRS = list(itertools.permutations((1, 2, 3), 2))
some = st.lists(st.sampled_from(PAIRS), unique=True)


@given(friends=some, asked=some, blocks=some)
def test_what_is_left_after_all_has_given_way_stays(friends: Pairs, asked: Pairs, blocks: Pairs) -> None:
    both = {*friends, *((other, one) for one, other in friends)}
    requests = {number: request(number, *pair) for number, pair in enumerate(asked, 1)}

    def ties() -> list[VoidTie]:
        seen = void_ties(are_friends=lambda a, b: (a, b) in both, requests=requests.values(), blocks=blocks)
        return [each for each in seen if each is not None]

    for tie in ties():
        if isinstance(tie, VoidFriendship):
            both -= {(tie.one_id, tie.other_id), (tie.other_id, tie.one_id)}
        elif isinstance(tie, VoidRequest):
            del requests[tie.request.id]
        else:
            del requests[tie.earlier.id], requests[tie.later.id]
            one_id, other_id = tie.earlier.sender.id, tie.earlier.receiver.id
            both |= {(one_id, other_id), (other_id, one_id)}
    assert ties() == []
    left = {(each.sender.id, each.receiver.id) for each in requests.values()}
    assert not left & both
    assert not set(blocks) & (both | left)
    assert not {(receiver, sender) for sender, receiver in left} & left
