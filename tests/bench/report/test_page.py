"""Pieces of a page: charts as elements, numbers that stay with their units, cells that do not end early."""

from __future__ import annotations

import pytest

from bench.report.build import inline_svg, markdown_cell, unbroken
from bench.report.charts.sheet import Chart

SVG = (
    '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="648pt" height="300pt" viewBox="0 0 648 300">'
    '<defs><clipPath id="p1"/></defs><use href="#m2"/><g clip-path="url(#p1)"/></svg>'
)


def chart(title: str = "How long") -> Chart:
    return Chart("latency", title, SVG, b"")


def test_chart_becomes_an_element_without_prologue_and_fixed_size() -> None:
    found = inline_svg(chart())
    assert found.startswith("<svg ")
    assert "width=" not in found
    assert "height=" not in found
    assert 'viewBox="0 0 648 300"' in found


def test_ids_of_a_chart_are_its_own_on_the_page() -> None:
    found = inline_svg(chart())
    assert 'id="latency-p1"' in found
    assert "url(#latency-p1)" in found
    assert 'href="#latency-m2"' in found


def test_chart_is_described_and_its_title_is_no_markup() -> None:
    found = inline_svg(chart('<b> "quoted"'))
    assert 'role="img"' in found
    assert "<b>" not in found


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
