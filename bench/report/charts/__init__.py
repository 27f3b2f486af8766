"""The report's charts, drawn from figures. Each has one message, units on both axes, n, machine and commit below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from matplotlib.figure import Figure

from bench.analysis.derived.latency import Latency
from bench.analysis.derived.overview import Overview
from bench.measures import SCALE_HOLDS
from bench.record.findings import Findings
from bench.record.run import Run
from bench.record.vocabulary import BACK_AND_FRESH
from bench.report.charts import others
from bench.report.charts.bandwidth import idle_bandwidth, traffic_by_cause, traffic_by_rate
from bench.report.charts.break_even import break_even_map, is_map
from bench.report.charts.broadcast import latency_by_clients, latency_by_rate, latency_distribution
from bench.report.charts.churn import churn
from bench.report.charts.cluster import cluster
from bench.report.charts.hostile import hostile
from bench.report.charts.scale import SEE, at_scale
from bench.report.charts.sheet import Chart, render
from bench.report.charts.survival import survival
from bench.report.in_parallel import in_parallel

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
    "prediction": ("ways-at-scale",),
    "churn": ("churn",),
    "hostile": ("hostile",),
    "cluster": ("cluster",),
    "survival": ("survival",),
}
"""Names of charts by scenario."""


@dataclass(frozen=True)
class Drawing:
    """A chart before it is drawn. Its message and what to see are the same for every run: they say how to read it."""

    name: str
    title: str
    see: str


class OfOverview(NamedTuple):
    drawing: Drawing
    is_there: Callable[[Overview], bool]
    draw: Callable[[Overview], Figure]


class OfFindings(NamedTuple):
    drawing: Drawing
    draw: Callable[[Run, Findings], Figure]
    needed: str
    """The series without which there is nothing to draw; empty: none."""
    measure: str = ""
    """The measure likewise."""
    is_there: Callable[[Run, Findings], bool] = lambda _run, _found: True
    """What else it takes: a chart over several sizes says nothing of one."""


FIGURES: tuple[OfOverview, ...] = (
    OfOverview(
        Drawing(
            "broadcast-latency",
            "How long a change takes to reach the clients, by their number",
            "Lower is sooner. The upright triangles are the last client, which is what users feel; compare those of "
            "the fresh list with the dashed line there, where half of the polling clients have seen the change.",
        ),
        lambda figures: _is_heard(figures.announcements) and _is_heard(figures.fresh),
        latency_by_clients,
    ),
    OfOverview(
        Drawing(
            "broadcast-cdf",
            "Which share of the clients a change has reached, over time",
            "Farther left is sooner. A line that bends right at its top has a slow tail.",
        ),
        lambda figures: _is_heard(figures.announcements),
        latency_distribution,
    ),
    OfOverview(
        Drawing(
            "broadcast-rate",
            "How long a change waits for its announcement, by changes per second",
            "Where the lines rise, changes come faster than the server announces them, and wait for each other.",
        ),
        lambda figures: sum(latency.summary is not None for _, latency in figures.rates) > 1,
        latency_by_rate,
    ),
    OfOverview(
        Drawing(
            "idle-bandwidth",
            "What an idle client costs per minute",
            "Farther left is cheaper, and each grid line is ten times the one before. The hollow diamonds are the "
            "specification's figures.",
        ),
        lambda figures: any(cost.wire.maximum for cost in figures.idle),
        idle_bandwidth,
    ),
    OfOverview(
        Drawing(
            "bandwidth-rate",
            "What a client costs in bytes, by changes per second",
            "Lower is cheaper. Where two lines cross, the other way becomes the cheaper one. The marks are measured; "
            "between them lines go as crossovers are read: with a corner where changes begin to be announced together. "
            "Plain polling stays flat, while push, then fetch climbs with every announcement.",
        ),
        lambda figures: len({each.changes_per_s for each in figures.traffic}) > 1,
        traffic_by_rate,
    ),
    OfOverview(
        Drawing(
            "bandwidth-cause",
            "What the bytes of a client are spent on",
            "Green is what is carried: lists, and messages other than heartbeats. The rest is the price of carrying it "
            "and of holding the connection. While nothing changes, polling's green is the same list again: no news.",
        ),
        lambda figures: bool(figures.traffic) and all(cost.whole for cost in figures.traffic),
        traffic_by_cause,
    ),
)

FOUND: dict[str, OfFindings] = {
    each.drawing.name: each
    for each in (
        OfFindings(
            Drawing(
                "freshness",
                "How old the list of a client is, by the way it comes",
                "Left: farther left is sooner. Right: the sooner a line is at the top, the smaller the part of its "
                "time that a client holds an old list.",
            ),
            others.freshness,
            "time to fresh",
        ),
        OfFindings(
            Drawing(
                "break-even",
                "Which way is best, by changes per second and clients",
                "The colour is the best way. Areas are drawn only between measured cells, and only where the lead is "
                "greater than the model's error on cells that were held out; a dot is a measured cell, a cross one in "
                "doubt.",
            ),
            break_even_map,
            "",
            is_there=lambda run, _: is_map(run),
        ),
        OfFindings(
            Drawing(
                "storm",
                "How fast clients are accepted in a login storm",
                "The steeper, the faster; a line ends when the last client is in.",
            ),
            others.storm,
            "accepted",
        ),
        OfFindings(
            Drawing(
                "reconnect",
                "How fast clients are back after a restart of the server",
                "A step means that all come at once, a slope that they are spread. Every line should "
                "end in a dot at 100 %.",
            ),
            others.reconnect,
            "back and fresh",
        ),
        OfFindings(
            Drawing(
                "flap",
                "What others hear of players who were gone for a moment",
                "Shorter bars are fewer false alarms: a grace period hides those who are back before it ends.",
            ),
            others.flap,
            "back and fresh",
        ),
        OfFindings(
            Drawing(
                "capacity",
                "How many clients one process holds within the service level",
                "Below the dashed line the service level is met; the green line is the largest number that met it.",
            ),
            others.capacity,
            "announcement",
            is_there=lambda _, found: len({it.clients for it in found.series if it.name == "announcement"}) > 1,
        ),
        OfFindings(
            Drawing(
                "cost",
                "What a player costs per hour, and in memory",
                "Flat lines mean that a player costs the same however many there are; falling ones that a fixed cost "
                "is shared.",
            ),
            others.cost,
            "",
            is_there=lambda _, found: len({it.clients for it in found.measures if it.clients}) > 1,
        ),
        OfFindings(
            Drawing(
                "peers",
                "What the same work costs other servers",
                "Shorter is cheaper. The floor is a bare loop of sends, the least that a broadcast can cost.",
            ),
            others.peers,
            "",
        ),
        OfFindings(
            Drawing(
                "noise",
                "How far apart two equal servers come out",
                "Dots near the line are quiet figures. A difference that stays within the shade is no difference.",
            ),
            others.noise,
            "",
        ),
        OfFindings(
            Drawing(
                "ways-at-scale",
                "How many players each way to the list carries, and what breaks first",
                SEE,
            ),
            at_scale,
            "",
            SCALE_HOLDS.name,
        ),
        OfFindings(
            Drawing(
                "churn",
                "How the server's memory changes with clients that come and go",
                "A flat line is a server that keeps nothing of a client that has gone; a step is the allocator's, a "
                "slope would be a leak.",
            ),
            churn,
            "",
        ),
        OfFindings(
            Drawing(
                "hostile",
                "How much later good clients get their pongs, beside a hostile one",
                "Dots at ×1 are kinds of client that nobody else notices; what lies right of the dashed line makes "
                "the others wait.",
            ),
            hostile,
            "",
        ),
        OfFindings(
            Drawing(
                "cluster",
                "What is seen of a node, a Valkey or a database that dies",
                "Lines that go on rising after a kill are a lobby that goes on; a level stretch is the time in which "
                "nothing was made.",
            ),
            cluster,
            BACK_AND_FRESH,
        ),
        OfFindings(
            Drawing(
                "survival",
                "How many players are connected around each fault",
                "A dip is the players of one node, who come back to the others; a level line is a fault that no socket "
                "noticed.",
            ),
            survival,
            "",
        ),
    )
}
"""By name."""
BY_SCENARIO = {"prediction": "ways-at-scale"}
"""Where the chart has another name than its scenario."""


def _is_heard(latencies: Sequence[Latency]) -> bool:
    return any(latency.summary is not None for latency in latencies)


def draw_charts(figures: Overview) -> list[Chart]:
    """Those whose scenario ran and found something that can be drawn."""
    charts = [partial(_render, each.drawing, partial(each.draw, figures)) for each in FIGURES if each.is_there(figures)]
    for found in figures.run.findings:
        each = FOUND.get(BY_SCENARIO.get(found.name, found.name))
        if each is not None and _has_what_it_takes(found, each) and each.is_there(figures.run, found):
            charts.append(partial(_render, each.drawing, partial(each.draw, figures.run, found)))
    return in_parallel(charts)


def _has_what_it_takes(found: Findings, each: OfFindings) -> bool:
    return (
        any(reading.value > 0 for it in found.measures for reading in it.readings)
        and (not each.needed or any(series.name == each.needed for series in found.series))
        and (not each.measure or any(it.name == each.measure for it in found.measures))
    )


def _render(drawing: Drawing, draw: Callable[[], Figure]) -> Chart:
    return render(drawing.name, drawing.title, drawing.see, draw)
