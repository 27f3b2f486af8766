"""What ended memberships while their users may have been away: found by the user, and forgotten in its time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import ItemsView, ValuesView

from lobby_server.core.machine.books import Partings


class Counted(OrderedDict[int, tuple[float, str]]):
    """Counts how often it is gone through from its beginning."""

    looks = 0

    def values(self) -> ValuesView[tuple[float, str]]:  # type: ignore[override]
        Counted.looks += 1
        return super().values()

    def items(self) -> ItemsView[int, tuple[float, str]]:  # type: ignore[override]
        raise AssertionError("all of them are looked at")


def test_what_is_noted_does_not_cost_a_look_at_all_that_is_kept() -> None:
    partings = Partings(grace_s=30.0)
    partings.note(range(1000), "", now_s=0.0)
    partings.latest = Counted(partings.latest)
    Counted.looks = 0
    partings.note([1000], "r", now_s=1.0)
    assert (Counted.looks, len(partings)) == (1, 1001)
    partings.note([1001], "r", now_s=30.0)
    assert list(partings.latest) == [1000, 1001]


def test_user_who_is_put_out_again_is_kept_from_then_on() -> None:
    partings = Partings(grace_s=30.0)
    partings.note([1, 2], "", now_s=0.0)
    partings.note([1], "r", now_s=10.0)
    partings.note([3], "", now_s=30.0)
    assert list(partings.latest) == [1, 3]
    assert (partings.of(1, now_s=39.9), partings.of(1, now_s=40.0), partings.of(2, now_s=1.0)) == ("r", None, None)


def test_copy_in_another_order_forgets_the_same() -> None:
    one, copy = Partings(grace_s=30.0), Partings(grace_s=30.0)
    for user_id, now_s in ((3, 0.0), (1, 5.0), (2, 10.0)):
        one.note([user_id], "r", now_s=now_s)
    copy.load(sorted((user_id, until_s, room_id) for user_id, (until_s, room_id) in one.latest.items()))
    for each in (one, copy):
        each.note([4], "", now_s=35.0)
        assert list(each.latest) == [2, 4]
