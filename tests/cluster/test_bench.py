"""``lobby-bench run cluster`` and ``survival`` on real processes: small, and with all that they promise in the run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bench import cli
from bench.analysis.goals import Outcome, check_goals
from bench.measures import (
    COMMANDS_CARRIED,
    CPU_PER_BROADCAST,
    FAULTS,
    KILLED,
    LAST_BACK,
    LATER_P50,
    LEDGER_LOST,
    MEMBERSHIPS_LOST,
    OFFLINE_BATCHES,
    PLAYERS_MISSING,
    REFUSED_FOR,
    ROOMS_DOUBLED,
    ROOMS_LOST,
    ROOMS_MISSING,
    SOCKETS_CLOSED,
    TOLD_TWICE,
    WRONG_VIEWS,
    Measure,
)
from bench.processes.cluster.proxy import NO_PROXY, find_haproxy
from bench.processes.cluster.surroundings import why_not
from bench.processes.cpu import CpuPlan, pinned
from bench.record.book import Book
from bench.record.files.run_file import read_run
from bench.record.findings import Findings
from bench.record.profiles.sizes import SurvivalSizes
from bench.record.profiles.standard import SMOKE
from bench.record.vocabulary import ONE_NODE, OTHER_NODE
from bench.report.charts import FOUND
from bench.report.charts.sheet import render
from bench.scenarios.cluster import survival
from tests.bench.runs import a_run
from tests.cluster.labs import lab_of
from tests.installed import needed

pytestmark = pytest.mark.system


def value(found: Findings, measure: Measure, party: str = "lobby") -> float:
    (reading,) = found.find(measure, party)
    return reading.value


def test_goal_of_a_node_of_four_is_missed_by_one_that_costs_a_third() -> None:
    book = Book()
    book.add(CPU_PER_BROADCAST, 30.0, clients=2_000)
    for nodes, cpu_ms in ((2, 16.0), (4, 10.0)):
        book.add(CPU_PER_BROADCAST, cpu_ms, clients=2_000, party=ONE_NODE.format(nodes=nodes))
    goals = check_goals(book.result("cluster", ()))
    outcomes = {str(each.goal): each.outcome for each in goals if each.goal.clients == 2_000}
    named = f"{CPU_PER_BROADCAST}: {{}} ÷ lobby"
    assert outcomes[named.format(ONE_NODE.format(nodes=2))] is Outcome.MET
    assert outcomes[named.format(ONE_NODE.format(nodes=4))] is Outcome.MISSED
    assert outcomes[named.format(ONE_NODE.format(nodes=1))] is Outcome.NOT_MEASURED


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_cluster_bench_finds_nothing_lost_and_nothing_doubled(tmp_path: Path) -> None:
    needed(why_not())
    done = CliRunner().invoke(cli.main, ["run", "cluster", "--smoke", "--output", str(tmp_path / "run")])
    assert (tmp_path / "run" / "run.json").exists(), done.output
    (found,) = read_run(tmp_path / "run" / "run.json").findings
    assert found.faults == []
    for measure in (PLAYERS_MISSING, WRONG_VIEWS, TOLD_TWICE, SOCKETS_CLOSED, ROOMS_LOST, MEMBERSHIPS_LOST):
        assert value(found, measure) == 0, measure
    for killed in KILLED:
        assert value(found, ROOMS_MISSING[killed]) == value(found, ROOMS_DOUBLED[killed]) == 0
    assert value(found, OFFLINE_BATCHES) == 1
    assert value(found, REFUSED_FOR) < 5
    assert 0 < value(found, LAST_BACK) < 30
    assert value(found, COMMANDS_CARRIED) > 0
    assert abs(value(found, LATER_P50, OTHER_NODE)) < 50
    assert list((tmp_path / "run").rglob("cluster.svg"))


def test_charts_of_faults_are_drawn_from_a_run() -> None:
    book = Book()
    survival.write(book, a_document(), users=30)
    found = book.result("survival", ())
    run = a_run(found)
    assert render("survival", "survival", "A dip.", lambda: FOUND["survival"].draw(run, found)).png
    figure = FOUND["survival"].draw(run, found)
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["node restarted", "node killed"]
    assert value(found, LEDGER_LOST) == 1
    assert [fault for fault in found.faults if "lost" in fault]


def test_swarm_has_the_core_of_the_generator_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("there is one core")
    started_on: dict[str, set[int]] = {}

    @contextmanager
    def started(what: str, gives: Any) -> Iterator[Any]:
        started_on[what] = os.sched_getaffinity(0)
        yield gives

    nodes = [SimpleNamespace(pid=number, port=number) for number in (101, 102, 103)]
    place = SimpleNamespace(
        nodes=lambda *_, **__: nullcontext(nodes), engine=SimpleNamespace(pid=104), postgres=SimpleNamespace(pid=105)
    )

    def play(*_: Any) -> dict[str, object]:
        started_on["swarm"] = os.sched_getaffinity(0)
        return a_document()

    for name, instead in {
        "why_not": lambda: None,
        "find_haproxy": lambda: "haproxy",
        "can_have": lambda: False,
        "surroundings": lambda **_: started("database", place),
        "running_haproxy": lambda *_: started("proxy", 1),
        "_play": play,
    }.items():
        monkeypatch.setattr(survival, name, instead)
    with pinned((cores[1],)):  # as all scenarios run
        survival.run(lab_of(SMOKE, cpus=CpuPlan((cores[0],), (cores[1],))))
    assert started_on == {"database": {cores[0]}, "proxy": {cores[0]}, "swarm": {cores[1]}}


def a_document() -> dict[str, object]:
    tally = {
        "lost": 0,
        "duplicates": 0,
        "out_of_order": 0,
        "unexpected": 0,
        "received": 9,
        "expected": 9,
        "unjudged": 0,
    }
    fault = {"pid": 1, "failure": None, "lost": 10, "back_after_s": 4.5}
    return {
        "ledger": {"presence": {**tally, "lost": 1}, "rooms": tally},
        "validity": {"level": "VALID", "reasons": []},
        "faults": [
            {**fault, "name": FAULTS[0], "began_s": 10.0, "ended_s": 12.0},
            {**fault, "name": FAULTS[-1], "began_s": 40.0, "ended_s": 40.0, "back_after_s": None},
        ],
        "history": [{"t_s": float(at), "established": 30 + at // 11, "lost": at // 11} for at in range(60)],
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_swarm_comes_through_every_fault_in_one_run_with_a_clean_ledger() -> None:
    needed(why_not() or (NO_PROXY if find_haproxy() is None else None))
    sizes = SurvivalSizes(
        users=45, spawn_per_s=45.0, every_s=24.0, recovery_s=10.0, room_interval_s=30.0, drop_interval_s=30.0
    )
    found = survival.run(lab_of(msgspec.structs.replace(SMOKE, survival=sizes)))
    assert found.faults == [], found.notes
    assert value(found, LEDGER_LOST) == 0
    assert len([name for name in found.facts if name.endswith(", from (s)")]) == len(FAULTS) - len(found.skipped)
