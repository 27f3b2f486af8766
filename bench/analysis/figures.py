"""Figures from raw results: what tables, charts, sentences and verdicts say is worked out here, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.analysis.validity import (
    Judgement,
    Validity,
    generator_share,
    judge_idle,
    judge_phases,
    server_waited,
    sum_loads,
)
from bench.record.results import BandwidthGroup, BandwidthResult, Broadcast, BroadcastPoint, ClientBytes, Phase, Run
from bench.record.samples import Samples
from bench.stats import FloatArray, Interval, Summary, bootstrap_interval, merge, percentile, summarize

FIXED = "fixed 5 s"
LISTENING = "server accepts again"
"""Names of the scenario `bench.scenarios.herds`."""

LAYERS = ("message", "framed", "wire")


@dataclass(frozen=True)
class Latency:
    """One kind of broadcast at one size; all in ms, from the intended time."""

    clients: int
    broadcasts: int
    summary: Summary | None
    """Of all receipts of all broadcasts, merged."""
    p50_interval: Interval | None
    p99_interval: Interval | None
    first_ms: float
    """When the first client had it: the median over the broadcasts."""
    last_ms: float
    """When the last client had it: the median over the broadcasts."""
    lasts_ms: list[float]
    """When the last client had it, in each broadcast."""
    worst_last_ms: float
    """When the last client had it, in the slowest broadcast."""
    reach: float
    """Received ÷ expected."""
    lost: int
    lost_by: dict[str, int]
    twice: int
    disordered: int
    late_worst_ms: float
    server_ms_per_broadcast: float
    server_share: float
    """Of a core, over as many intervals as there were broadcasts: the quiet before and after them is not in it."""
    server_waited: float
    """Part of the time in which it would have worked that other work had its core."""
    generator_share: float
    judgement: Judgement
    samples_ms: FloatArray

    @property
    def valid(self) -> bool:
        return self.judgement.validity is not Validity.INVALID and self.summary is not None


@dataclass(frozen=True)
class Figures:
    """All of them, of one run; empty where a scenario did not run."""

    run: Run
    announcements: list[Latency]
    """From the room's creation to `rooms_changed`, without fetches."""
    fresh: list[Latency]
    """From the room's creation to the list that has it, everybody fetching at once."""
    status: list[Latency]
    """From a user's handshake to everybody's `user_online`."""
    rates: list[tuple[float, Latency]]
    """Announcements in a stream of so many changes a second."""
    polled_ms: FloatArray
    """Age of a room when a polling client first saw it; all points together, because the pollers are the same few."""
    idle: list[IdleCost]
    traffic: list[Traffic]


def derive(run: Run) -> Figures:
    """Costs seconds for a big run: the intervals are drawn many times."""
    points = run.broadcast.points if run.broadcast is not None else []
    by_clients = {clients: [point for point in points if point.clients == clients] for clients in _sizes(points)}
    rates = run.broadcast.rates if run.broadcast is not None else []
    by_rate = {
        rate: [point.phase for point in rates if point.changes_per_s == rate]
        for rate in sorted({point.changes_per_s for point in rates})
    }
    sizes, seed = run.profile.bandwidth, run.seed
    return Figures(
        run=run,
        announcements=[_latency(n, [p.notify for p in same], _received, seed=seed) for n, same in by_clients.items()],
        fresh=[
            _latency(n, [p.refetch for p in same], _fresh, seed=seed)
            for n, same in by_clients.items()
            if any(p.refetch.broadcasts for p in same)
        ],
        status=[_latency(n, [p.presence for p in same], _received, seed=seed) for n, same in by_clients.items()],
        rates=[(rate, _latency(rates[0].clients, phases, _received, seed=seed)) for rate, phases in by_rate.items()],
        polled_ms=merge([point.polled.values_ms() for point in points]),
        idle=idle_costs(run.bandwidth, window_s=sizes.window_s, time_scale=sizes.time_scale) if run.bandwidth else [],
        traffic=traffic_costs(run.bandwidth, window_s=sizes.window_s) if run.bandwidth else [],
    )


