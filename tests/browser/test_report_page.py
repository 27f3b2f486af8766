"""The lab's report in a real browser: on a phone, on a desk, in the dark, on paper, and for those who do not see it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bench.record.files.run_file import read_run
from bench.record.profiles.standard import FULL
from bench.record.run import Run
from bench.report.build import make_report, write_report
from bench.report.sections.forecasts import AT_SCALE_TABLE, FORECASTS
from bench.scenarios.prediction.kept import NAME
from tests.bench.forecasts import CASES_OF_A_FULL_RUN, forecasts_found
from tests.browser.conftest import DESKTOP, PATIENCE_MS, PHONE
from tests.installed import program

pytestmark = pytest.mark.timeout(900)
"""The whole report is drawn, and looked through, which is nothing but work."""
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample" / "run.json.gz"
LARGEST_PAGE_BYTES = 1_500_000
SMALLEST_LETTERS_PX = 8.0
"""On a phone; footnotes of maps are smaller."""
READABLE = 4.5
"""The least contrast of text, by WCAG 2.2, 1.4.3."""


def with_forecasts(run: Run) -> Run:
    """The run, with forecasts where it has none of its own."""
    if run.found(NAME) is not None:
        return run
    findings = [*run.findings, forecasts_found(cases=CASES_OF_A_FULL_RUN)]
    return replace(run, findings=findings, profile=replace(run.profile, prediction=FULL.prediction))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with forecasts, drawn by the code as it is."""
    folder = tmp_path_factory.mktemp("report") / "sample"
    write_report(make_report(with_forecasts(read_run(SAMPLE))), folder)
    return folder / "report.html"


def luminance(colour: str) -> float:
    """Of `rgb(…)`, relative, by WCAG 2.2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chosen = Path(os.environ.get("LOBBY_TEST_SCREENSHOTS", tmp_path / "screenshots"))
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.fixture
def open_page(chromium: Any, report: Path) -> Iterator[Any]:
    contexts = []

    def opened(viewport: dict[str, int], scheme: str = "light") -> Any:
        contexts.append(chromium.new_context(viewport=viewport, color_scheme=scheme))
        contexts[-1].set_default_timeout(PATIENCE_MS)
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
    colours = page.evaluate(
        "[...document.querySelectorAll('figure .wide text')].map(text => getComputedStyle(text).fill)"
    )
    assert len(colours) > 100
    dark = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    for colour in set(colours):
        assert (luminance(colour) + 0.05) / (dark + 0.05) >= READABLE, colour


def test_every_chart_has_a_caption_with_the_one_message_that_its_picture_is_named_by(open_page: Any) -> None:
    page = open_page(DESKTOP)
    told = page.evaluate(
        """() => [...document.querySelectorAll('figure')].map(figure => [
            [...figure.querySelectorAll('figcaption .message')].map(each => each.textContent),
            [...figure.querySelectorAll('svg')].map(each => each.getAttribute('aria-label')),
            figure.querySelector('figcaption').textContent,
        ])"""
    )
    commit = re.search(r"commit \w+", page.locator("p.meta").first.inner_text())
    assert commit is not None
    assert len(told) > 10
    for messages, names, caption in told:
        [message] = messages
        assert message.endswith("."), message
        assert names == [message.removesuffix(".")] * 2, "wide and narrow"
        assert len(caption) > len(message) + 100, f"{message} What to see, what was measured, and where"
        assert caption.count(commit[0]) == 1, message
    assert len({messages[0] for messages, _, _ in told}) == len(told)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_no_letters_leave_their_chart(open_page: Any, viewport: dict[str, int]) -> None:
    page = open_page(viewport)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].filter(text => text.checkVisibility()).map(text => {
            const box = text.getBoundingClientRect(), chart = text.ownerSVGElement.getBoundingClientRect();
            const far = Math.max(
                chart.left - box.left, box.right - chart.right, chart.top - box.top, box.bottom - chart.bottom);
            return [text.closest('figure').id, text.textContent, Math.round(far)];
        }).filter(([, , far]) => far > 1)"""
    )
    assert outside == []


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")], ids=["desk", "dark", "phone"]
)
def test_section_of_forecasts_shows_its_sentences_its_chart_and_its_tables(
    open_page: Any, folder: Path, viewport: dict[str, int], scheme: str
) -> None:
    page = open_page(viewport, scheme)
    section = page.locator(f"section:has(> #{NAME})")
    for words in ("predicted before", "By forecast,", "Where each way stops working"):
        assert section.locator("> p", has_text=words).first.is_visible(), words
    [chart] = section.locator("figure").all()
    assert "Forecast, not measured, on 10 nodes" in chart.locator("figcaption").inner_text()
    assert not section.get_by_role("heading", name=FORECASTS).is_visible(), "its tables are long, and folded"
    section.locator("summary", has_text="All figures").click()
    for title in (FORECASTS, AT_SCALE_TABLE, "Everything that was measured"):
        table = section.get_by_role("group", name=title).locator("table")
        assert table.is_visible()
        assert table.locator("tbody tr").count() >= 6
    chart.screenshot(path=folder / f"forecasts-{viewport['width']}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="session")
def pdftotext() -> str:
    return program("pdftotext", package="poppler-utils")


def test_print_has_all_tables_page_numbers_and_no_heading_alone(
    pdftotext: str, chromium: Any, report: Path, folder: Path
) -> None:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(report.as_uri())
    titles = page.evaluate("[...document.querySelectorAll('h2, h3')].map(each => each.firstChild.textContent.trim())")
    rows = page.evaluate("document.querySelectorAll('details tbody tr').length")
    page.pdf(path=str(folder / "report.pdf"), prefer_css_page_size=True, print_background=True)
    context.close()
    text = subprocess.run(
        [pdftotext, "-layout", str(folder / "report.pdf"), "-"], check=True, capture_output=True, timeout=60
    ).stdout.decode()
    pages = [each for each in text.split("\f") if each.strip()]
    flat = " ".join(text.split())
    for title in (FORECASTS, AT_SCALE_TABLE, CASES_OF_A_FULL_RUN[-1][2]):
        assert title in flat
    assert rows > 100
    assert flat.count("Everything that was measured") >= 8, "folded tables are open"
    for number, each in enumerate(pages, start=1):
        lines = [line.strip() for line in each.splitlines() if line.strip()]
        assert lines[-1] == f"{number} / {len(pages)}"
        assert lines[-2] not in titles, f"a heading alone at the end of page {number}"
