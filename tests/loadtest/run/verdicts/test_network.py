"""A whole run over a line with a round trip of 0.4 s: the network is what is told, with the kernel's figure for it."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from bench.processes.server_flags import server_flags
from bench.processes.target import Target
from tests.installed import namespaces
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.run.test_conclusions import NO_LIMIT, Runs, heartbeats
from tests.loadtest.servers.long_line import long_line, why_not
from tests.loadtest.swarms import Nursery

pytestmark = pytest.mark.system

ONE_WAY_S = 0.2
INTERVAL_S = 0.8
"""Of the heartbeats: each has its answer before the next goes out."""
ENOUGH = 40


def test_answers_that_were_slow_over_a_long_line_are_the_networks(tmp_path: Path) -> None:
    namespaces()
    if why_not():
        pytest.skip(why_not())
    with long_line(one_way_s=ONE_WAY_S) as line:
        flags = [*NO_LIMIT, *server_flags(address="0.0.0.0")]
        with (
            Target(flags=flags, prefix=line.server_side) as target,
            Nursery(tmp_path, prefix=line.players_side) as nursery,
        ):
            runs = Runs(nursery, tmp_path)
            url = f"http://{line.server_address}:{target.port}"
            own = ("--jwt-secret", target.jwt_secret, "--server-pid", target.pid, "--heartbeat-interval-s", INTERVAL_S)
            runs.start("far", url, *own)
            ended = runs.end("far", has_heard_enough)
    times = {row["name"]: row for row in ended.run["metrics"]}
    known_ms = 2000 * statistics.median(line.took_s)
    assert known_ms >= 2000 * ONE_WAY_S
    assert times["tcp_round_trip"]["p50_ms"] == pytest.approx(known_ms, rel=0.25)
    assert times["heartbeat"]["p50_ms"] >= 2000 * ONE_WAY_S
    with unless_held_up(ended.run):
        said = ended.run["validity"]["bottleneck"]
        assert said.startswith("The network was the bottleneck: the server used "), said
        told = re.search(r", the network (\d+) ms", said)
        assert told is not None, said
        assert float(told[1]) == pytest.approx(known_ms, rel=0.25)


def has_heard_enough(run: dict[str, Any]) -> bool:
    return heartbeats(run) >= ENOUGH and len(run["server"]["cpu_shares"]) >= 4