def _sizes(points: Sequence[BroadcastPoint]) -> list[int]:
    return sorted({point.clients for point in points})


def _received(broadcast: Broadcast) -> Samples | None:
    return broadcast.received


def _fresh(broadcast: Broadcast) -> Samples | None:
    return broadcast.fresh


def _latency(
    clients: int, phases: Sequence[Phase], series_of: Callable[[Broadcast], Samples | None], *, seed: int
) -> Latency:
    """Of all repeats: their broadcasts are merged, their loads added up."""
    broadcasts = [broadcast for phase in phases for broadcast in phase.broadcasts]
    groups = [samples.values_ms() for each in broadcasts if (samples := series_of(each)) is not None]
    merged = merge(groups)
    filled = [group for group in groups if len(group)]
    lasts = [float(group[-1]) for group in filled]
    expected = sum(broadcast.expected for broadcast in broadcasts)
    number = len(broadcasts)
    load = sum_loads([phase.load for phase in phases])
    window_s = sum(phase.interval_s * len(phase.broadcasts) for phase in phases)
    return Latency(
        clients=clients,
        broadcasts=number,
        summary=summarize(merged),
        p50_interval=bootstrap_interval(groups, partial(percentile, q=50), seed=seed),
        p99_interval=bootstrap_interval(groups, partial(percentile, q=99), seed=seed),
        first_ms=percentile([float(group[0]) for group in filled], 50),
        last_ms=percentile(lasts, 50),
        lasts_ms=lasts,
        worst_last_ms=max(lasts, default=float("nan")),
        reach=len(merged) / expected if expected else float("nan"),
        lost=expected - len(merged),
        lost_by=_causes(broadcasts),
        twice=sum(broadcast.twice for broadcast in broadcasts),
        disordered=sum(broadcast.disordered for broadcast in broadcasts),
        late_worst_ms=max((broadcast.late_us for broadcast in broadcasts), default=0) / 1e3,
        server_ms_per_broadcast=load.server_cpu_s * 1e3 / number if number else float("nan"),
        server_share=load.server_cpu_s / window_s if window_s else float("nan"),
        server_waited=server_waited(load),
        generator_share=max((generator_share(phase.load) for phase in phases), default=0.0),
        judgement=judge_phases(phases),
        samples_ms=merged,
    )


def _causes(broadcasts: Sequence[Broadcast]) -> dict[str, int]:
    causes: Counter[str] = Counter()
    for broadcast in broadcasts:
        causes.update(broadcast.lost_by)
    return dict(causes)


@dataclass(frozen=True)
class Spread:
    """A quantity over the clients of a group. It is one that adds up, so its mean is what a client costs."""

    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class IdleCost:
    """One kind of client with one length of the list; bytes a minute, up and down together."""

    kind: str
    rooms: int
    list_bytes: int
    clients: int
    requests: Spread
    message: Spread
    framed: Spread
    wire: Spread
    judgement: Judgement

    @property
    def valid(self) -> bool:
        return self.judgement.validity is not Validity.INVALID

    def layer(self, name: str) -> Spread:
        """`name` is one of `LAYERS`."""
        found: Spread = getattr(self, name)
        return found


def idle_costs(idle: BandwidthResult, *, window_s: float, time_scale: float) -> list[IdleCost]:
    """Each group's cost of a minute. A shortened window stands for as much time as its scale says."""
    per_minute = 60.0 / (window_s * time_scale)
    return [_idle_cost(group, per_minute) for group in idle.groups if not group.changes_per_s]


