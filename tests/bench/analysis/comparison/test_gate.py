"""The comparison as a gate: what counts as a change, what is no verdict, and how the command ends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bench import cli
from bench.analysis.comparison.changes import DEFAULT_FLOORS, FAR, Change
from bench.analysis.comparison.compare import Comparison, compare_runs
from bench.measures import (
    CLOSED_BY_SERVER,
    CPU_PER_RECIPIENT,
    EVENTS_PER_CLIENT_HOUR,
    FRAMED_PER_CLIENT_HOUR,
    LAST_ACCEPTED,
    PEAK_RATE,
    TOLD_OFFLINE,
    Kind,
    Measure,
    measure_of,
)
from bench.record.book import Book
from bench.record.files.run_file import write_run
from bench.record.findings import Findings, Stretch
from bench.record.run import Run
from bench.record.vocabulary import LOBBY_AGAIN
from bench.report.comparison import render_comparison
from tests.bench.runs import a_run

INVALID = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.95)
SUSPECT = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.1, server_wait_s=0.5)
P99 = measure_of("fan-out.p99", "ms")


def found(measure: Measure, *values: float, scenario: str = "storm", clients: int = 100, **more: object) -> Findings:
    book = Book()
    for value in values:
        book.add(measure, value, clients=clients, **more)  # type: ignore[arg-type]
    return book.result(scenario, ())


def compared(before: Findings | Run, after: Findings | Run) -> Comparison:
    own, other = (each if isinstance(each, Run) else a_run(each) for each in (before, after))
    return compare_runs(own, other, limit=0.1)


def change_of(measure: Measure, before: tuple[float, ...], after: tuple[float, ...]) -> Change:
    [pair] = compared(found(measure, *before), found(measure, *after)).pairs
    return pair.change


# -- zeros ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "before", "after", "change"),
    [
        (CLOSED_BY_SERVER, 0.0, 3.0, Change.WORSE),
        (CLOSED_BY_SERVER, 3.0, 0.0, Change.BETTER),
        (CLOSED_BY_SERVER, 0.0, 0.0, Change.NONE),
        (TOLD_OFFLINE, 0.0, 0.5, Change.WORSE),
        (PEAK_RATE, 100.0, 0.0, Change.WORSE),
        (LAST_ACCEPTED, 0.0, 1.0, Change.WORSE),
        (FRAMED_PER_CLIENT_HOUR, 0.0, 10.0, Change.WORSE),
        (EVENTS_PER_CLIENT_HOUR, 3_600.0, 0.0, Change.DIFFERENT),
    ],
)
def test_what_rises_from_0_or_falls_to_0_is_a_change(
    measure: Measure, before: float, after: float, change: Change
) -> None:
    assert change_of(measure, (before,), (after,)) is change


def test_rise_from_0_is_a_regression_and_told_without_a_ratio() -> None:
    result = compared(found(CLOSED_BY_SERVER, 0.0), found(CLOSED_BY_SERVER, 3.0))
    assert (len(result.regressions), result.exit_code) == (1, 3)
    assert "worse from 0" in render_comparison(result)
    assert "better to 0" in render_comparison(compared(found(CLOSED_BY_SERVER, 3.0), found(CLOSED_BY_SERVER, 0.0)))


def test_no_warning_and_no_nan_whatever_the_readings_are() -> None:
    odd = (0.0, -1.0, 1.0, math.nan, math.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for before in odd:
            for after in odd:
                for often in (1, 3, 6):
                    result = compared(
                        found(CPU_PER_RECIPIENT, *[before] * often), found(CPU_PER_RECIPIENT, *[after] * often)
                    )
                    text = render_comparison(result).lower()
                    assert "nan" not in text.split()
                    assert "inf" not in text.split()


# -- how many readings it takes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((20.0,), (20.0 * 15.9,), Change.WORSE),
        ((20.0,), (20.0 / 15.9,), Change.BETTER),
        ((20.0,), (40.0,), Change.UNSURE),
        ((20.0, 21.0), (40.0, 41.0), Change.WORSE),
        ((20.0, 45.0), (40.0, 80.0), Change.UNSURE),
        ((20.0,) * 5, (27.0,) * 5, Change.WORSE),
        ((20.0, 30.0, 25.0, 35.0, 15.0), (36.0, 14.0, 33.0, 31.0, 40.0), Change.UNSURE),
        ((20.0, 21.0, 22.0), (21.0, 22.0, 23.0), Change.NONE),
    ],
    ids=["one each, far", "far, better", "one each", "two each, apart", "two each, mixed", "test says so",
         "test does not", "within the noise"],
)  # fmt: skip
def test_time_is_worse_by_as_much_as_its_readings_carry(
    before: tuple[float, ...], after: tuple[float, ...], change: Change
) -> None:
    assert change_of(P99, before, after) is change


def test_far_is_so_many_noise_floors() -> None:
    edge = 1 + FAR * DEFAULT_FLOORS[Kind.TIME]
    assert change_of(P99, (10.0,), (10.0 * edge * 1.01,)) is Change.WORSE
    assert change_of(P99, (10.0,), (10.0 * edge * 0.99,)) is Change.UNSURE


def test_a_a_of_few_pairs_raises_the_noise_floor_and_never_lowers_it() -> None:
    def noise(pairs: int, apart: float) -> Findings:
        book = Book()
        for _ in range(pairs):
            book.add(CPU_PER_RECIPIENT, 10.0, clients=100)
            book.add(CPU_PER_RECIPIENT, 10.0 * apart, clients=100, party=LOBBY_AGAIN)
        return book.result("noise", ())

    def floor(pairs: int, apart: float) -> float:
        runs = [a_run(noise(pairs, apart), found(CPU_PER_RECIPIENT, 10.0, scenario="fanout")) for _ in range(2)]
        return next(each.floor for each in compared(*runs).pairs if each.name.startswith("fanout"))

    usual = DEFAULT_FLOORS[Kind.CPU]
    assert floor(2, 1.001) == usual
    assert floor(6, 1.001) == pytest.approx(usual / 2)
    assert floor(2, 1.5) == pytest.approx(0.5)


# -- no verdict ----------------------------------------------------------------------------------------------------

GOOD = found(LAST_ACCEPTED, 1.0)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: replace(run, is_whole=False), "was broken off"),
        (lambda run: replace(run, failures={"peers": "no server"}), "could not measure peers: no server"),
        (lambda run: replace(run, findings=[replace(GOOD, faults=["a client heard it twice"])]), "heard it twice"),
        (lambda run: replace(run, findings=[found(LAST_ACCEPTED, 1.0, stretch=INVALID)]), "is INVALID: 1 figure"),
        (lambda run: replace(run, findings=[]), "no figure that is valid in both"),
        (lambda run: replace(run, findings=[found(LAST_ACCEPTED, 1.0, stretch=SUSPECT)]), "no figure that is valid"),
        (lambda run: replace(run, findings=[found(PEAK_RATE, 1.0)]), "missing in the run after"),
        (lambda run: replace(run, findings=[found(LAST_ACCEPTED, math.nan)]), "there was no value"),
        (lambda run: replace(run, machine=replace(run.machine, cpu="another")), "no figure that is valid in both"),
    ],
)
def test_run_that_is_no_basis_has_no_verdict_and_code_4(spoil: Callable[[Run], Run], words: str) -> None:
    result = compared(a_run(GOOD), spoil(a_run(GOOD)))
    assert result.exit_code == 4
    assert words in render_comparison(result).splitlines()[-1]


def test_invalid_run_before_is_no_basis_either() -> None:
    assert compared(found(LAST_ACCEPTED, 1.0, stretch=INVALID), GOOD).exit_code == 4


def test_equal_runs_are_no_worse_and_code_0() -> None:
    result = compared(GOOD, GOOD)
    assert result.exit_code == 0
    assert render_comparison(result).splitlines()[-1] == "No worse: no figure worse by more than 10%."


def test_other_machine_leaves_what_a_machine_does_not_change() -> None:
    book = Book()
    for measure in (LAST_ACCEPTED, CPU_PER_RECIPIENT, FRAMED_PER_CLIENT_HOUR, CLOSED_BY_SERVER):
        book.add(measure, 1.0, clients=100)
    run = a_run(book.result("storm", ()))
    other = replace(run, machine=replace(run.machine, cores=64))
    result = compared(run, other)
    assert {each.kind for each in result.pairs} == {Kind.BYTES, Kind.HARM}
    assert "The machines differ" in render_comparison(result)
    assert result.exit_code == 0


def test_other_sizes_leave_the_scenario_out_and_say_so() -> None:
    knee = found(measure_of("clients that meet the service level", ""), 9_000.0, scenario="capacity", clients=0)
    run = a_run(knee, GOOD)
    other = replace(run, profile=replace(run.profile, capacity=replace(run.profile.capacity, slo_ms=50.0)))
    result = compared(run, other)
    assert [each.name for each in result.pairs] == ["storm: last client accepted, 100 clients"]
    assert "not compared: capacity" in render_comparison(result)


def test_size_that_only_one_search_came_by_is_not_missing() -> None:
    capacity = found(P99, 5.0, scenario="capacity", clients=1_234)
    other = found(P99, 5.0, scenario="capacity", clients=2_345)
    assert compared(a_run(capacity, GOOD), a_run(other, GOOD)).missing == []


def test_uncommitted_changes_other_packages_and_schemas_are_said() -> None:
    run = a_run(GOOD)
    other = replace(run, dirty=True, versions={"tornado": "6.7"})
    text = render_comparison(compare_runs(run, other, limit=0.1, schemas=(2, 3)))
    assert "The run after had uncommitted changes" in text
    assert "tornado 6.6 → 6.7" in text
    assert "schemas 2 and 3" in text


# -- the command ---------------------------------------------------------------------------------------------------


def kept(folder: Path, run: Run) -> Path:
    folder.mkdir(parents=True)
    write_run(run, folder / "run.json")
    return folder


def compare_command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli.main, ["compare", *map(str, arguments)])
    return result.exit_code, result.output


def test_folder_of_runs_is_one_run_with_repeats(tmp_path: Path) -> None:
    """Four swarms each, whose p99s lie between single runs' noise and the test's: only together they tell."""
    for number in range(4):
        kept(tmp_path / "before" / f"run{number}", a_run(found(P99, 20.0 + number, scenario="swarm")))
        kept(tmp_path / "after" / f"run{number}", a_run(found(P99, 30.0 + number, scenario="swarm")))
    code, text = compare_command(tmp_path / "before", tmp_path / "after")
    assert code == 3, text
    assert "worse ×1.47 (4, 4)" in text
    code, text = compare_command(tmp_path / "before" / "run0", tmp_path / "after" / "run0")
    assert code == 4, "what may be worse is not good"
    assert "unsure ×1.50 (1, 1)" in text
    assert "may be worse, which so few readings do not carry" in text
    code, text = compare_command(tmp_path / "after" / "run0", tmp_path / "before" / "run0")
    assert code == 0, "what may be better is no worse"


def test_folder_of_runs_of_different_things_is_misuse(tmp_path: Path) -> None:
    kept(tmp_path / "runs" / "a", a_run(GOOD))
    kept(tmp_path / "runs" / "b", replace(a_run(GOOD), commit="fedcba9876"))
    code, text = compare_command(tmp_path / "runs", tmp_path / "runs" / "a")
    assert code == 2
    assert "different commits" in text


def test_report_from_a_run_ends_as_the_run_did(tmp_path: Path) -> None:
    for name, run, code in (
        ("invalid", a_run(found(LAST_ACCEPTED, 1.0, stretch=INVALID)), 4),
        ("broken", replace(a_run(GOOD), is_whole=False), 1),
        ("fault", a_run(replace(GOOD, faults=["lost"])), 1),
        ("good", a_run(GOOD), 0),
    ):
        source = kept(tmp_path / name, run)
        arguments = ["report", "--from", str(source), "--output", str(tmp_path / f"{name}-again")]
        result = CliRunner().invoke(cli.main, arguments)
        assert result.exit_code == code, (name, result.output)
        assert (tmp_path / f"{name}-again" / "report.html").exists()
