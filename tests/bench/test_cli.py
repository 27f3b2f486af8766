"""lobby-bench on a command line: what it prints, and how it fails."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench import cli
from bench.processes.target import TargetFailed
from bench.record.files.run_file import read_run, write_run
from bench.record.run import Run
from bench.scenarios.registry import SCENARIOS
from tests.bench.runs import OVERLOADED, a_broadcast_result, a_point, a_reconnect_result, a_run

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def _keep_signals() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def measuring(monkeypatch: pytest.MonkeyPatch, outcome: Run | BaseException) -> None:
    """Let a run have this outcome without running anything."""

    def run_scenarios(*_: object, **__: object) -> Run:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("bench.scenarios.runner.run_scenarios", run_scenarios)


def test_list_names_every_scenario_and_its_question() -> None:
    result = bench("list")
    assert result.exit_code == 0
    for scenario in SCENARIOS:
        assert scenario.name in result.output
        assert scenario.question in result.output


def test_report_from_a_run_makes_it_again(tmp_path: Path) -> None:
    for source, to in ((tmp_path / "run.json.gz", "one"), (tmp_path / "one", "two")):
        if to == "one":
            write_run(a_run(a_reconnect_result()), source)
        result = bench("report", "--from", str(source), "--output", str(tmp_path / to))
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one" / "report.html").read_text() == (tmp_path / "two" / "report.html").read_text()
    assert str(tmp_path / "two") in result.stdout


def test_report_measures_and_prints_the_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measuring(monkeypatch, a_run(a_reconnect_result()))
    result = bench("report", "--smoke", "--output", str(tmp_path / "new"))
    assert result.exit_code == 0, result.output
    assert "100 % are back and fresh after the stop within: fixed 5 s, SIGTERM 5.02 s." in result.stdout
    assert (tmp_path / "new" / "run.json").exists()


def test_report_without_output_goes_to_a_folder_of_its_time_and_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    measuring(monkeypatch, a_run())
    assert bench("report").exit_code == 0
    assert (tmp_path / "reports" / "20260101T000000Z-0123456789-quick" / "report.md").exists()


def test_invalid_run_is_reported_with_exit_code_4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = a_point(100, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)
    measuring(monkeypatch, a_run(a_broadcast_result([point])))
    result = bench("report", "--output", str(tmp_path / "new"))
    assert result.exit_code == 4
    assert (tmp_path / "new" / "report.html").exists()
    assert "not valid" in result.stderr


def test_server_that_does_not_start_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measuring(monkeypatch, TargetFailed("the server did not start (exit code 2): no."))
    result = bench("run", "bandwidth", "--output", str(tmp_path / "new"))
    assert result.exit_code == 1
    assert "the server did not start" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("broken", ["make_report", "write_report"])
@pytest.mark.parametrize("why", [ZeroDivisionError("by zero"), KeyboardInterrupt()], ids=repr)
def test_readings_of_an_hour_outlive_a_report_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str, why: BaseException
) -> None:
    def fails(*_: object) -> None:
        raise why

    run = a_run(a_reconnect_result())
    measuring(monkeypatch, run)
    monkeypatch.setattr(f"bench.report.build.{broken}", fails)
    result = bench("report", "--smoke", "--output", str(tmp_path / "new"))
    assert result.exit_code == 1
    assert str(tmp_path / "new" / "run.json") in result.stderr
    assert read_run(tmp_path / "new" / "run.json") == run


def test_ctrl_c_leaves_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measuring(monkeypatch, KeyboardInterrupt())
    result = bench("report", "--output", str(tmp_path / "new"))
    assert result.exit_code == 1
    assert "before anything was measured" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("run", "nothing"),
            "There is no scenario nothing: there are promises, broadcast, freshness,",
        ),
        (("run",), "Missing argument"),
        (("report", "--seed", "-1"), "--seed"),
        (("report", "--clients", "10"), "No such option"),
        (("compare", ".", "."), "is not a run of the lab"),
        (("report", "--from", "missing.json"), "missing.json is not a run of the lab"),
        (("sample", "missing"), "does not exist"),
        (("sample", "."), "is not a whole run"),
    ],
)
def test_misuse_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = bench(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_not_empty_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    result = bench("report", "--output", str(tmp_path))
    assert result.exit_code == 2
    assert "not empty" in result.stderr


def test_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "NEEDED", ("picows", "not_there_at_all"))
    result = bench("list")
    assert result.exit_code == 2
    assert "not_there_at_all" in result.stderr
    assert "pip install 'lobby-server[bench]'" in result.stderr


def test_path_that_cannot_be_read_or_written_is_a_sentence_in_every_command(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    point = a_point(500, last_ms=20.0, fresh_ms=30.0)
    write_run(a_run(a_broadcast_result([point])), kept := tmp_path / "kept" / "run.json")
    (tmp_path / "file").write_text("in the way")
    output = ("--output", str(tmp_path / "file" / "new"))
    for arguments in (
        ("index", "--output", str(tmp_path / "none")),
        ("compare", str(kept), str(kept), *output),
        ("trend", str(kept), str(kept), *output),
        ("report", "--from", str(kept), *output),
    ):
        result = bench(*arguments)
        assert result.exit_code == 2, (arguments, result.output, result.exception)
        assert result.stderr.startswith("Error: "), arguments
        assert result.stderr.count("\n") == 1, arguments
