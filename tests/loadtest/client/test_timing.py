import math
from random import Random

import pytest

from loadtest.client import FixedReconnect, JitterReconnect, Timing
from loadtest.client.timing import HeartbeatTimer


def test_first_ping_comes_at_the_phase_and_then_every_interval():
    pulse = HeartbeatTimer(Timing(heartbeat_s=30), now_s=100, phase=0.25)
    assert pulse.wait_s(100) == 7.5
    assert not pulse.take_ping(107.4)
    assert pulse.take_ping(107.5)
    assert not pulse.take_ping(137.4)
    assert pulse.take_ping(137.5)


def test_missed_pings_are_skipped_not_made_up_for():
    pulse = HeartbeatTimer(Timing(heartbeat_s=10), now_s=0, phase=0.5)
    assert pulse.take_ping(37)
    assert not pulse.take_ping(44)
    assert pulse.take_ping(45)


def test_silence_counts_from_the_last_sign_of_life():
    pulse = HeartbeatTimer(Timing(heartbeat_s=1000, silence_limit_s=75), now_s=0, phase=0.9)
    assert pulse.wait_s(0) == 75
    pulse.heard(50)
    assert pulse.wait_s(60) == 65
    assert not pulse.is_dead(124.9)
    assert pulse.is_dead(125)
    assert pulse.wait_s(500) == 0


@pytest.mark.parametrize("heard_s", [0.0, 4.0, 30.0])
@pytest.mark.parametrize("now_s", [4.9, 5.0, 16.0, 74.9, 75.0, 79.0, 120.0])
def test_a_beat_is_the_ping_that_is_due_on_a_connection_that_lives(heard_s: float, now_s: float):
    timing = Timing(heartbeat_s=10, silence_limit_s=75)
    one, other = (HeartbeatTimer(timing, now_s=3.0, phase=0.2) for _ in range(2))
    other.heard(max(3.0, heard_s))
    assert one.beat(now_s, heard_s=heard_s) == (not other.is_dead(now_s) and other.take_ping(now_s))
    assert one.wait_s(now_s) == other.wait_s(now_s)
    assert one.is_dead(now_s) == other.is_dead(now_s)


def test_infinite_interval_means_no_pings():
    pulse = HeartbeatTimer(Timing(heartbeat_s=math.inf), now_s=0, phase=0.5)
    assert not pulse.take_ping(1e9)


def test_defaults_are_those_of_the_contract():
    assert Timing() == Timing(heartbeat_s=30, silence_limit_s=75, handshake_timeout_s=10)
    assert FixedReconnect().interval_s == 5
    assert JitterReconnect() == JitterReconnect(first_s=5, cap_s=30)


def test_fixed_policy_always_waits_the_same():
    assert {FixedReconnect().delay_s(failures, Random(1)) for failures in range(20)} == {5.0}


@pytest.mark.parametrize(("failures", "most_s"), [(0, 5), (1, 10), (2, 20), (3, 30), (4, 30), (10_000, 30)])
def test_jitter_draws_evenly_up_to_a_doubling_limit(failures: int, most_s: float):
    rng = Random(7)
    delays = sorted(JitterReconnect().delay_s(failures, rng) for _ in range(4000))
    assert delays[0] >= 0
    assert delays[-1] <= most_s
    for share in (0.1, 0.5, 0.9):
        assert delays[int(share * 4000)] == pytest.approx(share * most_s, abs=0.04 * most_s)


def test_jitter_is_the_same_for_the_same_seed():
    first, second = Random(3), Random(3)
    policy = JitterReconnect()
    assert [policy.delay_s(n, first) for n in range(6)] == [policy.delay_s(n, second) for n in range(6)]
