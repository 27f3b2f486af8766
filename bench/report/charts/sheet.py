"""What all charts share: looks, caption, rendering, axes.

Lines differ in marker as well as colour, so that they survive print. Drawn without pyplot: no state outlives a chart.

A chart is drawn three times: as files that stand alone, with their caption and letters as outlines; and for a page,
wide and narrow, without the caption, which the page sets itself, and with letters as text, which stays small, can be
selected and takes the colours of the page.
Which of them is drawn is in matplotlib's own settings (`PAGE`, `PHONE`), so that the drawings need not know; panels
stand below each other where it is narrow.
"""

from __future__ import annotations

import io
import re
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
from bench.report.charts.colours import GREY
from bench.words import count

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
}

PAGE: Any = {"svg.fonttype": "none", "savefig.transparent": True}
PHONE_WIDTH_IN = 3.9
PHONE: Any = {**PAGE, "figure.figsize": (PHONE_WIDTH_IN, PHONE_WIDTH_IN)}
LABEL_CHARACTERS = 34
"""Of an axis' label on a phone, in a line."""
PHONE_TALLER = 0.85
"""Of its wide height, for each of several panels that stand below each other."""


@dataclass(frozen=True)
class Chart:
    name: str
    """Stem of its files."""
    title: str
    """Its one message."""
    see: str
    """What to see in it."""
    what: str
    """What is to be known about it: n, what was measured how."""
    svg: str
    png: bytes
    wide: str
    """For a page, as SVG."""
    narrow: str
    """For a phone."""


def is_narrow() -> bool:
    return float(mpl.rcParams["figure.figsize"][0]) <= PHONE_WIDTH_IN


def columns(number: int) -> int:
    """Of a legend."""
    return min(2, number) if is_narrow() else number


def render(name: str, title: str, see: str, draw: Callable[[], Figure]) -> Chart:
    """Draws it as often as it takes."""
    png = io.BytesIO()
    figure = draw()
    svg = _svg(figure, name, title)
    figure.set_layout_engine("none")  # laid out already
    figure.savefig(png, format="png", dpi=150)
    with mpl.rc_context(PAGE):
        wide = _svg(draw(), f"{name}-wide", title)
    with mpl.rc_context(PHONE):
        small = draw()
        _label_all(small)
        narrow = _svg(small, f"{name}-narrow", title)
    return Chart(name, title, see, str(figure.get_label()), svg, png.getvalue(), wide, narrow)


def _svg(figure: Figure, salt: str, title: str) -> str:
    text = io.StringIO()
    # The salt makes ids reproducible, and different in charts that end up in one HTML page.
    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": title})
    return text.getvalue()


def _label_all(figure: Figure) -> None:
    """Panels that share an axis side by side have its label once; below each other they need it each. Long labels are
    broken into lines."""
    for axes in figure.axes[1:]:
        first = figure.axes[0]
        if not axes.get_ylabel() and first.get_shared_y_axes().joined(first, axes):
            axes.set_ylabel(first.get_ylabel())
    for axes in figure.axes:
        axes.set_xlabel(textwrap.fill(axes.get_xlabel(), LABEL_CHARACTERS))
        axes.set_ylabel(textwrap.fill(axes.get_ylabel(), LABEL_CHARACTERS), fontsize=9)


def sheet(
    run: Run, what: str, *, height_in: float, columns: int = 1, share_y: bool = False, rows: int = 1,
    share_x: bool = False,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """An empty figure with its caption. Draw on it within `mpl.rc_context(STYLE)`. Where it is narrow, all panels stand
    below each other."""
    width_in = WIDTH_IN
    if is_narrow():
        height_in *= PHONE_TALLER * columns if columns > 1 else 1.0
        rows, columns, width_in = rows * columns, 1, PHONE_WIDTH_IN
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=share_y, sharex=share_x, squeeze=False)
        write_below(figure, run, what)
    return figure, [each for row in axes for each in row]


def write_below(figure: Figure, run: Run, what: str) -> None:
    """The caption: what is to be known about the chart, and where it comes from; in place of one that is there. A page
    sets it itself, from the figure's label."""
    figure.set_label(what)
    if mpl.rcParams["svg.fonttype"] == "none":
        return
    lines = [line for text in (what, caption(run)) for line in textwrap.wrap(_together(text), CAPTION_CHARACTERS)]
    figure.supxlabel("\n".join(lines), fontsize=7.5, color=GREY, x=0.01, ha="left")


def wrapped(names: Sequence[str]) -> list[str]:
    """Names of rows, in lines that leave room for the chart."""
    width = 18 if is_narrow() else 34
    return ["\n".join(textwrap.wrap(_with_units(name), width)) for name in names]


def _with_units(text: str) -> str:
    """With units on the line of their numbers."""
    return re.sub(r"(?<=\d) (?=(?:s|ms|%)\b)", "\N{NO-BREAK SPACE}", text)


def _together(text: str) -> str:
    """With the sign of per cent on the line of its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10 if is_narrow() else 11)


FEW_POINTS = 150
"""A curve is drawn through so many of its points; more cannot be seen."""


def thinned(values: np.ndarray[Any, Any], most: int = FEW_POINTS) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """At most so many of ascending values, with the first and the last, and which they are. Half of them are
    evenly many values apart, and half evenly far: a few that are late stay where they are, too."""
    if not len(values):
        return values, np.zeros(0, dtype=int)
    if len(values) <= most:
        return values, np.arange(len(values))
    by_number = np.linspace(0, len(values) - 1, most // 2).round().astype(int)
    places = np.linspace(values[0], values[-1], most // 2)
    kept = np.union1d(by_number, np.searchsorted(values, places, side="right") - 1)
    return values[kept], kept


FEW_SIZES = 4
"""More than that do not stand beside each other on a phone."""

CLOSE = 0.1
"""Of a wide axis: labels of sizes that are nearer to each other than that would touch if they were level."""

FEW_DECADES = 150
"""Above this ratio of its ends an axis has ticks enough at powers of ten."""


def client_axis(axes: Axes, sizes: Sequence[int]) -> None:
    if len(sizes) == 1:
        axes.set_xlim(sizes[0] / 2, sizes[0] * 2)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.set_xlabel("clients connected (log scale)")
    if (is_narrow() and len(sizes) > FEW_SIZES) or _are_close(sizes):
        axes.tick_params(axis="x", rotation=45)


def _are_close(sizes: Sequence[int]) -> bool:
    """Any two of them, on an axis from the least to the most."""
    places = np.sort(np.log(sizes))
    return len(sizes) > 1 and bool(np.diff(places).min() < CLOSE * (places[-1] - places[0]))


def _few() -> float:
    return FEW_DECADES / 10 if is_narrow() else FEW_DECADES


def time_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    set_scale("log")
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _few() * low else (1,)))
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
    if is_narrow():
        shown = [step for step in shown if step in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10)]
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
    axes.annotate(text, (x, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)


def mark_invalid(axes: Axes, x: float, y: float, word: str = "INVALID") -> None:
    """A figure that is not to be believed is crossed out where it stands."""
    axes.plot(x, y, marker="x", markersize=14, color="black", mew=2.2)
    axes.annotate(word, (x, y), xytext=(0, 10), textcoords="offset points", ha="center", fontsize=8, fontweight="bold")
