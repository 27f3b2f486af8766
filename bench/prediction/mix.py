"""What the roles of the swarm do, as rates: so that a plan for a swarm can be tried in virtual time first.

The roles and their times are those of `loadtest.players.roles` (a test compares them). Importing them would bring
Locust and its patches into the lab. Roles that poll are not here: a forecast has one way to the list for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.words import count

ROOM_INTERVAL_S, VISIT_INTERVAL_S, VISIT_S, CHAT_INTERVAL_S, DROP_INTERVAL_S = 120.0, 30.0, 20.0, 8.0, 60.0
"""Means, by default."""
ROUND_S = VISIT_INTERVAL_S + VISIT_S
"""From one visit to the next."""


class MixUnreadable(ValueError):
    """The text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Doing:
    """Of one player, per second."""

    changes: float = 0.0
    """Of the list of rooms."""
    comings: float = 0.0
    """Connections that are lost and made again."""
    commands: float = 0.0
    """Others, which a few hear."""


ROLES: Mapping[str, Doing] = MappingProxyType(
    {
        "browser": Doing(),
        "host": Doing(changes=2 / ROOM_INTERVAL_S),
        "joiner": Doing(changes=2 / ROUND_S, commands=VISIT_S / ROUND_S / CHAT_INTERVAL_S),
        "flapper": Doing(comings=1 / DROP_INTERVAL_S),
        "socializer": Doing(commands=2 / ROUND_S + 1 / CHAT_INTERVAL_S),
    }
)
"""A host makes a room and deletes it; a joiner enters one and leaves it, and talks there; a socializer talks everywhere
and has a party now and then."""


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Of all players of a mix, per player and second."""

    changes: float
    comings: float
    commands: float


def read_mix(text: str) -> Mixed:
    """``browser=6,host=2``, weights as the swarm has them. Raises `MixUnreadable`."""
    weights: dict[str, float] = {}
    for item in (item.strip() for item in text.split(",") if item.strip()):
        role, _, number = (part.strip() for part in item.partition("="))
        if role not in ROLES:
            raise MixUnreadable(f"{role} is no role of a forecast: choose from {', '.join(ROLES)}")
        try:
            weight = float(number)
        except ValueError:
            raise MixUnreadable(f"{item} has no weight: write {role}=1") from None
        if not (math.isfinite(weight) and weight >= 0):
            raise MixUnreadable(f"the weight of {role} must be 0 or more")
        weights[role] = weights.get(role, 0.0) + weight
    whole = sum(weights.values())
    if not whole:
        raise MixUnreadable("no role has a weight: give weights, as in browser=6,host=2")
    shares = {role: weight / whole for role, weight in weights.items()}
    return Mixed(
        changes=sum(ROLES[role].changes * share for role, share in shares.items()),
        comings=sum(ROLES[role].comings * share for role, share in shares.items()),
        commands=sum(ROLES[role].commands * share for role, share in shares.items()),
    )


def mix_words(mixed: Mixed, players: int) -> str:
    """What it comes to."""
    return (
        f"{count(mixed.changes * players)} changes of the list, {count(mixed.comings * players)} connections lost and "
        f"made again, {count(mixed.commands * players)} other commands per second"
    )
