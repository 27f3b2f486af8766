"""Every figure of a run in one list, and what becomes of it: exit codes, cases for machines, the index."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from msgspec.structs import replace

from bench.analysis.exit_code import exit_code
from bench.analysis.figures import Figure, figures_of, invalid_figures
from bench.analysis.promises.promise import Promise
from bench.analysis.verdicts import Ruling, Verdict
from bench.measures import CPU_PER_RECIPIENT, LAST_ACCEPTED, PEAK_RSS, SLOWEST_PING
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, Where
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_UNCHANGED
from bench.report.junit import junit_xml
from loadtest.results.exit_codes import ExitCode
from loadtest.results.validity import Validity
from tests.bench.runs import a_run, a_whole_run

FULL = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.95)
"""The generator used 95 % of a core."""

NEAR = Stretch(wall_s=1.0, server_cpu_s=0.5, generator_cpu_s=0.8)


def storm(*values: float, stretch: Stretch | None = None, faults: tuple[str, ...] = ()) -> Findings:
    book = Book()
    for value in values:
        book.add(LAST_ACCEPTED, value, clients=1_500, stretch=stretch)
    book.faults += faults
    return book.result("storm", ())


# -- the list ------------------------------------------------------------------------------------------------------


def test_figure_is_the_median_of_its_readings() -> None:
    [figure] = figures_of(a_run(storm(0.9, 0.5, 0.7)))
    assert figure.estimate is not None
    assert (figure.estimate.value, figure.estimate.n) == (0.7, 3)
    assert figure.key == ("storm", "last client accepted", LOBBY, Where(1_500))


def test_all_scenarios_have_their_figures_in_one_list() -> None:
    scenarios = [each.scenario for each in figures_of(a_whole_run())]
    assert list(dict.fromkeys(scenarios)) == ["broadcast", "bandwidth", "reconnect"], "the swarm shared its window"
    assert scenarios.count("broadcast") == 3 * (3 * 4 + 1)
    assert scenarios.count("bandwidth") == 3 * 2


@pytest.mark.parametrize(
    ("party", "where", "words"),
    [
        (LOBBY, Where(0), "storm: last client accepted"),
        (FLOOR, Where(1_500), "storm: last client accepted, floor, 1,500 clients"),
        (LOBBY, Where(10, 50, 0.2), "storm: last client accepted, 10 clients, 50 rooms, 0.2 changes/s"),
    ],
)
def test_figure_is_called_by_all_that_tells_it_from_others(party: str, where: Where, words: str) -> None:
    assert str(Figure("storm", LAST_ACCEPTED, party, where, [])) == words


@pytest.mark.parametrize(
    ("scenario", "party", "is_control"),
    [
        ("peers", FLOOR, True),
        ("peers", LOBBY, False),
        ("rooms-get", LOBBY_UNCHANGED, False),
        ("reconnect", "jitter, SIGTERM", False),
    ],
)
def test_other_servers_of_the_run_are_controls(scenario: str, party: str, is_control: bool) -> None:
    assert Figure(scenario, CPU_PER_RECIPIENT, party, Where(1), []).is_control is is_control


def test_figure_without_readings_has_no_value_and_nothing_against_it() -> None:
    figure = Figure("storm", LAST_ACCEPTED, LOBBY, Where(1), [])
    assert figure.estimate is None
    assert figure.validity is Validity.VALID


def test_overloaded_generator_makes_a_time_invalid_and_memory_not() -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10, stretch=FULL)
    book.add(PEAK_RSS, 100.0, clients=10, stretch=FULL)
    run = a_run(book.result("storm", ()))
    assert [str(each.measure) for each in invalid_figures(run)] == ["last client accepted"]


# -- exit codes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "failures", "code"),
    [
        (storm(0.5), {}, ExitCode.GOOD),
        (storm(1.5), {}, ExitCode.THRESHOLD_MISSED),
        (storm(1.5, stretch=FULL), {}, ExitCode.INVALID),
        (storm(1.5, stretch=FULL, faults=("a client heard of a user twice",)), {}, ExitCode.FAILED),
        (storm(0.5), {"capacity": "no server"}, ExitCode.FAILED),
        (storm(0.5, stretch=NEAR), {}, ExitCode.GOOD),
    ],
    ids=["met", "missed", "invalid", "fault", "failure", "suspect"],
)
def test_worst_outcome_decides_the_exit_code(found: Findings, failures: dict[str, str], code: ExitCode) -> None:
    assert exit_code(replace(a_run(found), failures=failures), with_goals=True) is code


def test_goals_count_only_where_they_were_asked_for() -> None:
    assert exit_code(a_run(storm(1.5)), with_goals=False) is ExitCode.GOOD


def test_empty_run_is_good() -> None:
    assert exit_code(a_run(), with_goals=True) is ExitCode.GOOD


# -- for machines --------------------------------------------------------------------------------------------------


def suites(*found: Findings, promises: tuple[Promise, ...] = ()) -> dict[str, ET.Element]:
    root = ET.fromstring(junit_xml(a_run(*found), promises))
    return {str(each.get("name")): each for each in root}


def test_every_figure_is_a_case_and_a_good_one_says_nothing() -> None:
    figures = suites(storm(0.5))["figures"]
    assert figures.get("tests") == "1"
    [case] = figures
    assert case.get("name") == "storm: last client accepted, 1,500 clients"
    assert len(case) == 0


@pytest.mark.parametrize(
    ("stretch", "tag", "counted", "words"),
    [
        (FULL, "error", "errors", "the generator was the limit (95% of a core)"),
        (NEAR, "skipped", "skipped", "the generator was near its limit (80% of a core)"),
    ],
)
def test_figure_that_is_not_valid_says_why(stretch: Stretch, tag: str, counted: str, words: str) -> None:
    figures = suites(storm(0.5, stretch=stretch))["figures"]
    assert figures.get(counted) == "1"
    found = figures[0].find(tag)
    assert found is not None
    assert words in str(found.get("message"))


def test_missed_goal_is_a_failure_with_both_numbers() -> None:
    goals = suites(storm(1.5))["goals"]
    assert goals.get("failures") == "1"
    found = goals[0].find("failure")
    assert found is not None
    assert found.get("message") == "1.5 instead of 1"


@pytest.mark.parametrize(
    ("value", "stretch", "tag"), [(0.5, FULL, "error"), (1.5, FULL, "error"), (0.5, NEAR, "skipped")]
)
def test_goal_of_a_figure_that_is_not_valid_has_passed_and_failed_nothing(
    value: float, stretch: Stretch, tag: str
) -> None:
    goals = suites(storm(value, stretch=stretch))["goals"]
    assert [each.tag for each in goals[0]] == [tag]


def test_goal_that_a_suspect_figure_misses_says_why_it_is_suspect() -> None:
    [failure] = suites(storm(1.5, stretch=NEAR))["goals"][0]
    assert failure.get("message") == "1.5 instead of 1 (suspect: the generator was near its limit)"


def test_goal_of_a_size_that_was_not_run_is_no_case() -> None:
    book = Book()
    book.add(SLOWEST_PING, 5.0, clients=10)
    assert suites(book.result("storm", ()))["goals"].get("tests") == "0"


def test_claim_that_does_not_hold_is_no_failure_but_told() -> None:
    promise = Promise("Benefits", "“faster”", "2 times", Ruling(Verdict.DOES_NOT_HOLD), "a rule")
    claims = suites(promises=(promise,))["promises"]
    assert claims.get("failures") == "0"
    assert claims[0].findtext("system-out") == "does not hold: 2 times"


def test_faults_and_failed_scenarios_are_failures() -> None:
    run = replace(a_run(storm(0.5, faults=("a stream was torn",))), failures={"capacity": "no server"})
    root = ET.fromstring(junit_xml(run, ()))
    faults = next(each for each in root if each.get("name") == "faults")
    messages = [str(found.get("message")) for case in faults if (found := case.find("failure")) is not None]
    assert messages == ["a stream was torn", "no server"]
