"""What happens in a run is written down once, with its time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import MOMENTS_AT_MOST, RunFacts, ServerState
from loadtest.run.marking import QUIET_S, Marking
from loadtest.workload.load_options import SPIKE, LoadOptions


class World:
    def __init__(self, load: LoadOptions | None = None, *, users: int = 10) -> None:
        self.now_s = 0.0
        self.workers: dict[str, str] = {"id-0": "0", "id-1": "1"}
        self.recorder = Recorder()
        self.facts = RunFacts(is_over=False)
        self.runner = SimpleNamespace(target_user_count=users, user_count=0)
        swarm: Any = SimpleNamespace(
            recorder=self.recorder,
            facts=self.facts,
            options=SimpleNamespace(load=load or LoadOptions()),
            plan=SimpleNamespace(roles_of=lambda players: {"browser": players - players // 4, "host": players // 4}),
        )
        environment: Any = SimpleNamespace(runner=self.runner, parsed_options=SimpleNamespace(run_time=None))
        self.marking = Marking(swarm, environment, duration_s=lambda: self.now_s, workers=lambda: dict(self.workers))

    def seconds(self, number: float) -> list[tuple[float, str]]:
        for _ in range(int(number)):
            self.now_s += 1.0
            self.marking.look()
        return [(moment.at_s, moment.text) for moment in self.facts.moments]


def test_nothing_happens_and_nothing_is_written():
    assert World().seconds(30) == []


def test_the_steady_state_begins_once():
    world = World()
    world.seconds(4)
    world.recorder.begin_steady_state()
    assert world.seconds(10) == [(5.0, "steady state")]


def test_a_ramp_is_one_change_from_its_beginning_to_its_end():
    world = World(users=20)
    world.seconds(5)
    for users in range(30, 110, 10):
        world.runner.target_user_count = users
        world.seconds(1)
    assert world.seconds(QUIET_S) == [(6.0, "players: 20 → 100")]


def test_in_an_open_workload_the_rate_of_arrivals_is_the_load():
    world = World(LoadOptions(shape=SPIKE, arrivals_per_s=8.0, spike_at_s=10.0, spike_s=20.0, spike_base=0.25))
    assert world.seconds(40) == [(10.0, "arrivals per second: 2 → 8"), (30.0, "arrivals per second: 8 → 2")]


def test_workers_that_go_and_come_are_named_and_the_players_of_the_lost_one_are_gone():
    world = World()
    for name in ("0", "1"):
        world.recorder.expect_reports_of(name)
        world.recorder.workers[name].attendance = {"browser": {"active": 3}}
    world.seconds(2)
    del world.workers["id-1"]
    world.seconds(1)
    world.workers["id-2"] = "2"
    assert world.seconds(1) == [(3.0, "worker 1 lost"), (4.0, "worker 2 joined")]
    assert world.recorder.attendance == {"browser": {"active": 3}}


def test_a_threshold_that_ends_the_run_is_a_moment_and_then_nothing_is_one():
    world = World()
    world.seconds(2)
    world.facts.ended_by["reach == 1 or stop"] = 0.5
    world.seconds(1)
    world.facts.duration_s = 3.0
    world.workers.clear()
    assert world.seconds(5) == [(3.0, "ended by reach == 1 or stop")]


def test_moments_are_bounded_and_a_reset_drops_them():
    facts = RunFacts()
    for number in range(MOMENTS_AT_MOST + 5):
        facts.note(float(number), "load", "again")
    assert len(facts.moments) == MOMENTS_AT_MOST
    facts.reset()
    assert (facts.moments, facts.resets) == ([], 1)


def test_reset_forgets_what_was_seen_of_the_server_and_whoever_watches_it_goes_on():
    facts = RunFacts()
    state = facts.server_state
    state.restarts, state.gone_s = 1, 2.0
    facts.reset()
    assert facts.server_state is state
    assert state == ServerState()


def test_players_are_noted_while_they_come_and_when_workers_tell_of_them_late():
    """The most of each role, also when the end of the ramp was said before any worker had told of its players."""
    world = World(users=8)
    noted = []
    for players in (0, 0, 4, 8, 5):
        world.runner.user_count = players
        world.seconds(1)
        noted.append(dict(world.facts.users))
    assert noted == [{}, {}, {"browser": 3, "host": 1}, {"browser": 6, "host": 2}, {"browser": 6, "host": 2}]
