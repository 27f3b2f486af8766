"""A plan on so many nodes in the steady state: what each resource is used for, and whether that holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.prediction.model import Model
from bench.prediction.plan import Plan
from bench.prediction.virtual.lobby import Lobby, Used
from bench.prediction.virtual.setup import seconds
from bench.record.vocabulary import BALANCER, BANDWIDTH, CORE, DATABASE, LATENCY, LOG, MEMORY

LEAST_PROBE_S, MOST_PROBE_S, CHANGES_IN_A_PROBE = 4.0, 20.0, 4
"""Virtual time in which a number of nodes is tried, for so many changes."""
REACH = 0.99
"""Of the clients, who must have come to a change for the 99th percentile to be told."""
GBIT = 125e6
"""Bytes per second."""


@dataclass(frozen=True, kw_only=True)
class Steady:
    """What came of it."""

    nodes: int
    used: Used
    shares: Mapping[str, float]
    """Of each resource, how much of it is used, of the node that has most of it to do."""
    gib_per_node: float
    delay_ms: float | None
    """What the level of service is about; infinite: too many were too late to be counted. None: nothing changed."""
    breaks: str
    """What does not hold, the worst first; empty: all holds."""

    @property
    def holds(self) -> bool:
        return not self.breaks


def probe_s(plan: Plan) -> float:
    """How long a number of nodes is tried."""
    wanted_s = CHANGES_IN_A_PROBE / plan.changes if plan.changes else LEAST_PROBE_S
    return min(MOST_PROBE_S, max(LEAST_PROBE_S, wanted_s))


def gib_per_node(plan: Plan, model: Model, nodes: int) -> float:
    """Every process knows every user online and every room."""
    sizes, setup = model.sizes, plan.on(nodes)
    here = setup.sessions_of(0) if setup.has_sockets else 0
    elsewhere = plan.players - here if setup.has_sockets else 0
    kib = here * sizes.session_kib.value + elsewhere * sizes.user_kib.value + plan.rooms * sizes.room_kib.value
    return plan.cores_per_node * (sizes.process_mib.value / 1024 + kib / 2**20)


def steady(plan: Plan, model: Model, nodes: int, *, window_s: float | None = None) -> Steady:
    """Run it."""
    setup = plan.on(nodes)
    used = Lobby(setup, model).steady(window_s)
    gib = gib_per_node(plan, model, nodes)
    whole_bytes_per_s = used.wire_bytes_per_s * setup.processes
    database = seconds(model.costs.database_write) if setup.processes > 1 else 0.0
    shares = {
        CORE: used.busiest,
        BANDWIDTH: used.wire_bytes_per_s * plan.cores_per_node / (plan.limits.node_gbit * GBIT),
        MEMORY: gib / plan.limits.node_gib,
        LOG: used.engine,
        BALANCER: whole_bytes_per_s / (plan.limits.balancer_gbit * GBIT),
        DATABASE: plan.changes * database / plan.limits.database_cores,
    }
    times = used.fresh if setup.has_sockets else used.answers
    late_s = times.percentile(99)
    delay_ms = late_s * 1000 if late_s is not None else None
    if setup.has_sockets and used.reach is not None and used.reach < REACH:
        delay_ms = math.inf
    breaks = worst_above(shares, plan.level.ceiling)
    if not breaks and delay_ms is not None and delay_ms > plan.level.slo_ms:
        breaks = LATENCY
    return Steady(
        nodes=nodes, used=used, shares=shares, gib_per_node=gib, delay_ms=delay_ms, breaks=breaks
    )  # fmt: skip


def hopeless(plan: Plan, model: Model, nodes: int) -> str:
    """What is above its ceiling whatever the fan-out makes of it, the worst first; empty: nothing is. So that what
    cannot hold need not be run."""
    return worst_above(least_shares(plan, model, nodes), plan.level.ceiling)


def least_shares(plan: Plan, model: Model, nodes: int) -> dict[str, float]:
    """What is used of core, memory and log by what every session costs anyway."""
    costs, setup = model.costs, plan.on(nodes)
    here = setup.sessions_of(0)
    if setup.has_sockets:
        anyway = here * seconds(costs.heartbeat) / setup.heartbeat_s
        anyway += plan.logins / setup.processes * (seconds(costs.upgrade) + seconds(costs.handshake))
    else:
        cheapest = costs.unchanged if setup.way != "polling" else costs.poll
        anyway = here * seconds(cheapest) / setup.poll_s
    log = 0.0
    if setup.processes > 1:
        applied = plan.changes + plan.commands + (2 * plan.logins if setup.has_sockets else 0.0)
        anyway += applied * seconds(costs.command)
        log = applied * seconds(costs.engine_command)
    return {CORE: anyway, MEMORY: gib_per_node(plan, model, nodes) / plan.limits.node_gib, LOG: log}


def worst_above(shares: Mapping[str, float], ceiling: float) -> str:
    """The resource of which most is used, of those above the ceiling; empty: none is."""
    above = {name: share for name, share in shares.items() if share > ceiling}
    return max(above, key=above.__getitem__, default="")
