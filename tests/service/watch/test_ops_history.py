"""The figures of the operations page, in virtual time: rates, the ring, the lateness of the loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lobby_server.service.fanout.acks import BOUNDS_S
from lobby_server.service.watch.loop_lag import PROBE_EVERY_S, LoopLag
from lobby_server.service.watch.ops_history import (
    FIELDS,
    KEPT_S,
    SAMPLE_EVERY_S,
    SEEN_OVER_SAMPLES,
    OpsHistory,
    Reading,
    Sample,
    quantile_ms,
)
from tests.fakes.clock import VirtualClock

ZERO = Reading(
    sockets=0, sessions=0, users_online=0, rooms=0, sessions_behind=0, log_bytes=0, handshakes_accepted=0,
    messages_in=0, events_published=0, events_conflated=0, frames_out=0, bytes_out=0, ticks=0, tick_writes=0,
    seen_latencies=(0,) * (len(BOUNDS_S) + 1), cpu_s=0.0, resident_bytes=None,
)  # fmt: skip


class Counters:
    """What is read; a test changes it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.now = ZERO
        self.others: dict[str, Reading] = {}
        self.history = OpsHistory(
            clock=self.clock, lag=LoopLag(self.clock), read=lambda: self.now, others=lambda: self.others
        )
        self.history.start()

    def change(self, **values: Any) -> Sample:
        self.now = replace(self.now, **values)
        self.clock.advance(SAMPLE_EVERY_S)
        return self.history.samples[-1]


def test_sample_holds_what_stands_and_rates_over_the_time_since_the_one_before() -> None:
    counters = Counters()
    sample = counters.change(
        sockets=12, sessions=10, users_online=9, rooms=3, sessions_behind=2, log_bytes=500, handshakes_accepted=10,
        messages_in=30, events_published=6, events_conflated=2, frames_out=100, bytes_out=7000, ticks=4,
        tick_writes=40, cpu_s=0.5, resident_bytes=1 << 20,
    )  # fmt: skip
    shown = dict(zip(FIELDS, [getattr(sample, name) for name in FIELDS], strict=True))
    assert shown.pop("ts") == int(counters.clock.utc_now().timestamp() * 1000)
    assert shown == {
        "sockets": 12, "sessions": 10, "users_online": 9, "rooms": 3, "logins_per_s": 5.0, "messages_in_per_s": 15.0,
        "events_per_s": 3.0, "frames_out_per_s": 50.0, "bytes_out_per_s": 3500.0, "sends_per_tick": 10.0,
        "conflation_ratio": 0.25, "seen_p50_ms": None, "seen_p99_ms": None,
        "sessions_behind": 2, "log_bytes": 500, "loop_lag_ms": 0.0, "cpu_ratio": 0.25,
        "resident_bytes": 1 << 20,
    }  # fmt: skip
    quiet = counters.change()
    assert (quiet.events_per_s, quiet.bytes_out_per_s) == (0.0, 0.0)
    assert (quiet.sends_per_tick, quiet.conflation_ratio) == (None, None)  # nothing to divide by


def test_latency_that_clients_see_is_that_of_the_last_minute() -> None:
    counters = Counters()
    answers = [0] * (len(BOUNDS_S) + 1)
    answers[2] = 98  # from 2.5 to 5 ms
    answers[6] = 2  # from 50 to 100 ms
    sample = counters.change(seen_latencies=tuple(answers))
    assert sample.seen_p50_ms == round(2.5 + 2.5 * 50 / 98, 3)
    assert sample.seen_p99_ms == 75.0
    for _ in range(SEEN_OVER_SAMPLES - 1):
        sample = counters.change()
    assert sample.seen_p99_ms == 75.0
    assert counters.change().seen_p99_ms is None  # a minute old


def test_quantile_beyond_the_last_bound_is_that_bound_and_of_nothing_is_none() -> None:
    assert quantile_ms([0] * len(BOUNDS_S) + [3], 0.5) == BOUNDS_S[-1] * 1000
    assert quantile_ms([0] * (len(BOUNDS_S) + 1), 0.5) is None
    assert quantile_ms([], 0.5) is None


def test_other_nodes_are_added_and_one_that_comes_or_goes_makes_no_jump() -> None:
    counters, answers = Counters(), [0] * (len(BOUNDS_S) + 1)
    counters.others = {
        "b": replace(ZERO, sockets=100, sessions=90, frames_out=5000, cpu_s=9.0, users_online=7, rooms=2)
    }
    first = counters.change(sockets=10, sessions=9, frames_out=20, users_online=7, rooms=2)
    assert (first.sockets, first.sessions, first.users_online, first.rooms) == (110, 99, 7, 2)
    assert (first.frames_out_per_s, first.cpu_ratio) == (10.0, 0.0)
    answers[2] = 10
    before = counters.others["b"]
    counters.others = {"b": replace(before, frames_out=5100, cpu_s=10.0, seen_latencies=tuple(answers))}
    second = counters.change(frames_out=40)
    assert (second.frames_out_per_s, second.cpu_ratio) == (60.0, 0.5)
    assert second.seen_p50_ms == 3.75
    counters.others = {}
    third = counters.change(frames_out=60)
    assert (third.sockets, third.frames_out_per_s, third.seen_p50_ms) == (10, 10.0, 3.75)


def test_ring_holds_a_quarter_of_an_hour_and_no_more() -> None:
    counters = Counters()
    for sockets in range(int(KEPT_S / SAMPLE_EVERY_S) + 5):
        counters.change(sockets=sockets)
    samples = counters.history.samples
    assert len(samples) == KEPT_S / SAMPLE_EVERY_S
    assert (samples[0].sockets, samples[-1].sockets) == (5, len(samples) + 4)


def test_listener_hears_every_sample_until_it_leaves_or_the_history_ends() -> None:
    counters = Counters()
    early: list[Sample] = []
    late: list[Sample] = []
    counters.history.listen(early.append)
    counters.history.listen(late.append)
    counters.change(sockets=1)
    counters.history.unlisten(early.append)
    counters.change(sockets=2)
    counters.history.stop()
    counters.history.stop()
    assert [sample.sockets for sample in early] == [1]
    assert [sample and sample.sockets for sample in late] == [1, 2]
    counters.clock.advance(10 * SAMPLE_EVERY_S)
    assert len(counters.history.samples) == 2


class Busy(VirtualClock):
    """A clock whose loop can be kept busy: time passes, and no timer is called."""

    busy_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.busy_s


def test_lateness_is_the_worst_since_it_was_taken_the_call_that_is_overdue_included() -> None:
    clock = Busy()
    lag = LoopLag(clock)
    assert lag.take_worst_s() == 0.0  # not started: nothing is late
    lag.start()
    clock.advance(3.5 * PROBE_EVERY_S)
    assert lag.take_worst_s() < 1e-9
    clock.busy_s = 0.5
    assert abs(lag.take_worst_s() - (0.5 - PROBE_EVERY_S / 2)) < 1e-9
    clock.advance(2 * PROBE_EVERY_S)
    assert lag.take_worst_s() >= 0.5 - 1e-9
    lag.stop()
