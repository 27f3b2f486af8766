"""A chart as an element of a page: small, in the colours of the page, described for those who cannot see it."""

from __future__ import annotations

import re

import jinja2
from markupsafe import Markup

from bench.report.charts import Chart
from bench.report.charts.colours import GREY

DECIMALS = 1
"""Of a coordinate, in points: a tenth of one cannot be seen."""

PAGE_COLOURS = {
    "#000000": "currentColor", "black": "currentColor", "#ffffff": "var(--page)", "#dddddd": "var(--rule)",
    GREY: "var(--muted)",
}  # fmt: skip
"""What is not a colour of the data takes the page's, which is dark where the reader's is."""


def inline_charts(chart: Chart) -> Markup:
    """Both layouts; the page shows the one that fits."""
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(
        inline_svg(chart.wide, f"{chart.name}-w", chart.title), inline_svg(chart.narrow, f"{chart.name}-n", chart.title)
    )


def inline_svg(svg: str, prefix: str, title: str) -> Markup:
    """Without prologue and fixed size; its ids begin with `prefix`, for they are the page's."""
    svg = re.sub(r"^.*?(?=<svg)", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r"<metadata>.*?</metadata>|<title>.*?</title>|<style\b.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL
    )
    size = re.compile(r'(<svg\b[^>]*?)\swidth="[^"]*"|(<svg\b[^>]*?)\sheight="[^"]*"')
    for _ in range(2):
        svg = size.sub(lambda found: found.group(1) or found.group(2), svg, count=1)
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    names = {name for pair in used for name in pair if name}
    svg = re.sub(r'\sid="([^"]*)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in names else "", svg)
    svg = re.sub(r'(?<=href="#)|(?<=url\(#)', f"{prefix}-", svg)
    svg = re.sub(r'(?<=[ "])(d|x|y|x1|y1|x2|y2|points|transform|width|height)="([^"]*)"', _rounded, svg)
    svg = re.sub(r'style="([^"]*)"', lambda found: f'style="{_style(found[1])}"', svg)
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><")
    label = jinja2.utils.htmlsafe_json_dumps(title)[1:-1]
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))


def _rounded(attribute: re.Match[str]) -> str:
    values = re.sub(
        r"-?\d+\.\d+(?!e)", lambda number: f"{float(number[0]):.{DECIMALS}f}".removesuffix(".0"), attribute[2]
    )
    return f'{attribute[1]}="{values}"'


def _style(style: str) -> str:
    """In the page's letters and colours."""
    style = re.sub(r"font: (?:(\d+) )?([\d.]+)px [^;]*", _font, style)
    for colour, own in PAGE_COLOURS.items():
        style = re.sub(rf"\b(fill|stroke): {colour}\b", rf"\1: {own}", style)
    return style.replace(": ", ":").replace("; ", ";")


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {float(found[2]):g}px"
