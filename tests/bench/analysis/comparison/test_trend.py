"""Figures over many runs: where one changed is told once, and a command ends otherwise only where that was asked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bench import cli
from bench.analysis.comparison.changes import Change
from bench.analysis.comparison.compare import compare_runs
from bench.analysis.comparison.trend import Line, trend_of
from bench.measures import CPU_PER_RECIPIENT
from bench.record.book import Book
from bench.record.files.run_file import write_run
from bench.record.run import Run
from bench.report.trend import render_trend
from tests.bench.runs import a_run

STEADY = (1.0, 1.01, 0.99, 1.0, 1.005)


def a_point(day: int, *values: float, suspect: str = "", invalid: str = "", clients: int = 1_000) -> Run:
    book = Book()
    for value in values or (1.0,):
        book.add(CPU_PER_RECIPIENT, value, clients=clients, suspect=suspect, invalid=invalid)
    return replace(a_run(), findings=[book.result("peers", ())], started_at=f"2026-01-{day:02}T00:00:00Z")


def with_repeats(days: Sequence[float]) -> list[tuple[Run, int]]:
    return [
        (a_point(day, *(factor * each for each in STEADY)), len(STEADY)) for day, factor in enumerate(days, start=1)
    ]


def with_machine(run: Run, cpu: str) -> Run:
    return replace(run, machine=replace(run.machine, cpu=cpu))


def the_line(runs: Sequence[tuple[Run, int]]) -> Line:
    [line] = trend_of(runs).lines
    return line


def changes(line: Line) -> list[tuple[int, Change, float]]:
    return [
        (point.run + 1, point.change.change, round(point.change.ratio, 2))
        for point in line.points
        if point.change is not None
    ]


def test_nothing_changes_within_the_noise() -> None:
    assert changes(the_line(with_repeats([10, 10.5, 9.8, 10.2, 10]))) == []


def test_a_step_of_runs_with_repeats_is_told_at_its_first_run_and_once() -> None:
    assert changes(the_line(with_repeats([10, 10, 13, 13, 13]))) == [(3, Change.WORSE, 1.3)]


def test_a_step_and_back_are_two_changes() -> None:
    found = changes(the_line(with_repeats([10, 10, 14, 14, 10, 10])))
    assert found == [(3, Change.WORSE, 1.4), (5, Change.BETTER, 0.71)]


def test_a_step_that_one_reading_does_not_carry_is_told_where_it_began_once_the_next_ones_do() -> None:
    single = [(a_point(day, value), 1) for day, value in enumerate((10, 10.1, 9.9, 10, 15, 15.1), start=1)]
    assert changes(the_line(single[:5])) == [], "it may be chance"
    assert changes(the_line(single)) == [(5, Change.WORSE, pytest.approx(1.5, abs=0.02))]


def test_a_drift_in_steps_within_the_noise_is_found_when_it_has_come_far() -> None:
    found = changes(the_line(with_repeats([10 * 1.05**step for step in range(9)])))
    assert found
    assert {change for _, change, _ in found} == {Change.WORSE}


def test_another_machine_begins_anew() -> None:
    runs = with_repeats([10, 10, 5, 5])
    slow = [replace(run.machine, cpu="another") for run, _ in runs]
    mixed = [*runs[:2], *((replace(run, machine=slow[0]), repeats) for run, repeats in runs[2:])]
    assert changes(the_line(mixed)) == []
    assert changes(the_line(runs)) == [(3, Change.BETTER, 0.5)]


def test_runs_are_in_order_of_time_whatever_order_they_are_given_in() -> None:
    assert changes(the_line(with_repeats([10, 10, 13])[::-1])) == [(3, Change.WORSE, 1.3)]


def test_only_the_newest_run_misses_a_limit_and_no_suspect_one() -> None:
    step = with_repeats([10, 10, 13])
    assert trend_of(step, limit=0.1).exit_code == 3
    assert trend_of(step, limit=0.5).exit_code == 0
    assert trend_of(step).exit_code == 0
    assert trend_of(with_repeats([10, 10, 13, 13]), limit=0.1).exit_code == 0, "it is no news"
    doubtful = [*step[:2], (a_point(3, *(13 * each for each in STEADY), suspect="busy"), 5)]
    assert not trend_of(doubtful, limit=0.1).worse


@pytest.mark.parametrize(
    ("newest", "why"),
    [
        (a_point(3, *(13 * each for each in STEADY), invalid="frozen"), "The newest run is INVALID: 1 figure, first "),
        (replace(a_point(3, *STEADY), is_whole=False), "The newest run was broken off."),
        (replace(a_point(3), findings=[], failures={"peers": "no port"}), "could not measure peers: no port."),
        (
            a_point(3, *(13 * each for each in STEADY), suspect="busy"),
            "No figure is valid in the newest run and can be",
        ),
        (a_point(3, clients=10), "The newest run lacks 1 figure of the run before it, first "),
        (with_machine(a_point(3, *STEADY), "another"), "No figure is valid in the newest run and can be held"),
    ],
)
def test_a_newest_run_that_is_no_basis_for_a_verdict_is_not_called_good(newest: Run, why: str) -> None:
    found = trend_of([*with_repeats([10, 10]), (newest, 1)], limit=0.1)
    assert found.exit_code == 4
    verdict = render_trend(found).splitlines()[-1]
    assert verdict.startswith("No verdict: ")
    assert why in verdict
    assert trend_of([*with_repeats([10, 10]), (newest, 1)]).exit_code == 0, "without a limit nobody asks for one"


@pytest.mark.parametrize("factor", [1, 5])
def test_runs_before_that_are_all_suspect_are_no_basis_for_a_verdict(factor: float) -> None:
    """As for two runs that are compared: what may be five times worse is not called good, nor is what is the same."""
    before = [(a_point(day, *(10 * each for each in STEADY), suspect="busy"), 5) for day in (1, 2)]
    newest = a_point(3, *(10 * factor * each for each in STEADY))
    found = trend_of([*before, (newest, 5)], limit=0.1)
    assert compare_runs(before[-1][0], newest, limit=0.1).exit_code == found.exit_code == 4
    verdict = "No verdict: No figure is valid both in the newest run and in those that it is held against."
    assert render_trend(found).splitlines()[-1] == verdict


def test_a_change_that_only_a_window_with_a_suspect_run_shows_is_no_basis_for_a_verdict() -> None:
    """One reading of the newest run carries nothing by itself, and the one beside it in the window is suspect."""
    first = [(a_point(day, value), 1) for day, value in enumerate((10, 10.1, 9.9, 10), start=1)]
    suspect, newest = (a_point(5, 15, suspect="busy"), 1), (a_point(6, 15.1), 1)
    found = trend_of([*first, suspect, newest], limit=0.1)
    [line] = found.lines
    assert changes(line) == [(5, Change.WORSE, pytest.approx(1.5, abs=0.02))], "of both"
    assert (found.worse, found.exit_code) == ([], 4)


def test_a_suspect_run_among_many_that_are_valid_takes_no_verdict_away() -> None:
    suspect = (a_point(2, *(10 * each for each in STEADY), suspect="busy"), 5)
    first, _, third, same = with_repeats([10, 10, 10, 10])
    assert trend_of([first, suspect, third, same], limit=0.1).exit_code == 0
    *_, worse = with_repeats([10, 10, 10, 50])
    assert trend_of([first, suspect, third, worse], limit=0.1).exit_code == 3


def test_a_first_run_has_nothing_to_be_held_against() -> None:
    assert trend_of(with_repeats([10]), limit=0.1).exit_code == 4


def test_a_run_before_the_newest_may_be_invalid() -> None:
    before = (a_point(2, *(13 * each for each in STEADY), invalid="frozen"), 1)
    first, _, last = with_repeats([10, 10, 10])
    assert trend_of([first, before, last], limit=0.1).exit_code == 0


def test_what_is_worse_is_said_beside_the_lack_of_a_verdict() -> None:
    newest = replace(a_point(3, *(13 * each for each in STEADY)), is_whole=False)
    text = render_trend(trend_of([*with_repeats([10, 10]), (newest, 5)], limit=0.1))
    assert text.endswith("broken off. (1 figure of the newest run worse by more than 10% as far as it goes.)")


def test_the_text_has_medians_with_their_spread_and_marks_the_change() -> None:
    text = render_trend(trend_of(with_repeats([10, 10, 13]), limit=0.1))
    assert "1: 10.0 [9.90–10.1]  2: 10.0 [9.90–10.1]  3: 13.0 [12.9–13.1] * worse ×1.30" in text
    assert "1 of 1 figure changed beyond the noise; 0 did not." in text
    assert text.splitlines()[-1] == "Worse: 1 figure of the newest run worse by more than 10%."


# -- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four nights; the third and fourth are slower, and the fourth is a folder of two repeats."""
    nights = tmp_path / "nights"
    for day, value in enumerate((10.0, 10.1, 15.0), start=1):
        place = nights / f"{day}"
        place.mkdir(parents=True)
        write_run(a_point(day, *(value * each for each in STEADY)), place / "run.json")
    for repeat, value in enumerate((15.0, 15.2), start=1):
        place = nights / "4" / f"{repeat}"
        place.mkdir(parents=True)
        write_run(a_point(4, value), place / "run.json")
    return nights


