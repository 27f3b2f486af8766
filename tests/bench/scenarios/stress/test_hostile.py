"""Good clients beside a hostile one: a tiny run on a real server, its goals, its chart."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import cli
from bench.analysis.goals import Outcome, check_goals
from bench.load.clients.hostile import Hostile
from bench.load.sockets.raw_client import Transport
from bench.measures import HOSTILE_KINDS, PONG_DISTURBED, PONG_RATIO, PONG_UNDISTURBED
from bench.record.book import Book
from bench.record.files.run_file import read_run
from bench.report.charts import FOUND
from bench.report.charts.sheet import render
from bench.scenarios.stress import hostile
from tests.bench.runs import a_run

pytestmark = pytest.mark.system


def test_kinds_are_those_of_the_client() -> None:
    assert tuple(each.value for each in Hostile) == HOSTILE_KINDS


def test_goal_is_missed_by_a_kind_that_makes_the_others_wait_twice_as_long() -> None:
    book = Book()
    for party, ratio in (("ping-flood, TLS", 2.5), ("never-reads, plain", 1.1)):
        book.add(PONG_RATIO, ratio, clients=2_000, party=party)
    outcomes = {str(each.goal): each.outcome for each in check_goals(book.result("hostile", ()))}
    assert len(outcomes) == len(HOSTILE_KINDS) * len(hostile.TRANSPORTS)
    assert outcomes.pop(f"{PONG_RATIO.name}: ping-flood, TLS") is Outcome.MISSED
    assert outcomes.pop(f"{PONG_RATIO.name}: never-reads, plain") is Outcome.MET
    assert set(outcomes.values()) == {Outcome.NOT_MEASURED}


def test_chart_has_a_dot_for_each_kind_and_way() -> None:
    book = Book()
    for ratio in (1.0, 3.0, 2.0):
        book.add(PONG_RATIO, ratio, clients=200, party=hostile.party_of("slow-heads", "TLS"))
    found = book.result("hostile", ())
    run = a_run(found)
    assert render("hostile", "hostile", "Left.", lambda: FOUND["hostile"].draw(run, found)).png
    axes = FOUND["hostile"].draw(run, found).axes[0]
    [line] = [each for each in axes.get_lines() if each.get_label() == "TLS"]
    assert [float(x) for x in line.get_xdata()] == [2.0]  # type: ignore[union-attr]
    assert [float(y) for y in line.get_ydata()] == [HOSTILE_KINDS.index("slow-heads")]  # type: ignore[union-attr]


def test_hostile_on_the_command_line_leaves_pairs_and_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "TRANSPORTS", {"TLS": Transport.TLS})
    monkeypatch.setattr(hostile, "HOSTILE_KINDS", ("sends-after-close", "bad-requests"))
    done = CliRunner().invoke(cli.main, ["run", "hostile", "--smoke", "--output", str(tmp_path / "run")])
    assert done.exit_code in (0, 4), done.output  # 4: the machine was too busy to time anything
    (result,) = read_run(tmp_path / "run" / "run.json").findings
    assert (result.faults, result.skipped) == ([], [])
    for party in ("sends-after-close, TLS", "bad-requests, TLS"):
        [alone], [beside], [ratio] = (
            result.find(each, party) for each in (PONG_UNDISTURBED, PONG_DISTURBED, PONG_RATIO)
        )
        assert alone.value > 0
        assert ratio.value == pytest.approx(beside.value / alone.value)
    assert (tmp_path / "run" / "charts" / "hostile.svg").exists()
