"""Goals of the engine: figures from paired readings, verdicts, suspicion, the tables that say so."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.analysis.exit_code import exit_code
from bench.analysis.goals import GOALS, Outcome, check_goals
from bench.measures import CPU_PER_RECIPIENT, PLAYERS_PER_CPU_S, RSS_PER_CONNECTION, SETTLED_PLAYERS_PER_CPU_S
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.vocabulary import FLOOR, NODE_WS, SWARM
from bench.report.tables import render_result
from loadtest.results.exit_codes import ExitCode
from tests.bench.runs import a_run

CALM = Stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.0, generator_cpu_s=0.5, generator_wait_s=0.01)
BUSY = Stretch(wall_s=1.0, server_cpu_s=0.5, server_wait_s=0.25, generator_cpu_s=0.5, generator_wait_s=0.0)


def fanout(lobby: list[float], floor: list[float], *, stretch: Stretch = CALM) -> Findings:
    book = Book()
    for party, values in (("lobby", lobby), (FLOOR, floor)):
        for value in values:
            book.add(CPU_PER_RECIPIENT, value, clients=5_000, party=party, stretch=stretch)
    return book.result("fanout", ("--tick-ms", "20"))


def test_ratio_pairs_the_repeats_and_takes_the_median() -> None:
    floor, node = check_goals(fanout([8.0, 20.0, 9.0], [8.0, 10.0, 9.0]))
    assert floor.figure is not None
    assert (floor.figure.low, floor.figure.value, floor.figure.high, floor.figure.n) == (1.0, 1.0, 2.0, 3)
    assert floor.outcome is Outcome.MET
    assert node.goal.over == NODE_WS
    assert node.outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize(("lobby", "outcome"), [(11.0, Outcome.MET), (11.1, Outcome.MISSED)])
def test_verdict_at_the_limit(lobby: float, outcome: Outcome) -> None:
    assert check_goals(fanout([lobby], [10.0]))[0].outcome is outcome


def test_figure_of_a_busy_machine_is_suspect() -> None:
    assert BUSY.waited == pytest.approx(1 / 3)
    figure = check_goals(fanout([9.0], [9.0], stretch=BUSY))[0].figure
    assert figure is not None
    assert figure.is_suspect
    assert "met, SUSPECT" in render_result(fanout([9.0], [9.0], stretch=BUSY))
    assert "SUSPECT" not in render_result(fanout([9.0], [9.0]))


def test_figure_that_is_invalid_meets_and_misses_nothing() -> None:
    book = Book()
    for party, value in (("lobby", 8.0), (FLOOR, 9.0)):
        book.add(CPU_PER_RECIPIENT, value, clients=5_000, party=party, invalid="a client was lost")
    found = book.result("fanout", ())
    assert check_goals(found)[0].outcome is Outcome.NOT_MEASURED
    assert "not measured, INVALID: a client was lost" in render_result(found)


@pytest.mark.parametrize(("kib", "outcome"), [(2.2, Outcome.MET), (2.3, Outcome.MISSED)])
@pytest.mark.parametrize("clients", [5_000, 10_000])
def test_idle_connection_on_the_plain_way_in_may_hold_2_2_kib(clients: int, kib: float, outcome: Outcome) -> None:
    book = Book()
    book.add(RSS_PER_CONNECTION, kib, clients=clients)
    [told] = [each for each in check_goals(book.result("memory", ())) if each.figure is not None]
    assert told.outcome is outcome


@pytest.mark.parametrize(("settled", "outcome"), [(2_000.0, Outcome.MET), (1_999.0, Outcome.MISSED)])
def test_pace_of_the_swarm_is_judged_with_the_work_that_it_puts_off(settled: float, outcome: Outcome) -> None:
    book = Book()
    book.add(PLAYERS_PER_CPU_S, 9_000.0, clients=1_000, party=SWARM)
    assert [each.figure for each in check_goals(book.result("swarm-cost", ()))] == [None, None, None]
    book.add(SETTLED_PLAYERS_PER_CPU_S, settled, clients=1_000, party=SWARM)
    [told] = [each for each in check_goals(book.result("swarm-cost", ())) if each.figure is not None]
    assert told.outcome is outcome


def test_goal_of_at_least_is_met_from_above() -> None:
    goal = next(goal for goal in GOALS if goal.at_least)
    assert goal.is_met(goal.limit)
    assert not goal.is_met(goal.limit - 0.01)


def test_exit_code_tells_faults_from_missed_goals() -> None:
    met, missed = fanout([9.0], [9.0]), fanout([19.0], [9.0])
    run = a_run()
    assert exit_code(replace(run, findings=[met]), with_goals=True) == 0
    assert exit_code(replace(run, findings=[met, missed]), with_goals=True) == ExitCode.THRESHOLD_MISSED
    assert exit_code(replace(run, findings=[met, missed]), with_goals=False) == 0
    missed.faults.append("a client heard of a user twice")
    assert exit_code(replace(run, findings=[met, missed]), with_goals=False) == ExitCode.FAILED
    assert "FAULT: a client heard of a user twice" in render_result(missed)


def test_table_says_what_was_not_measured() -> None:
    text = render_result(Book().result("memory", ()))
    assert text.count(Outcome.NOT_MEASURED.value) == 2
