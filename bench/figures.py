"""Figures from raw results: what tables, charts, sentences and verdicts say is worked out here, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.results import BroadcastPoint, ClientBytes, IdleGroup, IdleResult, Phase, Run, Samples
from bench.stats import FloatArray, Interval, Summary, bootstrap_interval, merge, percentile, summarize
from bench.validity import Judgement, Validity, generator_share, judge_idle, judge_phase, server_waited

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
    last_ms: float
    """When the last client had it: the median over the broadcasts."""
    lasts_ms: list[float]
    """When the last client had it, in each broadcast."""
    worst_last_ms: float
    """When the last client had it, in the slowest broadcast."""
    reach: float
    """Received ÷ expected."""
    lost: int
    twice: int
    late_worst_ms: float
    server_ms_per_broadcast: float
    server_share: float
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
    polled_ms: FloatArray
    """Age of a room when a polling client first saw it; all points together, because the pollers are the same few."""
    idle: list[IdleCost]


def derive(run: Run) -> Figures:
    """Costs seconds for a big run: the intervals are drawn many times."""
    points = run.broadcast.points if run.broadcast is not None else []
    sizes = run.profile.idle
    return Figures(
        run=run,
        announcements=[_announcements(point, seed=run.seed) for point in points],
        fresh=[_fresh_lists(point, seed=run.seed) for point in points],
        status=[_status_changes(point, seed=run.seed) for point in points],
        polled_ms=merge([point.polled.values_ms() for point in points]),
        idle=idle_costs(run.idle, window_s=sizes.window_s, time_scale=sizes.time_scale) if run.idle else [],
    )


def _announcements(point: BroadcastPoint, *, seed: int) -> Latency:
    return _latency(point.clients, point.notify, [b.received for b in point.notify.broadcasts], seed=seed)


def _fresh_lists(point: BroadcastPoint, *, seed: int) -> Latency:
    samples = [b.fresh for b in point.refetch.broadcasts if b.fresh is not None]
    return _latency(point.clients, point.refetch, samples, seed=seed)


def _status_changes(point: BroadcastPoint, *, seed: int) -> Latency:
    return _latency(point.clients, point.presence, [b.received for b in point.presence.broadcasts], seed=seed)


def _latency(clients: int, phase: Phase, series: Sequence[Samples], *, seed: int) -> Latency:
    groups = [samples.values_ms() for samples in series]
    merged = merge(groups)
    lasts = [float(group[-1]) for group in groups if len(group)]
    expected = sum(broadcast.expected for broadcast in phase.broadcasts)
    number = len(phase.broadcasts)
    return Latency(
        clients=clients,
        broadcasts=number,
        summary=summarize(merged),
        p50_interval=bootstrap_interval(groups, partial(percentile, q=50), seed=seed),
        p99_interval=bootstrap_interval(groups, partial(percentile, q=99), seed=seed),
        last_ms=percentile(lasts, 50),
        lasts_ms=lasts,
        worst_last_ms=max(lasts, default=float("nan")),
        reach=len(merged) / expected if expected else float("nan"),
        lost=expected - len(merged),
        twice=sum(broadcast.twice for broadcast in phase.broadcasts),
        late_worst_ms=max((broadcast.late_us for broadcast in phase.broadcasts), default=0) / 1e3,
        server_ms_per_broadcast=phase.load.server_cpu_s * 1e3 / number if number else float("nan"),
        server_share=phase.load.server_cpu_s / phase.load.wall_s if phase.load.wall_s else float("nan"),
        server_waited=server_waited(phase.load),
        generator_share=generator_share(phase.load),
        judgement=judge_phase(phase),
        samples_ms=merged,
    )


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


def idle_costs(idle: IdleResult, *, window_s: float, time_scale: float) -> list[IdleCost]:
    """Each group's cost of a minute. A shortened window stands for as much time as its scale says."""
    per_minute = 60.0 / (window_s * time_scale)
    return [_idle_cost(group, per_minute) for group in idle.groups]


def _idle_cost(group: IdleGroup, per_minute: float) -> IdleCost:
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


def returns_after_up_s(run: Run) -> list[float]:
    """For each client that came back: from when the server accepted again to its acceptance, or from its own
    loss if that was later."""
    if run.reconnect is None:
        return []
    up_s = run.reconnect.up_again_s
    return [way.back_s - max(up_s, way.lost_s or 0.0) for way in run.reconnect.returns if way.back_s is not None]


def select(costs: Sequence[IdleCost], kind: str) -> list[IdleCost]:
    """Of one kind, by length of the list."""
    return sorted((cost for cost in costs if cost.kind == kind), key=lambda cost: cost.rooms)
