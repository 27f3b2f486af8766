"""What a client of each way costs in bytes: per minute while nothing changes, and per hour at any rate of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.validity import Judgement, judge_group
from bench.record.traffic import Traffic, TrafficGroup
from loadtest.results.validity import Validity

LAYERS = ("message", "framed", "wire")

ONE_BY_ONE = 0.98
"""Events per change from which on each change was told by itself: one may have been on its way at an edge."""


@dataclass(frozen=True)
class Spread:
    """A quantity over the clients of a group. It is one that adds up, so its mean is what a client costs."""

    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class IdleCost:
    """One kind of client with one length of the list; bytes per minute, up and down together."""

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


@dataclass(frozen=True)
class WayCost:
    """What a way costs with one length of the list at one rate; bytes per client-hour, up and down together."""

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
    """Per client-hour, by the same counters."""
    judgement: Judgement

    @property
    def framed(self) -> float:
        return self.heartbeat + self.headers + self.payload

    @property
    def whole(self) -> float:
        """With TCP/IP: measured where it was, modelled elsewhere."""
        return self.measured if self.measured is not None else self.model

    @property
    def tcp_ip(self) -> float:
        """The part of TCP/IP."""
        return self.whole - self.framed


def idle_costs(traffic: Traffic, *, window_s: float, time_scale: float) -> list[IdleCost]:
    """The cost of a minute of each group while nothing changes.

    A shortened window stands for as much time as its scale says.
    """
    per_minute = 60.0 / (window_s * time_scale)
    return [_idle_cost(group, per_minute) for group in traffic.groups if not group.changes_per_s]


def way_costs(traffic: Traffic, *, window_s: float) -> list[WayCost]:
    """Of each group, by the clock of the run, also where it was shortened."""
    return [_way_cost(group, window_s) for group in traffic.groups]


def select(costs: Sequence[IdleCost], kind: str) -> list[IdleCost]:
    """Of one kind, by length of the list."""
    return sorted((cost for cost in costs if cost.kind == kind), key=lambda cost: cost.rooms)


def _way_cost(group: TrafficGroup, window_s: float) -> WayCost:
    per_hour = 3600.0 / window_s / max(1, len(group.clients))
    headers = sum(client.header_bytes for client in group.clients)
    payload = sum(client.payload_bytes for client in group.clients)
    framed = sum(client.framed_bytes for client in group.clients)
    return WayCost(
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
        judgement=judge_group(group),
    )


def _idle_cost(group: TrafficGroup, per_minute: float) -> IdleCost:
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
        framed=spread([client.framed_bytes for client in group.clients]),
        wire=spread([client.wire_bytes for client in group.clients]),
        judgement=judge_group(group),
    )
