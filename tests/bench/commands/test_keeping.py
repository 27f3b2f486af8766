"""``sample`` and ``index``: what is kept, and a sample that says what its readings do not is said to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.audit.__main__ import AGREES, DISAGREES
from bench.commands import keeping
from bench.measures import LAST_ACCEPTED
from bench.record.book import Book
from bench.record.files.run_file import read_run, write_run
from bench.record.run import Run
from bench.report.headline import BEGIN, END
from tests.bench.runs import a_run

HEAD = "# Report\n\na CPU, 2 cores\n\n* It holds.\n\nValidity: all 3 points valid\n\n## Results\n"


def storm() -> Run:
    book = Book()
    book.add(LAST_ACCEPTED, 0.5, clients=100)
    return a_run(book.result("storm", ()))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run as a report leaves it, as far as it is kept."""
    found = tmp_path / "run"
    (found / "charts").mkdir(parents=True)
    write_run(storm(), found / "run.json")
    (found / "report.html").write_text("<p>page</p>")
    (found / "report.md").write_text(HEAD)
    (found / "figures.json").write_text(json.dumps({"told": []}))
    (found / "charts" / "storm.svg").write_text("<svg/>")
    (found / "charts" / "storm.png").write_bytes(b"png")
    (found / "junit.xml").write_text("<testsuites/>")
    return found


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit code of the auditor, which is the first."""
    codes = [AGREES]
    monkeypatch.setattr("bench.audit.__main__.audit_report", lambda sample: (codes[0], "3 figures: none disagree."))
    return codes


def sample(*arguments: object) -> Result:
    return CliRunner().invoke(keeping.sample, [str(each) for each in arguments])


def test_sample_has_pages_svg_charts_the_run_compressed_and_its_audit(
    run_dir: Path, tmp_path: Path, audited: list[int]
) -> None:
    result = sample(run_dir, "--output", tmp_path / "reports" / "sample")
    assert result.exit_code == 0, result.output
    kept = tmp_path / "reports" / "sample"
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()) == [
        "audit.txt", "charts/storm.svg", "figures.json", "report.html", "report.md", "run.json.gz",
    ]  # fmt: skip
    assert read_run(kept / "run.json.gz") == storm()
    assert (kept / "audit.txt").read_text() == "$ python -m bench.audit sample\n3 figures: none disagree.\n"


def test_sample_that_the_auditor_disagrees_with_is_said_to(run_dir: Path, tmp_path: Path, audited: list[int]) -> None:
    audited[0] = DISAGREES
    result = sample(run_dir, "--output", tmp_path / "reports" / "sample")
    assert result.exit_code == 1
    assert "The sample says what its readings do not: see" in result.output


def test_answers_of_the_sample_go_into_the_readme(run_dir: Path, tmp_path: Path, audited: list[int]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    sample(run_dir, "--output", tmp_path / "reports" / "sample")
    text = readme.read_text()
    assert "\nold\n" not in text
    assert "* It holds." in text
    assert "](reports/sample/charts/bandwidth-rate.svg)" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")


def test_readme_without_a_place_for_figures_is_said_to_have_none(
    run_dir: Path, tmp_path: Path, audited: list[int]
) -> None:
    (tmp_path / "README.md").write_text("nothing")
    result = sample(run_dir, "--output", tmp_path / "reports" / "sample")
    assert result.exit_code == 2
    assert "has no place for figures" in result.output


@pytest.mark.parametrize("missing", ["run.json", "report.html", "figures.json"])
def test_folder_that_is_no_whole_run_leaves_the_old_sample(
    run_dir: Path, tmp_path: Path, audited: list[int], missing: str
) -> None:
    (run_dir / missing).unlink()
    old = tmp_path / "reports" / "sample"
    old.mkdir(parents=True)
    (old / "mine").write_text("mine")
    result = sample(run_dir, "--output", old)
    assert result.exit_code == 2
    assert "is not a whole run" in result.output
    assert (old / "mine").exists()


def test_index_names_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def write_index(folder: Path) -> Path:
        made.append(folder)
        return folder / "index.html"

    monkeypatch.setattr("bench.report.index.write_index", write_index)
    result = CliRunner().invoke(keeping.index, ["--output", str(tmp_path)])
    assert (result.exit_code, result.output.strip()) == (0, str(tmp_path / "index.html"))
    assert made == [tmp_path]
