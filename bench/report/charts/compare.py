"""Two runs side by side: the ratio of every figure that changed, with its interval and the noise floor."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.analysis.comparison.changes import Change
from bench.analysis.comparison.compare import Comparison
from bench.record.provenance import commit_words
from bench.report.charts.colours import BLUE, GREY, SKY, VERMILLION
from bench.report.charts.sheet import STYLE, Chart, ratio_axis, render, sheet

NAME_CHARACTERS = 64
EDGE = 100
"""A ratio that is further from 1 is drawn here."""

MOST = 40
"""Lines that fit a page; those that changed most."""


def draw_comparison(found: Comparison) -> Chart:
    title = "What changed from one run to the other"
    shown = ([*found.changed, *found.unsure] or found.pairs)[:MOST]
    same = len(found.pairs) - len(found.changed) - len(found.unsure)
    what = (
        f"Before: {commit_words(found.before)}, {found.before.started_at}. Dots: ratio of the medians; shade: noise "
        f"floor. From 0, to 0 and beyond × {EDGE} are drawn at the edge. "
        f"{same} of {len(found.pairs)} figures show no difference beyond the noise"
        + (f"; of the others the first {MOST} are shown." if len(found.pairs) - same > MOST else ".")
    )
    see = "Right of the line is more after than before, left of it less; a dot in the shade is within the noise."

    def draw() -> Figure:
        with mpl.rc_context(STYLE):
            figure, (axes,) = sheet(found.after, what, height_in=1.6 + 0.24 * max(4, len(shown)))
            _draw(figure, axes, found, shown)
        return figure

    return render("compare", title, see, draw)


def _draw(figure: Figure, axes: mpl.axes.Axes, found: Comparison, shown: list) -> None:  # type: ignore[type-arg]
    colours = {Change.BETTER: BLUE, Change.WORSE: VERMILLION}
    markers = {Change.BETTER: "o", Change.WORSE: "X", Change.DIFFERENT: "D", Change.UNSURE: "$?$", Change.NONE: "."}
    for row, pair in enumerate(shown):
        low, high = 1 / (1 + pair.floor), 1 + pair.floor
        axes.fill_betweenx([row - 0.45, row + 0.45], low, high, color=SKY, alpha=0.35, linewidth=0)
        shown_at, colour = min(max(pair.ratio, 1 / EDGE), EDGE), colours.get(pair.change, GREY)
        axes.plot(shown_at, row, marker=markers[pair.change], color=colour, markersize=7)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(
        range(len(shown)), ["\n".join(textwrap.wrap(pair.name, NAME_CHARACTERS)) for pair in shown], fontsize=6.5
    )
    axes.set_ylim(max(1, len(shown)) - 0.5, -0.5)
    axes.set_xscale("log")
    ratio_axis(axes)
    marks = "circles: better, crosses: worse, diamonds: different, question marks: unsure"
    axes.set_xlabel(f"after ÷ before (log scale); {marks}")
    axes.grid(visible=False, axis="y")
