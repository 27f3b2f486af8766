"""Heartbeats share the turns of a wheel."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from loadtest.wire.heartbeats.wheel import FINE_PER_TICK, MOST_PER_SLOT, ROUNDED_PART, TICK_S, Wheel, ticks_of
from loadtest.wire.timers import Timer, Timers
from tests.loadtest.wire.test_wire import wait_for


class Heart:
    def __init__(self) -> None:
        self.beat_slot = -1
        self.beats_s: list[float] = []

    def on_beat(self, at_s: float) -> None:
        self.beat_slot = -1
        self.beats_s.append(at_s)


class StillTimers(Timers):
    """Whose times come all at once."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[float, Callable[[float], None]]] = []

    def put(self, at_s: float, callback: Callable[[float], None]) -> Timer:
        self.told.append((at_s, callback))
        return Timer(at_s, callback)

    def fire(self) -> None:
        for at_s, callback in self.told:
            callback(at_s)


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


@pytest.mark.parametrize("ticks", [1, 4, 12])
@pytest.mark.parametrize("full", ["the ticks", "all slots"])
def test_heartbeat_waits_no_longer_than_it_may_however_many_come_at_one_moment(ticks: int, full: str) -> None:
    """128 where it may wait for four ticks."""
    most = ticks * MOST_PER_SLOT * (1 if full == "the ticks" else FINE_PER_TICK)
    for phase in {0, ticks - 1}:
        timers = StillTimers()
        wheel, due_s, hearts = Wheel(timers), 1000.0 + (phase + 0.5) * TICK_S, [Heart() for _ in range(most)]
        for heart in hearts:
            heart.beat_slot = wheel.put(due_s, heart, ticks=ticks)
        timers.fire()
        waited_s = [at_s - due_s for heart in hearts for at_s in heart.beats_s]
        assert len(waited_s) == most
        assert min(waited_s) >= -1e-9
        assert max(waited_s) <= ticks * TICK_S + 1e-9
        assert len(timers.told) == most // MOST_PER_SLOT, "no more turns than have to be"


def test_those_who_may_wait_for_several_ticks_fill_all_of_them_before_one_gets_finer_slots() -> None:
    timers, ticks = StillTimers(), 4
    wheel, due_s = Wheel(timers), 1000.0
    slots = [wheel.put(due_s, Heart(), ticks=ticks) for _ in range(ticks * MOST_PER_SLOT + 1)]
    *on_ticks, finer = slots
    assert slots[0] % (ticks * FINE_PER_TICK) == 0, "the one that all share"
    assert all(slot % FINE_PER_TICK == 0 for slot in on_ticks)
    assert sorted(set(on_ticks)) == [min(on_ticks) + number * FINE_PER_TICK for number in range(ticks)]
    assert max(slots.count(slot) for slot in slots) == MOST_PER_SLOT
    assert finer % FINE_PER_TICK == 1


def test_tick_after_a_full_slot_is_shared_by_all_who_may_have_it_and_the_others_have_the_one_before() -> None:
    """Due in each of the four ticks up to the slot: for one in the first of them the tick after it is too late."""
    timers, ticks = StillTimers(), 4
    wheel = Wheel(timers)
    shared = wheel.put(1000.0, Heart(), ticks=ticks)
    shared_s, _ = timers.told[0]
    while wheel.put(shared_s - TICK_S / 2, Heart(), ticks=ticks) == shared:
        pass
    slots = [wheel.put(shared_s - (number + 0.5) * TICK_S, Heart(), ticks=ticks) for number in range(ticks)]
    assert slots == [*[shared + FINE_PER_TICK] * 3, shared - FINE_PER_TICK]


def test_many_at_once_are_spread_over_the_tick_and_share_its_turns():
    timers = StillTimers()
    wheel, due_s = Wheel(timers), 1000.0
    slots = [wheel.put(due_s, Heart()) for _ in range(100)]
    assert max(slots.count(slot) for slot in slots) == MOST_PER_SLOT
    assert len(set(slots)) == math.ceil(100 / MOST_PER_SLOT)
    assert max(slots) - min(slots) < FINE_PER_TICK
    more = [wheel.put(due_s, Heart()) for _ in range(FINE_PER_TICK * MOST_PER_SLOT)]
    assert max(more) - min(more) < FINE_PER_TICK
    assert more[-100:] == [slots[0]] * 100, "where a tick is full, its own slot takes the rest"
    assert wheel.put(math.inf, Heart()) == -1
