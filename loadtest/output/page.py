"""A run as one HTML file, made from the content of run.json and nothing else: no network, no script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from loadtest.measure.series import Series
from loadtest.output.summary import reach_text
from loadtest.output.svg import Axis, Line, chart
from loadtest.results.run_json import MetricRow, RunFile, as_builtins

SHOWN_BY_PERCENTILE = ("fanout_presence", "fanout_rooms", "fresh", "fresh_poll", "heartbeat", "fetch")
OF_THE_GENERATOR = ("lateness", "loop_lag")
LEAST_WINDOWS = 3
"""With fewer of them there is no usual one."""
SHOWN_BEFORE_S, SHOWN_AFTER_S = 10.0, 40.0
"""Of a fault, in its own chart."""
_TIME = Axis(title="time since the start (s)")
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
        charts_of_faults=[drawn for drawn in charts_of_faults(run) if drawn],
        percentiles=("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"),
        slowest=slowest_windows(run),
    )


@dataclass(frozen=True)
class Slowest:
    """Of one metric: the window with the largest 99th percentile, and what most windows had."""

    title: str
    from_s: float
    until_s: float
    p99_ms: float
    usual_p99_ms: float
    """The median over the windows."""
    count: int
    """Durations in that window."""


def slowest_windows(run: RunFile) -> list[Slowest]:
    """When was the stall? Of every metric of the server with windows enough to have a usual one, the furthest from it
    first."""
    found = []
    for row in run.metrics:
        windows = [window for window in run.windows if row.name in window.metrics]
        if row.name in OF_THE_GENERATOR or len(windows) < LEAST_WINDOWS:
            continue
        worst = max(windows, key=lambda window: window.metrics[row.name].p99_ms)
        usual = median(window.metrics[row.name].p99_ms for window in windows)
        figures = worst.metrics[row.name]
        found.append(Slowest(row.title, worst.from_s, worst.until_s, figures.p99_ms, usual, figures.count))
    return sorted(found, key=lambda slowest: slowest.p99_ms / max(slowest.usual_p99_ms, 1e-3), reverse=True)


def charts(run: RunFile) -> list[str]:
    history, time, marks = run.history, _TIME, _marks(run)
    moments = [(moment.at_s, moment.text) for moment in run.moments]
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
            marks=marks,
            moments=moments,
        ),
        chart(
            "Messages received on sockets",
            [_over_time(history, "received_per_s", "received")],
            x=time,
            y=Axis(title="messages per second"),
            marks=marks,
            moments=moments,
        ),
        chart(
            "Open connections",
            [_connected(history)],
            x=time,
            y=Axis(title="accepted less lost"),
            marks=marks,
            moments=moments,
        ),
        chart(
            "Requests",
            [_over_time(history, "requests_per_s", "all"), _over_time(history, "errors_per_s", "failed")],
            x=time,
            y=Axis(title="requests per second"),
            marks=marks,
            moments=moments,
        ),
        chart("CPU per second", cpu, x=time, y=Axis(title="% of a core", least_top=100), marks=marks, moments=moments),
    ]


def charts_of_faults(run: RunFile) -> list[str]:
    """One for each: who was connected around it."""
    next_s = [*(fault.began_s for fault in run.faults[1:]), math.inf]
    return [
        chart(
            f"{fault.name}: open connections",
            [
                _connected(
                    [
                        sample
                        for sample in run.history
                        if fault.began_s - SHOWN_BEFORE_S <= sample["t_s"]
                        and sample["t_s"] <= min(until_s, (fault.ended_s or fault.began_s) + SHOWN_AFTER_S)
                    ]
                )
            ],
            x=_TIME,
            y=Axis(title="accepted less lost"),
            marks=_marks(run),
        )
        for fault, until_s in zip(run.faults, next_s, strict=False)
    ]


def _marks(run: RunFile) -> list[tuple[float, float, str]]:
    return [(fault.began_s, fault.ended_s or fault.began_s, fault.name) for fault in run.faults]


def _connected(history: list[dict[str, float]]) -> Line:
    return Line("connected", [(sample["t_s"], sample["established"] - sample["lost"]) for sample in history])


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
