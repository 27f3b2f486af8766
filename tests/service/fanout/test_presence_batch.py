"""Presence in batches: who is told what of users who come and go within one tick."""

from __future__ import annotations

import json

import pytest

from lobby_server.core.presence import User
from lobby_server.service.fanout.presence_batch import PresenceBatch

ANN, BOB = User(1, "ann"), User(2, "bob")
Told = tuple[list[int], list[int]]
"""Ids of those online now, and of those offline."""


def told_by(batch: PresenceBatch) -> list[Told]:
    """Of each message of the tick."""
    told: list[Told] = []
    for frame in batch.take_frames():
        data = json.loads(frame[frame.index(b"{") :])["data"]
        told.append(([each["user_id"] for each in data["online"]], [each["user_id"] for each in data["offline"]]))
    return told


@pytest.mark.parametrize(("is_shared", "told"), [(False, []), (True, [([1], []), ([], [1])])])
def test_user_who_came_and_went_is_told_where_another_node_may_have_shown_them(
    is_shared: bool, told: list[Told]
) -> None:
    batch = PresenceBatch(is_shared=is_shared)
    batch.note(ANN, is_online=True)
    batch.note(ANN, is_online=False)
    assert told_by(batch) == told
    assert told_by(batch) == []


def test_user_who_went_and_came_while_others_did_is_told_in_that_order_and_nobody_twice() -> None:
    batch = PresenceBatch(is_shared=True)
    batch.note(ANN, is_online=False)
    batch.note(BOB, is_online=True)
    batch.note(ANN, is_online=True)
    batch.note(BOB, is_online=False)
    assert len(batch) == 4
    assert told_by(batch) == [([2], [1]), ([1], [2])]
    assert len(batch) == 0


def test_session_that_comes_between_two_changes_learns_of_both_and_nobody_hears_the_same_twice() -> None:
    batch = PresenceBatch()
    batch.note(ANN, is_online=False)
    batch.newcomer()
    batch.note(ANN, is_online=True)
    batch.note(BOB, is_online=True)
    assert told_by(batch) == [([], [1]), ([1, 2], [])]
