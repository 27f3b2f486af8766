"""Heartbeats share the turns of a wheel."""

from __future__ import annotations

import math

import pytest

from loadtest.wire.heartbeats.wheel import FINE_PER_TICK, MOST_PER_SLOT, ROUNDED_PART, TICK_S, Wheel, ticks_of
from loadtest.wire.timers import Timers
from tests.loadtest.wire.test_wire import wait_for


class Heart:
    def __init__(self) -> None:
        self.beat_slot = -1
        self.beats_s: list[float] = []

    def on_beat(self, at_s: float) -> None:
        self.beat_slot = -1
        self.beats_s.append(at_s)


def test_a_beat_comes_in_its_tick_and_never_early():
    timers = Timers()
    wheel, heart, due_s = Wheel(timers), Heart(), timers.clock() + 0.07
    heart.beat_slot = wheel.put(due_s, heart)
    wait_for(lambda: heart.beats_s)
    assert due_s <= heart.beats_s[0] <= due_s + TICK_S
    assert timers.clock() >= heart.beats_s[0]
    timers.close()


def test_one_who_is_gone_or_has_another_slot_is_not_told():
    timers = Timers()
    wheel, gone, moved, marker = Wheel(timers), Heart(), Heart(), Heart()
    now_s = timers.clock()
    wheel.put(now_s + 0.01, gone)
    moved.beat_slot = wheel.put(now_s + 0.01, moved)
    moved.beat_slot = wheel.put(now_s + 0.11, moved)
    marker.beat_slot = wheel.put(now_s + 0.2, marker)
    wait_for(lambda: marker.beats_s)
    assert gone.beats_s == []
    assert len(moved.beats_s) == 1
    assert moved.beats_s[0] >= now_s + 0.11
    timers.close()


def test_one_that_may_wait_longer_shares_the_turns_of_every_other_tick():
    timers = Timers()
    wheel, now_s = Wheel(timers), timers.clock() + 30.0
    slots = [wheel.put(now_s + number * TICK_S / 8, Heart(), ticks=2) for number in range(64)]
    assert all(slot % (2 * FINE_PER_TICK) == 0 for slot in slots)
    assert len(set(slots)) in (4, 5)
    assert wheel.next_tick_s(now_s) - now_s <= TICK_S
    timers.close()


@pytest.mark.parametrize(
    ("heartbeat_s", "ticks"),
    [(0.2, 1), (4.9, 1), (5.0, 2), (9.9, 3), (10.0, 4), (30.0, 12), (3600.0, 12), (math.inf, 12)],
)
def test_heartbeat_may_wait_for_the_fiftieth_part_of_its_interval(heartbeat_s: float, ticks: int) -> None:
    assert ticks_of(heartbeat_s) == ticks
    assert ticks == 1 or ticks * TICK_S <= heartbeat_s * ROUNDED_PART + 1e-9


def test_those_who_may_wait_for_several_ticks_fill_all_of_them_before_one_gets_finer_slots() -> None:
    timers, ticks = Timers(), 4
    wheel, due_s = Wheel(timers), timers.clock() + 30.0
    slots = [wheel.put(due_s, Heart(), ticks=ticks) for _ in range(ticks * MOST_PER_SLOT + 1)]
    first = slots[0]
    assert sorted(set(slots)) == sorted([first, first + 1, *(first + n * FINE_PER_TICK for n in range(1, ticks))])
    assert max(slots.count(slot) for slot in slots) == MOST_PER_SLOT
    assert slots.count(first + 1) == 1
    timers.close()


def test_many_at_once_are_spread_over_the_tick_and_share_its_turns():
    timers = Timers()
    wheel, due_s = Wheel(timers), timers.clock() + 30.0
    slots = [wheel.put(due_s, Heart()) for _ in range(100)]
    assert max(slots.count(slot) for slot in slots) == MOST_PER_SLOT
    assert len(set(slots)) == math.ceil(100 / MOST_PER_SLOT)
    assert max(slots) - min(slots) < FINE_PER_TICK
    overfull = [wheel.put(due_s, Heart()) for _ in range(FINE_PER_TICK * MOST_PER_SLOT)]
    assert min(overfull) == min(slots), "where a tick is full, its first slot takes the rest"
    assert wheel.put(math.inf, Heart()) == -1
    timers.close()
