"""The section on forecasts: what it says of a run that is known by hand, and that the auditor finds what is wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bench.audit.check import Audit, audit
from bench.audit.raw import Raw
from bench.measures import AS_PREDICTED, FORECAST_ERROR, MEDIAN_ERROR, PREDICTED, USED_BREAKING, WORST_ERROR
from bench.prediction.comparison import Wall
from bench.record.book import Book
from bench.record.files.run_file import read_run
from bench.record.findings import Stretch
from bench.record.profiles.standard import FULL
from bench.record.run import Run
from bench.record.vocabulary import WAYS_AT_SCALE
from bench.report.build import make_report, texts_of, write_report
from bench.report.sections.forecasts import AT_SCALE_TABLE, FORECASTS, forecasts_section
from bench.report.sections.page import Section
from bench.report.told import figures_json
from bench.scenarios.prediction import holding
from bench.scenarios.prediction.holding import Came, Case, write_errors
from bench.scenarios.prediction.kept import NAME
from tests.bench.forecasts import BREAKS, BUSY, CALM, a_forecast_run, walls
from tests.bench.runs import a_run

STORED = Path(__file__).parents[1] / "data" / "smoke-run.json.gz"


def section(run: Run) -> Section:
    found = forecasts_section(run)
    assert found is not None
    return found


def rows_of(run: Run, title: str) -> list[list[str]]:
    [table] = [each for each in section(run).tables if each.title == title]
    return [list(row) for row in table.rows]


def audit_of(run: Run, told_by: Run | None = None) -> Audit:
    """What the report of one run says, by the readings of another."""
    told = json.loads(figures_json(run, texts_of(told_by or run)))["told"]
    mine = [text for text in told if text["where"].startswith("prediction")]
    assert mine
    return audit(Raw(json.loads(msgspec.json.encode(run))), mine, {})


def test_note_says_that_both_have_the_clients_core_where_the_model_had_it() -> None:
    run = a_forecast_run()
    [found] = run.findings
    newer = replace(run, findings=[replace(found, facts={"clients, hear, value (µs)": 20.0})])
    older_note, newer_note = (
        next(table.note for table in section(each).tables if table.title == FORECASTS) for each in (run, newer)
    )
    assert "clients, which share one core" in newer_note
    assert "share one core" not in older_note


# -- what it says ------------------------------------------------------------------------------------------------------


def test_each_forecast_stands_beside_its_measurement_with_the_error() -> None:
    rows = rows_of(a_forecast_run(), FORECASTS)
    assert rows[1][1:6] == ["900", "time to fresh p50", "1.50 s", "1.60 s", "−6 %"]
    assert [row[5] for row in rows] == ["−4 %", "−6 %", "20 %", "−20 %"]


def test_median_and_worst_are_told_with_the_goals_that_they_reach() -> None:
    """Errors of 3.85, 6.25, 20 and 20 %: the median is 13 %."""
    first, goals, reach, *_ = section(a_forecast_run()).shows
    assert first.startswith("4 quantities were predicted before they were measured: the median error is 13 %")
    assert "that the median is at most 10 % does not hold" in goals
    assert "that the worst is at most 20 % holds" in goals
    assert "up to 2,500 sessions of a process" in reach
    assert "3 processes, 0.8 changes per second and 200 rooms" in reach


def test_forecast_that_could_not_be_measured_is_marked_and_counts_for_nothing() -> None:
    run = a_forecast_run(BUSY)
    found = section(run)
    [table] = [each for each in found.tables if each.title == FORECASTS]
    assert list(table.row_marks) == ["", "", "", "invalid"]
    assert table.rows[3][6] == "INVALID: the generator was the limit"
    assert found.shows[0].startswith("3 quantities were predicted before they were measured: the median error is 6 %")
    assert audit_of(run).disagreements == []


def test_forecast_that_half_of_the_measurements_spoiled_counts_for_nothing_to_run_report_and_auditor() -> None:
    """Of the last case one of two repeats was no measurement, so the case is INVALID; else its error would be 35 %."""
    run = a_forecast_run(again=BUSY)
    [table] = [each for each in section(run).tables if each.title == FORECASTS]
    assert list(table.row_marks) == ["", "", "", "invalid"]
    first = section(run).shows[0]
    assert first.startswith("3 quantities were predicted before they were measured: the median error is 6 %, the worst")
    assert [str(each) for each in audit_of(run).disagreements] == []


def test_forecast_that_one_of_three_measurements_spoiled_counts_with_their_median() -> None:
    book = Book()
    for measured, stretch, invalid in ((10.0, CALM, ""), (8.0, CALM, ""), (5.0, BUSY, "the generator was the limit")):
        at: dict[str, Any] = {"clients": 100, "party": "a case", "stretch": stretch, "invalid": invalid}
        book.add(AS_PREDICTED["time to fresh p50"], measured, **at)
        book.add(FORECAST_ERROR["time to fresh p50"], (10.0 / measured - 1) * 100, **at)
    book.add(PREDICTED["time to fresh p50"], 10.0, clients=100, party="a case")
    write_errors(book)
    run = replace(a_run(book.result(NAME, ())), profile=FULL)
    assert "1 quantity was predicted before it was measured: the median error is 25 %" in section(run).shows[0]
    assert [str(each) for each in audit_of(run).disagreements] == []


def test_goal_that_is_judged_by_what_other_work_spoiled_says_so() -> None:
    crowded = Stretch(wall_s=4.0, server_cpu_s=1.0, server_wait_s=1.0, generator_cpu_s=1.0)
    book = Book()
    holding.hold_against(
        Case("a case", 100, lambda model: {}, lambda: Came({"time to fresh p50": 10.0}, crowded)),
        {"time to fresh p50": 11.0},
        book,
    )
    book.add(PREDICTED["time to fresh p50"], 11.0, clients=100, party="a case")
    write_errors(book)
    goals = section(replace(a_run(book.result(NAME, ())), profile=FULL)).shows[1]
    assert goals.count("(suspect: other work had the cores)") == 2


def the_last_two(holds: int, fails: int | None, last: int) -> list[Wall]:
    """Of the ways: the last but one holds for and fails with so many, and the last breaks just above its number."""
    *others, one, other = walls()
    return [
        *others,
        dataclasses.replace(one, holds=holds, fails=fails),
        dataclasses.replace(
            other, holds=last, fails=last + 1_000, breaks="core", shares_then={"core": 0.9}, is_cut=False
        ),
    ]


def test_way_whose_limit_was_not_found_in_time_is_told_with_the_range_and_is_not_passed_over() -> None:
    run = a_forecast_run(ways=the_last_two(40_000, 160_000, 60_000))
    sentences = section(run).shows
    assert any(
        each.startswith("By forecast, of what was tried, the way that goes furthest on 10 nodes is deltas, presence of")
        for each in sentences
    )
    assert any("deltas, presence batched between 40,000 and 160,000 (log)" in each for each in sentences)
    assert any("the search ended before it was found" in each for each in sentences)
    assert [str(each) for each in audit_of(run).disagreements] == []


def test_way_that_nothing_broke_is_told_as_far_as_it_was_tried() -> None:
    sentences = section(a_forecast_run()).shows
    assert any("deltas, presence of friends not yet with 60,000." in each for each in sentences)
    assert not any("of what was tried" in each for each in sentences), "it goes furthest all the same"


def test_ways_that_go_as_far_are_all_named() -> None:
    run = a_forecast_run(ways=the_last_two(60_000, 61_000, 60_000))
    assert any(
        "is deltas, presence batched: to 60,000 players" in each
        and each.endswith("what was measured; as far go deltas, presence of friends.")
        for each in section(run).shows
    )
    assert [str(each) for each in audit_of(run).disagreements] == []


def test_where_polling_goes_furthest_the_age_of_its_lists_and_the_best_way_that_is_told_stand_beside_it() -> None:
    first, *others = walls()
    run = a_forecast_run(ways=[dataclasses.replace(first, holds=900_000, fails=990_000), *others])
    [told] = [each for each in section(run).shows if each.startswith("By forecast")]
    assert "on 10 nodes is polling: to 900,000 players" in told
    assert told.endswith(
        "; their lists are up to 3 s old, and of the ways that are told of changes none goes further than deltas, "
        "presence of friends, to 60,000."
    )
    assert [str(each) for each in audit_of(run).disagreements] == []


def test_ways_at_scale_are_told_with_what_breaks_first_and_how_far_beyond_what_was_measured() -> None:
    """Measured were 2,500 sessions, and no more of 3 processes together."""
    rows = rows_of(a_forecast_run(), AT_SCALE_TABLE)
    assert [row[0] for row in rows] == [name for name, _, _ in WAYS_AT_SCALE]
    assert [row[3] for row in rows] == [*BREAKS, "–"]
    assert rows[0][1:3] == ["10,000", "11,000"]
    assert rows[-1][2] == "–"
    assert rows[-1][-1] == "24.0 ×"
    sentences = section(a_forecast_run()).shows
    assert any("on 10 nodes is deltas, presence of friends: to 60,000 players" in each for each in sentences)
    assert any("push, then fetch at 31,000 (latency)" in each for each in sentences)


def test_assumptions_stand_below_the_ways() -> None:
    [table] = [each for each in section(a_forecast_run()).tables if each.title == AT_SCALE_TABLE]
    assert "50 rooms, 1 change of the list per second" in table.note


def test_run_that_compared_no_ways_has_the_forecasts_alone() -> None:
    run = a_forecast_run(at_scale=False)
    assert next(each.title for each in section(run).tables) == FORECASTS
    assert AT_SCALE_TABLE not in [each.title for each in section(run).tables]
    assert "ways-at-scale" not in make_report(run).charts


def test_run_of_before_has_no_such_section_and_is_drawn(tmp_path: Path) -> None:
    old = read_run(STORED)
    assert forecasts_section(old) is None
    write_report(make_report(old), tmp_path / "old")
    assert "ways-at-scale" not in (tmp_path / "old" / "report.html").read_text()


@pytest.mark.system
def test_report_has_the_section_with_its_chart_and_assumptions_below_it(tmp_path: Path) -> None:
    write_report(make_report(a_forecast_run()), tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "How many players each way to the list carries, and what breaks first" in page
    assert "Forecast, not measured, on 10 nodes: 50 rooms, 1 change of the list per second" in page
    assert (tmp_path / "report" / "charts" / "ways-at-scale.svg").stat().st_size > 5_000


# -- the auditor -------------------------------------------------------------------------------------------------------


def test_auditor_agrees_with_all_that_is_said_of_forecasts() -> None:
    found = audit_of(a_forecast_run())
    assert [str(each) for each in found.disagreements] == []
    assert found.figures > 50
    assert found.conclusions > 10


def test_no_number_is_without_a_source() -> None:
    told = [each for each in texts_of(a_forecast_run()) if each.where.startswith("prediction")]
    assert [(each.where, each.text, each.uncited) for each in told if each.uncited] == []


def other_readings(run: Run, change: Callable[[Any], Any]) -> Run:
    [found] = run.findings
    return replace(run, findings=[replace(found, measures=[change(each) for each in found.measures])])


def times(name: str, factor: float) -> Callable[[Any], Any]:
    def change(measured: Any) -> Any:
        if measured.name != name:
            return measured
        return replace(measured, readings=[replace(each, value=each.value * factor) for each in measured.readings])

    return change


@pytest.mark.parametrize(
    ("name", "factor", "where", "figure"),
    [
        (MEDIAN_ERROR.name, 0.5, "prediction, sentence 1", "forecast errors median"),
        (MEDIAN_ERROR.name, 0.5, "prediction, sentence 2", "claim no more than"),
        (WORST_ERROR.name, 1.5, "prediction, sentence 2", "claim no more than"),
        (AS_PREDICTED["99 % fresh after"].name, 1.5, f"prediction: {FORECASTS}, row 4", "99 % fresh after: measured"),
        (USED_BREAKING["core"].name, 0.5, f"prediction: {AT_SCALE_TABLE}, row 1", "breaks first polling"),
        (USED_BREAKING["log"].name, 3.0, f"prediction: {AT_SCALE_TABLE}, row 4", "breaks first"),
    ],
)
def test_auditor_names_what_a_report_says_otherwise(name: str, factor: float, where: str, figure: str) -> None:
    """The report of a run in which something came out otherwise, by the readings of this one."""
    found = audit_of(a_forecast_run(), told_by=other_readings(a_forecast_run(), times(name, factor)))
    assert any(each.where == where and figure in each.figure for each in found.disagreements), found.disagreements
