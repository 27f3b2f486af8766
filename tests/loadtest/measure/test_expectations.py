"""What players of a role should hear of each other: judged in virtual time, in one process and in two."""

import pytest

from loadtest.measure.judging.expectations import PATIENCE_S, Announced, Expectations
from loadtest.measure.judging.tally import ReachTally

GOAL, ROOM = "goal", "room 1"


class World:
    """Of one process, at a time of its own."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.took: list[float] = []
        self.book = Expectations(clock=lambda: self.now_s, on_heard=lambda name, took_s, at_s: self.took.append(took_s))

    def listeners(self, number: int) -> list[int]:
        found = [self.book.new_listener() for _ in range(number)]
        for each in found:
            self.book.listens(each, GOAL, ROOM)
        return found

    def announce(self, key: str = "1", *, speaker: int = 0) -> None:
        self.book.announce(Announced(GOAL, ROOM, key, self.now_s, within_s=1.0, speaker=speaker))

    def hear(self, *listeners: int, at_s: float, key: str = "1") -> None:
        for each in listeners:
            self.book.hears(each, GOAL, key, at_s)

    def judge(self, *, is_final: bool = False) -> ReachTally:
        self.book.settle(self.now_s - 5.0, is_final=is_final)
        return self.book.tallies[GOAL]


@pytest.fixture
def world() -> World:
    return World()


def test_what_all_hear_in_time_is_received_and_timed(world: World):
    first, second = world.listeners(2)
    world.announce()
    world.hear(first, at_s=100.25)
    world.hear(second, at_s=100.5)
    world.now_s = 106.0
    tally = world.judge()
    assert (tally.events, tally.expected, tally.received, tally.lost) == (1, 2, 2, 0)
    assert world.took == [0.25, 0.5]


def test_a_key_that_is_not_judged_yet_cannot_be_announced_again(world: World):
    """Who heard which of the two could not be told: one of them would count as lost."""
    world.listeners(1)
    world.announce("hello")
    with pytest.raises(ValueError, match="'hello' was announced for goal already and is not judged yet"):
        world.announce("hello")
    world.now_s = 106.0
    assert world.judge().events == 1
    world.announce("hello")
    assert world.book.tallies[GOAL].events == 2


def test_a_player_whose_leaving_was_read_after_a_standstill_may_have_left_before_the_deadline(world: World):
    """The kernel's time is that of the last that lay in the socket."""
    [listener] = world.listeners(1)
    world.announce()
    world.book.leaves(listener, GOAL, ROOM, at_s=101.9)
    world.book.stood_still(100.3, 102.0)
    world.now_s = 108.0
    tally = world.judge()
    assert (tally.expected, tally.unjudged, tally.lost) == (0, 1, 0)


def test_what_was_read_after_a_standstill_that_the_deadline_fell_into_is_not_late(world: World):
    first, second = world.listeners(2)
    world.announce()
    world.hear(first, at_s=100.2)
    world.hear(second, at_s=102.01)
    world.book.stood_still(100.3, 102.0)
    world.now_s = 108.0
    tally = world.judge()
    assert (tally.expected, tally.received, tally.late, tally.unjudged) == (1, 1, 0, 1)
    assert world.took == [pytest.approx(0.2), pytest.approx(2.01)], "a stall of the swarm is found in the series, too"


@pytest.mark.parametrize("stall", [None, (97.0, 99.5), (101.5, 102.5)], ids=["none", "before", "after"])
def test_what_is_late_without_a_standstill_in_between_is_late(world: World, stall: tuple[float, float] | None):
    [listener] = world.listeners(1)
    world.announce()
    if stall is not None:
        world.book.stood_still(*stall)
    world.hear(listener, at_s=102.0)
    world.now_s = 108.0
    tally = world.judge()
    assert (tally.expected, tally.lost, tally.late, tally.unjudged) == (1, 1, 1, 0)


def test_what_never_came_is_lost_whether_or_not_the_swarm_stood_still(world: World):
    world.listeners(1)
    world.announce()
    world.book.stood_still(100.3, 102.0)
    world.now_s = 108.0
    assert (world.judge().expected, world.judge().lost) == (1, 1)


def test_nothing_is_judged_before_its_settling_time_is_over(world: World):
    world.listeners(1)
    world.announce()
    world.now_s = 105.9
    assert world.judge().expected == 0


