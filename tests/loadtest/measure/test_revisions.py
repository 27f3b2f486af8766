"""What revisions of the rooms tell: losses, repetitions, order."""

from __future__ import annotations

from loadtest.measure.revisions import Revisions


class Observers:
    """Connections that are told deltas."""

    def __init__(self, number: int) -> None:
        self.revisions = Revisions()
        self.held = [self.revisions.take(-1, 10, base=None, is_whole=True)] * number

    def delta(self, revision: int, *to: int) -> None:
        for observer in to:
            self.held[observer] = self.revisions.take(self.held[observer], revision, base=revision - 1, is_whole=False)

    def whole(self, revision: int, observer: int) -> None:
        self.held[observer] = self.revisions.take(self.held[observer], revision, base=None, is_whole=True)


def test_a_dropped_delta_is_lost_once_and_the_list_asked_for_then_repeats_nothing():
    observers = Observers(2)
    observers.delta(11, 0, 1)
    observers.delta(12, 0)
    observers.delta(13, 0, 1)
    observers.whole(13, 1)
    found = observers.revisions.take_found()
    assert (found.lost, found.repeated, found.stale) == (1, 0, 0)


def test_as_many_deltas_are_lost_as_others_heard():
    observers = Observers(2)
    for revision in range(11, 20):
        observers.delta(revision, 0)
    observers.delta(20, 0, 1)
    assert observers.revisions.take_found().lost == 9
    assert observers.revisions.take_found().lost == 0


def test_a_delta_that_comes_twice_is_a_duplicate_and_an_older_one_is_stale():
    observers = Observers(1)
    observers.delta(11, 0)
    observers.delta(11, 0)
    observers.delta(9, 0)
    found = observers.revisions.take_found()
    assert (found.repeated, found.stale, found.lost) == (1, 1, 0)


def test_announcements_without_a_base_may_skip_revisions_by_right():
    revisions = Revisions()
    held = -1
    for revision in (3, 7, 7, 6):
        held = revisions.take(held, revision, base=None, is_whole=False)
    found = revisions.take_found()
    assert (found.lost, found.repeated, found.stale) == (0, 1, 1)
