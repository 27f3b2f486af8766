"""Ways compared on given nodes: up to how many players each holds, and what breaks first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.prediction.model import Model
from bench.prediction.plan import Plan
from bench.prediction.steady import Steady, hopeless, probe_s, steady

PARTIES = (
    ("polling", "polling", "friends"),
    ("polling, ETag", "polling_etag", "friends"),
    ("push, then fetch", "push", "friends"),
    ("deltas, presence to all", "delta", "all"),
    ("deltas, presence batched", "delta", "batched"),
    ("deltas, presence of friends", "delta", "friends"),
)
"""Name, way, presence. Who polls hears of nobody."""
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


def compare(plan: Plan, model: Model, *, nodes: int, say: Callable[[str], None] = lambda what: None) -> list[Wall]:
    """All ways on so many nodes, with everything else as in the plan; rates that belong to players grow with them."""
    found = []
    for name, way, presence in PARTIES:
        say(name)
        found.append(wall(replace(plan, way=way, presence=presence), model, nodes=nodes, name=name))
    return found


def wall(plan: Plan, model: Model, *, nodes: int, name: str) -> Wall:
    """The knee, to within `RESOLUTION`."""
    at_best: Steady | None = None
    holds, fails, breaks = 0, None, ""
    players: int | None = LEAST
    while players is not None:
        tried = replace(plan, players=players)
        why = hopeless(tried, model, nodes)
        came = None
        if not why:
            came = steady(tried, model, nodes, window_s=probe_s(tried))
            why = came.breaks
        if why:
            fails, breaks = players, why
        else:
            holds, at_best = players, came
        players = _next(holds, fails)
    return Wall(
        name=name,
        way=plan.way,
        presence=plan.presence,
        holds=holds,
        fails=fails,
        breaks=breaks,
        delay_ms=None if at_best is None else at_best.delay_ms,
        core_share=0.0 if at_best is None else at_best.shares["core"],
        wire_bytes_per_player=(
            0.0
            if at_best is None
            else at_best.used.wire_bytes_per_s * nodes * plan.cores_per_node / max(1, holds)
        ),
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