def test_what_comes_after_the_deadline_is_late_and_lost(world: World):
    [late] = world.listeners(1)
    world.announce()
    world.hear(late, at_s=101.5)
    world.now_s = 106.0
    tally = world.judge()
    assert (tally.expected, tally.lost, tally.late) == (1, 1, 1)


def test_what_never_comes_is_lost_and_what_comes_twice_is_a_duplicate(world: World):
    twice, _never = world.listeners(2)
    world.announce()
    world.hear(twice, twice, at_s=100.1)
    world.now_s = 106.0
    tally = world.judge()
    assert (tally.expected, tally.received, tally.lost, tally.duplicates) == (2, 1, 1, 1)


def test_a_speaker_need_not_hear_itself(world: World):
    speaker, other = world.listeners(2)
    world.announce(speaker=speaker)
    world.hear(other, at_s=100.1)
    world.now_s = 106.0
    assert world.judge().reach == 1


def test_those_who_come_or_leave_meanwhile_are_unjudged(world: World):
    leaves, stays = world.listeners(2)
    world.announce()
    world.now_s = 100.5
    world.book.leaves(leaves)
    comes = world.book.new_listener()
    world.book.listens(comes, GOAL, ROOM)
    world.hear(stays, at_s=100.6)
    world.now_s = 106.0
    tally = world.judge()
    assert (tally.expected, tally.received, tally.unjudged) == (1, 1, 2)


def test_who_leaves_one_subject_still_listens_to_another(world: World):
    [listener] = world.listeners(1)
    world.book.listens(listener, GOAL, "room 2")
    world.book.leaves(listener, GOAL, "room 2")
    world.announce()
    world.now_s = 106.0
    assert world.judge().expected == 1


def test_what_is_in_flight_at_the_end_is_unjudged(world: World):
    [listener] = world.listeners(1)
    world.announce()
    world.now_s = 100.2
    world.book.leaves(listener)
    tally = world.judge(is_final=True)
    assert (tally.expected, tally.unjudged) == (0, 1)


def test_what_nobody_announced_is_unexpected_after_some_patience(world: World):
    [listener] = world.listeners(1)
    world.hear(listener, at_s=100.0, key="nobody's")
    world.now_s = 100.0 + PATIENCE_S
    assert world.judge().unexpected == 0
    world.now_s += 6.0
    assert world.judge().unexpected == 1


def test_listeners_of_another_process_are_judged_there():
    here, there = World(), World()
    here.book.is_shared = there.book.is_shared = True
    [mine], [theirs] = here.listeners(1), there.listeners(1)
    here.announce(speaker=mine)
    there.hear(theirs, at_s=100.3)
    there.book.add_entries(here.book.take_entries(), is_foreign=False)
    here.now_s = there.now_s = 106.0
    assert here.judge().expected == 0
    tally = there.judge()
    assert (tally.events, tally.expected, tally.received) == (0, 1, 1)
    assert there.took == pytest.approx([0.3])
    assert there.book.take_entries() == [], "an announcement is passed on by who made it"


def test_times_of_another_machine_are_too_coarse_to_be_a_latency():
    there = World()
    [theirs] = there.listeners(1)
    there.now_s = 101.0
    there.hear(theirs, at_s=102.1)
    there.book.add_entries([[GOAL, ROOM, "1", 101.0, 1.0]], is_foreign=True)
    there.now_s = 110.0
    tally = there.judge()
    assert (tally.expected, tally.received, there.took) == (1, 1, [])


def test_memory_does_not_grow_with_the_length_of_a_run(world: World):
    for number in range(200):
        world.now_s = 100.0 + number
        [listener] = world.listeners(1)
        world.announce(str(number))
        world.hear(listener, at_s=world.now_s, key=str(number))
        world.book.leaves(listener)
        world.judge()
    kept = len(world.book._stays[GOAL, ROOM]), len(world.book._heard), len(world.book._announced)
    assert max(kept) <= PATIENCE_S + 10


def test_who_was_gone_before_the_deadline_is_unjudged_though_it_read_of_that_later(world: World):
    [listener] = world.listeners(1)
    world.announce()
    world.now_s = 103.0
    world.book.leaves(listener, GOAL, ROOM, at_s=100.1)
    world.now_s = 106.0
    tally = world.judge()
    assert (tally.expected, tally.unjudged) == (0, 1)
