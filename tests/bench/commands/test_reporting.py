"""``run`` and ``report``: at which sizes they measure, how they end, and what is left when something goes wrong."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from bench.commands import reporting
from bench.commands.errors import Failed
from bench.measures import LAST_ACCEPTED
from bench.record.book import Book
from bench.record.files.run_file import read_run, write_run
from bench.record.profiles.standard import FULL, QUICK, SMOKE
from bench.record.run import Run
from tests.bench.runs import OVERLOADED, a_run


def storm(value: float = 0.5, *, clients: int = 1_500, faults: Sequence[str] = (), **more: Any) -> Run:
    book = Book()
    book.add(LAST_ACCEPTED, value, clients=clients, **more)
    return a_run(replace(book.result("storm", ()), faults=list(faults)))


class Lab:
    """In place of the measuring and of the drawing, which takes seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outcome: Run | BaseException = storm()
        self.places: list[dict[str, Any]] = []
        """Another checkout, and whether cores are told apart."""
        self.asked: list[tuple[tuple[str, ...], Any, int | None]] = []
        self.reported: list[tuple[Run, Path | None, str]] = []
        monkeypatch.setattr(reporting, "measure", self.measure)
        monkeypatch.setattr(reporting, "_report", self.report)

    def measure(self, names: Sequence[str], *, profile: Any, seed: int | None, **place: Any) -> Run:
        self.places.append(place)
        self.asked.append((tuple(names), profile, seed))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def report(self, measured: Run, output: Path | None, *, what: str) -> None:
        self.reported.append((measured, output, what))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(monkeypatch)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(reporting.run, [str(each) for each in arguments])


def report(*arguments: object) -> Result:
    return CliRunner().invoke(reporting.report, [str(each) for each in arguments])


def test_run_is_on_cores_of_its_own_and_beside_no_other_build_unless_it_is_asked_for(lab: Lab, tmp_path: Path) -> None:
    run("storm")
    run("storm", "--all-cores", "--base", tmp_path)
    assert lab.places == [{"base": None, "is_pinned": True}, {"base": tmp_path, "is_pinned": False}]


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [((), QUICK), (("--quick",), QUICK), (("--smoke",), SMOKE), (("--full",), FULL), (("--smoke", "--full"), FULL)],
)
def test_report_is_measured_at_the_sizes_of_its_profile(lab: Lab, arguments: Sequence[str], profile: Any) -> None:
    assert report(*arguments, "--seed", 7).exit_code == 0
    assert lab.asked == [((), profile, 7)]


def test_bench_that_is_run_by_its_name_has_one_thing_at_a_time_at_its_own_sizes(lab: Lab) -> None:
    run("storm", "--full")
    [(names, profile, seed)] = lab.asked
    assert (names, seed) == (("storm",), None)
    assert not profile.in_one_window
    assert profile.storms == FULL.engine.storms


def test_numbers_of_clients_are_those_of_the_command_line(lab: Lab) -> None:
    run("storm", "--clients", 300, "--clients", 700)
    [(_, profile, _)] = lab.asked
    assert profile.storms == [300, 700]


def test_service_level_is_searched_for_wherever_it_is(lab: Lab) -> None:
    report("--slo-ms", 80)
    [(_, profile, _)] = lab.asked
    assert (profile.capacity.slo_ms, profile.capacity.most) == (80.0, 18_000)
    assert profile.capacity.resolution <= 0.15


# -- how it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "of_run", "of_report"),
    [
        (storm(), 0, 0),
        (storm(1.5), 3, 0),
        (storm(faults=["a client heard it twice"]), 1, 1),
        (storm(stretch=OVERLOADED), 4, 4),
        (replace(storm(), failures={"storm": "no server"}), 1, 1),
        (replace(storm(), is_whole=False), 1, 1),
    ],
    ids=["good", "goal missed", "fault", "invalid", "failed", "interrupted"],
)
def test_exit_code_is_that_of_the_run_and_goals_count_by_name_alone(
    lab: Lab, outcome: Run, of_run: int, of_report: int
) -> None:
    """1,500 clients are to be in within a second."""
    lab.outcome = outcome
    assert (run("storm").exit_code, report().exit_code) == (of_run, of_report)
    assert [measured for measured, _, _ in lab.reported] == [outcome] * 2, "the report is left either way"


def test_invalid_run_says_where_to_look(lab: Lab) -> None:
    lab.outcome = storm(stretch=OVERLOADED)
    assert "The run is not valid: see what is marked INVALID." in report().stderr


def test_interrupted_run_says_what_the_report_is_of(lab: Lab) -> None:
    lab.outcome = replace(storm(), is_whole=False)
    assert "Interrupted: the report is of what was measured until then." in report().stderr


def test_run_that_was_interrupted_before_anything_has_no_report(lab: Lab) -> None:
    lab.outcome = KeyboardInterrupt()
    result = report()
    assert result.exit_code == 1
    assert "Interrupted before anything was measured" in result.stderr
    assert lab.reported == []


