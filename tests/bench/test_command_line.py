"""Misuse of the command line is one sentence that says what to do, and what is written is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from bench import cli
from bench.measures import CPU_PER_RECIPIENT, LAST_ACCEPTED
from bench.processes.remote import GeneratorFailed
from bench.record.book import Book
from bench.record.files.run_file import read_run, write_run
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.record.profiles.standard import FULL, QUICK, SMOKE
from bench.record.questions import ENGINE_QUESTIONS, QUESTIONS
from bench.record.run import Run
from bench.scenarios.capacity import StepOutcome, search
from tests.bench.runs import a_reconnect_result, a_run, a_whole_run

pytestmark = pytest.mark.system


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(each) for each in arguments])


class Measured:
    """Stands in for the measuring: what was asked of it, and what comes of it."""

    def __init__(self, outcome: Run | BaseException) -> None:
        self.outcome = outcome
        self.asked: list[tuple[tuple[str, ...], Profile, int | None]] = []

    def __call__(
        self, names: tuple[str, ...], *, profile: Profile, seed: int | None, base: Path | None, is_pinned: bool
    ) -> Run:
        assert (base, is_pinned) == (None, True), "nothing else was asked for"
        self.asked.append((tuple(names), profile, seed))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    found = Measured(a_run(a_reconnect_result()))
    monkeypatch.setattr("bench.commands.reporting.measure", found)
    return found


def storm(value: float) -> Findings:
    book = Book()
    book.add(LAST_ACCEPTED, value, clients=1_500)
    return book.result("storm", ("--tick-ms", "20"))


# -- what is asked of the lab --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flag", "profile"), [("--smoke", SMOKE), ("--quick", QUICK), ("--full", FULL)])
def test_report_measures_at_the_sizes_of_its_profile(
    measured: Measured, tmp_path: Path, flag: str, profile: Profile
) -> None:
    assert bench("report", flag, "--seed", 7, "--output", tmp_path / "new").exit_code == 0
    assert measured.asked == [((), profile, 7)]


def test_quick_is_what_is_run_without_a_profile(measured: Measured, tmp_path: Path) -> None:
    bench("report", "--output", tmp_path / "new")
    assert measured.asked == [((), QUICK, None)]


def test_service_level_reaches_the_search_for_capacity(measured: Measured, tmp_path: Path) -> None:
    bench("run", "capacity", "--slo-ms", 100, "--output", tmp_path / "new")
    [(names, profile, _)] = measured.asked
    assert names == ("capacity",)
    assert profile.capacity.slo_ms == 100.0


@pytest.mark.parametrize("command", [("run", "capacity"), ("report",)], ids=["run", "report"])
@pytest.mark.parametrize("flag", ["--smoke", "--quick", "--full"])
@pytest.mark.parametrize("slo_ms", [20, 50, 200])
def test_service_level_that_was_asked_for_is_found_wherever_it_is(
    measured: Measured, tmp_path: Path, command: tuple[str, ...], flag: str, slo_ms: int
) -> None:
    """On a server with a p99 of 10 ms and 0.02 ms per client: 500, 2,000 and 9,500 clients have it."""
    bench(*command, flag, "--slo-ms", slo_ms, "--output", tmp_path / "new")
    [(_, profile, _)] = measured.asked
    sizes, knee = profile.capacity, (slo_ms - 10) / 0.02

    def step(clients: int) -> StepOutcome:
        return StepOutcome.MET if 10 + 0.02 * clients < sizes.slo_ms else StepOutcome.MISSED

    found = search(step, sizes)
    assert found.is_limit
    assert found.clients < knee <= found.clients * (1 + sizes.resolution) + 1


def test_sizes_of_the_command_line_are_those_that_are_run(measured: Measured, tmp_path: Path) -> None:
    bench("run", "storm", "--clients", 300, "--clients", 700, "--output", tmp_path / "new")
    [(_, profile, _)] = measured.asked
    assert profile.storms == [300, 700]
    assert not profile.in_one_window, "one thing at a time"


# -- what comes of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "code"), [(0.5, 0), (1.5, 3)])
def test_run_by_name_prints_its_table_and_ends_by_its_goals(
    measured: Measured, tmp_path: Path, value: float, code: int
) -> None:
    measured.outcome = a_run(storm(value))
    result = bench("run", "storm", "--output", tmp_path / "new")
    assert result.exit_code == code
    assert "storm  (--tick-ms 20)" in result.stdout
    assert (tmp_path / "new" / "report.html").exists(), "the report is left either way"


def test_report_does_not_end_by_goals(measured: Measured, tmp_path: Path) -> None:
    measured.outcome = a_run(storm(1.5))
    result = bench("report", "--output", tmp_path / "new")
    assert result.exit_code == 0
    assert "storm  (--tick-ms 20)" not in result.stdout


def test_failed_scenario_is_exit_code_1_with_a_report_of_the_others(measured: Measured, tmp_path: Path) -> None:
    measured.outcome = replace(a_whole_run(), failures={"capacity": "no server"})
    result = bench("report", "--output", tmp_path / "new")
    assert result.exit_code == 1
    assert "no server" in (tmp_path / "new" / "report.md").read_text(encoding="utf-8")


def test_interrupted_run_is_reported_and_says_that_it_is_not_whole(measured: Measured, tmp_path: Path) -> None:
    measured.outcome = replace(a_whole_run(), is_whole=False)
    result = bench("report", "--output", tmp_path / "new")
    assert result.exit_code == 1
    assert "until then" in result.stderr
    assert read_run(tmp_path / "new" / "run.json").is_whole is False


@pytest.mark.parametrize(
    ("names", "what"),
    [(("storm",), "storm"), (("storm", "cost"), "storm+cost"), (("storm", "cost", "peers", "noise"), "4-scenarios")],
)
def test_folder_is_called_by_time_commit_and_what_was_run(
    measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    bench("run", *names)
    assert (tmp_path / "reports" / f"20260101T000000Z-0123456789-{what}" / "run.json").exists()
    assert (tmp_path / "reports" / "index.html").exists()


# -- misuse --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "storm", "--clients", "0"), "--clients"),
        (("run", "storm", "--clients", "20000"), "--clients"),
        (("run", "storm", "--slo-ms", "0"), "--slo-ms"),
        (("report", "--slo-ms", "none"), "--slo-ms"),
        (("report", "--seed", str(2**31)), "--seed"),
        (("report", "--profile", "quick"), "No such option"),
        (("compare", "."), "Missing argument"),
        (("nothing",), "No such command"),
        (("run", "storm", "bandwith"), "There is no scenario bandwith"),
    ],
)
def test_misuse_is_exit_code_2_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = bench(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_run_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 99}')
    result = bench("report", "--from", tmp_path / "run.json", "--output", tmp_path / "new")
    assert result.exit_code == 2
    assert "has schema 99, this lab reads 2 and 3" in result.stderr
    assert not (tmp_path / "new").exists()


def test_fault_of_the_generator_is_one_sentence_with_its_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Run:
        raise GeneratorFailed("the generator ended")

    monkeypatch.setattr("bench.scenarios.runner.run_scenarios", fail)
    result = bench("run", "storm", "--smoke", "--output", tmp_path / "new")
    assert result.exit_code == 1
    assert "The run failed in the generator: the generator ended" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_sample_of_a_folder_that_is_no_run_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "mine").write_text("mine")
    result = bench("sample", tmp_path / "run", "--output", tmp_path / "sample")
    assert result.exit_code == 2
    assert (tmp_path / "sample" / "mine").exists()


# -- reading -------------------------------------------------------------------------------------------------------


def test_list_has_every_scenario_with_its_question_and_needs_no_load_generator() -> None:
    result = bench("list")
    assert result.exit_code == 0
    for name, question in {**QUESTIONS, **ENGINE_QUESTIONS}.items():
        assert name in result.output
        assert question in result.output


@pytest.mark.parametrize(
    "command",
    ["list", "run", "report", "compare", "gate", "baseline", "sample", "index", "predict", "calibrate-model"],
)
def test_every_command_says_what_it_does(command: str) -> None:
    result = bench(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output
    assert len(result.output.splitlines()) > 4


def test_equal_runs_compare_without_a_change(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_run(a_whole_run(), tmp_path / name / "run.json")
    result = bench("compare", tmp_path / "a", tmp_path / "b")
    assert result.exit_code == 0, result.output
    assert "47 of 47 figures show no difference beyond the noise." in result.output


def test_runs_of_which_nothing_can_be_compared_show_no_count_of_equals(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_run(replace(a_whole_run(), findings=[]), tmp_path / name / "run.json")
    result = bench("compare", tmp_path / "a", tmp_path / "b")
    assert result.exit_code == 4, result.output
    assert "There is no figure that is valid in both runs and can be compared." in result.output
    assert "beyond the noise" not in result.output


def test_ratios_compare_parties_of_one_run_alone(tmp_path: Path) -> None:
    for name, factor in (("a", 1.0), ("b", 3.0)):
        book = Book()
        for party, value in (("lobby", 10.0), ("floor", 8.0)):
            for spread in (1.0, 1.01, 0.99):
                book.add(CPU_PER_RECIPIENT, factor * value * spread, clients=100, party=party)
        (tmp_path / name).mkdir()
        write_run(a_run(book.result("peers", ())), tmp_path / name / "run.json")
    assert bench("compare", tmp_path / "a", tmp_path / "b").exit_code == 3
    assert bench("compare", tmp_path / "a", tmp_path / "b", "--ratios").exit_code == 0


def test_worse_ratio_is_a_regression_of_the_lobby(tmp_path: Path) -> None:
    for name, factor in (("a", 1.0), ("b", 3.0)):
        book = Book()
        for party, value in (("lobby", 10.0 * factor), ("floor", 8.0)):
            for spread in (1.0, 1.01, 0.99):
                book.add(CPU_PER_RECIPIENT, value * spread, clients=100, party=party)
        (tmp_path / name).mkdir()
        write_run(a_run(book.result("peers", ())), tmp_path / name / "run.json")
    result = bench("compare", tmp_path / "a", tmp_path / "b", "--ratios")
    assert result.exit_code == 3, result.output
    assert "lobby ÷ floor" in result.output
