"""Locust's page while the swarm's run is being stopped, for longer than from one look of the page to the next."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes.target import Target
from tests.browser.conftest import DESKTOP
from tests.browser.test_swarm_page import nursery, press, set_users
from tests.loadtest.fakes import wait_for
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, WebSwarm

__all__ = ["nursery"]

PLAYERS = 2
WORKERS = ("--processes", 2)
TWO_ANSWERS = 3
"""So many looks come upon two answers that Locust has made anew: it gives each again for two seconds."""
HELD_UP = """
from pathlib import Path

import gevent
from locust import events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtest.players import Player
from loadtest.run.hooks import install

__all__ = ["Player"]
stop_users, check_stopped = LocalRunner.stop_users, MasterRunner.check_stopped


def may(what):
    return (Path(__file__).parent / what).exists()


def wait_until_it_may(what):
    while not may(what):
        gevent.sleep(0.02)


def stop_users_when_told(runner, *arguments):
    if runner.state == "cleanup":
        wait_until_it_may("stop")
    stop_users(runner, *arguments)


def check_stopped_when_told(runner):
    if runner.state != "stopping" or may("stop"):
        check_stopped(runner)


def conclude_when_told(environment, **_rest):
    if not isinstance(environment.runner, WorkerRunner):
        wait_until_it_may("conclude")


LocalRunner.stop_users = stop_users_when_told
MasterRunner.check_stopped = check_stopped_when_told
events.test_stop.add_listener(conclude_when_told)  # before the swarm's own
install(events)
"""
"""A locustfile: the players are many, and many are slow to say goodbye."""


@pytest.fixture(params=[("cleanup", ()), ("stopping", WORKERS)], ids=["alone", "with workers"])
def stopping(request: pytest.FixtureRequest) -> tuple[str, tuple[Any, ...]]:
    """What Locust calls the state of who leads the run, and the arguments that make it so."""
    state, arguments = request.param
    return str(state), tuple(arguments)


@pytest.fixture
def swarm(
    nursery: Nursery, server: Target, tmp_path: Path, stopping: tuple[str, tuple[Any, ...]]
) -> Iterator[WebSwarm]:
    (tmp_path / "held_up.py").write_text(HELD_UP)
    swarm = nursery.start_web(
        *("--host", server.http_url, "--jwt-secret", server.jwt_secret, "--mix", "browser=1", "--settle-s", 1),
        *("-f", tmp_path / "held_up.py", "--run-dir", tmp_path / "results", *stopping[1]),
    )
    workers = WORKERS[1] if stopping[1] else 0
    wait_for(lambda: not workers or swarm.workers() == workers, deadline_s=RUN_TIMEOUT_S, what="the workers")
    yield swarm
    swarm.swarm.stop(signal.SIGTERM)


@pytest.fixture
def page(chromium: Any, swarm: WebSwarm) -> Iterator[Any]:
    context = chromium.new_context(viewport=DESKTOP, base_url=swarm.url)
    context.set_default_timeout(RUN_TIMEOUT_S * 1000)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def looks(page: Any, state: str, times: int) -> None:
    """The page has looked so often, and was told to look again, while Locust called the state of its runner that."""
    while times:
        with page.expect_response("**/stats/requests**") as caught:
            pass
        answer = caught.value.json()
        if answer["runner_state"] == state:
            assert answer["state"] == "running"
            times -= 1


def test_the_page_looks_until_a_run_has_stopped_and_its_results_are_written(
    page: Any, swarm: WebSwarm, tmp_path: Path, stopping: tuple[str, tuple[Any, ...]]
):
    set_users(page, PLAYERS)
    press(page, "Start")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    wait_for(lambda: swarm.connected() == PLAYERS, deadline_s=RUN_TIMEOUT_S, what="all players")

    press(page, "Stop")
    looks(page, stopping[0], TWO_ANSWERS)
    (tmp_path / "stop").touch()
    looks(page, "stopped", TWO_ANSWERS)
    (tmp_path / "conclude").touch()
    page.get_by_role("button", name="New", exact=True).wait_for()
    page.get_by_role("tab", name="Reach, validity").click()
    page.get_by_text(str(tmp_path / "results" / "run-1")).wait_for()
