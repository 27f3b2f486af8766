"""The break-even map: which way is best over changes per second and clients, in bytes, CPU and freshness."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.analysis.break_even import CLIENTS, RATES_PER_S, Surface, simple_per_s, surfaces_of
from bench.measures import BYTES_PER_CLIENT_HOUR, CPU_PER_CLIENT_HOUR, TIME_TO_FRESH_P50
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.charts.bandwidth import WAY_COLOURS
from bench.report.charts.sheet import STYLE, sheet, title, write_below
from bench.words import count, way_words

PANELS = (
    (BYTES_PER_CLIENT_HOUR, "fewest bytes", False),
    (CPU_PER_CLIENT_HOUR, "least server CPU", False),
    (TIME_TO_FRESH_P50, "freshest (p50)", True),
)
GRID = 160


def break_even_map(run: Run, _: Findings) -> Figure:
    sizes = run.profile.break_even
    errors = []
    with mpl.rc_context(STYLE):
        figure, panels = sheet(run, " ", height_in=4.4, columns=len(PANELS), share_y=True)
        for axes, (measure, words, grows) in zip(panels, PANELS, strict=True):
            fitted = surfaces_of(run, measure, grows=grows)
            known = [error for each in fitted if each.is_determined for error in each.errors]
            errors.append(
                f"{words} {100 * np.median(known):.0f} % and {100 * max(known):.0f} %"
                if known
                else f"{words} unknown, for want of cells"
            )
            _map(axes, fitted, simple_per_s(sizes.poll_s))
            title(axes, words)
        panels[0].set_ylabel("clients (log scale)")
        panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
        shown = [way for way in WAY_COLOURS if way in sizes.ways]
        legend: list[Artist] = [Patch(facecolor=WAY_COLOURS[way], alpha=0.45, label=way_words(way)) for way in shown]
        legend.append(
            Line2D([], [], linestyle="", marker="o", markersize=8, color="white", markeredgecolor="black",
                   label="measured, in the colour of the best")
        )  # fmt: skip
        legend.append(Line2D([], [], color="black", linestyle=(0, (4, 2)), label="push = polling"))
        legend.append(
            Line2D(
                [], [], color="black", linestyle=":", label=f"simple model: {simple_per_s(sizes.poll_s):.2g} per second"
            )
        )
        figure.legend(handles=legend, loc="outside upper center", ncols=4, fontsize=8)
        what = (
            "Areas: the model that is fitted to the cells; dots: measured cells, windows of about "
            f"{sizes.window_s:g} s, at the rates that there were. Lists of "
            f"{sizes.rooms} rooms, polling every {sizes.poll_s:g} s. Error of the model at the cells, median and "
            f"worst: {'; '.join(errors)}. Away from the dots it is the model alone."
        )
        write_below(figure, run, what)  # only now are the errors known
    return figure


def _map(axes: Axes, fitted: list[Surface], simple: float) -> None:
    rates = np.geomspace(*RATES_PER_S, GRID)
    least = min(point.clients for each in fitted for point in each.points) / 2
    clients = np.geomspace(min(CLIENTS[0], least), CLIENTS[1], GRID)
    across, up = np.meshgrid(rates, clients)
    costs = np.stack([each(across, up) for each in fitted])
    best = costs.argmin(axis=0)
    colours = ListedColormap([WAY_COLOURS[each.way] for each in fitted])
    axes.pcolormesh(
        across, up, best, cmap=colours, norm=BoundaryNorm(np.arange(len(fitted) + 1) - 0.5, len(fitted)), alpha=0.45,
        shading="nearest", rasterized=True,
    )  # fmt: skip
    by_way = {each.way: number for number, each in enumerate(fitted)}
    if {"push", "polling"} <= by_way.keys():
        ratio = np.log(costs[by_way["push"]] / costs[by_way["polling"]])
        if ratio.min() < 0 < ratio.max():
            axes.contour(across, up, ratio, levels=[0.0], colors="black", linewidths=1.5, linestyles=[(0, (4, 2))])
    cells: dict[tuple[int, float], list[tuple[float, str]]] = {}
    rates_per_s: dict[tuple[int, float], float] = {}
    for each in fitted:
        for point in each.points:
            if point.changes_per_s:
                nominal = point.nominal_per_s or point.changes_per_s
                cells.setdefault((point.clients, nominal), []).append((point.value, each.way))
                rates_per_s[point.clients, nominal] = point.changes_per_s
    for (number, nominal), found in cells.items():
        axes.plot(
            rates_per_s[number, nominal],
            number,
            marker="o",
            markersize=8,
            color=WAY_COLOURS[min(found)[1]],
            markeredgecolor="black",
        )
    axes.axvline(simple, color="black", linestyle=":", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("changes per second (log scale)")
    axes.grid(visible=False)