@dataclass(frozen=True)
class Traffic:
    """What a way costs with one length of the list at one rate; bytes a client-hour, up and down together."""

    kind: str
    rooms: int
    changes_per_s: float
    """As it is called."""
    changes: int
    achieved_per_s: float
    """Changes over the window."""
    events: float
    requests: float
    heartbeat: float
    headers: float
    payload: float
    model: float
    """With TCP/IP, modelled."""
    measured: float | None
    """With TCP/IP, by the counters of the group's own link."""
    packets: float | None
    """A client-hour, by the same counters."""
    judgement: Judgement

    @property
    def framed(self) -> float:
        return self.heartbeat + self.headers + self.payload

    @property
    def tcp_ip(self) -> float:
        """The part of TCP/IP: measured where it was."""
        return (self.measured if self.measured is not None else self.model) - self.framed


def traffic_costs(result: BandwidthResult, *, window_s: float) -> list[Traffic]:
    """By the clock of the run, also where it was shortened."""
    return [_traffic(group, window_s) for group in result.groups]


def _traffic(group: BandwidthGroup, window_s: float) -> Traffic:
    per_hour = 3600.0 / window_s / max(1, len(group.clients))
    headers = sum(client.header_bytes for client in group.clients)
    payload = sum(client.payload_bytes for client in group.clients)
    framed = sum(framed_bytes(client) for client in group.clients)
    return Traffic(
        kind=group.kind,
        rooms=group.rooms,
        changes_per_s=group.changes_per_s,
        changes=group.changes,
        achieved_per_s=group.changes / window_s,
        events=sum(client.events for client in group.clients) * per_hour,
        requests=sum(client.requests for client in group.clients) * per_hour,
        heartbeat=(framed - headers - payload) * per_hour,
        headers=headers * per_hour,
        payload=payload * per_hour,
        model=sum(client.wire_bytes for client in group.clients) * per_hour,
        measured=group.wire.ip_bytes * per_hour if group.wire is not None else None,
        packets=group.wire.packets * per_hour if group.wire is not None else None,
        judgement=judge_idle(group),
    )


def _idle_cost(group: BandwidthGroup, per_minute: float) -> IdleCost:
    def spread(values: list[int]) -> Spread:
        scaled = np.asarray(values, dtype=np.float64) * per_minute
        return Spread(float(scaled.mean()), float(scaled.min()), float(scaled.max()))

    return IdleCost(
        kind=group.kind,
        rooms=group.rooms,
        list_bytes=group.list_bytes,
        clients=len(group.clients),
        requests=spread([client.requests for client in group.clients]),
        message=spread([client.message_bytes for client in group.clients]),
        framed=spread([framed_bytes(client) for client in group.clients]),
        wire=spread([client.wire_bytes for client in group.clients]),
        judgement=judge_idle(group),
    )


def framed_bytes(client: ClientBytes) -> int:
    """Both directions."""
    return client.framed_up_bytes + client.framed_down_bytes


def returns_after_up_s(run: Run) -> list[float] | None:
    """Of the clients with the seed's fixed retry: from when the server accepted again until each was back and fresh.

    One that was lost later than that has waited less. ``None`` when it was not measured, empty when nobody came back.
    """
    found = run.found("reconnect")
    if found is None:
        return None
    waits: list[float] = []
    for series in found.series:
        if series.party.startswith(FIXED):
            listening = found.find(LISTENING, series.party, series.where)
            for group, up in zip(series.groups, listening, strict=False):
                waits += [max(0.0, at_ms / 1e3 - up.value) for at_ms in group.values_ms().tolist()]
    return waits


def expected_returns(run: Run) -> int:
    """How many clients with the fixed retry should have come back, over all restarts."""
    found = run.found("reconnect")
    series = found.series if found is not None else []
    return sum(each.clients * len(each.groups) for each in series if each.party.startswith(FIXED))


def select(costs: Sequence[IdleCost], kind: str) -> list[IdleCost]:
    """Of one kind, by length of the list."""
    return sorted((cost for cost in costs if cost.kind == kind), key=lambda cost: cost.rooms)
