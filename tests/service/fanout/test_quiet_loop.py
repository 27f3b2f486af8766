"""When a loop counts as quiet. Time passes here only in what is called, and between calls."""

from __future__ import annotations

import pytest

from lobby_server.service.fanout.quiet_loop import QUIET_S, QuietLoop
from tests.service.fanout.test_rest import BusyClock

SPAN_S = 0.02


class Heard:
    """When the loop was told to be quiet."""

    def __init__(self, clock: BusyClock) -> None:
        self._clock = clock
        self.at_s: list[float] = []
        self.is_busy = True
        self.quiet = QuietLoop(clock, span_s=SPAN_S, act=lambda: self.at_s.append(clock.monotonic_s()))

    def busy_every(self, every_s: float, work_s: float) -> None:
        if not self.is_busy:
            return
        self._clock.work(work_s)
        self._clock.call_later(every_s, self.busy_every, every_s, work_s)


@pytest.fixture
def clock() -> BusyClock:
    return BusyClock()


@pytest.fixture
def heard(clock: BusyClock) -> Heard:
    return Heard(clock)


def test_loop_that_does_nothing_is_quiet_once_after_the_span(clock: BusyClock, heard: Heard) -> None:
    began_s = clock.monotonic_s()
    heard.quiet.wait()
    clock.run(10 * SPAN_S)
    assert heard.at_s == [pytest.approx(began_s + SPAN_S)]


def test_loop_with_little_to_do_is_quiet(clock: BusyClock, heard: Heard) -> None:
    heard.busy_every(0.0003, QUIET_S / 10)
    heard.quiet.wait()
    clock.run(3 * SPAN_S)
    assert heard.at_s


def test_loop_that_always_has_something_to_do_is_not(clock: BusyClock, heard: Heard) -> None:
    heard.busy_every(0.0, QUIET_S)
    heard.quiet.wait()
    clock.run(1.0)
    assert heard.at_s == []


def test_span_begins_when_the_others_are_done(clock: BusyClock, heard: Heard) -> None:
    heard.busy_every(0.0, QUIET_S)
    heard.quiet.wait()
    clock.run(1.0)
    heard.is_busy = False
    done_s = clock.monotonic_s()
    clock.run(1.0)
    assert heard.at_s == [pytest.approx(done_s + SPAN_S, abs=SPAN_S / 2)]
    assert heard.at_s[0] >= done_s + SPAN_S * 0.8


def test_wait_that_is_asked_for_again_begins_anew(clock: BusyClock, heard: Heard) -> None:
    heard.quiet.wait()
    clock.run(SPAN_S / 2)
    again_s = clock.monotonic_s()
    heard.quiet.wait()
    clock.run(10 * SPAN_S)
    assert heard.at_s == [pytest.approx(again_s + SPAN_S)]


def test_wait_that_is_given_up_never_ends(clock: BusyClock, heard: Heard) -> None:
    heard.quiet.wait()
    heard.quiet.cancel()
    clock.run(10 * SPAN_S)
    assert heard.at_s == []
