"""``compare``, ``gate`` and ``baseline``: how each ends, and the sentence that says why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from bench.analysis.comparison.baseline import FEWEST_RUNS, WATCHED, make_baseline
from bench.commands import comparing
from bench.measures import CPU_PER_RECIPIENT, LAST_ACCEPTED
from bench.record.book import Book
from bench.record.files.baseline import Baseline, read_baseline, write_baseline
from bench.record.files.run_file import read_run, write_run
from bench.record.profiles.standard import GATE
from bench.record.run import Run
from bench.record.vocabulary import FLOOR, LOBBY
from tests.bench.runs import a_run

STEADY = (10.0, 10.1, 9.9, 10.0, 10.05)


def peers(factor: float = 1.0, *, floor: float = 8.0) -> Run:
    book = Book()
    for value in STEADY:
        book.add(CPU_PER_RECIPIENT, value * factor, clients=100, party=LOBBY)
        book.add(CPU_PER_RECIPIENT, value / 10 * floor, clients=100, party=FLOOR)
    return a_run(book.result("peers", ()))


def kept(folder: Path, run: Run) -> Path:
    folder.mkdir(parents=True)
    write_run(run, folder / "run.json")
    return folder


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(comparing.compare, [str(each) for each in arguments])


# -- compare -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "arguments", "code", "says"),
    [
        (1.0, (), 0, "No worse: no figure worse by more than 10%."),
        (0.5, (), 0, "better ×0.50"),
        (1.4, (), 3, "worse ×1.40"),
        (1.4, ("--limit", "0.5"), 0, "No worse: no figure worse by more than 50%."),
        (1.4, ("--ratios",), 3, "lobby ÷ floor"),
    ],
)
def test_compare_ends_by_whether_something_is_worse_by_more_than_the_limit(
    tmp_path: Path, factor: float, arguments: Sequence[str], code: int, says: str
) -> None:
    before, after = kept(tmp_path / "a", peers()), kept(tmp_path / "b", peers(factor))
    result = compare(before, after, *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_compare_takes_files_as_well_as_folders(tmp_path: Path) -> None:
    before, after = kept(tmp_path / "a", peers()), kept(tmp_path / "b", peers())
    assert compare(before / "run.json", after).exit_code == 0


def test_compare_with_a_run_that_was_broken_off_has_no_verdict(tmp_path: Path) -> None:
    before, after = kept(tmp_path / "a", peers()), kept(tmp_path / "b", replace(peers(), is_whole=False))
    result = compare(before, after)
    assert result.exit_code == 4
    assert "The run after was broken off" in result.output


@pytest.mark.parametrize(
    ("content", "says"), [("{}", "is not a run of the lab"), ('{"schema": 99}', "has schema 99"), ("", "is not a run")]
)
def test_compare_with_a_file_that_is_no_run_is_misuse(tmp_path: Path, content: str, says: str) -> None:
    before = kept(tmp_path / "a", peers())
    (tmp_path / "run.json").write_text(content)
    result = compare(before, tmp_path / "run.json")
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_compare_with_a_folder_without_a_run_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert compare(kept(tmp_path / "a", peers()), tmp_path / "empty").exit_code == 2


def test_compare_of_a_folder_of_different_runs_is_misuse(tmp_path: Path) -> None:
    kept(tmp_path / "runs" / "a", peers())
    kept(tmp_path / "runs" / "b", replace(peers(), commit="fedcba9876"))
    result = compare(tmp_path / "runs", tmp_path / "runs" / "a")
    assert result.exit_code == 2
    assert "is not several runs of the same" in result.output


# -- gate ----------------------------------------------------------------------------------------------------------


def a_gate(factor: float = 1.0, *, without: str = "", fault: str = "") -> Run:
    """All that is watched; the lobby's broadcast at so many times what it was."""
    books: dict[str, Book] = {}
    told: dict[tuple[str, str, str], float] = {}
    measures: dict[str, Any] = {each.measure.name: each.measure for each in WATCHED}
    for watched in WATCHED:
        for party in (watched.party, watched.over):
            told[watched.scenario, watched.measure.name, party] = 10.0
    told["peers", CPU_PER_RECIPIENT.name, LOBBY] = 10.0 * factor
    for (scenario, name, party), value in told.items():
        if scenario != without:
            books.setdefault(scenario, Book()).add(measures[name], value, clients=100, party=party)
    found = [book.result(name, ()) for name, book in books.items()]
    if fault:
        found[0] = replace(found[0], faults=[fault])
    return a_run(*found)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    write_baseline(make_baseline([a_gate()] * FEWEST_RUNS), path)
    return path


