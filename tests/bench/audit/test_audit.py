"""The auditor as a program: what it reads, what it says, and its exit codes."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.audit.__main__ import AGREES, DISAGREES, NOTHING, USAGE, audit_report, main
from bench.audit.arithmetic import between, median, nearest_rank
from bench.audit.conclusions import RULES
from bench.audit.printed import is_printed
from bench.audit.quantities.compute import KINDS
from bench.audit.quantities.traffic import frame
from bench.audit.quantities.whole_run import bounds_of_median
from bench.record.files.run_file import write_run
from bench.report.build import texts_of
from bench.report.told import FIGURES_FILE, figures_json
from tests.bench.runs import a_whole_run

HERE = Path(__file__).parents[3] / "bench" / "audit"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A folder with run.json and figures.json, and a page that has all sentences."""
    run = a_whole_run()
    told = texts_of(run)
    write_run(run, tmp_path / "run.json")
    (tmp_path / FIGURES_FILE).write_text(figures_json(run, told), encoding="utf-8")
    (tmp_path / "report.md").write_text("\n".join(each.text for each in told), encoding="utf-8")
    return tmp_path


def changed(report: Path, change: Any) -> None:
    """Have figures.json say something else."""
    path = report / FIGURES_FILE
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["told"])
    path.write_text(json.dumps(document), encoding="utf-8")


def test_report_that_is_right_agrees(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(report)]) == AGREES
    assert capsys.readouterr().out.endswith("recomputed from the raw readings: none disagree.\n")


def test_run_json_alone_is_taken_with_the_figures_beside_it(report: Path) -> None:
    packed = report / "run.json.gz"
    packed.write_bytes(gzip.compress((report / "run.json").read_bytes()))
    (report / "run.json").unlink()
    assert main([str(packed)]) == main([str(report)]) == AGREES


def replace_text(text: dict[str, Any], old: str, new: str) -> None:
    """In a text and in what it cites."""
    assert old in text["text"]
    text["text"] = text["text"].replace(old, new)
    for each in text["cited"]:
        each["text"] = each["text"].replace(old, new)


