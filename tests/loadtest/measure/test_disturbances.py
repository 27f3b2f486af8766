"""Faults in the ledger: what is told late or all at once is no loss; a wrong view, or news told twice, is found."""

from __future__ import annotations

import time
from types import SimpleNamespace

import gevent
import pytest

from loadtest.client import ServerTimers
from loadtest.measure.disturbed.windows import Disturbances
from loadtest.measure.points import Points
from loadtest.measure.processes import health
from loadtest.measure.processes.health import LATE_TICK_S, TICK_S, Health, HealthMonitor
from loadtest.measure.reach import FORGET_EVERY_S, REMEMBER_S
from tests.loadtest.measure.test_reach import SETTLE_S, World
from tests.patience import PATIENCE_S

RECOVERY_S = 20.0
EVERYBODY = frozenset(range(1, 11))


def test_windows_that_overlap_are_one_and_an_open_one_has_no_end() -> None:
    disturbances = Disturbances()
    disturbances.tell(10.0, None)
    assert disturbances.deadline_s(12.0, 13.0) == float("inf")
    disturbances.tell(10.0, 40.0)
    disturbances.tell(30.0, 60.0)
    disturbances.tell(100.0, 110.0)
    assert disturbances.windows == [(10.0, 60.0), (100.0, 110.0)]
    assert disturbances.deadline_s(50.0, 55.0) == 60.0
    assert disturbances.deadline_s(61.0, 66.0) == 66.0
    assert not disturbances.touch(61.0, 99.0)


class Disturbed(World):
    """Ten players, and a fault that begins now."""

    def __init__(self) -> None:
        super().__init__(10)
        self.began_s = self.now_s - SETTLE_S
        self.now_s += 0.1
        self.ledger.disturbances.tell(self.began_s, None)

    def recover(self) -> None:
        """The fault is over, what came of it is judged."""
        self.ledger.disturbances.tell(self.began_s, self.now_s + RECOVERY_S)
        self.wait(RECOVERY_S)
        self.wait(3 * SETTLE_S)


def harm(world: World) -> tuple[int, int, int]:
    presence = world.reach.presence
    return presence.lost, presence.duplicates, presence.unexpected


@pytest.mark.parametrize("timeout_s", [75.0, 600.0])
def test_user_whom_a_server_may_still_hold_is_not_judged_for_as_long_as_it_may(timeout_s: float) -> None:
    world = World(10, timers=ServerTimers(heartbeat_timeout_s=timeout_s))
    world.join(50)
    world.tell(50, True)
    world.wait()
    world.leave(50, is_silent=True)
    world.wait(timeout_s - 10.0)
    begin_s = world.now_s
    world.ledger.disturbances.tell(begin_s, begin_s + RECOVERY_S)
    world.wait(10.0)
    world.tell(50, False)
    world.wait(RECOVERY_S)
    world.wait(3 * SETTLE_S)
    assert harm(world) == (0, 0, 0)


def test_players_of_a_frozen_node_who_are_given_up_and_come_back_are_no_fault() -> None:
    world = Disturbed()
    world.tell(1, False)
    world.now_s += 8.0
    world.tell(1, True)
    world.recover()
    assert harm(world) == (0, 0, 0)
    assert world.reach.presence.expected == 9


def test_player_whose_return_is_not_told_to_one_is_a_loss() -> None:
    world = Disturbed()
    world.tell(1, False)
    world.now_s += 8.0
    world.tell(1, True, skip=frozenset({2}))
    world.recover()
    assert harm(world) == (1, 0, 0)


def test_news_that_is_told_twice_in_a_row_is_a_duplicate() -> None:
    world = Disturbed()
    world.tell(1, False, times=2)
    world.now_s += 8.0
    world.tell(1, True)
    world.recover()
    assert harm(world) == (0, 9, 0)


def test_player_who_is_told_online_though_nobody_was_told_offline_is_a_duplicate() -> None:
    world = Disturbed()
    world.now_s += 8.0
    world.tell(1, True)
    world.recover()
    assert harm(world) == (0, 9, 0)


def test_player_who_was_lost_with_a_node_and_came_back_unnoticed_is_no_fault() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.watches[1].lost()
    world.now_s += 2.0
    world.join(1)
    world.recover()
    assert harm(world) == (0, 0, 0)


def test_player_who_was_lost_and_stays_away_has_to_be_told_offline() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.watches[1].lost()
    world.now_s += 6.0
    world.watches[2].presence(1, False)
    world.recover()
    assert harm(world) == (8, 0, 0)
    assert world.reach.presence.expected == 9


