"""Figures over many runs: a small panel for each, the medians with least and most, changes marked."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analysis.comparison.changes import Change
from bench.analysis.comparison.trend import Line, Trend
from bench.report.charts.colours import BLUE, GREY, PURPLE, VERMILLION
from bench.report.charts.sheet import STYLE, Chart, render, sheet
from bench.words import plural

MOST = 12
"""Panels; those that changed last."""
COLUMNS = 3
NAME_CHARACTERS = 38
_MARKS = {Change.BETTER: ("o", BLUE), Change.WORSE: ("X", VERMILLION), Change.DIFFERENT: ("D", PURPLE)}


def draw_trend(found: Trend) -> Chart:
    title = "Figures over the runs"
    shown = [*found.changed, *(line for line in found.lines if not line.changes)][:MOST]
    what = (
        f"{plural(len(found.runs), 'run')}, {found.runs[0].started_at} to {found.runs[-1].started_at}. Dots: medians; "
        f"bars: least and most of the readings. {len(shown)} of {plural(len(found.lines), 'figure')}, those that "
        "changed last first."
    )
    see = "A circle is a change for the better beyond the noise, a cross one for the worse, a diamond another."

    def draw() -> Figure:
        with mpl.rc_context(STYLE):
            rows = max(1, -(-len(shown) // COLUMNS))
            figure, axes = sheet(found.runs[-1], what, height_in=1.0 + 2.0 * rows, columns=COLUMNS, rows=rows)
            for place, line in zip(axes, shown, strict=False):
                _draw(place, line, runs=len(found.runs))
            for place in axes[len(shown) :]:
                place.set_visible(False)
        return figure

    return render("trend", title, see, draw)


def _draw(axes: Axes, line: Line, *, runs: int) -> None:
    at = [point.run + 1 for point in line.points]
    values = [point.made.value for point in line.points]
    below = [point.made.value - point.made.low for point in line.points]
    above = [point.made.high - point.made.value for point in line.points]
    axes.errorbar(at, values, yerr=[below, above], color=GREY, marker=".", linewidth=1, capsize=2)
    for point in line.changes:
        if point.change is not None:
            marker, colour = _MARKS[point.change.change]
            axes.plot(point.run + 1, point.made.value, marker=marker, color=colour, markersize=8, linestyle="")
    axes.set_title("\n".join(textwrap.wrap(line.name, NAME_CHARACTERS)), fontsize=7, loc="left")
    axes.set_ylabel(line.unit, fontsize=7)
    axes.set_xlabel("run", fontsize=7)
    axes.set_xlim(0.5, runs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.tick_params(labelsize=7)
    top = max(point.made.high for point in line.points)
    if top > 0 and min(point.made.low for point in line.points) >= 0:
        axes.set_ylim(0, top * 1.15)
