"""A report from a stored run: complete, in one file, and nothing half-written."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.record.files.run_file import read_run
from bench.record.run import Run
from bench.report.build import Report, copy_sample, make_report, render, write_report
from tests.bench.runs import OVERLOADED, a_broadcast_result, a_point, a_run, a_whole_run

pytestmark = pytest.mark.system  # whole reports are drawn

STORED = Path(__file__).parents[1] / "data" / "smoke-run.json.gz"
"""A smoke run against the real server."""


@pytest.fixture(scope="module")
def stored() -> Run:
    return read_run(STORED)


@pytest.fixture(scope="module")
def report(stored: Run) -> Report:
    return make_report(stored)


class Tags(HTMLParser):
    """Checks that elements close as they opened, and collects what would be fetched."""

    VOID = frozenset({"meta", "br", "link", "img", "hr", "use"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe"):
            self.fetched.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_page_is_one_sound_file_that_fetches_nothing(report: Report) -> None:
    page = render("report.html", report)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.fetched == []
    assert page.count("<svg") == 2 * len(report.charts) == 28
    assert len(set(tags.ids)) == len(tags.ids)
    assert "url(http" not in page


def test_page_answers_first_and_has_every_section(report: Report) -> None:
    page = render("report.html", report)
    assert page.index(report.answers[0][:20]) < page.index('<h2 id="broadcast"')
    for section in ("broadcast", "bandwidth", "promises", "reconnect", "swarm", "facts"):
        assert f'id="{section}"' in page


def test_smoke_run_says_that_it_is_one(report: Report) -> None:
    for template in ("report.html", "report.md"):
        assert "smoke run" in render(template, report)


def test_markdown_has_tables_of_even_width(report: Report) -> None:
    width = None
    for line in render("report.md", report).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (None, cells), line
        width = cells


def test_charts_name_the_machine_and_the_commit(report: Report) -> None:
    for chart in report.charts.values():
        assert chart.png.startswith(b"\x89PNG")
        assert "<svg" in chart.svg


def test_run_made_by_hand_gives_a_report_of_its_figures() -> None:
    report = make_report(a_whole_run())
    assert "costs 24.0 KB per hour" in report.answers[0]
    assert report.valid


def test_empty_run_gives_a_report_without_charts() -> None:
    report = make_report(a_run())
    assert not report.charts
    assert not report.sections
    assert render("report.html", report)


def test_one_scenario_alone_answers_its_own_question_only() -> None:
    report = make_report(a_run(a_broadcast_result([a_point(100, last_ms=1.0, fresh_ms=2.0)])))
    assert [section.name for section in report.sections] == ["broadcast"]
    assert report.answers
    assert not any("claim" in answer for answer in report.answers)


def test_invalid_point_is_marked_in_table_chart_and_answers() -> None:
    points = [a_point(100, last_ms=1.0, fresh_ms=2.0), a_point(500, last_ms=1.0, fresh_ms=2.0, stretch=OVERLOADED)]
    report = make_report(a_run(a_broadcast_result(points)))
    assert not report.valid
    assert "100 clients" in report.answers[0]
    assert "INVALID: the generator was the limit (95% of a core)" in render("report.md", report)
    assert '<tr class="invalid">' in render("report.html", report)


def test_written_folder_has_everything_and_makes_the_same_again(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "one"
    write_report(report, folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    charts = {f"charts/{name}.{kind}" for name in report.charts for kind in ("svg", "png")}
    assert names == {"run.json", "figures.json", "report.html", "report.md", "junit.xml", "tables.txt", *charts}
    assert read_run(folder / "run.json") == report.run
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_folder_that_is_not_empty_is_left_alone(report: Report, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        write_report(report, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_failed_writing_leaves_nothing(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.report.build.render", fail)
    with pytest.raises(KeyboardInterrupt):
        write_report(report, tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def test_sample_is_small_and_can_be_read_again(report: Report, stored: Run, tmp_path: Path) -> None:
    write_report(report, tmp_path / "run")
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "old").write_text("from before")
    copy_sample(tmp_path / "run", tmp_path / "sample")
    names = {path.name for path in (tmp_path / "sample").iterdir()}
    assert names == {"run.json.gz", "figures.json", "report.html", "report.md", "charts"}
    assert all(path.suffix == ".svg" for path in (tmp_path / "sample" / "charts").iterdir())
    assert read_run(tmp_path / "sample" / "run.json.gz") == stored