def test_a_folder_of_runs_is_all_of_them_and_one_of_repeats_is_one_point(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.main, ["trend", str(folder), "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "2 runs" in done.output
    assert "4: 15.1 [15.0–15.2]" in done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"trend.txt", "trend.csv", "trend.svg", "trend.png"}
    rows = list(csv.DictReader((tmp_path / "out" / "trend.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["run"], row["n"], row["change"]) for row in rows] == [
        ("1", "5", ""), ("2", "5", ""), ("3", "5", "worse"), ("4", "2", "")
    ]  # fmt: skip


def test_a_limit_ends_the_command_with_3_where_the_newest_run_is_worse(folder: Path) -> None:
    three = [str(folder / name) for name in "123"]
    assert CliRunner().invoke(cli.main, ["trend", *three, "--limit", "0.2"]).exit_code == 3
    assert CliRunner().invoke(cli.main, ["trend", *three]).exit_code == 0
    assert CliRunner().invoke(cli.main, ["trend", *three[:2], "--limit", "0.2"]).exit_code == 0


def test_figures_are_chosen_by_their_names(folder: Path) -> None:
    found = CliRunner().invoke(cli.main, ["trend", str(folder), "--figure", "CPU per recipient"])
    assert found.exit_code == 0, found.output
    assert "CPU per recipient" in found.output
    none = CliRunner().invoke(cli.main, ["trend", str(folder), "--figure", "dragons"])
    assert none.exit_code == 2
    assert "No figure that several runs have is called dragons." in none.output


def test_a_folder_without_a_run_is_one_sentence(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli.main, ["trend", str(tmp_path)])
    assert found.exit_code == 2
    assert f"There is no run in {tmp_path}." in found.output


def test_several_runs_are_compared_with_the_first_and_the_worst_counts(folder: Path, tmp_path: Path) -> None:
    runs = [str(folder / name) for name in "123"]
    done = CliRunner().invoke(cli.main, ["compare", *runs, "--output", str(tmp_path / "out")])
    assert done.exit_code == 3, done.output
    assert done.output.count("\nbefore  ") == 2
    assert "No worse: no figure worse by more than 10%." in done.output
    assert "Worse: 1 figure worse by more than 10%." in done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1-2", "1-3"]
