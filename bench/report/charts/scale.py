"""The chart of how far each way to the list goes on given nodes, and what breaks first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.analysis.forecasts import extent, ways_at_scale
from bench.record.findings import Findings
from bench.record.provenance import caption
from bench.record.run import Run
from bench.record.vocabulary import AT_SCALE
from bench.report.charts.colours import GREY, WAY_COLOURS
from bench.report.charts.sheet import (
    CAPTION_CHARACTERS,
    MARKERS,
    PHONE_WIDTH_IN,
    STYLE,
    WIDTH_IN,
    Chart,
    is_narrow,
    render,
    title,
    wrapped,
)
from bench.words import count, in_ms, plural

SEE = (
    "Farther right carries more. At the mark everything holds, at the stroke behind it the first thing breaks; what "
    "that is stands beside it."
)


@dataclass(frozen=True)
class Reach:
    """How far a way goes."""

    name: str
    way: str
    holds: int
    """Players; 0: not even the fewest that were tried."""
    is_pushed: bool
    """Clients hear of changes, and need not ask."""
    breaks: str
    """What does not hold above that; empty: nothing was found."""
    fails: int | None = None
    """The fewest with whom it does not; None: nothing was found."""


def scale_chart(
    reaches: Sequence[Reach], *, nodes: int, slo_ms: float, poll_s: float, assumptions: str, measured: int, basis: str
) -> Chart:
    """`measured`: players up to whom the model was measured; what is above is extrapolated. `basis`: machine, commit
    and time of the model."""
    pushed = [reach for reach in reaches if reach.is_pushed and reach.holds]
    where = f"On {plural(nodes, 'node')}"
    if pushed:
        best = max(pushed, key=lambda reach: reach.holds)
        message = f"{where}, {best.name} keep {count(best.holds)} players fresh within {in_ms(slo_ms)}"
    else:
        message = f"{where}, no way of push keeps anybody fresh within {in_ms(slo_ms)}"
    see = SEE
    what = (
        f"Forecast, not measured: {assumptions}. Those who poll hold a list that is up to {poll_s:g} s old, and their "
        f"mark is of the time until a poll is answered. Beyond {count(measured)} players (dashed line) it is "
        f"extrapolated. Model: {basis}"
    )
    return render("ways-at-scale", message, see, partial(draw, list(reaches), message, measured, what))


def at_scale(run: Run, found: Findings) -> Figure:
    """The same in a report: of the ways that the run compared, by its own model."""
    sizes = run.profile.prediction
    ways = ways_at_scale(found, sizes)
    assert sizes.scale is not None
    assumed = next((note.partition(": ")[2] for note in found.notes if note.startswith(AT_SCALE)), "")
    measured = extent(sizes).players
    what = (
        f"Forecast, not measured, on {plural(sizes.scale.nodes, 'node')}: {assumed}. Those who poll hold a list that "
        f"is up to {sizes.scale.poll_s:g} s old, and their mark is of the time until a poll is answered. Beyond "
        f"{count(measured)} players (dashed line) it is extrapolated."
    )
    reaches = [
        Reach(
            name=each.name,
            way=each.way,
            holds=round(each.holds),
            is_pushed=not each.way.startswith("polling"),
            breaks=each.breaks,
            fails=None if each.fails is None else round(each.fails),
        )
        for each in ways
    ]
    return draw(reaches, f"on {plural(sizes.scale.nodes, 'node')}", measured, what, basis=f"Model: {caption(run)}")


def draw(reaches: list[Reach], message: str, measured: int, what: str, *, basis: str = "") -> Figure:
    """`basis`: what stands below a chart that is alone, and that a page says by itself."""
    width_in = PHONE_WIDTH_IN if is_narrow() else WIDTH_IN
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_in, 4.4), layout="constrained")
        axes = figure.subplots()
        figure.set_label(what)
        if mpl.rcParams["svg.fonttype"] != "none":
            below = "\n".join(textwrap.wrap(f"{what} {basis}", CAPTION_CHARACTERS))
            figure.supxlabel(below, fontsize=7.5, color=GREY, x=0.01, ha="left")
        least = min((reach.holds for reach in reaches if reach.holds), default=1_000) / 3
        seen: dict[str, int] = {}
        for row, reach in enumerate(reaches):
            marker = MARKERS[seen.get(reach.way, 0)]
            seen[reach.way] = seen.get(reach.way, 0) + 1
            colour = WAY_COLOURS.get(reach.way, GREY)
            if reach.holds:
                axes.plot(reach.holds, row, linestyle="", marker=marker, markersize=7, color=colour)
            if reach.fails is not None:
                begins = reach.holds or least
                axes.plot([begins, reach.fails], [row, row], color=colour, linewidth=1.2, linestyle=(0, (2, 2)))
                axes.plot(reach.fails, row, linestyle="", marker="|", markersize=15, color=colour, mew=2.0)
            words = f"{count(reach.holds)} · {reach.breaks}" if reach.breaks else f"{count(reach.holds)} and more"
            axes.annotate(
                words if reach.holds else f"none · {reach.breaks}", (reach.fails or reach.holds, row), xytext=(8, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axes.axvline(measured, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
        axes.set_yticks(range(len(reaches)), wrapped([reach.name for reach in reaches]))
        axes.set_ylim(len(reaches) - 0.5, -0.5)
        most = max(max(max(reach.holds, reach.fails or 0) for reach in reaches), measured)
        axes.set_xscale("log")
        axes.set_xlim(min(least, measured * 0.8), most * (40 if is_narrow() else 12))  # with the words beside the marks
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("players up to whom everything holds (log scale)")
        axes.grid(visible=False, axis="y")
        title(axes, message)
    return figure
