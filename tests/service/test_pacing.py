"""Time in the service: what is paced, one movable deadline, many equal ones. On a virtual clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lobby_server.service.pacing import Alarm, Paced, Patience
from tests.fakes.clock import VirtualClock


class Pacer:
    """A `Paced` with a state that wishes change, and what was seen of the state at each call."""

    def __init__(self, interval_s: float) -> None:
        self.clock = VirtualClock()
        self.interval_s = interval_s
        self.state = 0
        self.seen: list[tuple[float, int]] = []
        self.paced = Paced(self.clock, interval_s=lambda: self.interval_s, act=self._act)

    def change(self) -> None:
        self.state += 1
        self.paced.wish()

    def _act(self) -> None:
        self.seen.append((round(self.clock.monotonic_s() - 1000.0, 6), self.state))


def test_lone_wish_is_acted_on_at_once() -> None:
    pacer = Pacer(0.25)
    for _ in range(3):
        pacer.change()
        pacer.clock.advance(1.0)
    assert pacer.seen == [(0.0, 1), (1.0, 2), (2.0, 3)]
    assert pacer.paced.joined == 0


def test_wishes_of_a_burst_are_joined_and_the_last_one_is_acted_on() -> None:
    pacer = Pacer(0.25)
    for _ in range(10):
        pacer.change()
    pacer.clock.advance(10.0)
    assert pacer.seen == [(0.0, 1), (0.25, 10)]
    assert pacer.paced.joined == 8


def test_call_is_to_come_while_a_wish_waits() -> None:
    pacer = Pacer(0.25)
    pacer.change()
    assert not pacer.paced.is_wished
    pacer.change()
    assert pacer.paced.is_wished
    pacer.clock.advance(0.25)
    assert not pacer.paced.is_wished


def test_interval_of_zero_acts_on_every_wish() -> None:
    pacer = Pacer(0.0)
    for _ in range(3):
        pacer.change()
    assert pacer.seen == [(0.0, 1), (0.0, 2), (0.0, 3)]


def test_wish_after_a_spell_as_long_as_the_longest_interval_asks_for_none() -> None:
    clock, asked, acted = VirtualClock(), list[float](), list[float]()

    def interval_s() -> float:
        asked.append(clock.monotonic_s())
        return 0.5

    paced = Paced(clock, interval_s=interval_s, act=lambda: acted.append(clock.monotonic_s()), longest_s=1.0)
    paced.wish()
    clock.advance(1.0)
    paced.wish()
    assert (len(asked), len(acted)) == (0, 2)
    clock.advance(0.75)
    paced.wish()
    clock.advance(0.25)
    paced.wish()
    assert (len(asked), len(acted)) == (2, 3)
    clock.advance(0.25)
    assert len(acted) == 4


def test_cancelled_wish_is_forgotten_and_a_later_one_is_not() -> None:
    pacer = Pacer(0.25)
    pacer.change()
    pacer.change()
    pacer.paced.cancel()
    pacer.clock.advance(1.0)
    assert pacer.seen == [(0.0, 1)]
    pacer.change()
    assert pacer.seen == [(0.0, 1), (1.0, 3)]


def test_interval_may_change_with_the_load() -> None:
    pacer = Pacer(0.25)
    pacer.change()
    pacer.interval_s = 2.0
    pacer.change()
    pacer.clock.advance(10.0)
    assert pacer.seen == [(0.0, 1), (2.0, 2)]


def test_wish_out_of_the_call_itself_is_not_lost() -> None:
    clock, calls = VirtualClock(), 0

    def act() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            paced.wish()

    paced = Paced(clock, interval_s=lambda: 0.25, act=act)
    paced.wish()
    clock.advance(10.0)
    assert calls == 3


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_paced_is_never_faster_than_the_interval_and_never_misses_the_last(
    pauses: list[float], interval_s: float
) -> None:
    pacer = Pacer(interval_s)
    for pause in pauses:
        pacer.clock.advance(pause)
        pacer.change()
    pacer.clock.advance(interval_s)
    times = [at_s for at_s, _ in pacer.seen]
    assert all(later - earlier >= interval_s - 1e-5 for earlier, later in itertools.pairwise(times))
    assert pacer.seen[-1][1] == pacer.state
    assert len(pacer.seen) + pacer.paced.joined == pacer.state


# -- one deadline that moves --------------------------------------------------------------------------------------


def test_alarm_rings_at_the_moment_set_last() -> None:
    clock, rung = VirtualClock(), []
    alarm = Alarm(clock, lambda: rung.append(clock.monotonic_s()))
    for at_s in (1010.0, 1005.0, 1007.0, 1007.0):
        alarm.set(at_s)
    clock.advance(20.0)
    assert rung == [1007.0]


def test_alarm_taken_back_does_not_ring_and_can_be_set_again() -> None:
    clock, rung = VirtualClock(), []
    alarm = Alarm(clock, lambda: rung.append(clock.monotonic_s()))
    alarm.set(1001.0)
    alarm.set(None)
    clock.advance(5.0)
    assert rung == []
    alarm.set(1001.0)  # that moment is over: at once
    clock.advance(0.0)
    assert rung == [1005.0]


def test_alarm_may_be_set_out_of_its_own_call() -> None:
    clock, rung = VirtualClock(), []

    def ring() -> None:
        rung.append(clock.monotonic_s())
        if len(rung) < 3:
            alarm.set(clock.monotonic_s() + 1.0)

    alarm = Alarm(clock, ring)
    alarm.set(1001.0)
    clock.advance(10.0)
    assert rung == [1001.0, 1002.0, 1003.0]


# -- many equal deadlines -----------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0, 3.0), max_size=30))
def test_patience_ends_for_each_after_its_time_in_order(pauses: list[float]) -> None:
    clock = VirtualClock()
    added: list[float] = []
    ended: list[tuple[int, float]] = []
    patience: Patience[int] = Patience(
        clock, delay_s=2.0, act=lambda number: ended.append((number, clock.monotonic_s()))
    )
    for number, pause in enumerate(pauses):
        clock.advance(pause)
        added.append(clock.monotonic_s())
        patience.add(number)
    clock.advance(10.0)
    assert [number for number, _ in ended] == list(range(len(pauses)))
    assert all(abs(ended_s - added[number] - 2.0) < 1e-6 for number, ended_s in ended)


def test_patience_holds_nothing_that_was_discarded_and_acts_on_the_others() -> None:
    clock = VirtualClock()
    acted: list[str] = []
    patience: Patience[str] = Patience(clock, delay_s=2.0, act=acted.append)
    for item in "abc":
        patience.add(item)
    patience.discard("a")
    patience.discard("never added")
    clock.advance(1.0)
    patience.add("d")
    patience.discard("b")
    assert list(patience._due_s) == ["c", "d"]
    clock.advance(1.0)
    assert acted == ["c"]
    clock.advance(1.0)
    assert acted == ["c", "d"]


def test_patience_tells_who_waits_and_for_how_long_the_longest_first() -> None:
    clock = VirtualClock()
    patience: Patience[str] = Patience(clock, delay_s=10.0, act=lambda item: None)
    for item in ("a", "b", "c"):
        patience.add(item)
        clock.advance(1.0)
    patience.add("a")
    patience.discard("b")
    clock.advance(2.0)
    assert list(patience.waiting()) == [("c", 3.0), ("a", 2.0)]


def test_alarm_that_is_set_again_for_a_moment_that_is_past_does_not_go_round_in_circles() -> None:
    clock, strikes = VirtualClock(), []

    def strike() -> None:
        strikes.append(clock.monotonic_s())
        alarm.set(1000.0)

    alarm = Alarm(clock, strike)
    alarm.set(1000.0)
    clock.advance(1.0)
    assert len(strikes) == 21


def test_patience_takes_an_item_again_as_it_acts_and_keeps_one_timer() -> None:
    clock = VirtualClock()
    acted: list[tuple[float, str]] = []

    def act(item: str) -> None:
        acted.append((clock.monotonic_s() - began_s, item))
        if len(acted) < 6:
            patience.add(item)

    patience: Patience[str] = Patience(clock, delay_s=2.0, act=act)
    began_s = clock.monotonic_s()
    patience.add("a")
    clock.advance(1.0)
    patience.add("b")
    clock.advance(9.0)
    assert acted == [(2.0, "a"), (3.0, "b"), (4.0, "a"), (5.0, "b"), (6.0, "a"), (7.0, "b"), (8.0, "a")]
    assert clock._calls == []


def test_patience_goes_on_when_what_it_calls_fails() -> None:
    clock = VirtualClock()
    acted: list[str] = []

    def act(item: str) -> None:
        acted.append(item)
        if item == "fails":
            raise KeyError(item)

    patience: Patience[str] = Patience(clock, delay_s=2.0, act=act)
    for item in ("fails", "b"):
        patience.add(item)
    with pytest.raises(KeyError):
        clock.advance(2.0)
    clock.advance(0.1)
    assert acted == ["fails", "b"]
