"""The README's figures are those of the sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report.headline import BEGIN, END, NoPlace, headline, put_headline

ROOT = Path(__file__).parents[3]
REPORT = "# Push\n\nmachine · commit\n\n* one\n* two\n\n| a |\n\n## Section\n\n* not this\n"


def test_headline_is_the_place_and_the_answers() -> None:
    assert headline(REPORT) == "machine · commit\n\n* one\n* two"


def test_headline_has_at_most_eight_lines_of_text() -> None:
    report = "# Push\n\nmachine\n\n" + "* one\n" * 20 + "\nValidity: all points valid.\n\n## Section\n"
    lines = [line for line in headline(report).splitlines() if line]
    assert len(lines) == 8
    assert lines[-1] == "Validity: all points valid."


def test_repositorys_readme_tells_the_decision_first() -> None:
    told = headline((ROOT / "reports/sample/report.md").read_text(encoding="utf-8"))
    first = next(line for line in told.splitlines() if line.startswith("* "))
    assert "fewest bytes" in first


def test_figures_go_between_the_lines_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    sample = tmp_path / "reports" / "sample"
    sample.mkdir(parents=True)
    (sample / "report.md").write_text(REPORT)
    readme = tmp_path / "README.md"
    readme.write_text(f"top\n{BEGIN}\nold\n{END}\nbottom\n")
    put_headline(readme, sample)
    once = readme.read_text()
    put_headline(readme, sample)
    assert readme.read_text() == once
    assert "* one" in once
    assert "old" not in once
    assert "(reports/sample/charts/" in once
    assert once.startswith("top\n")
    assert once.endswith("bottom\n")


def test_readme_without_the_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(NoPlace):
        put_headline(tmp_path / "README.md", tmp_path)


def test_repositorys_readme_says_what_its_sample_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert headline((ROOT / "reports/sample/report.md").read_text(encoding="utf-8")) in readme
