"""Plain tables, the index of runs and the comparison: what they say of figures known by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.analysis.comparison.changes import Change
from bench.analysis.comparison.compare import Comparison, compare_runs
from bench.measures import (
    CLOSED_BY_SERVER,
    CPU_PER_RECIPIENT,
    FRAMED_PER_CLIENT_HOUR,
    LAST_ACCEPTED,
    PEAK_RATE,
    REQUESTS_PER_CLIENT_HOUR,
    Measure,
)
from bench.record.book import Book
from bench.record.files.run_file import write_run
from bench.record.findings import Findings, Stretch
from bench.record.run import Run
from bench.record.vocabulary import FLOOR, LOBBY, OTHER_BUILD
from bench.report.comparison import render_comparison, write_comparison
from bench.report.index import INDEX_FILE, write_index
from bench.report.tables import render_result
from tests.bench.runs import OVERLOADED, a_broadcast_result, a_group, a_point, a_run, a_whole_run, an_idle_result

FULL = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.95)


def measured(measure: Measure, *values: float, party: str = LOBBY, clients: int = 1_000, **more: object) -> Findings:
    book = Book()
    for value in values:
        book.add(measure, value, clients=clients, party=party, **more)  # type: ignore[arg-type]
    return book.result("peers", ())


# -- tables that a bench prints ------------------------------------------------------------------------------------


def test_table_has_the_median_the_ends_and_how_many() -> None:
    text = render_result(measured(LAST_ACCEPTED, 0.5, 0.9, 0.7))
    row = next(line for line in text.splitlines() if line.startswith("last client accepted"))
    assert "0.700 s" in row
    assert "0.500–0.900 (3)" in row


def test_table_has_a_column_of_rates_only_where_rates_differ() -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10)
    assert "changes/s" not in render_result(book.result("storm", ()))
    book.add(LAST_ACCEPTED, 1.0, clients=10, changes_per_s=0.5)
    assert "changes/s" in render_result(book.result("storm", ()))


def test_columns_stand_under_their_headings() -> None:
    lines = render_result(measured(CPU_PER_RECIPIENT, 8.0, clients=5_000)).splitlines()
    head = next(line for line in lines if line.startswith("measured"))
    row = next(line for line in lines if line.startswith("server CPU per recipient"))
    assert row[head.index("party") :].startswith("lobby")
    assert row[head.index("clients") :].startswith("5,000")


def test_notes_skips_and_faults_come_after_the_figures() -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10)
    book.note("a note")
    book.skip("Node.js")
    book.faults.append("a stream was torn")
    assert render_result(book.result("storm", ())).splitlines()[-3:] == [
        "skipped: Node.js", "note: a note", "FAULT: a stream was torn"
    ]  # fmt: skip


def test_goal_that_is_missed_by_a_hair_does_not_look_met() -> None:
    book = Book()
    for party, value in ((LOBBY, 11.03), (FLOOR, 10.0)):
        book.add(CPU_PER_RECIPIENT, value, clients=5_000, party=party)
    row = next(line for line in render_result(book.result("fanout", ())).splitlines() if "÷ floor" in line)
    assert "≤ 1.10 ×" in row
    assert "1.103 ×" in row
    assert "missed" in row


def test_figure_of_two_builds_has_the_ratio_of_readings_that_were_taken_in_turns() -> None:
    book = Book()
    for own, other in ((2.0, 4.0), (9.0, 10.0), (3.0, 5.0)):
        book.add(LAST_ACCEPTED, own, clients=10)
        book.add(LAST_ACCEPTED, other, clients=10, party=OTHER_BUILD)
    book.add(LAST_ACCEPTED, 1.0, clients=20)
    rows = [line for line in render_result(book.result("storm", ())).splitlines() if "÷ the other build" in line]
    assert [" ".join(row.split()) for row in rows] == [
        "last client accepted lobby ÷ the other build 10 0.6000 × 0.5000–0.9000 (3)"
    ]


# -- the comparison ------------------------------------------------------------------------------------------------


def compared(before: Findings, after: Findings, *, limit: float = 0.1) -> Comparison:
    return compare_runs(a_run(before), a_run(after), limit=limit)


@pytest.mark.parametrize(
    ("measure", "factor", "change"),
    [
        (CPU_PER_RECIPIENT, 2.0, Change.WORSE),
        (CPU_PER_RECIPIENT, 0.5, Change.BETTER),
        (PEAK_RATE, 2.0, Change.BETTER),
        (PEAK_RATE, 0.5, Change.WORSE),
        (CLOSED_BY_SERVER, 2.0, Change.WORSE),
        (REQUESTS_PER_CLIENT_HOUR, 2.0, Change.DIFFERENT),
    ],
    ids=str,
)
def test_direction_of_a_measure_says_what_is_worse(measure: Measure, factor: float, change: Change) -> None:
    values = (10.0, 10.1, 9.9)
    [pair] = compared(measured(measure, *values), measured(measure, *(factor * each for each in values))).pairs
    assert pair.change is change


def test_one_reading_of_a_time_is_not_enough_to_be_sure() -> None:
    found = compared(measured(LAST_ACCEPTED, 1.0), measured(LAST_ACCEPTED, 2.0))
    assert [pair.change for pair in found.pairs] == [Change.UNSURE]
    assert found.regressions == []
    assert "unsure ×2.00" in render_comparison(found)


def test_one_reading_of_counted_bytes_is_enough() -> None:
    found = compared(measured(FRAMED_PER_CLIENT_HOUR, 100.0), measured(FRAMED_PER_CLIENT_HOUR, 200.0))
    assert [pair.change for pair in found.pairs] == [Change.WORSE]


def test_invalid_figure_is_not_compared() -> None:
    found = compared(measured(LAST_ACCEPTED, 1.0), measured(LAST_ACCEPTED, 9.0, stretch=FULL))
    assert (found.pairs, found.only_one) == ([], 1)


def test_figure_of_one_run_alone_is_counted() -> None:
    found = compared(measured(LAST_ACCEPTED, 1.0), measured(CPU_PER_RECIPIENT, 1.0))
    assert (found.pairs, found.only_one) == ([], 2)
    assert "2 figures not in both runs" in render_comparison(found)


def test_other_servers_get_worse_without_a_regression() -> None:
    before = measured(CPU_PER_RECIPIENT, 10.0, 10.1, 9.9, party=FLOOR)
    after = measured(CPU_PER_RECIPIENT, 20.0, 20.2, 19.8, party=FLOOR)
    found = compared(before, after)
    assert [pair.change for pair in found.changed] == [Change.WORSE]
    assert found.regressions == []
    assert "another server" in render_comparison(found)


def test_limit_is_what_a_regression_must_exceed() -> None:
    before, after = measured(CPU_PER_RECIPIENT, 10.0, 10.1, 9.9), measured(CPU_PER_RECIPIENT, 13.0, 13.1, 12.9)
    assert len(compared(before, after, limit=0.2).regressions) == 1
    assert compared(before, after, limit=0.4).regressions == []


def test_what_differs_between_the_runs_is_said_first() -> None:
    other = a_run(measured(CPU_PER_RECIPIENT, 1.0))
    sizes = replace(other.profile.peers, broadcasts=1)
    other = replace(other, machine=replace(other.machine, cores=8), profile=replace(other.profile, peers=sizes))
    text = render_comparison(compare_runs(a_run(measured(CPU_PER_RECIPIENT, 1.0)), other, limit=0.1))
    assert "The machines differ" in text
    assert "The sizes differ" in text
    assert "Neither run has an A/A" in text


def test_comparison_is_left_as_text_and_chart(tmp_path: Path) -> None:
    values = (10.0, 10.1, 9.9)
    found = compared(measured(CPU_PER_RECIPIENT, *values), measured(CPU_PER_RECIPIENT, *(2 * each for each in values)))
    write_comparison(found, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert (folder / "compare.txt").read_text(encoding="utf-8") == render_comparison(found) + "\n"
    assert (folder / "compare.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert (folder / "compare.png").read_bytes().startswith(b"\x89PNG")


# -- the index -----------------------------------------------------------------------------------------------------


def index_of(folder: Path, **runs: Run) -> str:
    for name, run in runs.items():
        (folder / name).mkdir()
        write_run(run, folder / name / "run.json")
    assert write_index(folder) == folder / INDEX_FILE
    return (folder / INDEX_FILE).read_text(encoding="utf-8")


def test_newest_run_is_first(tmp_path: Path) -> None:
    old = replace(a_run(), started_at="2025-01-01T00:00:00Z")
    page = index_of(tmp_path, a_old=old, b_new=a_run())
    assert page.index("2026-01-01") < page.index("2025-01-01")


def test_run_is_told_by_its_scenarios_and_figures(tmp_path: Path) -> None:
    page = index_of(tmp_path, one=a_whole_run())
    assert "quick: bandwidth, broadcast, reconnect, swarm" in page
    assert ", 0 suspect" in page
    assert "INVALID" not in page


def test_invalid_figures_are_counted_in_red(tmp_path: Path) -> None:
    bad = a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)])
    assert '<span class="bad">9 INVALID</span>' in index_of(tmp_path, one=a_run(bad))


def test_name_of_a_folder_is_text_and_no_markup(tmp_path: Path) -> None:
    page = index_of(tmp_path, **{"<b>": a_run()})
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_folder_that_is_being_written_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".one.partial").mkdir()
    write_run(a_run(), tmp_path / ".one.partial" / "run.json")
    assert "partial" not in index_of(tmp_path)


def a_run_at(started_at: str, push: int) -> Run:
    groups = [
        a_group(way, requests=2, framed=framed, wire=framed + 100, changes_per_s=rate)
        for rate in (0.0, 1.0)
        for way, framed in (("polling", 40_000), ("push", push))
    ]
    return replace(a_run(an_idle_result(groups)), started_at=started_at)


def test_index_has_the_trend_of_key_ratios_from_the_oldest_run_on(tmp_path: Path) -> None:
    page = index_of(tmp_path, a=a_run_at("2026-01-02T00:00:00Z", 40_000), b=a_run_at("2026-01-01T00:00:00Z", 4_000))
    [row] = re.findall(r"<tr><th scope=\"row\">push ÷ polling, bytes, idle</th>.*?</tr>", page)
    assert "<td>1.00</td>" in row, "newest"
    assert "0.102–1.00" in row
    assert 'points="4.0,24.0 156.0,4.0"' in row, "it rose"


def test_index_has_the_headline_figures_of_each_run(tmp_path: Path) -> None:
    page = index_of(tmp_path, a=a_run_at("2026-01-02T00:00:00Z", 40_000))
    assert "push ÷ polling, bytes, 1 change/s: 1.00" in page


def test_run_without_ratios_has_no_trend(tmp_path: Path) -> None:
    assert "key ratios" not in index_of(tmp_path, a=a_run())
