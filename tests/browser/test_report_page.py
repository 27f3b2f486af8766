"""The lab's report in a real browser: on a phone, on a desk, in the dark, on paper, and for those who do not see it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.record.files.run_file import read_run
from bench.report.build import make_report, write_report
from tests.browser.conftest import DESKTOP, PHONE

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample" / "run.json.gz"
LARGEST_PAGE_BYTES = 1_500_000
SMALLEST_LETTERS_PX = 8.0
"""On a phone; footnotes of maps are smaller."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, drawn by the code as it is."""
    folder = tmp_path_factory.mktemp("report") / "sample"
    write_report(make_report(read_run(SAMPLE)), folder)
    return folder / "report.html"


@pytest.fixture
def open_page(chromium: Any, report: Path) -> Iterator[Any]:
    contexts = []

    def opened(viewport: dict[str, int], scheme: str = "light") -> Any:
        contexts.append(chromium.new_context(viewport=viewport, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.goto(report.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


def test_page_of_a_full_run_is_small_enough_to_send(report: Path) -> None:
    assert report.stat().st_size <= LARGEST_PAGE_BYTES


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desk, dark"])
def test_page_is_accessible(open_page: Any, axe: Path, viewport: dict[str, int], scheme: str) -> None:
    page = open_page(viewport, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.add_script_tag(path=str(axe))
    found = page.evaluate("axe.run({resultTypes: ['violations'], selectors: false})")
    assert len(found["passes"]) > 10, "it looked"
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == []


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_sticks_out_of_the_page(open_page: Any, width: int) -> None:
    page = open_page({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_phone_has_charts_of_its_own_with_letters_that_can_be_read(open_page: Any) -> None:
    page = open_page(PHONE)
    figures = page.locator("figure")
    assert figures.count() > 10
    assert page.locator("figure .wide >> visible=true").count() == 0
    assert page.locator("figure .narrow >> visible=true").count() == figures.count()
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll('figure .narrow text')].map(text =>
            parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a))"""
    )
    assert smallest >= SMALLEST_LETTERS_PX


def test_desk_has_the_wide_charts(open_page: Any) -> None:
    page = open_page(DESKTOP)
    assert page.locator("figure .narrow >> visible=true").count() == 0
    assert page.locator("figure .wide >> visible=true").count() == page.locator("figure").count()


def test_first_screen_says_which_way_to_choose(open_page: Any) -> None:
    page = open_page(DESKTOP)
    for words in ("Which way should I choose?", "All ways side by side"):
        box = page.get_by_role("heading", name=words).bounding_box()
        assert box["y"] + box["height"] <= DESKTOP["height"]


def test_every_section_table_and_chart_can_be_linked_to(open_page: Any) -> None:
    page = open_page(DESKTOP)
    targets = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))
    linkable = page.evaluate("[...document.querySelectorAll('h2, h3, figure')].map(each => each.id)")
    assert set(linkable) <= set(targets)


def test_letters_of_charts_are_light_in_the_dark(open_page: Any) -> None:
    page = open_page(DESKTOP, "dark")
    colour = page.evaluate("getComputedStyle(document.querySelector('figure .wide text')).fill")
    assert min(int(part) for part in re.findall(r"\d+", colour)[:3]) > 128


def test_print_has_all_tables_page_numbers_and_no_heading_alone(chromium: Any, report: Path, tmp_path: Path) -> None:
    pdftotext = shutil.which("pdftotext")
    if pdftotext is None:
        pytest.skip("there is no pdftotext")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(report.as_uri())
    titles = page.evaluate("[...document.querySelectorAll('h2, h3')].map(each => each.firstChild.textContent.trim())")
    rows = page.evaluate("document.querySelectorAll('details tbody tr').length")
    page.pdf(path=str(tmp_path / "report.pdf"), prefer_css_page_size=True, print_background=True)
    context.close()
    text = subprocess.run(
        [pdftotext, "-layout", str(tmp_path / "report.pdf"), "-"], check=True, capture_output=True, timeout=60
    ).stdout.decode()
    pages = [each for each in text.split("\f") if each.strip()]
    flat = " ".join(text.split())
    assert rows > 100
    assert flat.count("Everything that was measured") >= 8, "folded tables are open"
    for number, each in enumerate(pages, start=1):
        lines = [line.strip() for line in each.splitlines() if line.strip()]
        assert lines[-1] == f"{number} / {len(pages)}"
        assert lines[-2] not in titles, f"a heading alone at the end of page {number}"
