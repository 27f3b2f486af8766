"""How soon a change reaches everybody: by number of clients, by rate of changes, and its whole distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.report.charts.colours import BLUE, GREEN, GREY, ORANGE, VERMILLION, size_colour
from bench.report.charts.sheet import (
    STYLE,
    STYLES,
    client_axis,
    columns,
    is_narrow,
    mark_invalid,
    nines,
    nines_axis,
    sheet,
    time_axis,
    title,
)
from bench.stats import FloatArray, percentile
from bench.words import count, in_ms, in_percent

CURVE_POINTS = 200
"""A distribution function is drawn through so many of its samples' quantiles; more cannot be seen."""


def latency_by_clients(figures: Overview) -> Figure:
    told, fetched = figures.announcements, figures.fresh
    what = (
        f"n: {_each(told)} announcements and {_each(fetched)} with fetch at each size, one receipt per client each. "
        f"Reach {_reach(told)} and {_reach(fetched)}. Shade: least to most of the repeats' own "
        "percentiles. p99 is of all broadcasts together, so a few slow ones make it."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = sheet(figures.run, what, height_in=4.6, columns=2, share_y=True)
        _latency_lines(left, told)
        title(left, "rooms_changed is there")
        left.set_ylabel("time since the room's creation (log scale)")
        _latency_lines(right, fetched)
        title(
            right, "the fresh list is there" if is_narrow() else "the fresh list is there (everybody fetches at once)"
        )
        if len(figures.polled_ms):
            median = percentile(figures.polled_ms, 50)
            right.axhline(median, color=GREY, linestyle=(0, (5, 3)), linewidth=1)
            period_s = figures.run.profile.broadcast.poll_s
            right.annotate(
                f"polling every {period_s:g} s, p50: {in_ms(median)}",
                (0.02, median), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
                fontsize=8, color=GREY,
            )  # fmt: skip
        left.legend(loc="upper left", fontsize=8)
        for axes in (left, right):
            client_axis(axes, [latency.clients for latency in told])
        time_axis(left.yaxis, left.set_yscale)
    return figure


def latency_by_rate(figures: Overview) -> Figure:
    rates = [(rate, latency) for rate, latency in figures.rates if latency.summary is not None]
    clients = rates[0][1].clients
    what = (
        f"n: {', '.join(str(latency.broadcasts) for _, latency in rates)} changes, {count(clients)} clients, announced "
        f"with their revision. Reach {_reach([latency for _, latency in rates])}. Changes are announced together where "
        "they come faster than the server's pacing, so a change may wait for its announcement. Between the marks "
        "nothing was measured."
    )
    with mpl.rc_context(STYLE):
        figure, (axes,) = sheet(figures.run, what, height_in=3.8)
        for label, colour, marker, values in (
            ("first client, median change", GREEN, "v", [latency.first_ms for _, latency in rates]),
            ("p50 of all receipts", BLUE, "o", [_of(latency, 50) for _, latency in rates]),
            ("p99 of all receipts", ORANGE, "s", [_of(latency, 99) for _, latency in rates]),
            ("last client, median change", VERMILLION, "^", [latency.last_ms for _, latency in rates]),
        ):
            axes.plot(
                [rate for rate, _ in rates], values, color=colour, marker=marker, markersize=5, linewidth=1.6,
                label=label,
            )  # fmt: skip
        for rate, latency in rates:
            if not latency.valid:
                mark_invalid(axes, rate, latency.last_ms)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([rate for rate, _ in rates]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("changes of the list per second (log scale)")
        axes.set_ylabel("time since the change (log scale)")
        time_axis(axes.yaxis, axes.set_yscale)
        axes.legend(loc="best", fontsize=8)
    return figure


def _latency_lines(axes: Axes, latencies: Sequence[Latency]) -> None:
    shown = [latency for latency in latencies if latency.summary is not None]
    clients = [latency.clients for latency in shown]
    for label, colour, marker, values in (
        ("first client: median broadcast", GREEN, "v", [latency.first_ms for latency in shown]),
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
    for colour, by_size in (
        (ORANGE, [latency.p99s_ms for latency in shown]),
        (BLUE, [latency.p50s_ms for latency in shown]),
    ):
        axes.fill_between(
            clients, [min(values) for values in by_size], [max(values) for values in by_size],
            color=colour, alpha=0.18, linewidth=0,
        )  # fmt: skip
    for latency in shown:
        if not latency.valid:
            mark_invalid(axes, latency.clients, latency.last_ms)


def _of(latency: Latency, q: int) -> float:
    assert latency.summary is not None
    return latency.summary.p50 if q == 50 else latency.summary.p99


def _each(latencies: Sequence[Latency]) -> str:
    """Broadcasts at each size, once where they are as many."""
    numbers = [latency.broadcasts for latency in latencies]
    return str(numbers[0]) if len(set(numbers)) == 1 else ", ".join(map(str, numbers))


def _reach(latencies: Sequence[Latency]) -> str:
    reaches = [latency.reach for latency in latencies]
    return in_percent(min(reaches)) if reaches else "–"


def latency_distribution(figures: Overview) -> Figure:
    what = (
        "n: all receipts of all broadcasts of a size, merged ("
        + ", ".join(f"{count(len(latency.samples_ms))}" for latency in figures.announcements)
        + " announcements; "
        + ", ".join(f"{count(len(latency.samples_ms))}" for latency in figures.fresh)
        + f" fresh lists; {count(len(figures.polled_ms))} by polling). Each nine of the percentile is as high as the "
        "one before. Lines end at the slowest receipt."
    )
    with mpl.rc_context(STYLE):
        figure, (left, right) = sheet(figures.run, what, height_in=4.4, columns=2, share_y=True)
        most = 1.0
        sizes = sorted({latency.clients for latency in (*figures.announcements, *figures.fresh)})
        for axes, latencies in ((left, figures.announcements), (right, figures.fresh)):
            for latency in latencies:
                number = sizes.index(latency.clients)
                label = f"{count(latency.clients)} clients" + ("" if latency.valid else " – INVALID")
                colour, style = size_colour(latency.clients), STYLES[number % len(STYLES)]
                most = max(most, distribution(axes, latency.samples_ms, colour, style, label))
        period_s = figures.run.profile.broadcast.poll_s
        most = max(most, distribution(right, figures.polled_ms, GREY, (0, (1, 1)), f"polling every {period_s:g} s"))
        title(left, "rooms_changed is there")
        title(right, "the fresh list is there")
        left.set_ylabel("percentile of receipts (in nines)")
        nines_axis(left, most)
        for axes in (left, right):
            axes.set_xlabel("time since the room's creation (log scale)")
            time_axis(axes.xaxis, axes.set_xscale)
        lines_of: dict[str, Artist] = {}
        for axes in (left, right):  # a size may be in one of the two alone
            lines, labels = axes.get_legend_handles_labels()
            lines_of |= dict(zip(labels, lines, strict=True))
        names = list(lines_of)
        figure.legend(
            lines_of.values(), names, loc="outside upper center", ncols=columns(min(6, len(names))), fontsize=9
        )
    return figure


def distribution(axes: Axes, samples_ms: FloatArray, colour: str, style: Any, label: str) -> float:
    """A distribution function with percentiles in nines; how high it goes, which is as far as its samples can tell."""
    number = len(samples_ms)
    if not number:
        return 0.0
    most = nines(100 * (1 - 0.5 / number))
    heights = np.linspace(0, most, min(CURVE_POINTS, 4 * number))
    shares = 100 * (1 - 10.0**-heights)
    axes.plot(
        np.percentile(samples_ms, shares, method="inverted_cdf"), heights, color=colour, linestyle=style,
        linewidth=1.8, label=label,
    )  # fmt: skip
    return most