def test_altered_figure_is_named_with_both_values_and_its_readings(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def alter(told: list[dict[str, Any]]) -> None:
        [sentence] = [each for each in told if each["where"] == "broadcast, sentence 1"]
        replace_text(sentence, "25.0 ms", "24.0 ms")

    changed(report, alter)
    assert main([str(report)]) == DISAGREES
    out = capsys.readouterr().out
    place = "broadcast, sentence 1: broadcasts announcement 1000 clients last"
    assert f"{place}: the report says '24.0 ms', recomputed 25 ms" in out
    assert "median last client of 3 broadcasts of announcement at 1000 clients" in out
    assert "report.md has it not" in out  # and the page still says the right one


def test_altered_page_is_named(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = report / "report.md"
    page.write_text(page.read_text(encoding="utf-8").replace("99.09 %", "99.9 %"), encoding="utf-8")
    assert main([str(report)]) == DISAGREES
    assert "the sentence" in capsys.readouterr().out


def test_number_without_a_source_is_named(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(report, lambda told: told[1].update(uncited=["17"]))
    assert main([str(report)]) == DISAGREES
    assert "a number without a source: the report says '17'" in capsys.readouterr().out


def test_altered_conclusion_is_named(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def alter(told: list[dict[str, Any]]) -> None:
        row = next(each for each in told if "100 bytes/minute" in each["text"] and each["where"].startswith("promises"))
        row["text"] = row["text"].replace("does not hold", "holds")
        for each in row["cited"]:
            each["text"] = each["text"].replace("does not hold", "holds")

    changed(report, alter)
    assert main([str(report)]) == DISAGREES
    assert "claim at most values minute push 10 rooms framed 100: the report says 'holds'" in capsys.readouterr().out


def test_quantity_that_is_not_known_is_no_agreement(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(report, lambda told: told[0]["cited"][1]["quantity"].update(of="a guess"))
    assert main([str(report)]) == DISAGREES
    assert "the auditor knows no quantity 'a guess'" in capsys.readouterr().out


def test_without_figures_there_is_nothing_to_audit(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (report / FIGURES_FILE).unlink()
    assert main([str(report)]) == NOTHING
    assert "There is no figures.json beside" in capsys.readouterr().err


def test_report_that_cites_nothing_is_nothing_to_audit(report: Path) -> None:
    changed(report, lambda told: told.clear())
    (report / "report.md").unlink()
    assert main([str(report)]) == NOTHING


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 2, "findings": []}', '{"schema": 3, "findings": []}'])
def test_file_that_is_no_run_is_a_sentence(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text(content)
    assert main([str(tmp_path)]) == USAGE
    err = capsys.readouterr().err
    assert "run.json" in err
    assert "Traceback" not in err


def test_folder_without_a_run_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == USAGE
    assert "has no run.json" in capsys.readouterr().err


def test_figures_of_another_run_are_refused(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = report / FIGURES_FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 2'), encoding="utf-8")
    assert main([str(report)]) == USAGE
    assert "is of another run" in capsys.readouterr().err


def test_auditor_imports_nothing_of_the_project_but_itself() -> None:
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                first, *rest = name.split(".")
                assert first not in ("loadtest", "lobby_server"), path
                assert first != "bench" or rest[:1] == ["audit"], path


def test_every_quantity_and_conclusion_is_stated_in_the_method() -> None:
    method = (HERE.parents[1] / "docs" / "lab.md").read_text(encoding="utf-8")
    assert [kind for kind in (*KINDS, *RULES) if f"`{kind}`" not in method] == []


def test_stored_sample_agrees_and_carries_what_the_auditor_said() -> None:
    sample = HERE.parents[1] / "reports" / "sample"
    code, text = audit_report(sample)
    assert code == AGREES, text
    assert (sample / "audit.txt").read_text(encoding="utf-8") == f"$ python -m bench.audit sample\n{text}\n"


@pytest.mark.parametrize(
    ("value", "unit", "text", "fits"),
    [
        (114.6, "ms", "115 ms", True), (114.4, "ms", "115 ms", False), (1_474.0, "ms", "1.47 s", True),
        (0.004, "ms", "<0.01 ms", True), (0.02, "ms", "<0.01 ms", False), (48_640.0, "B", "48.6 KB", True),
        (48_660.0, "B", "48.6 KB", False), (0.99046, "share", "99.04 %", True), (0.99039, "share", "99.04 %", False),
        (0.99996, "share", "100 %", False), (0.944, "share", "94%", True), (1e7, "", "10,000,000", True),
        (3.0, "ms", "3 KB", False), (float("nan"), "ms", "3 ms", False), (float("nan"), "ms", "–", True),
        (19.5, "", "19.5", True), (12.0, "µs", "12.0 µs", True), (12.0, "µs", "12.0 ms", False),
    ],
)  # fmt: skip
def test_value_is_printed_so_or_not(value: float, unit: str, text: str, *, fits: bool) -> None:
    assert (is_printed(value, unit, text) == "") is fits


def test_percentile_is_nearest_rank_and_median_halves_the_middle() -> None:
    assert nearest_rank([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert nearest_rank([1.0, 2.0, 3.0, 4.0], 99) == 4.0
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5


def test_line_between_points_is_straight_and_level_outside() -> None:
    assert [between(x, [0.0, 2.0], [10.0, 20.0]) for x in (-1.0, 1.0, 3.0)] == [10.0, 15.0, 20.0]


@pytest.mark.parametrize(("n", "rank"), [(2, 0), (5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5)])
def test_bounds_of_a_median_are_those_of_the_binomial_table(n: int, rank: int) -> None:
    """Conover, Practical Nonparametric Statistics, table of the sign test: 95 %, both sides together."""
    values = [float(value) for value in range(n)]
    assert bounds_of_median(values) == (values[rank], values[n - 1 - rank])


@pytest.mark.parametrize(
    ("payload", "down", "up"), [(25, 27, 31), (125, 127, 131), (126, 130, 134), (70_000, 70_010, 70_014)]
)
def test_frame_has_the_header_of_its_length(payload: int, down: int, up: int) -> None:
    assert (frame(payload, masked=False), frame(payload, masked=True)) == (down, up)
