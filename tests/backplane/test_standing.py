"""Where a replica stands: what it lacks of a log that ends further on, and whether that is its own."""

from __future__ import annotations

from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Entry
from tests.fakes.clock import VirtualClock


def entries(*numbers: int, of: bytes = b"a") -> list[Entry]:
    return [Entry(number, 0, of) for number in numbers]


def standing_at(*numbers: int) -> Standing:
    """A replica that has applied these."""
    standing = Standing(VirtualClock().monotonic_s)
    for entry in entries(*numbers):
        standing.take(entry)
    return standing


def test_entries_behind_the_own_place_are_missed() -> None:
    assert standing_at(1, 2).missed_of(4, entries(1, 2, 3, 4)) == entries(3, 4)
    assert standing_at(1, 2).missed_of(2, entries(1, 2)) == []


def test_entries_that_the_tail_has_not_are_not_known() -> None:
    assert standing_at(1, 2).missed_of(9, entries(7, 8, 9)) is None


def test_log_that_has_another_entry_at_the_own_place_is_another_log() -> None:
    assert standing_at(1, 2).missed_of(4, entries(1, 2, 3, 4, of=b"b")) is None
    assert standing_at(1, 2).missed_of(2, entries(2, of=b"b")) is None


def test_time_of_the_log_goes_on_between_entries_and_never_back() -> None:
    clock = VirtualClock()
    standing = Standing(clock.monotonic_s)
    standing.set_time(100.0)
    clock.advance(2.0)
    assert standing.now_s() == 102.0
    standing.set_time(101.0)
    assert standing.now_s() == 102.0