def test_player_who_came_during_a_fault_and_is_told_late_is_no_loss() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.join(50)
    world.now_s += 12.0
    world.tell(50, True)
    world.recover()
    assert harm(world) == (0, 0, 0)
    assert world.reach.presence.expected == 10


def test_change_of_the_rooms_may_be_announced_until_the_fault_is_over_and_not_later() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.change()
    world.now_s += 12.0
    for observer in range(1, 10):
        world.watches[observer].rooms()
    world.recover()
    rooms = world.reach.rooms
    assert (rooms.expected, rooms.received, rooms.missed) == (10, 9, 0)


def test_what_comes_after_the_fault_is_judged_by_the_moment_again() -> None:
    world = Disturbed()
    world.recover()
    world.wait(30.0)
    world.join(60)
    world.now_s += 0.1
    world.tell(60, True, skip=frozenset({3}))
    world.wait()
    assert harm(world) == (1, 0, 0)


def test_coming_just_before_the_fault_and_told_during_it_is_judged_by_neither_end() -> None:
    world = World(10)
    world.join(50)
    world.now_s += 0.05
    world.ledger.disturbances.tell(world.now_s - SETTLE_S, world.now_s + RECOVERY_S)
    world.tell(50, True)
    world.wait(RECOVERY_S + 3 * SETTLE_S)
    assert harm(world) == (0, 0, 0)


def player_who_left_just_before_the_end_of_a_fault(world: Disturbed) -> None:
    world.ledger.disturbances.tell(world.began_s, world.now_s + RECOVERY_S)
    world.wait(RECOVERY_S - 1.0)
    world.leave(1)


@pytest.mark.parametrize("late_s", [2.0, 3 * SETTLE_S], ids=["before it is judged", "after it was judged"])
def test_news_of_the_end_of_a_fault_that_comes_late_is_no_duplicate_and_a_second_time_it_is(late_s: float) -> None:
    world = Disturbed()
    player_who_left_just_before_the_end_of_a_fault(world)
    world.wait(late_s)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (0, 0, 0)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (0, 9, 0)


def test_news_of_one_fault_that_is_told_again_behind_the_next_one_is_a_duplicate() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.leave(1)
    world.now_s += 1.0
    world.tell(1, False)
    world.recover()
    assert harm(world) == (0, 0, 0)
    world.ledger.disturbances.tell(world.now_s, world.now_s + RECOVERY_S)
    world.leave(2)
    world.tell(2, False)
    world.wait(RECOVERY_S)
    world.wait(3 * SETTLE_S)
    assert harm(world) == (0, 0, 0)
    world.tell(1, False)  # by a node that has come back, and begins anew with what it knows
    world.wait()
    assert harm(world) == (0, 8, 0)


def test_what_comes_after_the_fault_and_is_told_twice_is_a_duplicate() -> None:
    world = Disturbed()
    world.recover()
    world.join(60)
    world.now_s += 0.1
    world.tell(60, True, times=2)
    world.wait()
    assert harm(world) == (0, 10, 0)


def test_state_of_before_the_fault_that_is_told_again_behind_it_is_a_duplicate() -> None:
    world = World(10)
    world.join(50)
    world.tell(50, True)
    world.wait()
    world.ledger.disturbances.tell(world.now_s, world.now_s + RECOVERY_S)
    world.wait(RECOVERY_S + 3 * SETTLE_S)
    assert harm(world) == (0, 0, 0)
    world.tell(50, True)
    world.wait()
    assert harm(world) == (0, 10, 0)


def test_player_who_left_during_the_fault_and_is_told_offline_long_behind_it_was_lost_and_is_no_duplicate() -> None:
    world = Disturbed()
    world.now_s += SETTLE_S + 1.0
    world.leave(1)
    world.recover()
    assert harm(world) == (9, 0, 0)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (9, 0, 0)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (9, 9, 0)


def test_player_who_left_behind_the_fault_and_of_whom_nobody_is_told_is_lost() -> None:
    world = Disturbed()
    world.recover()
    world.leave(1)
    world.wait()
    assert harm(world) == (9, 0, 0)


def test_who_had_what_of_a_fault_is_forgotten_two_minutes_later() -> None:
    world = Disturbed()
    player_who_left_just_before_the_end_of_a_fault(world)
    world.now_s += 2.0
    world.tell(1, False)
    world.wait(3 * SETTLE_S)
    (left,) = [entry for entry in world.reach._entries.values() if not entry.transition.is_online]
    assert left.had is not None
    assert len(left.had) == 9
    world.wait(REMEMBER_S + FORGET_EVERY_S + SETTLE_S)
    assert left.had is None


