"""The report's charts, drawn from figures. Each has one message, units on both axes, and n, machine and commit below.

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

from bench.facts import caption
from bench.figures import Figures, IdleCost, Latency, select
from bench.stats import FloatArray, percentile
from bench.words import count, in_bytes, in_ms

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#555555"
BY_SIZE = (SKY, GREEN, ORANGE, VERMILLION, PURPLE, BLUE)
STYLES = ("-", "--", "-.", ":")

WIDTH_IN = 9.0
CAPTION_CHARACTERS = 165
"""What fits the width in the caption's size."""

CURVE_POINTS = 400
"""A distribution function is drawn through so many of its samples' quantiles; more cannot be seen."""

SEED_POLLING_BYTES = 10_000
SEED_PUSH_BYTES = 100
"""Bytes an idle minute, as the seed has them."""

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


def draw_charts(figures: Figures) -> list[Chart]:
    """Those whose scenario ran."""
    drawings: list[tuple[str, str, bool, Callable[[Figures], Figure]]] = [
        (
            "broadcast-latency",
            "How long until a change has reached the clients, by their number",
            bool(figures.announcements),
            _latency_by_clients,
        ),
        (
            "broadcast-cdf",
            "Share of clients that a change has reached, over time",
            bool(figures.announcements),
            _latency_distribution,
        ),
        ("idle-bandwidth", "Bytes that an idle client costs in a minute", bool(figures.idle), _idle_bandwidth),
        ("reconnect", "Clients back after a restart of the server", figures.run.reconnect is not None, _reconnect),
    ]
    return [_render(name, title, draw(figures)) for name, title, there, draw in drawings if there]


def _render(name: str, title: str, figure: Figure) -> Chart:
    svg, png = io.StringIO(), io.BytesIO()
    # The salt makes ids reproducible, and different in charts that end up in one HTML page.
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title})
        figure.set_layout_engine("none")  # laid out already
        figure.savefig(png, format="png", dpi=150)
    return Chart(name, title, svg.getvalue(), png.getvalue())


