"""The report's charts, drawn from figures. Each has one message, units on both axes, n, machine and commit below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.record.findings import Findings
from bench.record.run import Run
from bench.report.charts import others
from bench.report.charts.bandwidth import idle_bandwidth, traffic_by_cause, traffic_by_rate
from bench.report.charts.break_even import break_even_map
from bench.report.charts.broadcast import latency_by_clients, latency_by_rate, latency_distribution
from bench.report.charts.sheet import Chart, render

__all__ = ["CHARTS_OF", "Chart", "draw_charts"]

CHARTS_OF = {
    "broadcast": ("broadcast-latency", "broadcast-cdf", "broadcast-rate"),
    "bandwidth": ("idle-bandwidth", "bandwidth-rate", "bandwidth-cause"),
    "freshness": ("freshness",),
    "break-even": ("break-even",),
    "storm": ("storm",),
    "reconnect": ("reconnect",),
    "flap": ("flap",),
    "capacity": ("capacity",),
    "cost": ("cost",),
    "peers": ("peers",),
    "noise": ("noise",),
}
"""Names of charts by scenario."""

FIGURES: tuple[tuple[str, str, Callable[[Overview], bool], Callable[[Overview], Figure]], ...] = (
    (
        "broadcast-latency",
        "How long until a change has reached the clients, by their number",
        lambda figures: _is_heard(figures.announcements) and _is_heard(figures.fresh),
        latency_by_clients,
    ),
    (
        "broadcast-cdf",
        "Share of clients that a change has reached, over time",
        lambda figures: _is_heard(figures.announcements),
        latency_distribution,
    ),
    (
        "broadcast-rate",
        "How long until a change is announced, by changes per second",
        lambda figures: sum(latency.summary is not None for _, latency in figures.rates) > 1,
        latency_by_rate,
    ),
    (
        "idle-bandwidth",
        "Bytes per minute of an idle client",
        lambda figures: any(cost.wire.maximum for cost in figures.idle),
        idle_bandwidth,
    ),
    (
        "bandwidth-rate",
        "Bytes per client-hour, by changes per second",
        lambda figures: len({each.changes_per_s for each in figures.traffic}) > 1,
        traffic_by_rate,
    ),
    (
        "bandwidth-cause",
        "What the bytes of a client are",
        lambda figures: bool(figures.traffic) and all(cost.whole for cost in figures.traffic),
        traffic_by_cause,
    ),
)

FOUND: dict[str, tuple[str, Callable[[Run, Findings], Figure], str]] = {
    "freshness": ("How fresh clients are, by way to the list", others.freshness, "time to fresh"),
    "break-even": ("Which way is best, over changes per second and clients", break_even_map, ""),
    "storm": ("Clients accepted in a login storm", others.storm, "accepted"),
    "reconnect": ("Clients back after a restart of the server", others.reconnect, "back and fresh"),
    "flap": ("What others hear of players who were gone for a moment", others.flap, "back and fresh"),
    "capacity": ("Clients within the service level", others.capacity, "announcement"),
    "cost": ("What a player costs", others.cost, ""),
    "peers": ("The lobby beside other ways to build it", others.peers, ""),
    "noise": ("How far apart two come out that are the same", others.noise, ""),
}
"""By scenario: title, drawing, and the series without which there is nothing to draw."""


def _is_heard(latencies: Sequence[Latency]) -> bool:
    return any(latency.summary is not None for latency in latencies)


def draw_charts(figures: Overview) -> list[Chart]:
    """Those whose scenario ran and found something that can be drawn."""
    charts = [render(name, title, draw(figures)) for name, title, is_there, draw in FIGURES if is_there(figures)]
    for found in figures.run.findings:
        if found.name not in FOUND or not any(each.value > 0 for it in found.measures for each in it.readings):
            continue
        title, draw_found, needed = FOUND[found.name]
        if not needed or any(each.name == needed for each in found.series):
            charts.append(render(found.name, title, draw_found(figures.run, found)))
    return charts
