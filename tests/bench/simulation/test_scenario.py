"""Schedules in virtual time as a scenario: what is written of them, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.analysis.goals import Outcome, check_goals
from bench.cli import main
from bench.measures import COMMANDS_OF_SCHEDULE, FAULTS_OF_SCHEDULE, SCHEDULE_RATE, VIOLATIONS
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.report.sections.findings import findings_section
from bench.scenarios.cluster.simulated import Schedules, Tried, write
from bench.simulation.schedule import PLAYERS
from tests.bench.runs import a_run


def findings(*tried: Tried) -> Findings:
    book = Book()
    for each in tried:
        write(book, each)
    return book.result("simulation", ())


def values(found: Findings, measure: object) -> list[float]:
    (measured,) = [each for each in found.measures if each.measure == measure]
    assert measured.where == Where(PLAYERS)
    return [each.value for each in measured.readings]


GOOD = Tried(schedules=60, commands=13_200, faults=420, entries=90_000, cpu_s=9.0, violations=[])
BAD = Tried(schedules=60, commands=13_200, faults=420, entries=90_000, cpu_s=18.0, violations=["seed 7: it fails"])


def test_rate_is_schedules_per_minute_of_cpu_time() -> None:
    found = findings(GOOD, BAD)
    assert values(found, SCHEDULE_RATE) == [400.0, 200.0]
    assert values(found, COMMANDS_OF_SCHEDULE) == [220.0, 220.0]
    assert values(found, FAULTS_OF_SCHEDULE) == [7.0, 7.0]
    assert values(found, VIOLATIONS) == [0, 1]


def test_violation_is_a_fault_of_the_run_and_misses_the_goal() -> None:
    found = findings(BAD)
    assert found.faults == ["the simulation, seed 7: it fails"]
    assert {result.outcome for result in check_goals(found)} == {Outcome.MISSED}
    assert {result.outcome for result in check_goals(findings(GOOD))} == {Outcome.MET}


def test_section_says_how_many_there_were_and_that_all_held() -> None:
    found = findings(GOOD)
    section = findings_section(a_run(found), found)
    shown = " ".join(section.shows)
    assert "with 220 commands and 7.00 faults each: 0 of them violated what must hold" in shown
    assert "One core gets through 400 such schedules per minute" in shown


async def test_schedules_are_tried_beside_a_loop() -> None:
    tried = await Schedules().try_out([3])
    assert (tried.schedules, tried.violations) == (1, [])
    assert tried.commands >= 200
    assert tried.faults >= 5
    assert tried.cpu_s > 0


@pytest.mark.system
def test_scenario_runs_in_its_own_process(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["run", "simulation", "--smoke", "--output", str(tmp_path / "out")])
    assert result.exit_code in (0, 3), result.output  # 3: a machine that is too busy misses the rate
    assert "violated what must hold" in result.output or "schedules per minute" in result.output
