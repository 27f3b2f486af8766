"""The chart of what is seen of a fault in a lobby of several nodes: a panel for each kind."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.measures import KILLED
from bench.record.findings import Findings, Series
from bench.record.run import Run
from bench.record.vocabulary import ANSWERED_201, BACK_AND_FRESH, KILLS, REFUSED, ROOMS_WHILE
from bench.report.charts.colours import BLUE, GREEN, GREY, ORANGE
from bench.report.charts.sheet import STYLE, sheet, thinned, title
from bench.words import count

COLUMNS, ROWS = 3, 2


def cluster(run: Run, found: Findings) -> Figure:
    """A node killed, Valkey killed, and rooms made while each kind of process is killed; the first repeat."""
    sizes = run.profile.cluster
    what = (
        f"n: the first repeat; {count(sizes.players)} players on three nodes; a node is killed at 0 s, or Valkey; "
        f"{count(sizes.rooms)} rooms for each kind of kill. Vertical lines: kills."
    )
    with mpl.rc_context(STYLE):
        figure, panels = sheet(run, what, height_in=6.2, columns=COLUMNS, rows=ROWS)
        _returns(panels[0], found)
        _answers(panels[1], found)
        for axes, killed in zip(panels[2:], KILLED, strict=False):
            _rooms(axes, found, killed, sizes.rooms)
        for axes in panels[2 + len(KILLED) :]:
            axes.set_axis_off()
    return figure


def _returns(axes: Axes, found: Findings) -> None:
    title(axes, "A node is killed")
    series = next(iter(found.series_of(BACK_AND_FRESH, "node killed")), None)
    moments_s = _moments_s(series)
    shown_s, kept = thinned(moments_s)
    if series is not None and len(moments_s):
        lost = series.ledgers[0].expected if series.ledgers else len(moments_s)  # runs that were kept before lack it
        axes.step([0.0, *shown_s], [0.0, *(100 * (kept + 1) / lost)], where="post", color=BLUE, linewidth=1.6)
    axes.set_xlabel("time since the kill (s)")
    axes.set_ylabel("of its players back and fresh (%)")
    axes.set_ylim(0, 104)
    axes.set_xlim(left=0)


def _answers(axes: Axes, found: Findings) -> None:
    title(axes, "Valkey is killed")
    for row, (name, words, colour) in enumerate(((ANSWERED_201, "made", GREEN), (REFUSED, "refused", ORANGE))):
        moments_s = _moments_s(next(iter(found.series_of(name, "Valkey killed")), None))
        axes.plot(moments_s, [row] * len(moments_s), linestyle="", marker="|", markersize=12, color=colour, label=words)
    axes.set_yticks([0, 1], ["made", "refused"])
    axes.set_ylim(-0.6, 1.6)
    axes.set_xlabel("time since the kill (s)")
    axes.grid(visible=False, axis="y")


def _rooms(axes: Axes, found: Findings, killed: str, rooms: int) -> None:
    title(axes, f"Rooms, {killed} killed")
    moments_s, kills_s = (_moments_s(_of_rooms(found, name, killed, rooms)) for name in (ANSWERED_201, KILLS))
    shown_s, kept = thinned(moments_s)
    axes.step([0.0, *shown_s], [0.0, *(kept + 1)], where="post", color=BLUE, linewidth=1.6)
    for kill_s in kills_s:
        axes.axvline(kill_s, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("rooms answered with 201")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def _of_rooms(found: Findings, name: str, killed: str, rooms: int) -> Series | None:
    """In runs that were kept before, rooms that were asked for while Valkey was away once have the same party, and
    another size."""
    before = [each for each in found.series_of(name, f"{killed} killed") if each.clients == rooms]
    return next(iter([*found.series_of(name, ROOMS_WHILE.format(killed=killed)), *before]), None)


def _moments_s(series: Series | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of the first repeat."""
    return np.asarray(series.groups[0].values_ms()) / 1e3 if series is not None and series.groups else np.zeros(0)
