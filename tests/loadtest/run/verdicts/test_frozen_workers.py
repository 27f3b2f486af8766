"""Whole runs of which one of several processes was frozen: of the server, and of the swarm itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from bench.processes.cluster.engine import NO_ENGINE, find_engine
from bench.processes.target import Target
from loadtest.measure.judging.bottleneck import SLOW_S
from tests.installed import needed
from tests.loadtest.run.test_conclusions import (
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
        ended = runs.end("server", lambda run: run["server"]["stopped_s"] > FROZEN_S - 0.7)
    said = ended.run["validity"]["bottleneck"]
    assert said.startswith("The server was frozen, its process was stopped, in "), said
    assert ended.run["server"]["stopped_s"] == pytest.approx(frozen_s, abs=0.7 + stalled_s(ended.run))
    assert ended.run["validity"]["level"] != "VALID"


def test_a_swarm_of_which_one_worker_was_frozen_names_it_and_blames_nobody_else(
    nursery: Nursery, tmp_path: Path
) -> None:
    with Target(flags=NO_LIMIT) as target:
        runs = Runs(nursery, tmp_path)
        swarm = runs.start("swarm", target.http_url, "--jwt-secret", target.jwt_secret, "--processes", 2)
        runs.until("swarm", lambda run: heartbeats(run) >= ORDINARY and len(run["generators"]) == 2)
        [worker, _] = swarm.workers(2)
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_S)
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        ended = runs.end("swarm", has_told_of_its_stall)
    stalls = {name: generator["stalled_s"] for name, generator in ended.run["generators"].items()}
    assert max(stalls.values()) > FROZEN_S - 0.2, stalls
    assert ended.run["validity"]["level"] != "VALID"
    assert "the swarm itself stood still for" in ended.said
    assert ended.run["server"]["stopped_s"] == 0.0
    said = ended.run["validity"]["bottleneck"]
    assert said.startswith(("No bottleneck was seen", "The generator")) or _was_slow(ended.run), said


def has_told_of_its_stall(run: dict[str, Any]) -> bool:
    return stalled_s(run) > FROZEN_S - 0.2


def _was_slow(run: dict[str, Any]) -> bool:
    """The server indeed, by what else ran here: the median has no stall in it."""
    return any(row["name"] == "heartbeat" and row["p50_ms"] > 1000 * SLOW_S for row in run["metrics"])
