"""Pieces of a page: charts as elements, numbers that stay with their units, cells that do not end early."""

from __future__ import annotations

import pytest

from bench.report.build import markdown_cell, slug, unbroken
from bench.report.inline import inline_svg
from bench.report.sections.page import Table, without_empty_columns

SVG = (
    '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="648pt" height="300pt" viewBox="0 0 648 300">'
    '<defs><clipPath id="p1"/></defs><use href="#m2"/><g clip-path="url(#p1)"/></svg>'
)


def inline(title: str = "How long", svg: str = SVG) -> str:
    return str(inline_svg(svg, "latency", title))


def test_chart_becomes_an_element_without_prologue_and_fixed_size() -> None:
    found = inline()
    assert found.startswith("<svg ")
    assert "width=" not in found
    assert "height=" not in found
    assert 'viewBox="0 0 648 300"' in found


def test_ids_of_a_chart_are_its_own_on_the_page() -> None:
    found = inline()
    assert 'id="latency-p1"' in found
    assert "url(#latency-p1)" in found
    assert 'href="#latency-m2"' in found


def test_id_that_nothing_refers_to_is_left_out() -> None:
    assert "id=" not in inline(svg='<svg><g id="patch_1"/></svg>')


def test_coordinates_are_rounded_and_other_numbers_kept() -> None:
    found = inline(svg='<svg><path d="M 1.234567 8.96 L -0.04 3" style="stroke-width: 1.25"/></svg>')
    assert 'd="M 1.2 9 L -0 3"' in found
    assert "stroke-width:1.25" in found


def test_black_and_white_are_the_colours_of_the_page_and_data_keeps_its_own() -> None:
    found = inline(svg='<svg><path style="fill: #ffffff; stroke: #000000"/><path style="fill: #0072b2"/></svg>')
    assert 'style="fill:var(--page);stroke:currentColor"' in found
    assert "fill:#0072b2" in found


def test_chart_is_described_and_its_title_is_no_markup() -> None:
    found = inline('<b> "quoted"')
    assert 'role="img"' in found
    assert "<b>" not in found


def test_column_that_says_nothing_is_left_out() -> None:
    found = without_empty_columns(Table("", ("Measure", "Party", "95 %"), [["a", "", "–"], ["b", "", "1–2"]]))
    assert (list(found.headers), found.rows) == (["Measure", "95 %"], [["a", "–"], ["b", "1–2"]])


def test_heading_becomes_the_end_of_an_address() -> None:
    assert slug("Bytes per minute: mean [least–most]") == "bytes-per-minute-mean-least-most"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("within 25.0 ms, at most", "within 25.0\u00a0ms, at most"),
        ("464 B and 48.6 KB", "464\u00a0B and 48.6\u00a0KB"),
        ("99 % of all", "99\u00a0% of all"),
        ("10 seconds", "10 seconds"),
        ("ms and s", "ms and s"),
    ],
)
def test_number_stays_on_one_line_with_its_unit(text: str, kept: str) -> None:
    assert unbroken(text) == kept


def test_cell_of_a_table_does_not_end_early() -> None:
    assert markdown_cell("a|b\nc") == "a\\|b c"


def test_columns_of_figures_are_known_by_their_cells() -> None:
    rows = [("push", "3.02 MB", "0.982*", "holds", "–", "3 of 4"), ("polling", "–", "1.26", "7 ms", "–", "4 of 4")]
    table = Table("Costs", ("Way", "Bytes", "CPU", "Verdict", "Nothing", "Share"), rows)
    assert [table.is_of_figures(number) for number in range(6)] == [False, True, True, False, False, False]
