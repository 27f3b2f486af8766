"""What two runs may be compared in: machines, sizes, and what makes a run no basis for a verdict."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.analysis.comparison.comparable import SIZES_OF, Basis, basis_of
from bench.analysis.figures import Figure
from bench.measures import (
    ANNOUNCEMENT_P99,
    BYTES_PER_CLIENT_HOUR,
    CPU_PER_RECIPIENT,
    PEAK_RATE,
    PONG_RATIO,
    REFUSED_FOR,
    ROOMS_LOST,
    RSS_IN_ALL,
    Measure,
)
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.questions import ENGINE_QUESTIONS, QUESTIONS
from bench.record.run import SCHEMA_VERSION, Run
from tests.bench.runs import MACHINE, OVERLOADED, a_broadcast_result, a_point, a_run

TODAY = (SCHEMA_VERSION, SCHEMA_VERSION)


def basis(before: Run, after: Run, *, schemas: tuple[int, int] = TODAY, ratios_only: bool = False) -> Basis:
    return basis_of(before, after, schemas=schemas, ratios_only=ratios_only)


def found(name: str, measure: Measure = BYTES_PER_CLIENT_HOUR) -> Findings:
    book = Book()
    book.add(measure, 1.0, clients=10)
    return book.result(name, ())


def figure(scenario: str, measure: Measure) -> Figure:
    return Figure(scenario, measure, "lobby", Where(10), ())


def on_machine(run: Run, **changes: Any) -> Run:
    return replace(run, machine=replace(MACHINE, **changes))


def with_sizes(run: Run, part: str, **changes: Any) -> Run:
    return replace(run, profile=replace(run.profile, **{part: replace(getattr(run.profile, part), **changes)}))


RUN = a_run(found("freshness"), found("storm", ANNOUNCEMENT_P99))


def test_equal_runs_are_compared_in_all_without_a_word() -> None:
    it = basis(RUN, RUN)
    assert (it.remarks, it.obstacles, it.same_machine, it.other_sizes) == ([], [], True, frozenset())
    assert not it.leaves_out(figure("storm", ANNOUNCEMENT_P99))


# -- machines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"cpu": "another"}, {"cores": 4}, {"pinned": False}], ids=str)
def test_on_another_machine_only_what_it_leaves_as_it_is_is_compared(change: dict[str, Any]) -> None:
    it = basis(RUN, on_machine(RUN, **change))
    left_out = {
        measure.name: it.leaves_out(figure("freshness", measure))
        for measure in (ANNOUNCEMENT_P99, CPU_PER_RECIPIENT, RSS_IN_ALL, PEAK_RATE, BYTES_PER_CLIENT_HOUR, ROOMS_LOST)
    }
    assert list(left_out.values()) == [True, True, True, True, False, False]
    assert it.remarks == [
        "The machines differ: times, CPU, memory and rates are not compared (compare ratios with --ratios)."
    ]


def test_ratios_within_a_run_are_compared_across_machines() -> None:
    it = basis(RUN, on_machine(RUN, cpu="another"), ratios_only=True)
    assert not it.leaves_out(figure("freshness", CPU_PER_RECIPIENT))
    assert it.remarks == ["The machines differ."]


@pytest.mark.parametrize("change", [{"kernel": "Linux 7"}, {"python": "CPython 3.13"}], ids=str)
def test_another_kernel_or_python_is_told_and_is_the_same_machine(change: dict[str, Any]) -> None:
    it = basis(RUN, on_machine(RUN, **change))
    assert it.remarks == ["Kernel or Python differ."]
    assert not it.leaves_out(figure("freshness", CPU_PER_RECIPIENT))


def test_memory_of_the_machine_makes_it_no_other_one() -> None:
    assert basis(RUN, on_machine(RUN, memory_bytes=4)).remarks == []


# -- sizes ---------------------------------------------------------------------------------------------------------


def test_scenario_of_other_sizes_is_left_out_whole_and_no_other() -> None:
    it = basis(RUN, with_sizes(RUN, "freshness", window_s=99.0))
    assert it.other_sizes == {"freshness"}
    assert it.leaves_out(figure("freshness", BYTES_PER_CLIENT_HOUR))
    assert not it.leaves_out(figure("storm", ANNOUNCEMENT_P99))
    assert it.remarks == ["The sizes differ, so that these are not compared: freshness."]


@pytest.mark.parametrize("change", [{"repeats": 9}, {"clients": 9}, {"rooms": 9}, {"ways": ["push"]}], ids=str)
def test_more_figures_or_readings_are_no_other_size(change: dict[str, Any]) -> None:
    assert basis(RUN, with_sizes(RUN, "freshness", **change)).other_sizes == frozenset()


def test_sizes_of_a_scenario_that_one_run_lacks_play_no_part() -> None:
    other = with_sizes(a_run(found("storm", ANNOUNCEMENT_P99)), "freshness", window_s=99.0)
    it = basis(RUN, other)
    assert it.other_sizes == frozenset()
    assert it.remarks == ["Only one of the runs has freshness."]


@pytest.mark.parametrize("name", [name for name in (*QUESTIONS, *ENGINE_QUESTIONS) if name != "storm"])
def test_every_scenario_has_the_part_of_the_profile_that_it_is_measured_by(name: str) -> None:
    """A storm has nothing but its numbers of clients, which its figures carry."""
    assert hasattr(RUN.profile, SIZES_OF[name])


@pytest.mark.parametrize(
    ("scenario", "part", "measure", "change"),
    [
        ("hostile", "hostile", PONG_RATIO, {"round_s": 9.0}),
        ("churn", "churn", RSS_IN_ALL, {"warm_up": 9}),
        ("cluster", "cluster", REFUSED_FOR, {"down_s": 9.0}),
        ("survival", "survival", BYTES_PER_CLIENT_HOUR, {"recovery_s": 9.0}),
    ],
)
def test_bench_that_is_run_by_its_name_has_sizes_too(
    scenario: str, part: str, measure: Measure, change: dict[str, Any]
) -> None:
    run = a_run(found(scenario, measure))
    assert basis(run, with_sizes(run, part, **change)).leaves_out(figure(scenario, measure))


@pytest.mark.parametrize(
    ("scenario", "part", "change"),
    [
        ("hostile", "hostile", {"rounds": 9, "good": 9}),
        ("cluster", "cluster", {"nodes": [1, 2], "repeats": 9, "broadcast": 9, "storm": 9, "talkers": 9, "rooms": 9}),
    ],
)
def test_numbers_of_clients_of_such_a_bench_stand_beside_its_figures(
    scenario: str, part: str, change: dict[str, Any]
) -> None:
    run = a_run(found(scenario))
    assert basis(run, with_sizes(run, part, **change)).other_sizes == frozenset()


def test_other_profiles_of_the_same_sizes_are_told() -> None:
    other = replace(RUN, profile=replace(RUN.profile, name="gate"))
    assert basis(RUN, other).remarks == ["The profiles differ: quick and gate."]


# -- what else is told ---------------------------------------------------------------------------------------------


def test_package_of_another_version_is_told_and_one_that_is_new_is_not() -> None:
    other = replace(RUN, versions={"tornado": "7.0", "picows": "2"})
    assert basis(RUN, other).remarks == ["Packages differ: tornado 6.6 → 7.0."]


@pytest.mark.parametrize(("schemas", "number"), [((2, 3), 1), ((3, 2), 1), ((2, 2), 0), ((3, 3), 0)])
def test_schemas_are_told_where_they_differ(schemas: tuple[int, int], number: int) -> None:
    assert len(basis(RUN, RUN, schemas=schemas).remarks) == number


def test_uncommitted_changes_are_told_and_are_no_obstacle() -> None:
    it = basis(RUN, replace(RUN, dirty=True))
    assert it.remarks == ["The run after had uncommitted changes: its commit does not say what was measured."]
    assert it.obstacles == []


# -- obstacles -----------------------------------------------------------------------------------------------------


def test_run_that_was_broken_off_is_no_basis() -> None:
    assert basis(replace(RUN, is_whole=False), RUN).obstacles == ["The run before was broken off."]


def test_scenario_that_failed_and_a_fault_of_a_ledger_are_obstacles_of_their_run() -> None:
    failed = replace(RUN, failures={"cost": "no server"})
    faulty = a_run(replace(found("freshness"), faults=["push: 1 of 10", "push: 2 of 10"]), RUN.findings[1])
    assert basis(failed, faulty).obstacles == [
        "The run before could not measure cost: no server.",
        "The run after has a fault in freshness: push: 1 of 10.",
    ]


def test_invalid_figure_is_an_obstacle_and_the_first_is_named() -> None:
    overloaded = a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]))
    [sentence] = basis(overloaded, a_run(*overloaded.findings)).obstacles[:1]
    assert sentence.startswith("The run before is INVALID: 9 figures, first broadcast: announcement p50, 100 clients")
    assert "the generator was the limit" in sentence
