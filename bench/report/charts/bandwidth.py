"""What a client costs in bytes: idle beside the specification's figures, and by rate of changes and cause."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bench.analysis.choice import bent_line
from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.traffic import IdleCost, Spread, WayCost, select
from bench.report.charts.colours import BLUE, GREEN, GREY, ORANGE, SKY, WAY_COLOURS
from bench.report.charts.sheet import (
    MARKERS,
    STYLE,
    STYLES,
    bar_label,
    bytes_axis,
    bytes_tick,
    columns,
    is_narrow,
    sheet,
    title,
)
from bench.words import WAY_WORDS, in_bytes, plural, rate_words

CLAIMED_POLLING_BYTES = 10_000
CLAIMED_PUSH_BYTES = 100
"""Bytes per idle minute, as the specification has them."""

LEFT_BYTES = 20.0
STEPS = 12
"""Of a line between two of its knots."""


def idle_bandwidth(figures: Overview) -> Figure:
    rows: list[tuple[str, IdleCost]] = [
        (f"{words}\n{cost.rooms} rooms", cost)
        for kind, words in (("polling", "polling"), ("polling_etag", "polling, ETag"))
        for cost in select(figures.idle, kind)
    ]
    push = select(figures.idle, "push")
    if push:
        rows.append(("push\n(any list)", max(push, key=lambda cost: cost.wire.mean)))
    each, window_s = figures.idle[0].clients, figures.run.profile.bandwidth.window_s
    what = (
        f"n: {each} clients of each kind, {window_s:g} s at true intervals, as bytes per minute. Marks: "
        f"{'mean; black lines: least and most' if _differ(rows) else 'mean; no two clients differ by 1 %'}. "
        "TCP/IP is modelled at MSS 1448; framed bytes are checked against TCP_INFO."
    )
    if figures.run.profile.bandwidth.time_scale != 1:
        what += f" Times shortened by {figures.run.profile.bandwidth.time_scale:g}."
    layers = (
        ("message", "messages only", "o", SKY),
        ("framed", "+ frames, HTTP headers", "s", BLUE),
        ("wire", "+ TCP/IP", "D", ORANGE),
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(figures.run, what, height_in=1.6 + 0.75 * (len(rows) + 2))
        for row, (_, cost) in enumerate(rows):
            for place, (layer, label, marker, colour) in enumerate(layers):
                spread = cost.layer(layer)
                at = row + (place - 1) * 0.27
                note = in_bytes(spread.mean) + ("" if cost.valid else "  INVALID")
                if not spread.mean:
                    bar_label(axes, LEFT_BYTES, at, "0 B (304: no body)")
                    continue
                axes.plot(spread.mean, at, linestyle="", marker=marker, color=colour, markersize=7,
                          label=label if not row else None)  # fmt: skip
                if _differs(spread):
                    axes.plot([spread.minimum, spread.maximum], [at, at], color="black", linewidth=1)
                bar_label(axes, max(spread.maximum, LEFT_BYTES), at, note)
        labels = [label for label, _ in rows]
        for words, value in (("polling", CLAIMED_POLLING_BYTES), ("push", CLAIMED_PUSH_BYTES)):
            axes.plot(value, len(labels), linestyle="", marker="D", markersize=9, color="white", markeredgecolor=GREY)
            bar_label(axes, value, len(labels), in_bytes(value))
            labels.append(f"specification:\n{words}")
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(LEFT_BYTES, (40 if is_narrow() else 6) * max(cost.wire.maximum for cost in figures.idle))
        axes.xaxis.set_major_formatter(FuncFormatter(bytes_tick))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if is_narrow():
            axes.xaxis.set_major_locator(FixedLocator([1e2, 1e4, 1e6]))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("bytes per minute and client (log scale)")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns(3), fontsize=9)
    return figure


def _differs(spread: Spread) -> bool:
    return spread.maximum > 1.01 * spread.minimum


def _differ(rows: list[tuple[str, IdleCost]]) -> bool:
    return any(_differs(cost.layer(layer)) for _, cost in rows for layer in ("message", "framed", "wire"))


def traffic_by_rate(figures: Overview) -> Figure:
    """Lines over the rate, a panel for each length of the list."""
    lengths = sorted({each.rooms for each in figures.traffic})
    result = traffic_of(figures.run)
    each = len(result.groups[0].clients) if result is not None else 0
    source = "counted on a link of its own (MTU 1500, no offloads)" if _is_measured(figures) else "modelled"
    what = (
        f"n: {each} clients per point over {figures.run.profile.bandwidth.window_s:g} s; TCP/IP {source}; the rate is "
        "that of the changes made in the window, and the point at the left edge that of none."
    )
    with mpl.rc_context(STYLE):
        figure, panels = sheet(figures.run, what, height_in=4.3, columns=len(lengths), share_y=True)
        for axes, rooms in zip(panels, lengths, strict=True):
            here = [cost for cost in figures.traffic if cost.rooms == rooms]
            rates = sorted({cost.achieved_per_s for cost in here})
            shown = {rate: rate or _left_of(rates) for rate in rates}
            for number, way in enumerate(WAY_COLOURS):
                mine = sorted((cost for cost in here if cost.kind == way), key=lambda cost: cost.achieved_per_s)
                marks = {shown[cost.achieved_per_s]: cost.whole for cost in mine}
                line = marks | _line(mine)
                at = sorted(line)
                axes.plot(
                    at, [line[rate] for rate in at], markevery=[at.index(rate) for rate in sorted(marks)],
                    color=WAY_COLOURS[way], marker=MARKERS[number], linestyle=STYLES[number % len(STYLES)],
                    markersize=5, linewidth=1.6, label=WAY_WORDS[way],
                )  # fmt: skip
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator([shown[rate] for rate in rates]))
            axes.xaxis.set_minor_locator(NullLocator())
            labels = {shown[rate]: f"{rate:.3g}" for rate in rates}
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _, labels=labels: labels.get(value, "")))
            axes.set_xlabel("changes per second (log scale)")
            title(axes, f"a list of {plural(rooms, 'room')}")
        panels[0].set_ylabel("bytes per client-hour, with TCP/IP (log scale)")
        bytes_axis(panels[0].yaxis, panels[0].set_yscale)
        lines, names = panels[0].get_legend_handles_labels()
        figure.legend(lines, names, loc="outside upper center", ncols=columns(6), fontsize=9)
    return figure


def _line(mine: list[WayCost]) -> dict[float, float]:
    """Points of the line of one way between its marks: straight from mark to corner, which is a curve on these axes."""
    knots = bent_line(mine)
    rates = [rate for rate, _ in knots]
    between = [float(rate) for low, high in pairwise(rates) for rate in np.geomspace(low, high, STEPS)[1:-1]]
    return {rate: float(np.interp(rate, rates, [value for _, value in knots])) for rate in rates + between}


def traffic_by_cause(figures: Overview) -> Figure:
    """What the bytes of each way are, idle and under changes, at the shortest list."""
    rooms = min(each.rooms for each in figures.traffic)
    here = [cost for cost in figures.traffic if cost.rooms == rooms]
    rates = sorted({cost.changes_per_s for cost in here})
    chosen = [rates[0], *([max(rate for rate in rates if rate <= 1.0)] if len(rates) > 1 else [])]
    source = "measured" if _is_measured(figures) else "modelled"
    window_s, result = figures.run.profile.bandwidth.window_s, traffic_of(figures.run)
    clients = len(result.groups[0].clients) if result is not None else 0
    what = (
        f"n: {clients} clients per bar over {window_s:g} s; a list of {plural(rooms, 'room')}. Shares of each bar, so "
        f"that all can be read; at its right what it is in all, per client-hour. TCP/IP {source}."
    )
    causes: tuple[tuple[str, str, str, Callable[[WayCost], float]], ...] = (
        ("payload", GREEN, "", lambda cost: cost.payload),
        ("headers: HTTP and frames", BLUE, "//", lambda cost: cost.headers),
        ("heartbeat", ORANGE, "..", lambda cost: cost.heartbeat),
        ("TCP/IP", SKY, "\\\\", lambda cost: cost.tcp_ip),
    )
    with mpl.rc_context(STYLE):
        figure, panels = sheet(figures.run, what, height_in=3.6, columns=len(dict.fromkeys(chosen)), share_y=True)
        for axes, rate in zip(panels, dict.fromkeys(chosen), strict=True):
            bars = {cost.kind: cost for cost in here if cost.changes_per_s == rate}
            ways = [way for way in WAY_COLOURS if way in bars]
            left = np.zeros(len(ways))
            for label, colour, hatch, part in causes:
                widths = np.asarray([100 * part(bars[way]) / bars[way].whole for way in ways])
                axes.barh(
                    range(len(ways)), widths, left=left, color=colour, hatch=hatch, edgecolor="white", label=label,
                    height=0.7,
                )  # fmt: skip
                left += widths
            for row, way in enumerate(ways):
                axes.annotate(in_bytes(bars[way].whole), (101, row), va="center", fontsize=8, annotation_clip=False)
            axes.set_yticks(range(len(ways)), [WAY_WORDS[way] for way in ways])
            axes.set_ylim(len(ways) - 0.5, -0.5)  # of a shared axis, so it must not be turned twice
            axes.set_xlim(0, 132 if is_narrow() else 118)
            axes.set_xticks([0, 25, 50, 75, 100])
            axes.set_xlabel("share of the bytes (%)")
            axes.grid(visible=False, axis="y")
            achieved = next(cost.achieved_per_s for cost in here if cost.changes_per_s == rate)
            title(axes, rate_words(rate, achieved) if rate else "idle")
        lines, names = panels[0].get_legend_handles_labels()
        figure.legend(lines, names, loc="outside upper center", ncols=columns(4), fontsize=9)
    return figure


def _is_measured(figures: Overview) -> bool:
    return all(each.measured is not None for each in figures.traffic)


def _left_of(rates: list[float]) -> float:
    """Where no change stands on a logarithmic axis: a step left of the smallest, so that their labels do not touch."""
    positive = [rate for rate in rates if rate]
    return min(positive) / 8 if positive else 0.01
