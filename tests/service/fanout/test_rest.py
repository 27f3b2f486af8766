"""The fan-out leaves most of an overloaded loop to others, and more of it while many come. Writes take time here."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import pytest

from lobby_server.service.fanout.fanout import LONGEST_REST_S, REST, STORM_REST, Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.watch.metrics import Metrics
from tests.fakes.clock import VirtualClock

WRITE_S = 0.001
CLIENTS = 100
TICK_S = 0.02


class BusyClock(VirtualClock):
    """Time that passes within a call is not given back."""

    def run(self, seconds: float) -> None:
        end_s = self._now_s + seconds
        while self._now_s < end_s:
            if self._calls and self._calls[0][0] <= self._now_s:
                _, _, timer, callback, arguments = heapq.heappop(self._calls)
                if not timer.is_cancelled:
                    callback(*arguments)
            else:
                self._now_s = min(end_s, self._calls[0][0]) if self._calls else end_s

    def work(self, seconds: float) -> None:
        self._now_s += seconds


class Socket:
    """A socket that takes everything, in its time."""

    busy_s = 0.0

    def __init__(self, clock: BusyClock) -> None:
        self._clock = clock

    def send(self, data: bytes | memoryview) -> int:
        self._clock.work(WRITE_S)
        Socket.busy_s += WRITE_S
        return len(data)

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        pass


@pytest.mark.parametrize(
    ("joins", "share"), [(0, 1 / (1 + REST)), (1, 1 / (1 + REST)), (30, 1 / (1 + STORM_REST))], ids=str
)
def test_share_of_the_loop_is_bounded_and_smaller_while_many_come(joins: int, share: float) -> None:
    """`joins`: per second, of `CLIENTS` sessions."""
    clock = BusyClock()
    fanout = Fanout(clock=clock, metrics=Metrics(), tick_s=0.02, log_bytes=1 << 20, log_age_s=10.0)
    sessions = [Subscriber(Socket(clock), BASE_PROFILE) for _ in range(CLIENTS)]
    for session in sessions:
        fanout.add(session)
    clock.run(1.0)
    began_s, Socket.busy_s, next_join_s = clock.monotonic_s(), 0.0, clock.monotonic_s()
    while clock.monotonic_s() < began_s + 60.0:
        fanout.publish(BASE_PROFILE, b"an event")
        while joins and next_join_s <= clock.monotonic_s():
            next_join_s += 1 / joins
            fanout.remove(sessions.pop(0))
            sessions.append(Subscriber(Socket(clock), BASE_PROFILE))
            fanout.add(sessions[-1])
        clock.run(0.005)
    assert Socket.busy_s / (clock.monotonic_s() - began_s) == pytest.approx(share, rel=0.15)


def paced(clock: BusyClock) -> Fanout:
    """A tick of it takes 0.1 s, and has 10 frames at most."""
    fanout = Fanout(
        clock=clock, metrics=Metrics(), tick_s=TICK_S, log_bytes=1 << 20, log_age_s=10.0, base_tick_frames=10
    )
    for _ in range(CLIENTS):
        fanout.add(Subscriber(Socket(clock), BASE_PROFILE))
    clock.run(1.0)
    return fanout


def test_what_the_pace_kept_back_does_not_wait_for_a_loop_that_nobody_else_needs() -> None:
    clock = BusyClock()
    fanout = paced(clock)
    for _ in range(100):
        fanout.publish(BASE_PROFILE, b"an event")
    began_s = clock.monotonic_s()
    while not fanout.is_idle:
        clock.run(0.001)
    tick_s = CLIENTS * WRITE_S
    assert clock.monotonic_s() - began_s == pytest.approx(10 * tick_s + 9 * TICK_S, rel=0.05)


@pytest.mark.parametrize("joins", [0, 30])
def test_what_the_pace_kept_back_leaves_the_loop_to_others_that_need_it(joins: int) -> None:
    """`joins`: per tenth of a second, of `CLIENTS` sessions; each takes some of the loop, or others do."""
    clock = BusyClock()
    fanout = paced(clock)
    spare = [Subscriber(Socket(clock), BASE_PROFILE) for _ in range(CLIENTS)]

    def others() -> None:
        clock.work(0.002)
        clock.call_later(0.0, others)

    def join() -> None:
        spare[0].send = len
        fanout.add(spare[0])
        fanout.remove(spare[0])
        clock.call_later(0.1 / joins, join)

    clock.call_later(0.0, join if joins else others)
    began_s, Socket.busy_s = clock.monotonic_s(), 0.0
    while clock.monotonic_s() < began_s + 20.0:
        for _ in range(10):
            fanout.publish(BASE_PROFILE, b"an event")
        clock.run(0.005)
    share = 1 / (1 + (STORM_REST if joins else REST))
    assert Socket.busy_s / (clock.monotonic_s() - began_s) == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("joins", [0, 30])
def test_no_rest_is_longer_than_its_bound_however_long_the_tick_took(joins: int) -> None:
    """`joins`: of `CLIENTS` sessions, right before the tick, which takes 5 s."""
    clock = BusyClock()
    fanout = Fanout(clock=clock, metrics=Metrics(), tick_s=TICK_S, log_bytes=1 << 20, log_age_s=10.0)

    class SlowSocket(Socket):
        def send(self, data: bytes | memoryview) -> int:
            clock.work(5.0 / CLIENTS)
            heard_s.append(clock.monotonic_s())
            return len(data)

    heard_s: list[float] = []
    for _ in range(CLIENTS):
        fanout.add(Subscriber(SlowSocket(clock), BASE_PROFILE))
    clock.run(1.0)
    spare = [Subscriber(SlowSocket(clock), BASE_PROFILE) for _ in range(joins)]
    for session in spare:
        fanout.add(session)
    fanout.publish(BASE_PROFILE, b"an event")
    clock.run(0.001)
    told_s = clock.monotonic_s()
    fanout.publish(BASE_PROFILE, b"another")
    heard_s.clear()
    clock.run(LONGEST_REST_S + 1.0)
    assert heard_s[0] - told_s == pytest.approx(LONGEST_REST_S, abs=0.1)