def _sheet(figures: Figures, what: str, *, height_in: float, columns: int, share_y: bool) -> tuple[Figure, list[Axes]]:
    """An empty figure with its caption."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        axes = figure.subplots(1, columns, sharey=share_y, squeeze=False)
        below = "\n".join([*textwrap.wrap(what, CAPTION_CHARACTERS), caption(figures.run)])
        figure.supxlabel(below, fontsize=7.5, color=GREY, x=0.01, ha="left")
    return figure, list(axes[0])


# -- broadcast -----------------------------------------------------------------------------------------------------


def _latency_by_clients(figures: Figures) -> Figure:
    first = figures.announcements[0]
    fetched = figures.fresh[0]
    what = (
        f"n: {first.broadcasts} announcements and {fetched.broadcasts} with fetch at each size, one receipt a client "
        "each. Shade: 95 % interval of the percentile. p99 is of all broadcasts together, so a few slow ones make it."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = _sheet(figures, what, height_in=4.4, columns=2, share_y=True)
        _latency_lines(left, figures.announcements)
        left.set_title("rooms_changed is there", loc="left", fontsize=11)
        left.set_ylabel("time since the room's creation")
        _latency_lines(right, figures.fresh)
        right.set_title("the fresh list is there (everybody fetches at once)", loc="left", fontsize=11)
        if len(figures.polled_ms):
            median = percentile(figures.polled_ms, 50)
            right.axhline(median, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
            period_s = figures.run.profile.broadcast.poll_s
            right.annotate(
                f"polling every {period_s:g} s, p50: {in_ms(median)}",
                (0.02, median), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
                fontsize=8, color=GREY,
            )  # fmt: skip
        left.legend(loc="upper left", fontsize=9)
        for axes in (left, right):
            _client_axis(axes, [latency.clients for latency in figures.announcements])
        _time_axis(left.yaxis, left.set_yscale)
    return figure


def _latency_lines(axes: Axes, latencies: Sequence[Latency]) -> None:
    shown = [latency for latency in latencies if latency.summary is not None]
    clients = [latency.clients for latency in shown]
    for label, colour, marker, values in (
        ("p50 of all receipts", BLUE, "o", [_of(latency, 50) for latency in shown]),
        ("p99 of all receipts", ORANGE, "s", [_of(latency, 99) for latency in shown]),
        ("last client: median broadcast", VERMILLION, "^", [latency.last_ms for latency in shown]),
    ):
        axes.plot(clients, values, color=colour, marker=marker, markersize=5, linewidth=1.6, label=label)
    dots = [(latency.clients, last) for latency in shown for last in latency.lasts_ms]
    axes.plot(
        [n for n, _ in dots], [last for _, last in dots], linestyle="", marker="_", markersize=9, color=VERMILLION,
        alpha=0.7, label="last client: each broadcast",
    )  # fmt: skip
    for colour, intervals in (
        (ORANGE, [latency.p99_interval for latency in shown]),
        (BLUE, [latency.p50_interval for latency in shown]),
    ):
        known = [(n, interval) for n, interval in zip(clients, intervals, strict=True) if interval is not None]
        axes.fill_between(
            [n for n, _ in known], [i.low for _, i in known], [i.high for _, i in known],
            color=colour, alpha=0.18, linewidth=0,
        )  # fmt: skip
    for latency in shown:
        if not latency.valid:
            axes.plot(latency.clients, latency.last_ms, marker="x", markersize=16, color="black", mew=2.5)
            axes.annotate(
                "INVALID", (latency.clients, latency.last_ms), xytext=(0, 12), textcoords="offset points",
                ha="center", fontsize=8, fontweight="bold",
            )  # fmt: skip


def _of(latency: Latency, q: int) -> float:
    assert latency.summary is not None
    return latency.summary.p50 if q == 50 else latency.summary.p99


def _latency_distribution(figures: Figures) -> Figure:
    what = (
        "n: all receipts of all broadcasts of a size, merged ("
        + ", ".join(f"{count(len(latency.samples_ms))}" for latency in figures.announcements)
        + " announcements; "
        + ", ".join(f"{count(len(latency.samples_ms))}" for latency in figures.fresh)
        + f" fresh lists; {count(len(figures.polled_ms))} by polling)."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = _sheet(figures, what, height_in=4.2, columns=2, share_y=True)
        for axes, latencies in ((left, figures.announcements), (right, figures.fresh)):
            for number, latency in enumerate(latencies):
                label = f"{count(latency.clients)} clients" + ("" if latency.valid else " – INVALID")
                _distribution(axes, latency.samples_ms, BY_SIZE[number % len(BY_SIZE)], STYLES[number % 4], label)
        period_s = figures.run.profile.broadcast.poll_s
        _distribution(right, figures.polled_ms, GREY, (0, (1, 1)), f"polling every {period_s:g} s")
        left.set_title("rooms_changed is there", loc="left", fontsize=11)
        right.set_title("the fresh list is there", loc="left", fontsize=11)
        left.set_ylabel("share of clients (%)")
        left.set_ylim(0, 101)
        for axes in (left, right):
            axes.set_xlabel("time since the room's creation")
            _time_axis(axes.xaxis, axes.set_xscale)
        lines, names = right.get_legend_handles_labels()
        figure.legend(lines, names, loc="outside upper center", ncols=len(names), fontsize=9)
    return figure


def _distribution(axes: Axes, samples_ms: FloatArray, colour: str, style: Any, label: str) -> None:
    if not len(samples_ms):
        return
    shares = np.linspace(0, 100, min(CURVE_POINTS, len(samples_ms)))
    axes.plot(
        np.percentile(samples_ms, shares, method="inverted_cdf"), shares,
        color=colour, linestyle=style, linewidth=1.8, label=label,
    )  # fmt: skip


# -- idle ----------------------------------------------------------------------------------------------------------


def _idle_bandwidth(figures: Figures) -> Figure:
    rows: list[tuple[str, IdleCost]] = [
        (f"{words}\n{cost.rooms} rooms", cost)
        for kind, words in (("polling", "polling"), ("polling_etag", "polling, ETag"))
        for cost in select(figures.idle, kind)
    ]
    push = select(figures.idle, "push")
    if push:
        rows.append(("push\n(any list)", max(push, key=lambda cost: cost.wire.mean)))
    each = figures.idle[0].clients
    what = (
        f"n: {each} clients of each kind, a minute at true intervals. Bars: mean; black lines: least and most, "
        "where clients differ. TCP/IP is modelled at MSS 1448; framed bytes are checked against TCP_INFO."
    )
    if figures.run.profile.idle.time_scale != 1:
        what += f" Times shortened by {figures.run.profile.idle.time_scale:g}."
    layers = (
        ("message", "messages only", SKY),
        ("framed", "+ frames, HTTP headers", BLUE),
        ("wire", "+ TCP/IP", ORANGE),
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = _sheet(figures, what, height_in=1.6 + 0.75 * (len(rows) + 2), columns=1, share_y=False)
        for row, (_, cost) in enumerate(rows):
            for place, (layer, label, colour) in enumerate(layers):
                spread = cost.layer(layer)
                at = row + (place - 1) * 0.27
                axes.barh(at, spread.mean, height=0.25, color=colour, label=label if not row else None)
                if spread.maximum > 1.01 * spread.minimum:
                    axes.plot([spread.minimum, spread.maximum], [at, at], color="black", linewidth=1)
                note = in_bytes(spread.mean) + ("" if cost.valid else "  INVALID")
                _bar_label(axes, max(spread.maximum, _LEFT_BYTES), at, note if spread.mean else "0 B (304: no body)")
        labels = [label for label, _ in rows]
        for words, value in (("polling", SEED_POLLING_BYTES), ("push", SEED_PUSH_BYTES)):
            axes.barh(len(labels), value, height=0.5, color="white", edgecolor=GREY, hatch="////", linewidth=1)
            _bar_label(axes, value, len(labels), in_bytes(value))
            labels.append(f"the seed's figure:\n{words}")
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(_LEFT_BYTES, 4 * max(cost.wire.maximum for cost in figures.idle))
        axes.xaxis.set_major_formatter(FuncFormatter(_bytes_tick))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("bytes a minute and client, up and down together (log scale)")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return figure


def _bytes_tick(value: float, _: object) -> str:
    return f"{value / 1e3:g} KB" if value >= 1e3 else f"{value:g} B"


_LEFT_BYTES = 20.0


def _bar_label(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)


# -- reconnect -----------------------------------------------------------------------------------------------------


def _reconnect(figures: Figures) -> Figure:
    result = figures.run.reconnect
    assert result is not None
    back_s = np.sort([way.back_s for way in result.returns if way.back_s is not None])
    retry_s = figures.run.profile.reconnect.retry_s
    what = f"n: {len(back_s)} of {result.clients} clients came back; fixed retry after {retry_s:g} s, no jitter."
    with mpl.rc_context(STYLE):
        figure, (axes,) = _sheet(figures, what, height_in=3.0, columns=1, share_y=False)
        axes.step([0, *back_s], [0, *np.arange(1, len(back_s) + 1)], where="post", color=BLUE, linewidth=2)
        for at_s, text in ((result.up_again_s, "server accepts again"), (retry_s, f"first retry, {retry_s:g} s")):
            axes.axvline(at_s, color=GREY, linestyle=(0, (4, 3)), linewidth=1)
            axes.annotate(
                text, (at_s, 0.98), xycoords=("data", "axes fraction"), xytext=(-3, 0), textcoords="offset points",
                ha="right", va="top", fontsize=8, rotation=90, color=GREY,
            )  # fmt: skip
        axes.set_xlim(-0.05 * retry_s, max(retry_s * 1.25, float(back_s[-1]) * 1.1 if len(back_s) else 0))
        axes.set_ylim(0, result.clients * 1.05)
        axes.set_xlabel("seconds since the server was stopped")
        axes.set_ylabel("clients back")
    return figure


FEW_DECADES = 150
"""Above this ratio of its ends an axis has ticks enough at powers of ten."""


# -- axes ----------------------------------------------------------------------------------------------------------


def _client_axis(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.set_xlabel("clients connected (log scale)")


def _time_axis(axis: Any, set_scale: Callable[[str], None]) -> None:
    set_scale("log")
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < FEW_DECADES * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:g} s" if value >= 1e3 else f"{value:g} ms"))
    axis.set_minor_formatter(NullFormatter())