class Measuring:
    """Measures these runs, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *runs: Run) -> None:
        self.runs, self.asked = list(runs), list[dict[str, Any]]()
        monkeypatch.setattr(comparing, "measure", self)

    def __call__(self, names: Sequence[str], **how: Any) -> Run:
        self.asked.append({"names": tuple(names), **how})
        return self.runs.pop(0)


def gate(stored: Path, *arguments: object) -> Result:
    return CliRunner().invoke(comparing.gate, ["--baseline", str(stored), *map(str, arguments)])


def test_gate_that_is_no_worse_measures_once(monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    measuring = Measuring(monkeypatch, a_gate())
    result = gate(stored, "--seed", 7)
    assert result.exit_code == 0, result.output
    assert "1 of at most 3 attempts; baseline of 5 runs" in result.output
    assert measuring.asked == [
        {"names": ("peers", "rooms-get", "freshness"), "profile": GATE, "seed": 7},
    ]  # fmt: skip


def test_gate_that_is_worse_once_is_not_worse(monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    measuring = Measuring(monkeypatch, a_gate(9.0), a_gate(9.0), a_gate())
    assert gate(stored).exit_code == 0
    assert len(measuring.asked) == 3


def test_gate_that_is_worse_every_time_is_worse(monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    measuring = Measuring(monkeypatch, *[a_gate(9.0)] * 4)
    result = gate(stored)
    assert result.exit_code == 3
    assert len(measuring.asked) == 3, "and not measured for ever"
    assert any(line.startswith("worse ") and "lobby ÷ floor" in line for line in result.output.splitlines())


def test_gate_that_could_not_measure_a_ratio_has_no_verdict(monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    Measuring(monkeypatch, *[a_gate(without="freshness")] * 3)
    result = gate(stored)
    assert result.exit_code == 4
    assert "no verdict  not measured" in result.output


def test_gate_whose_ledger_found_a_fault_has_failed_though_it_is_no_worse(
    monkeypatch: pytest.MonkeyPatch, stored: Path
) -> None:
    Measuring(monkeypatch, a_gate(fault="a client heard it twice"))
    result = gate(stored)
    assert result.exit_code == 1
    assert "A ledger found a fault in peers: a client heard it twice." in result.output


def test_gate_leaves_its_runs_where_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, stored: Path, tmp_path: Path
) -> None:
    Measuring(monkeypatch, a_gate(9.0), a_gate())
    gate(stored, "--output", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run1", "run2"]
    assert read_run(tmp_path / "out" / "run2" / "run.json") == a_gate()


@pytest.mark.parametrize("content", [None, "", "{}", '{"schema": 9}'])
def test_gate_without_a_baseline_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    measuring = Measuring(monkeypatch, a_gate())
    if content is not None:
        (tmp_path / "none.json").write_text(content)
    result = gate(tmp_path / "none.json")
    assert result.exit_code == 2
    assert "none.json is not a baseline" in result.output
    assert measuring.asked == []


# -- baseline ------------------------------------------------------------------------------------------------------


def baseline(*arguments: object) -> Result:
    return CliRunner().invoke(comparing.baseline, [str(each) for each in arguments])


def test_baseline_is_made_of_a_folder_of_runs(tmp_path: Path) -> None:
    for number in range(FEWEST_RUNS):
        kept(tmp_path / "runs" / f"run{number}", a_gate(1.0 + number / 10))
    result = baseline(tmp_path / "runs", "--output", tmp_path / "made.json")
    assert result.exit_code == 0, result.output
    made: Baseline = read_baseline(tmp_path / "made.json")
    ratio = next(each for each in made.ratios if "÷ floor" in each.name)
    assert (ratio.value, ratio.low, ratio.high) == (1.2, 1.0, 1.4)
    assert json.loads((tmp_path / "made.json").read_text())["runs"] == FEWEST_RUNS


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ([a_gate()] * (FEWEST_RUNS - 1), "a baseline takes 5 runs or more, and there are 4"),
        ([a_gate()] * (FEWEST_RUNS - 1) + [a_gate(without="rooms-get")], "a ratio is missing or INVALID"),
    ],
    ids=["too few", "one is not whole"],
)
def test_baseline_of_runs_that_do_not_make_one_is_misuse_and_leaves_nothing(
    tmp_path: Path, runs: list[Run], says: str
) -> None:
    folders = [kept(tmp_path / f"run{number}", run) for number, run in enumerate(runs)]
    result = baseline(*folders, "--output", tmp_path / "made.json")
    assert result.exit_code == 2
    assert f"No baseline: {says}" in result.output
    assert not (tmp_path / "made.json").exists()


def test_run_of_something_else_is_no_gate(tmp_path: Path) -> None:
    book = Book()
    book.add(LAST_ACCEPTED, 1.0, clients=10)
    folders = [kept(tmp_path / f"run{number}", a_run(book.result("storm", ()))) for number in range(FEWEST_RUNS)]
    assert baseline(*folders, "--output", tmp_path / "made.json").exit_code == 2