def test_run_that_failed_has_its_sentence_and_no_report(lab: Lab) -> None:
    lab.outcome = Failed("The run failed: no server.")
    result = report()
    assert (result.exit_code, "The run failed: no server." in result.stderr) == (1, True)
    assert lab.reported == []


def test_tables_are_printed_of_what_was_asked_for_by_name(lab: Lab) -> None:
    assert "storm" in run("storm").stdout
    assert report().stdout == ""


# -- where it goes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "what"),
    [(("storm",), "storm"), (("storm", "cost", "flap"), "storm+cost+flap"),
     (("storm", "cost", "flap", "noise"), "4-scenarios")],
)  # fmt: skip
def test_folder_is_called_by_what_was_run(lab: Lab, names: Sequence[str], what: str) -> None:
    run(*names)
    assert [each[2] for each in lab.reported] == [what]


def test_folder_begins_with_the_time_and_the_commit() -> None:
    assert reporting._folder_name(storm()) == "20260101T000000Z-0123456789"


def test_folder_that_is_not_empty_is_refused_before_anything_is_measured(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for result in (run("storm", "--output", tmp_path), report("--output", tmp_path)):
        assert result.exit_code == 2
        assert "is not empty: give --output another folder" in result.stderr
    assert lab.asked == []


def test_place_where_nothing_can_be_written_is_refused_before_anything_is_measured(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    output = tmp_path / "file" / "report"
    for result in (run("storm", "--output", output), report("--output", output)):
        assert result.exit_code == 2
        assert f"Nothing can be written in {output.parent} (Not a directory): give --output" in result.stderr
    assert lab.asked == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--seed", "-1"), "--seed"), (("--seed", str(2**31)), "--seed"), (("--slo-ms", "0"), "--slo-ms"),
        (("--slo-ms", "soon"), "--slo-ms"), (("--profile", "full"), "No such option"),
    ],
)  # fmt: skip
def test_option_that_cannot_be_is_named(lab: Lab, arguments: Sequence[str], says: str) -> None:
    for result in (run("storm", *arguments), report(*arguments)):
        assert (result.exit_code, says in result.stderr) == (2, True)
    assert lab.asked == []


@pytest.mark.parametrize("clients", ["0", "19001", "many"])
def test_number_of_clients_is_one_that_a_process_can_have(lab: Lab, clients: str) -> None:
    assert run("storm", "--clients", clients).exit_code == 2
    assert lab.asked == []


# -- a run of before -----------------------------------------------------------------------------------------------


def kept(folder: Path, run: Run) -> Path:
    folder.mkdir(parents=True)
    write_run(run, folder / "run.json")
    return folder


def test_report_of_a_kept_run_measures_nothing_and_ends_as_it_did(lab: Lab, tmp_path: Path) -> None:
    for name, outcome, code in (
        ("good", storm(), 0), ("missed", storm(1.5), 0), ("fault", storm(faults=["twice"]), 1),
        ("invalid", storm(stretch=OVERLOADED), 4),
    ):  # fmt: skip
        result = report("--from", kept(tmp_path / name, outcome), "--output", tmp_path / "new")
        assert result.exit_code == code, name
        assert lab.reported[-1] == (outcome, tmp_path / "new", "again")
    assert lab.asked == []


def test_report_of_what_is_no_run_is_misuse(lab: Lab, tmp_path: Path) -> None:
    result = report("--from", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "none.json is not a run of the lab" in result.stderr
    assert lab.reported == []


# -- a report that cannot be made ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (KeyboardInterrupt(), 1, "Interrupted: there is no report of"),
        (OSError("no space left"), 2, "The report cannot be written: no space left."),
    ],
    ids=["interrupted", "no space"],
)
def test_report_that_cannot_be_made_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: BaseException, code: int, says: str
) -> None:
    def fails(measured: Run) -> Any:
        raise fault

    monkeypatch.setattr("bench.report.build.make_report", fails)
    source = kept(tmp_path / "run", storm())
    result = report("--from", source, "--output", tmp_path / "new")
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr


def test_readings_outlive_a_report_that_has_a_defect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(measured: Run) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("bench.report.build.make_report", fails)
    result = report("--from", kept(tmp_path / "run", storm()), "--output", tmp_path / "new")
    assert isinstance(result.exception, ZeroDivisionError), "a defect is not swallowed"
    assert f"the readings are in {tmp_path / 'new' / 'run.json'}" in result.stderr
    assert read_run(tmp_path / "new" / "run.json") == storm()


def test_readings_outlive_a_disk_that_is_full_once_everything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(report: Any, folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reporting, "measure", lambda names, **_: storm())
    monkeypatch.setattr("bench.report.build.make_report", lambda measured: measured)
    monkeypatch.setattr("bench.report.build.write_report", fails)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = run("storm", "--output", tmp_path / "new")
    (kept_in,) = tmp_path.glob("lobby-bench-*/run.json")
    assert (result.exit_code, f"The readings are in {kept_in}." in result.stderr) == (2, True), result.stderr
    assert read_run(kept_in) == storm()
