"""Deadlines of rooms: those that are due are found without looking at the others, the room that has waited longest
first.
"""

from __future__ import annotations

from datetime import datetime, timezone

from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.core.rooms.deadlines import Deadlines

NOON = datetime(2026, 5, 17, 12, 0, tzinfo=timezone.utc)


class Watched(Room):
    """Counts how often its deadlines are looked at."""

    looks = 0

    @property
    def deadlines_s(self) -> tuple[float, ...]:
        Watched.looks += 1
        return super().deadlines_s


def waiting(deadlines: Deadlines, name: str, until_s: float) -> Room:
    room = Watched(
        id=name, host=User(1, "ann"), gamemode="ffa", map_name=None, max_players=8, is_public=True, version=None,
        created_at=NOON,
    )  # fmt: skip
    room.empty_until_s = until_s
    deadlines.wait(room, until_s)
    return room


def test_due_rooms_come_in_the_order_in_which_they_began_to_wait_and_once() -> None:
    deadlines = Deadlines()
    late, early, later = (waiting(deadlines, name, until_s) for name, until_s in (("a", 2.0), ("b", 1.0), ("c", 3.0)))
    late.host_until_s = 2.0
    deadlines.wait(late, 2.0)
    assert deadlines.due(0.5) == []
    assert deadlines.due(2.0) == [late, early]
    assert deadlines.next_s() == 3.0
    assert deadlines.due(9.0) == [later]
    assert deadlines.next_s() is None


def test_deadline_that_was_called_off_is_not_due_and_another_one_of_the_room_is() -> None:
    deadlines = Deadlines()
    room = waiting(deadlines, "a", 1.0)
    room.host_until_s = 2.0
    deadlines.wait(room, 2.0)
    room.empty_until_s = None
    deadlines.called_off(room)
    assert deadlines.due(1.0) == []
    assert (deadlines.next_s(), deadlines.rooms()) == (2.0, [room])
    room.host_until_s = None
    deadlines.called_off(room)
    assert (deadlines.next_s(), deadlines.rooms()) == (None, [])


def test_rooms_that_are_not_due_are_not_looked_at() -> None:
    deadlines = Deadlines()
    for number in range(1000):
        waiting(deadlines, str(number), 100.0 + number)
    Watched.looks = 0
    assert [room.id for room in deadlines.due(102.0)] == ["0", "1", "2"]
    assert deadlines.due(102.5) == []
    assert Watched.looks == 3


def test_room_that_waits_again_is_last_and_order_outlives_a_copy() -> None:
    deadlines = Deadlines()
    first, second = waiting(deadlines, "a", 1.0), waiting(deadlines, "b", 1.0)
    first.empty_until_s = None
    deadlines.called_off(first)
    first.empty_until_s = 1.0
    deadlines.wait(first, 1.0)
    copy = Deadlines()
    copy.load(deadlines.rooms())
    assert deadlines.due(1.0) == copy.due(1.0) == [second, first]
