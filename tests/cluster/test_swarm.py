"""The swarm on several nodes: players spread by the seed, faults by process id, a clean ledger over all nodes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.load.sockets.tokens import mint_receiver
from bench.processes.cluster.surroundings import SECRET, Surroundings, surroundings, why_not
from bench.processes.server_flags import lab_flags
from bench.processes.target import Target
from tests.installed import needed
from tests.loadtest.held_up import unless_held_up
from tests.loadtest.swarms import Nursery
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

FLAGS = lab_flags()
PLAYERS = 30


@pytest.fixture(scope="module")
def place() -> Iterator[Surroundings]:
    needed(why_not())
    with surroundings() as place:
        yield place


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


def hosts(nodes: list[Target]) -> str:
    return ",".join(node.http_url for node in nodes)


def opened(node: Target) -> int:
    """Sockets that the node has ever opened."""
    with urllib.request.urlopen(node.http_url + "/metrics", timeout=PATIENCE_S) as response:
        lines = response.read().decode().splitlines()
    return int(next(float(line.split()[1]) for line in lines if line.startswith("lobby_handshakes_accepted_total ")))


def harm(run: dict[str, Any]) -> dict[str, int]:
    """What is wrong in its ledger, without what is 0."""
    names = ("lost", "duplicates", "out_of_order", "unexpected")
    found = {f"{kind} {name}": run["ledger"][kind][name] for kind in ("presence", "rooms") for name in names}
    return {name: number for name, number in found.items() if number}


def read(folder: Path) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return run


def test_players_are_spread_over_all_nodes_and_hear_of_each_other(
    place: Surroundings, nursery: Nursery, tmp_path: Path
) -> None:
    with place.nodes(3, FLAGS) as nodes:
        done = nursery.run(
            "--host", nodes[0].http_url, "--host", f"{nodes[1].http_url},{nodes[2].http_url}", "--jwt-secret", SECRET,
            "-u", PLAYERS, "-r", 30, "-t", "14s", "--processes", 2, "--seed", 7, "--run-dir", tmp_path,
            "--mix", "browser=2,host=2,flapper=1", "--room-interval-s", 4, "--room-lifetime-s", 2,
            "--drop-interval-s", 4, "--settle-s", 2, "--recovery-s", 2, "--accept-suspect",
            "--fault", f"valkey=freeze:{place.engine.pid}@6+0.4",
        )  # fmt: skip
        accepted = [opened(node) for node in nodes]
    run = read(tmp_path)
    assert done.code == 0, done.errors
    with unless_held_up(run):
        assert harm(run) == {}
    assert run["ledger"]["presence"]["received"] > PLAYERS
    assert run["ledger"]["presence"]["excused"] > 0, "workers know of the fault"
    assert run["ledger"]["rooms"]["received"] > PLAYERS
    assert min(accepted) >= PLAYERS // 3


def test_swarm_brings_faults_about_and_finds_its_players_elsewhere(
    place: Surroundings, nursery: Nursery, tmp_path: Path
) -> None:
    with place.nodes(3, FLAGS) as nodes:
        tokens = tmp_path / "tokens"
        tokens.write_text("\n".join(mint_receiver(SECRET, number).token for number in range(PLAYERS)))
        done = nursery.run(
            "--host", hosts(nodes), "--tokens", tokens, "-u", PLAYERS, "-r", 30, "-t", "51s", "--seed", 7,
            "--run-dir", tmp_path / "run", "--mix", "browser=3,host=1", "--room-interval-s", 12,
            "--room-lifetime-s", 4, "--settle-s", 3, "--recovery-s", 12, "--accept-suspect", "--exit-code-on-error", 0,
            "--fault", f"first=kill:{nodes[0].pid}@7", "--fault", f"second=freeze:{nodes[1].pid}@10+6",
            "--fault", f"valkey=freeze:{place.engine.pid}@34+1",  # when what came of the others is over
        )  # fmt: skip
    run = read(tmp_path / "run")
    assert done.code == 0, done.errors
    with unless_held_up(run):
        assert harm(run) == {}
    first, second, valkey = run["faults"]
    assert [fault["name"] for fault in (first, second, valkey)] == ["first", "second", "valkey"]
    with unless_held_up(run):
        assert first["lost"] == PLAYERS // 3
    assert first["failure"] is second["failure"] is valkey["failure"] is None
    assert valkey["lost"] == 0
    assert run["events"]["faults"] == 3
    assert run["ledger"]["presence"]["expected"] > 0
    late = next(sample for sample in run["history"] if sample["t_s"] > 47)
    with unless_held_up(run):
        assert late["established"] - late["lost"] == PLAYERS
    page = (tmp_path / "run" / "run.html").read_text()
    assert page.count(": open connections") >= 3
