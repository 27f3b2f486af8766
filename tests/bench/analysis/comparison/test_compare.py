"""Two runs side by side: what counts as a change, and what the gate makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bench import cli
from bench.analysis.comparison.changes import Change
from bench.analysis.comparison.compare import compare_runs
from bench.measures import CPU_PER_RECIPIENT
from bench.record.book import Book
from bench.record.files.run_file import write_run
from bench.record.findings import Findings
from bench.record.run import Run
from bench.record.vocabulary import LOBBY_AGAIN
from bench.report.comparison import render_comparison
from bench.report.index import write_index
from tests.bench.runs import a_run, a_whole_run

STEADY = (10.0, 10.1, 9.9, 10.0, 10.05)


def findings(factor: float, *, peer: float = 2.0, suspect: str = "", suspect_peer: str = "") -> Findings:
    book = Book()
    for value in STEADY:
        book.add(CPU_PER_RECIPIENT, value * factor, clients=1_000, suspect=suspect)
        book.add(CPU_PER_RECIPIENT, value * peer, clients=1_000, party="floor", suspect=suspect_peer)
    return book.result("peers", ())


def noise(spread: float) -> Findings:
    book = Book()
    for sign in (1, -1, 1, -1, 1):
        book.add(CPU_PER_RECIPIENT, 10.0, clients=1_000)
        book.add(CPU_PER_RECIPIENT, 10.0 * (1 + sign * spread), clients=1_000, party=LOBBY_AGAIN)
    return book.result("noise", ())


def run_of(*found: Findings) -> Run:
    return replace(a_run(), findings=list(found))


def test_worse_beyond_noise_and_limit_is_a_regression() -> None:
    found = compare_runs(run_of(findings(1.0), noise(0.02)), run_of(findings(1.3), noise(0.02)), limit=0.1)
    (pair,) = found.regressions
    assert pair.change is Change.WORSE
    assert pair.ratio == pytest.approx(1.3)
    assert pair.n == (5, 5)
    assert found.exit_code == 3
    assert "worse ×1.30 (5, 5)" in render_comparison(found)


def test_better_is_told_and_is_no_regression() -> None:
    found = compare_runs(run_of(findings(1.3), noise(0.02)), run_of(findings(1.0), noise(0.02)), limit=0.1)
    assert [pair.change for pair in found.changed] == [Change.BETTER]
    assert found.regressions == []


def test_difference_within_the_noise_of_the_runs_is_none() -> None:
    found = compare_runs(run_of(findings(1.0), noise(0.5)), run_of(findings(1.3), noise(0.5)), limit=0.1)
    assert found.changed == []


def test_faster_machine_changes_no_ratio() -> None:
    before, after = run_of(findings(1.0, peer=2.0)), run_of(findings(0.5, peer=1.0))
    assert len(compare_runs(before, after, limit=0.1).changed) == 2
    assert compare_runs(before, after, limit=0.1, ratios_only=True).changed == []


@pytest.mark.parametrize("doubt", [{"suspect": "other work"}, {"suspect_peer": "other work"}])
def test_ratio_of_a_reading_in_doubt_is_in_doubt(doubt: dict[str, str]) -> None:
    before, after = run_of(findings(1.0)), run_of(findings(1.5, **doubt))
    found = compare_runs(before, after, limit=0.1, ratios_only=True)
    assert [(pair.change, pair.doubtful) for pair in found.pairs] == [(Change.WORSE, True)]
    assert found.regressions == []
    assert found.exit_code == 4, "nothing else was compared"
    assert compare_runs(before, run_of(findings(1.5)), limit=0.1, ratios_only=True).exit_code == 3


def test_command_ends_with_3_on_a_regression_and_leaves_table_and_chart(tmp_path: Path) -> None:
    for name, factor in (("a", 1.0), ("b", 1.4)):
        (tmp_path / name).mkdir()
        write_run(run_of(findings(factor)), tmp_path / name / "run.json")
    arguments = ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--output", str(tmp_path / "out")]
    worse = CliRunner().invoke(cli.main, arguments)
    assert worse.exit_code == 3, worse.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"compare.txt", "compare.svg", "compare.png"}
    assert CliRunner().invoke(cli.main, ["compare", *arguments[2:0:-1], "--limit", "0.1"]).exit_code == 0
    assert CliRunner().invoke(cli.main, [*arguments[:3], "--limit", "0.5"]).exit_code == 0


def test_index_has_a_line_for_every_run_and_names_what_it_cannot_read(tmp_path: Path) -> None:
    for name, content in (("one", a_whole_run()), ("two", replace(a_run(), is_whole=False))):
        (tmp_path / name).mkdir()
        write_run(content, tmp_path / name / "run.json")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text('{"schema": 1}')
    (tmp_path / "empty").mkdir()
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert 'href="one/report.html"' in page
    assert "broken off" in page
    assert "has schema 1" in page
    assert "empty" not in page
