"""Memory over clients that come and go: what is written of the looks, and a tiny run on real servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import cli
from bench.analysis.goals import Outcome, check_goals
from bench.load.churn import WAYS_IN, Churn, Cycle
from bench.load.sockets.raw_client import Transport
from bench.measures import CYCLES, GROWTH, RSS_AFTER
from bench.measures import WAYS_IN as NAMES
from bench.record.book import Book
from bench.record.fact_names import look_name, look_of
from bench.record.files.run_file import read_run
from bench.scenarios.stress import churn, flags

pytestmark = pytest.mark.system

PLAIN = WAYS_IN[0]


def seen(*looks: tuple[int, int], cycle: Cycle = Cycle.ACCEPTED) -> Churn:
    return Churn(cycle, PLAIN, tuple(done for done, _ in looks), tuple(kib for _, kib in looks))


def test_growth_counts_from_the_end_of_the_warm_up_in_percent() -> None:
    book = Book()
    churn.write(book, seen((0, 50_000), (20_000, 100_000), (70_000, 101_000), (120_000, 103_000)), warm_up=20_000)
    found = book.result("churn", ())
    [growth] = found.find(GROWTH["plain", "accepted"])
    assert growth.value == pytest.approx(3.0)
    assert found.facts[look_name("plain", "accepted", 70_000)] == pytest.approx(101_000 / 1024)
    assert {each.clients for each in found.measures if each.name == RSS_AFTER["plain", "accepted"].name} == {
        20_000,
        120_000,
    }


def test_goal_is_missed_by_a_server_that_keeps_what_has_gone() -> None:
    book = Book()
    churn.write(book, seen((20_000, 100_000), (120_000, 102_100)), warm_up=20_000)
    churn.write(book, seen((20_000, 100_000), (50_000, 101_900), cycle=Cycle.ROOM), warm_up=20_000)
    outcomes = {each.goal.measure: each.outcome for each in check_goals(book.result("churn", ()))}
    assert outcomes.pop(GROWTH["plain", "accepted"]) is Outcome.MISSED
    assert outcomes.pop(GROWTH["plain", "room"]) is Outcome.MET
    assert set(outcomes.values()) == {Outcome.NOT_MEASURED}


def test_ways_and_cycles_are_those_that_have_measures() -> None:
    assert tuple(way.name for way in WAYS_IN) == NAMES
    assert {each.value for each in Cycle} - {Cycle.ABRUPT.value} == set(CYCLES)
    assert set(GROWTH) == {(way.name, cycle) for way in WAYS_IN for cycle in CYCLES if way.takes(Cycle(cycle))}


def test_look_is_read_as_it_was_named() -> None:
    assert look_of(look_name("/ops/socket", "refused", 120_000)) == ("/ops/socket", "refused", 120_000)
    assert look_of("anything else") is None


def test_way_that_has_no_certificate_is_skipped_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "can_make_certificate", lambda: False)
    with flags.flags_of(Transport.TLS, ("--compression",)) as found:
        assert found is None


def test_churn_on_the_command_line_leaves_a_run_with_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(churn, "WAYS", [way for way in WAYS_IN if way.name in ("TLS", "/ops/socket")])
    done = CliRunner().invoke(cli.main, ["run", "churn", "--smoke", "--output", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    (result,) = read_run(tmp_path / "run" / "run.json").findings
    assert (result.faults, result.skipped) == ([], [])
    measured = {each.name for each in result.measures}
    assert {GROWTH[key].name for key in [("TLS", "room"), ("/ops/socket", "refused")]} <= measured
    assert (tmp_path / "run" / "charts" / "churn.svg").exists()
    assert "Does memory grow" in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
