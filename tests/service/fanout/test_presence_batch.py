"""Presence in batches: who is told what of users who come and go within one tick."""

from __future__ import annotations

import pytest

from lobby_server.core.presence import User
from lobby_server.service.fanout.presence_batch import PresenceBatch

ANN = User(1, "ann")


@pytest.mark.parametrize(("is_shared", "frames"), [(False, 0), (True, 1)])
def test_user_who_came_and_went_is_told_where_another_node_may_have_shown_them(is_shared: bool, frames: int) -> None:
    batch = PresenceBatch(is_shared=is_shared)
    batch.note(ANN, is_online=True)
    batch.note(ANN, is_online=False)
    told = batch.take_frames()
    assert len(told) == frames
    assert all(b'"offline":[{"user_id":1' in frame for frame in told)
