"""Roles that are told to do nothing, and go on where they were."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from bench.processes.target import Target
from loadtest.players.pausing import ARRIVALS_PAUSED, RolePauses
from tests.loadtest.players.test_players import SEATS, Run


class Seat:
    def __init__(self, role_name: str, state: str = "active") -> None:
        self.role_name, self.state = role_name, state
        self.paused_s: list[float] = []

    def go_on(self, paused_s: float) -> None:
        self.paused_s.append(paused_s)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def pauses() -> RolePauses:
    return RolePauses(Clock())


def test_seats_of_a_role_that_goes_on_learn_how_long_it_was_paused(pauses: RolePauses):
    host, browser = Seat("host"), Seat("browser")
    pauses.seats |= {host, browser}
    pauses.set_to(["host", "browser"])
    pauses._clock.now_s += 5.0  # type: ignore[attr-defined]
    pauses.set_to(["browser"])
    assert (host.paused_s, browser.paused_s) == ([5.0], [])
    assert pauses.paused == ("browser",)


def test_a_role_that_is_paused_once_more_counts_from_the_first_time(pauses: RolePauses):
    host = Seat("host")
    pauses.seats.add(host)
    for _ in range(3):
        pauses.set_to(["host"])
        pauses._clock.now_s += 2.0  # type: ignore[attr-defined]
    pauses.set_to([])
    assert host.paused_s == [6.0]
    assert not pauses.is_paused("host")


def test_players_are_counted_by_role_and_state_and_free_seats_are_not(pauses: RolePauses):
    pauses.seats |= {Seat("host"), Seat("host", "away"), Seat("browser"), Seat("browser"), Seat("")}
    assert pauses.count() == {"host": {"active": 1, "away": 1}, "browser": {"active": 2}}


# -- players against a real server --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def run(target: Target) -> Iterator[object]:
    runs: list[Run] = []

    def begin(users: int, *arguments: str) -> Run:
        runs.append(Run(target, users, *arguments))
        return runs[-1]

    yield begin
    for one in runs:
        one.end()


@pytest.mark.system  # a server as a process
def test_a_paused_player_stays_connected_does_nothing_and_makes_up_for_nothing(run):
    interval_s = 0.05
    swarm = run(4, "--mix", "slow_reader=1", "--pause-interval-s", f"fixed:{interval_s}", "--pause-s", "fixed:0.01")
    name = "reads paused on purpose"
    swarm.until(name, 8)
    pauses = swarm.swarm.pauses
    pauses.set_to(["slow_reader"])
    gevent.sleep(0.1)  # what was under way
    before = swarm.counts(name)
    paused_s = 1.0
    gevent.sleep(paused_s)
    assert swarm.counts(name) == before
    assert pauses.count() == {"slow_reader": {"paused": 4}}
    assert swarm.counts("connections lost") == 0
    began_s = time.perf_counter()
    pauses.set_to([])
    swarm.until(name, before + 4)
    took_s = time.perf_counter() - began_s
    made = swarm.counts(name) - before
    assert made <= 4 * (took_s / interval_s + 2), "as often as before, and no more"
    assert pauses.count() == {"slow_reader": {"active": 4}}
    lateness = swarm.swarm.recorder.reported("lateness of the swarm")
    stalled_s = swarm.swarm.recorder.health.stalled_s
    assert lateness.percentile_us(100) / 1e6 < paused_s + stalled_s, "what was put off is not late"


@pytest.mark.system  # a server as a process
def test_a_session_of_a_paused_role_begins_when_the_role_goes_on(run):
    swarm = run(3, "--mix", "browser=1", "--session-s", "fixed:0.2", "--away-s", "fixed:0.2")
    swarm.until("sessions ended", 3)
    pauses = swarm.swarm.pauses
    pauses.set_to(["browser"])
    before = -1
    while swarm.counts("connections established") != before:  # those that were under way come in
        before = swarm.counts("connections established")
        gevent.sleep(0.6)
    pauses.set_to([])
    swarm.until("connections established", before + 3)


@pytest.mark.system  # a server as a process
def test_arrivals_of_a_paused_role_are_counted_and_dropped(run):
    swarm = run(SEATS, "--mix", "browser=1", "--arrivals-per-s", "10", "--session-s", "fixed:0.1")
    swarm.until("sessions ended", 3)
    swarm.swarm.pauses.set_to(["browser"])
    swarm.until(ARRIVALS_PAUSED, 5)
    assert swarm.counts("arrivals without a seat") == 0
    ended = swarm.counts("sessions ended")
    swarm.swarm.pauses.set_to([])
    swarm.until("sessions ended", ended + 5)
