"""The table of load generators, from runs whose figures are known by hand."""

from __future__ import annotations

from bench.measures import (
    DEFINITIONS,
    ERROR_OF_P99,
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GENERATOR_PEAK_KIB_PER_PLAYER,
    PLAYERS_PER_CPU_S,
    SETTLED_PLAYERS_PER_CPU_S,
)
from bench.record.book import Book
from bench.record.vocabulary import IDLE, LOCUST_RECIPE, NODE_WS, SWARM, TSUNG
from bench.report.sections.findings import findings_section
from bench.report.sections.generators import generators_table
from bench.report.sections.page import without_empty_columns
from bench.scenarios.engine.swarm_truth import SERIES_OF_THE_SWARM, party_of
from tests.bench.runs import a_run

FROZEN_FOR = "frozen for 1.4 s of 30"


def test_each_tool_has_a_row_with_its_costs_and_the_errors_of_its_report() -> None:
    cost, truth = Book(), Book()
    for tool, cpu_ms in ((SWARM, 8.0), (TSUNG, 41.0)):
        cost.add(GENERATOR_CPU_PER_1000_EVENTS, cpu_ms, clients=1_000, party=tool, changes_per_s=1.0)
        cost.add(PLAYERS_PER_CPU_S, 2_200.0, clients=1_000, party=tool)
        cost.add(SETTLED_PLAYERS_PER_CPU_S, 1_100.0, clients=1_000, party=tool)
        cost.add(GENERATOR_KIB_PER_PLAYER, 29.0, clients=1_000, party=tool)
        cost.add(GENERATOR_PEAK_KIB_PER_PLAYER, 44.0, clients=1_000, party=tool)
    for tool, error_ms in ((SWARM, 0.1), (LOCUST_RECIPE, 1_300.0)):
        for condition in (IDLE, FROZEN_FOR):
            party = party_of(tool, condition)
            truth.add(ERROR_OF_P99["heartbeat"], error_ms, clients=1_000, party=party)
    truth.add(ERROR_OF_P99["upgrade"], 9.0, clients=1_000, party=party_of(SERIES_OF_THE_SWARM, IDLE))
    table = generators_table(a_run(cost.result("swarm-cost", ()), truth.result("swarm-truth", ())))
    assert table.rows == [
        [SWARM, "1,000", "8.00 ms", "2,200 1/s", "1,100 1/s", "29.0 KiB", "44.0 KiB", "", "0.100 ms", "0.100 ms"],
        [LOCUST_RECIPE, "1,000", "", "", "", "", "", "", "1,300 ms", "1,300 ms"],
        [TSUNG, "1,000", "41.0 ms", "2,200 1/s", "1,100 1/s", "29.0 KiB", "44.0 KiB", "", "", ""],
    ]
    assert all(DEFINITIONS[each] in table.note for each in (SETTLED_PLAYERS_PER_CPU_S, GENERATOR_PEAK_KIB_PER_PLAYER))


def test_older_run_says_nothing_of_what_it_did_not_measure() -> None:
    """Nor of a goal that is judged by it."""
    book = Book()
    for measure, value in ((PLAYERS_PER_CPU_S, 9_000.0), (GENERATOR_KIB_PER_PLAYER, 29.0)):
        book.add(measure, value, clients=1_000, party=SWARM)
    found = book.result("swarm-cost", ())
    section = findings_section(a_run(found), found)
    beside, *others = [without_empty_columns(table) for table in section.tables]
    assert beside.headers == ["Tool", "Players", "Players per second", "Memory per player"]
    assert [table.title for table in others] == ["Everything that was measured"]
    for table in section.tables:
        assert "after the last" not in table.note
        assert "peak" not in table.note


def test_figure_that_is_not_valid_has_a_mark() -> None:
    book = Book()
    book.add(
        ERROR_OF_P99["heartbeat"], 5.0, clients=300, party=party_of(NODE_WS, IDLE), invalid="3 packets were not seen"
    )
    [row] = generators_table(a_run(book.result("swarm-truth", ()))).rows
    assert row[8].endswith("ms*")


def test_run_of_other_benches_has_no_such_table() -> None:
    assert generators_table(a_run()).rows == []


def test_table_is_in_the_section_of_the_bench() -> None:
    book = Book()
    book.add(PLAYERS_PER_CPU_S, 2_200.0, clients=1_000, party=SWARM)
    found = book.result("swarm-cost", ())
    section = findings_section(a_run(found), found)
    assert section.tables[0].title == "The swarm beside other load generators"
