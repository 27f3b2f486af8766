"""What a report says of latencies and bytes, of one run; empty where a scenario did not run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.derived.latency import Latency, by_clients, by_rate
from bench.analysis.derived.traffic import IdleCost, WayCost, idle_costs, way_costs
from bench.record.run import Run
from bench.record.traffic import Traffic
from bench.record.vocabulary import ANNOUNCEMENT, FRESH_LIST, POLLED_AGE, STATUS
from bench.stats import FloatArray, merge


@dataclass(frozen=True)
class Overview:
    """All of them."""

    run: Run
    announcements: list[Latency]
    """From the creation of the room to `rooms_changed`, without fetches."""
    fresh: list[Latency]
    """From the creation of the room to the list that has it, everybody fetching at once."""
    status: list[Latency]
    """From the handshake of a user to everybody's `user_online`."""
    rates: list[tuple[float, Latency]]
    """Announcements in a stream of so many changes per second."""
    polled_ms: FloatArray
    """Age of a room when a polling client first saw it; all points together, because the pollers are the same few."""
    idle: list[IdleCost]
    traffic: list[WayCost]


def traffic_of(run: Run) -> Traffic | None:
    """Every byte that was counted; ``None`` where the scenario did not run."""
    found = run.found("bandwidth")
    return found.traffic if found is not None else None


def way_costs_of(run: Run) -> list[WayCost]:
    """None where the scenario did not run."""
    traffic = traffic_of(run)
    return way_costs(traffic, window_s=run.profile.bandwidth.window_s) if traffic is not None else []


def derive(run: Run) -> Overview:
    """Cheap but for the merging of series, which may have 10⁶ samples."""
    found, traffic = run.found("broadcast"), traffic_of(run)
    sizes = run.profile.bandwidth
    told = found.series_of(ANNOUNCEMENT) if found is not None else []
    fresh = found.series_of(FRESH_LIST) if found is not None else []
    status = found.series_of(STATUS) if found is not None else []
    polled = found.series_of(POLLED_AGE) if found is not None else []
    return Overview(
        run=run,
        announcements=by_clients(told),
        fresh=by_clients(fresh),
        status=by_clients(status),
        rates=by_rate(told),
        polled_ms=merge([group.values_ms() for series in polled for group in series.groups]),
        idle=idle_costs(traffic, window_s=sizes.window_s, time_scale=sizes.time_scale) if traffic is not None else [],
        traffic=way_costs_of(run),
    )
