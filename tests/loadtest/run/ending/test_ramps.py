"""A run that is stopped in its ramp: nobody is started any more, in whichever process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from locust import User
from locust.env import Environment
from locust.runners import STATE_SPAWNING, MasterRunner, WorkerNode

from bench.processes.target import Target
from loadtest.results.exit_codes import ExitCode
from loadtest.run.dispatching import end_ramps_with_their_runs
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, SAVED_OFTEN, Nursery, SavedRun
from tests.patience import PATIENCE_S

PLAYERS, PER_S = 1000, 10
"""A ramp that lasts far longer than it takes to see its first player."""


class Somebody(User):
    pass


@pytest.fixture
def environment() -> Environment:
    return Environment(user_classes=[Somebody])


def started(each: dict[str, dict[str, int]]) -> int:
    return sum(users["Somebody"] for users in each.values())


@pytest.mark.parametrize("before", [0, 1])
def test_nobody_is_started_once_the_run_has_ended_and_the_next_run_starts_all(environment: Environment, before: int):
    end = end_ramps_with_their_runs(environment)
    for _ in range(2):
        dispatcher = environment.dispatcher_class(worker_nodes=[WorkerNode("one")], user_classes=[Somebody])
        dispatcher.new_dispatch(target_user_count=3, spawn_rate=1000)
        for _ in range(before):
            assert started(next(dispatcher)) == 3
        end()
        with pytest.raises(gevent.GreenletExit):
            next(dispatcher)
    whole = environment.dispatcher_class(worker_nodes=[WorkerNode("one")], user_classes=[Somebody])
    whole.new_dispatch(target_user_count=3, spawn_rate=1000)
    assert [started(each) for each in whole] == [3]


def test_run_that_ends_while_the_next_second_is_waited_for_starts_nobody_in_it(environment: Environment):
    end = end_ramps_with_their_runs(environment)
    dispatcher = environment.dispatcher_class(worker_nodes=[WorkerNode("one")], user_classes=[Somebody])
    dispatcher.new_dispatch(target_user_count=100, spawn_rate=1)
    begun = [started(next(dispatcher))]

    def go_on() -> None:
        while True:
            begun.append(started(next(dispatcher)))

    waiting = gevent.spawn(go_on)
    gevent.sleep(0.01)
    before = begun.copy()  # more than one where this stood still for a second
    end()
    waiting.join(timeout=PATIENCE_S)
    assert isinstance(waiting.value, gevent.GreenletExit)
    assert begun == before


@pytest.fixture
def master(environment: Environment) -> Iterator[MasterRunner]:
    runner = environment.create_master_runner("127.0.0.1", 0)
    runner.clients["one"] = WorkerNode("one")
    yield runner
    runner.greenlet.kill()
    runner.server.socket.context.destroy(linger=0)


def test_who_shares_out_players_goes_on_when_the_run_ends(environment: Environment, master: MasterRunner):
    end, told = end_ramps_with_their_runs(environment), list[str]()
    environment.events.spawning_complete.add_listener(lambda **_: told.append("all are started"))

    def listen() -> None:
        master.start(100, spawn_rate=1)
        told.append("goes on")

    listener = gevent.spawn(listen)
    gevent.sleep(0.01)
    assert master.state == STATE_SPAWNING
    end()
    listener.join(timeout=PATIENCE_S)
    assert told == ["goes on"]
    runs: list[float] = []
    environment.events.test_start.add_listener(lambda **_: runs.append(master.target_user_count))
    master._users_dispatcher = None  # as where a worker is given up
    master.start(3, spawn_rate=1000)
    assert master._users_dispatcher is None, "what is ending starts nobody"
    master.update_state("stopped")
    master.start(4, spawn_rate=1000)
    assert runs == [4]
    assert told == ["goes on", "all are started"]


def test_who_is_killed_in_a_ramp_does_not_go_on(environment: Environment, master: MasterRunner):
    end_ramps_with_their_runs(environment)
    went_on: list[bool] = []

    def listen() -> None:
        master.start(100, spawn_rate=1)
        went_on.append(True)

    listener = gevent.spawn(listen)
    gevent.sleep(0.01)
    listener.kill()
    assert went_on == []


@pytest.fixture(scope="module")
def given() -> Iterator[tuple[object, ...]]:
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        yield "--host", target.http_url, "--jwt-secret", target.jwt_secret, "--mix", "browser=1"


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_master_that_is_stopped_in_the_ramp_starts_nobody_any_more(
    given: tuple[object, ...], tmp_path: Path, number: signal.Signals
):
    with Nursery(tmp_path) as nursery:
        ramp = ("-u", PLAYERS, "-r", PER_S, "-t", "5m")
        swarm = nursery.start(*given, "--processes", 2, *ramp, "--run-dir", tmp_path / "run", *SAVED_OFTEN)
        saved = SavedRun(tmp_path / "run" / "run.json")
        wait_for(
            lambda: saved.has(lambda run: bool(run["events"].get("connections established"))),
            deadline_s=RUN_TIMEOUT_S,
            what="a player",
        )
        swarm.stop(number)
        done = swarm.end()
    assert "All users spawned" not in done.errors
    assert "Traceback" not in done.errors
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["is_over"] is True
    assert 1 <= run["events"]["connections established"] < PLAYERS
    assert done.code in (ExitCode.GOOD, ExitCode.SUSPECT), done.errors