def test_late_news_is_no_duplicate_for_those_alone_who_were_not_told_in_time() -> None:
    world = Disturbed()
    player_who_left_just_before_the_end_of_a_fault(world)
    world.now_s += 0.1
    world.tell(1, False, skip=frozenset({2, 3}))
    world.wait(3 * SETTLE_S)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (0, 7, 0)


def test_late_news_that_is_heard_before_what_followed_it_is_no_duplicate_and_behind_it_is_one() -> None:
    world = Disturbed()
    player_who_left_just_before_the_end_of_a_fault(world)
    world.wait(2 * SETTLE_S + 1.5)
    world.join(1)
    late, misled = world.watches[2], world.watches[3]
    for watch, order in ((late, (False, True)), (misled, (True, False))):
        for is_online in order:
            world.now_s += 0.01
            watch.presence(1, is_online)
    for watch in [world.watches[number] for number in range(4, 11)]:
        watch.presence(1, True)
    world.wait()
    assert world.reach.presence.duplicates == 1


def test_what_lay_in_the_sockets_of_a_swarm_that_stood_still_long_is_not_judged_by_its_time() -> None:
    world = World(10)
    world.leave(1)
    began_s = world.now_s + 0.1
    world.now_s = began_s + 4 * SETTLE_S
    world.reach.stood_still(began_s, world.now_s)
    world.reach.settle(world.now_s)
    world.tell(1, False)  # it came at once: the kernel's stamp is that of the ping behind it
    world.wait()
    world.wait()
    assert harm(world) == (0, 0, 0)


def test_news_that_comes_late_after_a_short_standstill_of_the_swarm_is_lost() -> None:
    world = World(10)
    world.leave(1)
    world.reach.stood_still(world.now_s, world.now_s + SETTLE_S / 4)
    world.wait(2 * SETTLE_S + SETTLE_S / 4)
    world.tell(1, False)
    world.wait()
    assert harm(world) == (9, 0, 0)


def test_user_who_came_while_the_swarm_stood_still_until_a_fault_began_is_told_of_once() -> None:
    world = World(10)
    world.join(50)
    began_s = world.now_s + 0.1
    world.now_s = began_s + 4 * SETTLE_S
    world.reach.stood_still(began_s, world.now_s)
    world.ledger.disturbances.tell(world.now_s - SETTLE_S, world.now_s + RECOVERY_S)
    world.tell(50, True)
    world.wait(RECOVERY_S)
    world.wait(3 * SETTLE_S)
    assert harm(world) == (0, 0, 0)


def test_health_monitor_tells_from_when_to_when_the_process_stood_still() -> None:
    stalls: list[tuple[float, float]] = []
    holder = SimpleNamespace(health=Health(), points=Points())
    monitor = HealthMonitor(
        holder, on_lag=lambda late_s: None, on_settle=lambda: None, on_stall=lambda *stall: stalls.append(stall)
    )
    monitor.start()
    gevent.sleep(2 * LATE_TICK_S)
    began_s = time.perf_counter()
    time.sleep(3 * LATE_TICK_S)
    over_s = time.perf_counter()
    with gevent.Timeout(PATIENCE_S):
        while not any(from_s < over_s and until_s >= over_s for from_s, until_s in stalls):
            gevent.sleep(LATE_TICK_S / 10)
    monitor.stop()
    from_s, until_s = next(stall for stall in stalls if stall[1] >= over_s)
    assert from_s <= began_s + TICK_S
    assert until_s - from_s >= 2 * LATE_TICK_S
    assert holder.health.stalls == len(stalls)


def test_health_monitor_keeps_its_time_after_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each tick after it would be late by what the standstill left of one: a lag that is none."""
    clock, lags_s, starts_s = SimpleNamespace(now_s=10.0), list[float](), list[float]()
    times = SimpleNamespace(perf_counter=lambda: clock.now_s, process_time=lambda: 0.0)
    monkeypatch.setattr(health, "time", times)
    holder = SimpleNamespace(health=Health(), points=Points())
    monitor = HealthMonitor(holder, on_lag=lags_s.append, on_settle=lambda: None)
    monkeypatch.setattr(
        monitor, "_metronome", SimpleNamespace(start=lambda in_s, *_: starts_s.append(in_s), stop=lambda: None)
    )
    monitor.start(10.0 + TICK_S)
    for now_s in (10.051, 10.149, 10.32, 10.34, 10.351, 10.401):
        clock.now_s = now_s
        monitor._tick()
    monitor.stop()
    assert starts_s == pytest.approx([0.05, 0.03, 0.01]), "at first, after more than a tick, and where it was early"
    assert lags_s == pytest.approx([0.001, 0.049, 0.17, 0.12, 0.07, 0.02, 0.001, 0.001])
    assert (holder.health.ticks, holder.health.stalls) == (len(lags_s), 1)
