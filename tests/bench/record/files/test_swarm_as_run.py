"""A swarm's own file as a run of the lab: what is made of each of its fields."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.measures import SERVER_SHARE
from bench.record.files.swarm_file import run_of_swarm
from bench.record.machine import UNKNOWN_COMMIT
from bench.record.run import Run
from loadtest.measure.judging.validity import validity_of
from loadtest.measure.processes.health import Health
from loadtest.measure.recorder import Recorder
from loadtest.measure.run_facts import RunFacts
from loadtest.output.run_file import as_json
from loadtest.results.run_json import RunFile


def a_file(**changes: Any) -> RunFile:
    """40 players for 30 s on a server of two processes, of which the first uses 0.2 of a core and the second 0.1."""
    recorder = Recorder()
    recorder.record_request(("WS", "heartbeat"), 0.001, None)
    recorder.health = Health(ticks=600, cpu_shares=[0.25] * 30)
    values: dict[str, Any] = {
        "host": "http://127.0.0.1:1", "seed": 3, "started_at": "2026-01-01T00:00:00Z", "duration_s": 30.0,
        "users": {"browser": 30, "poller": 10}, "server_cpu_shares": [0.3] * 30,
        "arguments": {"host": "http://127.0.0.1:1", "num_users": 40},
    }  # fmt: skip
    facts = RunFacts(**{**values, **changes})
    return as_json(recorder, facts, validity_of(recorder), ())


def a_swarm(**changes: Any) -> Run:
    return run_of_swarm(a_file(**changes))


def test_cpu_seconds_are_the_shares_of_each_second() -> None:
    [found] = a_swarm().findings
    assert found.stretch is not None
    assert found.stretch.server_cpu_s == pytest.approx(9.0)
    assert found.stretch.generator_cpu_s == pytest.approx(7.5)
    [share] = found.find(SERVER_SHARE)
    assert share.value == pytest.approx(0.3)


def test_players_of_all_roles_are_its_size_and_pollers_a_share_of_them() -> None:
    sizes = a_swarm().profile.swarm
    assert (sizes.users, sizes.poller_share) == (40, 0.25)


def test_swarm_without_players_has_no_share_of_pollers() -> None:
    sizes = a_swarm(users={}).profile.swarm
    assert (sizes.users, sizes.poller_share) == (0, 0.0)


@pytest.mark.parametrize(("arguments", "run_s"), [({}, 30.0), ({"run_time": 45}, 45.0), ({"run_time": None}, 30.0)])
def test_length_is_what_was_asked_for_or_what_it_was(arguments: dict[str, Any], run_s: float) -> None:
    assert a_swarm(arguments=arguments).profile.swarm.run_s == run_s


@pytest.mark.parametrize(("commit", "kept"), [("0123456789abcdef", "0123456789"), (None, UNKNOWN_COMMIT)])
def test_commit_is_shortened_and_unknown_where_there_is_none(commit: str | None, kept: str) -> None:
    assert run_of_swarm(replace(a_file(), commit=commit)).commit == kept


def test_busiest_generator_is_the_one_that_counts() -> None:
    file = a_file()
    [main] = file.generators.values()
    both = {"main": main, "worker": replace(main, cpu_shares=[0.5] * 30)}
    [found] = run_of_swarm(replace(file, generators=both)).findings
    assert found.stretch is not None
    assert found.stretch.generator_cpu_s == pytest.approx(15.0)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ({"headless": True, "num_users": 5}, ["locust", "--headless", "--users", "5"]),
        ({"spawn_rate": 2.5, "run_time": 9}, ["locust", "--spawn-rate", "2.5", "--run-time", "9"]),
        ({"fault": ["a=kill:1@2", "b=kill:2@3"]}, ["locust", "--fault", "a=kill:1@2", "--fault", "b=kill:2@3"]),
        ({"room_interval_s": 5}, ["locust", "--room-interval-s", "5"]),
        ({"mode": "", "only": False, "none": None, "many": []}, ["locust"]),
        ({"loglevel": "INFO", "web_port": 8089, "stop_timeout": 1}, ["locust"]),
    ],
)
def test_command_is_about_what_was_typed(arguments: dict[str, Any], command: list[str]) -> None:
    assert a_swarm(arguments=arguments).arguments == command
