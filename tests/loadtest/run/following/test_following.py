"""Whole Locust processes that others look on at: metrics of a run without a web interface, roles paused by request and
by signal, in one process and in several."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from loadtest.results.exit_codes import ExitCode
from tests.loadtest.fakes import wait_for
from tests.loadtest.output.live.test_metrics import Receiver, receiver
from tests.loadtest.swarms import RUN_TIMEOUT_S, Nursery, WebSwarm
from tests.patience import PATIENCE_S

__all__ = ["receiver"]

pytestmark = pytest.mark.system

PLAYERS = 6
LOST_AFTER_S = 8
"""Without a heartbeat, of which there is one per second: half of the swarm's own patience."""
MIX = ("--mix", "browser=2,host=1", "--room-interval-s", "fixed:0.2", "--room-lifetime-s", "fixed:0.1")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def given() -> Iterator[tuple[object, ...]]:
    with Target() as target:
        yield ("--host", target.http_url, "--jwt-secret", target.jwt_secret, "-u", PLAYERS, "-r", 100, *MIX)


def players_at(url: str) -> dict[tuple[str, str], float]:
    """By role and state, without those of whom there are none."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        (sample.labels["role"], sample.labels["state"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "lobby_swarm_players" and sample.value
    }


def until_players(url: str, **wanted: str) -> None:
    """All of a role are in that state: four browsers and two hosts."""
    expected = {(role, state): {"browser": 4, "host": 2}[role] for role, state in wanted.items()}
    wait_for(lambda: players_at(url) == expected, deadline_s=RUN_TIMEOUT_S, what=f"{expected}, not {players_at(url)}")


@pytest.mark.parametrize("workers", [(), ("--processes", 2)], ids=["alone", "with workers"])
def test_signals_pause_and_resume_the_named_roles_and_metrics_show_it(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path, workers: tuple[object, ...]
):
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    swarm = nursery.start(
        *given, *workers, "--metrics-port", port, "--signal-roles", "host", "--run-dir", tmp_path, "--settle-s", 1
    )
    until_players(url, browser="active", host="active")
    swarm.stop(signal.SIGUSR1)
    until_players(url, browser="active", host="paused")
    swarm.stop(signal.SIGUSR2)
    until_players(url, browser="active", host="active")
    swarm.stop(signal.SIGTERM)
    done = swarm.end()
    assert done.code == ExitCode.GOOD, done.errors
    run = json.loads((tmp_path / "run.json").read_text())
    assert [moment["text"] for moment in run["moments"] if moment["kind"] == "role"] == ["host paused", "host resumed"]
    assert "host resumed" in (tmp_path / "run.html").read_text()


def test_a_port_that_is_taken_is_one_sentence(nursery: Nursery, given: tuple[object, ...]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = nursery.run(*given, "-t", "5s", "--metrics-port", port)
    assert done.code == ExitCode.USAGE
    assert f"loadtest: --metrics-port: 127.0.0.1:{port} cannot be listened at:" in done.errors
    assert "Traceback" not in done.errors


def test_a_collector_has_the_last_figures_of_the_run(
    nursery: Nursery, given: tuple[object, ...], receiver: Receiver, tmp_path: Path
):
    done = nursery.start(
        *given, "-t", "4s", "--otlp-endpoint", receiver.url, "--run-dir", tmp_path, "--settle-s", 1,
        patches={"loadtest.output.live.otlp.TIMEOUT_S": PATIENCE_S},
    ).end()  # fmt: skip
    assert done.code == ExitCode.GOOD, done.errors
    run = json.loads((tmp_path / "run.json").read_text())
    metrics = receiver.metrics()
    ledger = {
        tuple(each.value.string_value for each in point.attributes): point.as_double
        for point in metrics["lobby_swarm_ledger"].sum.data_points
    }
    assert ledger["presence", "expected"] == run["ledger"]["presence"]["expected"]
    [running] = metrics["lobby_swarm_running"].gauge.data_points
    assert running.as_double == 0


# -- the web interface --------------------------------------------------------------------------------------------


def live(swarm: WebSwarm, **asked: object) -> dict[str, Any]:
    return dict(json.loads(swarm.get(f"/lobby/live.json?{urllib.parse.urlencode(asked)}")))


def ask(swarm: WebSwarm, headers: dict[str, str] | None = None, **fields: str) -> tuple[int, dict[str, Any]]:
    data = urllib.parse.urlencode(fields).encode()
    asked = urllib.request.Request(f"{swarm.url}/lobby/roles", data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=RUN_TIMEOUT_S) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize("workers", [(), ("--processes", 2)], ids=["alone", "with workers"])
def test_the_web_interface_pauses_a_role_in_every_process_and_follows_the_run(
    nursery: Nursery, given: tuple[object, ...], workers: tuple[object, ...]
):
    swarm = nursery.start_web(*given, *workers)
    wait_for(lambda: not workers or swarm.workers() == workers[1], deadline_s=RUN_TIMEOUT_S, what="the workers")
    assert live(swarm) == {"run": "", "running": False, "doubt": ""}
    assert ask(swarm, role="host", paused="true")[0] == 409, "no run goes on"
    assert swarm.post("/swarm", user_count=PLAYERS, spawn_rate=100)["success"]
    url = f"{swarm.url}/metrics"
    until_players(url, browser="active", host="active")
    assert ask(swarm, role="host", paused="true") == (200, {"paused": ["host"]})
    until_players(url, browser="active", host="paused")
    assert ask(swarm, role="host", paused="false") == (200, {"paused": []})
    until_players(url, browser="active", host="active")

    wait_for(lambda: len(live(swarm)["samples"]) > 1, deadline_s=RUN_TIMEOUT_S, what="two samples")
    first = live(swarm)
    assert first["running"]
    assert [moment["text"] for moment in first["moments"] if moment["kind"] == "role"] == [
        "host paused",
        "host resumed",
    ]
    wait_for(
        lambda: live(swarm, run=first["run"], after_s=first["until_s"])["samples"],
        deadline_s=RUN_TIMEOUT_S, what="a sample that is new",
    )  # fmt: skip
    later = live(swarm, run=first["run"], after_s=first["until_s"])
    assert min(sample["t_s"] for sample in later["samples"]) > first["until_s"]
    assert live(swarm, run="another", after_s=1e9)["samples"], "another run is told from its beginning"

    assert ask(swarm, role="dragon", paused="true") == (
        409, {"message": "'dragon' plays no part in this run: there is browser, host."}
    )  # fmt: skip
    assert ask(swarm, role="host", paused="perhaps")[0] == 400
    assert ask(swarm, {"Sec-Fetch-Site": "cross-site"}, role="host", paused="true")[0] == 403


def test_a_run_that_starts_anew_has_no_paused_role(nursery: Nursery, given: tuple[object, ...]):
    swarm = nursery.start_web(*given)
    assert swarm.post("/swarm", user_count=PLAYERS, spawn_rate=100)["success"]
    until_players(f"{swarm.url}/metrics", browser="active", host="active")
    assert ask(swarm, role="host", paused="true")[0] == 200
    swarm.post("/stop")
    wait_for(lambda: not live(swarm)["running"], deadline_s=RUN_TIMEOUT_S, what="the end of the first run")
    wait_for(
        lambda: swarm.post("/swarm", user_count=PLAYERS, spawn_rate=100)["success"],
        deadline_s=RUN_TIMEOUT_S, what="the second run",
    )  # fmt: skip
    until_players(f"{swarm.url}/metrics", browser="active", host="active")


def test_a_worker_that_is_killed_is_marked_and_its_players_are_gone(
    nursery: Nursery, given: tuple[object, ...], tmp_path: Path
):
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    swarm = nursery.start(
        *given, "--processes", 2, "--metrics-port", port, "--run-dir", tmp_path, "--save-every-s", 1,
        patches={"loadtest.run.distributed.PATIENCE_S": LOST_AFTER_S},
    )  # fmt: skip
    until_players(url, browser="active", host="active")
    [worker, _] = swarm.workers(2)
    worker.kill()
    wait_for(lambda: 0 < sum(players_at(url).values()) < PLAYERS, deadline_s=RUN_TIMEOUT_S, what="fewer players")
    kept = tmp_path / "run.json"

    def lost() -> list[str]:
        moments = json.loads(kept.read_text())["moments"] if kept.exists() else []
        return [moment["text"] for moment in moments if moment["kind"] == "workers"]

    wait_for(lost, deadline_s=RUN_TIMEOUT_S, what="the loss in the file")
    assert lost()[0] in ("worker 0 lost", "worker 1 lost")
    swarm.stop(signal.SIGTERM)
    swarm.end()
