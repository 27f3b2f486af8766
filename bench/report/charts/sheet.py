"""What all charts share: looks, caption, rendering, axes.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; lines differ in marker too, so that they
survive print. Drawn without pyplot: no state outlives a chart.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.record.provenance import caption
from bench.record.run import Run
from bench.words import count

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#555555"
BY_SIZE = (SKY, GREEN, ORANGE, VERMILLION, PURPLE, BLUE)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1, 1, 1)))

WIDTH_IN = 9.0
CAPTION_CHARACTERS = 155
"""What fits the width in the caption's size."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Chart:
    name: str
    """Stem of its files."""
    title: str
    svg: str
    png: bytes


def render(name: str, title: str, figure: Figure) -> Chart:
    svg, png = io.StringIO(), io.BytesIO()
    # The salt makes ids reproducible, and different in charts that end up in one HTML page.
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title})
        figure.set_layout_engine("none")  # laid out already
        figure.savefig(png, format="png", dpi=150)
    return Chart(name, title, svg.getvalue(), png.getvalue())


def sheet(
    run: Run, what: str, *, height_in: float, columns: int = 1, share_y: bool = False, rows: int = 1,
    share_x: bool = False,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """An empty figure with its caption. Draw on it within `mpl.rc_context(STYLE)`."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=share_y, sharex=share_x, squeeze=False)
        write_below(figure, run, what)
    return figure, [each for row in axes for each in row]


def write_below(figure: Figure, run: Run, what: str) -> None:
    """The caption: what is to be known about the chart, and where it comes from; in place of one that is there."""
    lines = [line for text in (what, caption(run)) for line in textwrap.wrap(_together(text), CAPTION_CHARACTERS)]
    figure.supxlabel("\n".join(lines), fontsize=7.5, color=GREY, x=0.01, ha="left")


def _together(text: str) -> str:
    """With the sign of per cent on the line of its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=11)


FEW_DECADES = 150
"""Above this ratio of its ends an axis has ticks enough at powers of ten."""


def client_axis(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.set_xlabel("clients connected (log scale)")


def time_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    set_scale("log")
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < FEW_DECADES * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:g} s" if value >= 1e3 else f"{value:g} ms"))
    axis.set_minor_formatter(NullFormatter())


MANY = 4
"""Above this ratio of its ends an axis of ratios has ticks enough at 1, 2 and 5."""

NINES = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def nines(percent: float) -> float:
    """Where a percentile goes on an axis in nines: 90 % at 1, 99 % at 2, 99.9 % at 3."""
    return float(-np.log10(1 - percent / 100))


def nines_axis(axes: Axes, most: float) -> None:
    """A vertical axis of percentiles in nines, up to the last that so many samples can tell."""
    shown = [percent for percent in NINES if nines(percent) <= most + 0.31]
    axes.set_ylim(0, most * 1.04)
    axes.set_yticks([0.0, *(nines(percent) for percent in shown)], ["0 %", *(f"{percent:g} %" for percent in shown)])
    axes.yaxis.set_minor_locator(NullLocator())


def number_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    """Logarithmic, with plain numbers."""
    set_scale("log")
    low, high = axis.get_view_interval()
    few = high < FEW_DECADES * max(low, 1e-12)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def ratio_axis(axes: Axes) -> None:
    """A horizontal logarithmic axis of ratios, with the multiples written out."""
    low, high = axes.get_xlim()
    steps = [0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10]
    shown = [step for step in steps if low <= step <= high]
    if high / low > MANY:
        shown = [step for step in shown if step in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))


def bytes_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    set_scale("log")
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < FEW_DECADES * low else (1,)))
    axis.set_major_formatter(FuncFormatter(bytes_tick))
    axis.set_minor_formatter(NullFormatter())


def bytes_tick(value: float, _: object) -> str:
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g} B"


def bar_label(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)


def mark_invalid(axes: Axes, x: float, y: float, word: str = "INVALID") -> None:
    """A figure that is not to be believed is crossed out where it stands."""
    axes.plot(x, y, marker="x", markersize=14, color="black", mew=2.2)
    axes.annotate(word, (x, y), xytext=(0, 10), textcoords="offset points", ha="center", fontsize=8, fontweight="bold")
