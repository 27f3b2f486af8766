"""How shared greenlets wait: what is called from the hub, and when."""

from __future__ import annotations

import time

from loadtest.wire.alarm import Alarm, Metronome
from tests.loadtest.wire.test_wire import wait_for

BUSY_S = 0.03


def be_busy() -> None:
    """The loop's own time stays behind."""
    until_s = time.perf_counter() + BUSY_S
    while time.perf_counter() < until_s:
        pass


def test_alarm_that_is_set_after_work_in_the_hub_is_not_early() -> None:
    """Each one that is costs a wake for nothing."""
    alarm, called_s, due_s = Alarm(), list[float](), list[float]()

    def first() -> None:
        be_busy()
        due_s.append(time.perf_counter() + BUSY_S)
        alarm.set(BUSY_S, lambda: called_s.append(time.perf_counter()))

    alarm.set(0.0, first)
    wait_for(lambda: called_s)
    assert called_s[0] >= due_s[0]


def test_alarm_that_is_set_anew_or_stopped_is_not_heard() -> None:
    alarm, called = Alarm(), list[str]()
    alarm.set(0.0, lambda: called.append("replaced"))
    alarm.set(0.0, lambda: called.append("the last"))
    wait_for(lambda: called)
    alarm.set(0.0, lambda: called.append("stopped"))
    alarm.stop()
    after = Alarm()
    after.set(0.01, lambda: called.append("after it"))
    wait_for(lambda: len(called) > 1)
    assert called == ["the last", "after it"]


def test_metronome_is_never_early_and_loses_no_time_by_what_is_done_in_between() -> None:
    metronome, called_s = Metronome(), list[float]()

    def work() -> None:
        called_s.append(time.perf_counter())
        be_busy()

    began_s = time.perf_counter()
    metronome.start(BUSY_S, 2 * BUSY_S, work)
    wait_for(lambda: len(called_s) == 4)
    metronome.stop()
    assert all(at_s >= began_s + BUSY_S * (1 + 2 * number) for number, at_s in enumerate(called_s))
    before = len(called_s)
    alarm, rang = Alarm(), list[int]()
    alarm.set(3 * BUSY_S, lambda: rang.append(1))
    wait_for(lambda: rang)
    assert len(called_s) == before
