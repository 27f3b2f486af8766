"""Ways compared on given nodes: up to how many players each holds, and what breaks first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bench.prediction.model import Model
from bench.prediction.plan import Plan
from bench.prediction.steady import Steady, least_shares, probe_s, steady, worst_above
from bench.record.vocabulary import CORE, WAYS_AT_SCALE

LEAST, MOST = 1_000, 20_000_000
RESOLUTION = 0.1


@dataclass(frozen=True, kw_only=True)
class Wall:
    """How far a way goes."""

    name: str
    way: str
    presence: str
    holds: int
    """The most players that were tried and held; 0: not even the least."""
    fails: int | None
    """The fewest that were tried and did not; None: none was found."""
    breaks: str
    """What does not hold then."""
    delay_ms: float | None
    """p99 at the most players that held."""
    core_share: float
    wire_bytes_per_player: float
    """Per second, at the most players that held."""
    shares_then: Mapping[str, float] = field(default_factory=dict)
    """Of each resource, what is used with the fewest players that did not hold; only what is known without a run where
    that was enough to know that they do not."""
    delay_then_ms: float | None = None
    """p99 with these; None: not run, or nobody came to a change."""
    reach_then: float | None = None
    """Who came to a change in time, with these; None: not run, or nothing changed."""
    is_cut: bool = False
    """The time was over before the two were within `RESOLUTION`."""


def compare(
    plan: Plan, model: Model, *, nodes: int, say: Callable[[str], None] = lambda what: None,
    for_s: float = math.inf, clock: Callable[[], float] = time.monotonic,
) -> list[Wall]:  # fmt: skip
    """All ways on so many nodes, with everything else as in the plan; rates that belong to players grow with them.

    `for_s`: after about this time what was found until then has to do; each way has an equal part of what is left.
    """
    found = []
    ends_s = clock() + for_s
    for place, (name, way, presence) in enumerate(WAYS_AT_SCALE):
        say(name)
        now_s = clock()
        until_s = now_s + (ends_s - now_s) / (len(WAYS_AT_SCALE) - place)
        tried = replace(plan, way=way, presence=presence)
        found.append(wall(tried, model, nodes=nodes, name=name, until_s=until_s, clock=clock))
    return found


def wall(
    plan: Plan, model: Model, *, nodes: int, name: str, until_s: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Wall:  # fmt: skip
    """The knee, to within `RESOLUTION`, or as far as it is known at a moment of the clock."""
    at_best: Steady | None = None
    at_worst: Steady | None = None
    holds, fails, breaks, is_cut = 0, None, "", False
    shares: Mapping[str, float] = {}
    players: int | None = LEAST
    while players is not None:
        tried = replace(plan, players=players)
        came = None
        anyway = least_shares(tried, model, nodes)
        why = worst_above(anyway, plan.level.ceiling)
        if not why:
            came = steady(tried, model, nodes, window_s=probe_s(tried))
            why = came.breaks
        if why:
            fails, breaks, at_worst = players, why, came
            shares = anyway if came is None else came.shares
        else:
            holds, at_best = players, came
        players = _next(holds, fails)
        if players is not None and clock() >= until_s:
            is_cut = True
            break
    then_ms = None if at_worst is None else at_worst.delay_ms
    return Wall(
        name=name,
        way=plan.way,
        presence=plan.presence,
        holds=holds,
        fails=fails,
        breaks=breaks,
        delay_ms=None if at_best is None else at_best.delay_ms,
        core_share=0.0 if at_best is None else at_best.shares[CORE],
        wire_bytes_per_player=(
            0.0
            if at_best is None
            else at_best.used.wire_bytes_per_s * nodes * plan.cores_per_node / max(1, holds)
        ),
        shares_then=dict(shares),
        delay_then_ms=then_ms if then_ms is not None and math.isfinite(then_ms) else None,
        reach_then=None if at_worst is None else at_worst.used.reach,
        is_cut=is_cut,
    )  # fmt: skip


def _next(holds: int, fails: int | None) -> int | None:
    """Where to look next; None: it is known well enough."""
    if fails is None:
        return holds * 4 if holds * 4 <= MOST else None
    if holds == 0 or fails <= holds * (1 + RESOLUTION):
        return None
    middle = math.sqrt(holds * fails)
    digit = 10 ** max(0, math.floor(math.log10(middle)) - 1)
    found = round(middle / digit) * digit  # two digits: it is known no better
    return found if holds < found < fails else None
