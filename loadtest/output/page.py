"""A run as one HTML file, made from the content of run.json and nothing else: no network, no script."""

from __future__ import annotations

import math

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from loadtest.measure.series import Series
from loadtest.output.summary import reach_text
from loadtest.output.svg import Axis, Line, chart
from loadtest.results.run_json import MetricRow, RunFile, as_builtins

SHOWN_BY_PERCENTILE = ("fanout_presence", "fanout_rooms", "fresh", "fresh_poll", "heartbeat", "fetch")
_LADDER = tuple((1 - 10 ** (-step / 10)) * 100 for step in range(41))
"""Percentiles from 0 to 99.99, evenly spaced on a logarithmic scale of 1 − p."""
_LADDER_TICKS = (
    (0.0, "0"),
    (-math.log10(0.5), "50"),
    (1.0, "90"),
    (2.0, "99"),
    (3.0, "99.9"),
    (4.0, "99.99"),
)


def page(run: RunFile) -> str:
    environment = Environment(
        loader=PackageLoader("loadtest.output"),
        autoescape=select_autoescape(("html", "jinja")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["reach"] = reach_text
    return environment.get_template("run.html.jinja").render(
        run=as_builtins(run),
        charts=[drawn for drawn in charts(run) if drawn],
        percentiles=("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"),
    )


def charts(run: RunFile) -> list[str]:
    history, time = run.history, Axis(title="time since the start (s)")
    cpu = [
        Line(name, list(enumerate((share * 100 for share in health.cpu_shares), start=1)))
        for name, health in run.generators.items()
    ]
    cpu.append(Line("the server", list(enumerate((s * 100 for s in run.server.cpu_shares), start=1))))
    return [
        chart(
            "Times by percentile",
            [_by_percentile(row) for row in run.metrics if row.name in SHOWN_BY_PERCENTILE],
            x=Axis(title="percentile (%)", ticks=_LADDER_TICKS),
            y=Axis(title="ms, logarithmic", is_log=True),
        ),
        chart(
            "99th percentile over time",
            [_window_line(run, row.name, row.title) for row in run.metrics if row.name in SHOWN_BY_PERCENTILE],
            x=time,
            y=Axis(title="ms, logarithmic", is_log=True),
        ),
        chart(
            "Messages received on sockets",
            [_over_time(history, "received_per_s", "received")],
            x=time,
            y=Axis(title="messages per second"),
        ),
        chart(
            "Open connections",
            [Line("connected", [(s["t_s"], s["established"] - s["lost"]) for s in history])],
            x=time,
            y=Axis(title="accepted less lost"),
        ),
        chart(
            "Requests",
            [_over_time(history, "requests_per_s", "all"), _over_time(history, "errors_per_s", "failed")],
            x=time,
            y=Axis(title="requests per second"),
        ),
        chart("CPU per second", cpu, x=time, y=Axis(title="% of a core", least_top=100)),
    ]


def _over_time(history: list[dict[str, float]], key: str, name: str) -> Line:
    return Line(name, [(sample["t_s"], sample[key]) for sample in history])


def _window_line(run: RunFile, name: str, title: str) -> Line:
    points = [(window.until_s, window.metrics[name].p99_ms) for window in run.windows if name in window.metrics]
    return Line(title, points)


def _by_percentile(row: MetricRow) -> Line:
    series = Series()
    series.add_encoded(row.histogram)
    reachable = max(1, math.log10(max(row.count, 2)) * 10)  # n values have no percentile beyond 1 − 1/n
    points = [
        (step / 10, series.percentile_us(percent) / 1000) for step, percent in enumerate(_LADDER) if step <= reachable
    ]
    return Line(f"{row.title} (n = {row.count:,})", points)
