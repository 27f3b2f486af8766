"""Whole runs of which one of several processes was frozen: of the server, and of the swarm itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from bench.processes.cluster.engine import NO_ENGINE, find_engine
from bench.processes.cpu import read_cpu
from bench.processes.target import Target
from loadtest.measure.judging.bottleneck import SLOW_S
from tests.installed import needed
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.run.test_conclusions import (
    FELT_S,
    FROZEN_S,
    NO_LIMIT,
    ORDINARY,
    Runs,
    heartbeats,
    nursery,
    stalled_s,
    stopped,
)
from tests.loadtest.swarms import Nursery
from tests.workers.server import until_all_are_up

__all__ = ["nursery"]

pytestmark = pytest.mark.system


def test_a_server_of_which_one_worker_was_frozen_is_said_to_have_been_frozen(nursery: Nursery, tmp_path: Path) -> None:
    """Whichever of them it is: the one that was started last here."""
    needed(None if find_engine() else NO_ENGINE)
    target = Target(data_dir=tmp_path / "data", flags=[*NO_LIMIT, "--workers", "2"])
    with target.running():
        worker = max(until_all_are_up(target, 2))
        runs = Runs(nursery, tmp_path)
        runs.start("server", target.http_url, "--jwt-secret", target.jwt_secret)
        runs.until("server", lambda run: heartbeats(run) >= ORDINARY and run["server"]["cpu_shares"])
        began_s = time.monotonic()
        with stopped(worker):
            time.sleep(FROZEN_S)
        frozen_s = time.monotonic() - began_s
        ended = runs.end("server", has_seen_it_frozen)
    said = ended.run["validity"]["bottleneck"]
    assert ended.run["server"]["stopped_s"] == pytest.approx(frozen_s, abs=0.7 + stalled_s(ended.run))
    assert ended.run["validity"]["level"] != "VALID"
    with unless_held_up(ended.run):
        assert said.startswith("The server was frozen, its process was stopped, in "), said


def test_a_swarm_of_which_one_worker_was_frozen_names_it_and_blames_nobody_else(
    nursery: Nursery, tmp_path: Path
) -> None:
    with Target(flags=NO_LIMIT) as target:
        runs = Runs(nursery, tmp_path)
        swarm = runs.start("swarm", target.http_url, "--jwt-secret", target.jwt_secret, "--processes", 2)
        runs.until("swarm", lambda run: heartbeats(run) >= ORDINARY and len(run["generators"]) == 2)
        [worker, _] = swarm.workers(2)
        waited_s = read_cpu(target.pid).waited_s
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_S)
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        ended = runs.end("swarm", has_told_of_its_stall)
        waited_s = read_cpu(target.pid).waited_s - waited_s
    stalls = {name: generator["stalled_s"] for name, generator in ended.run["generators"].items()}
    assert max(stalls.values()) > FROZEN_S - 0.2, stalls
    assert ended.run["validity"]["level"] != "VALID"
    assert "the swarm itself stood still for" in ended.said
    assert ended.run["server"]["stopped_s"] == 0.0
    said = ended.run["validity"]["bottleneck"]
    if waited_s < SLOW_S:  # else the server was slow indeed, by what else ran here
        assert said.startswith(("No bottleneck was seen", "The generator")), said


def has_seen_it_frozen(run: dict[str, Any]) -> bool:
    """Or stood still itself for so long that it may not have."""
    return run["server"]["stopped_s"] > FELT_S or stalled_s(run) > FELT_S


def has_told_of_its_stall(run: dict[str, Any]) -> bool:
    return stalled_s(run) > FROZEN_S - 0.2
