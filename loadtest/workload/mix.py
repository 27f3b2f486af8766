"""The mix: which share of the players has which role, and which features each role requests.

``browser=6,host=2`` gives the weights; the sequence of roles that comes of them is the same for the same seed, and any
whole round of it (here: any 8 players in a row) has exactly the shares asked for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from random import Random

from loadtest.workload.roles.book import ROLES
from lobby_server.protocol.features import Feature

FLAPPER, POLLER, CONDITIONAL_POLLER = "flapper", "poller", "conditional_poller"
POLLERS = (POLLER, CONDITIONAL_POLLER)
"""The roles of ours that have no socket."""
BASE = "base"
"""The mode without any feature."""

_WINDOW = 20
"""Players in a row whose roles are shuffled among them: without that, every second worker might get all hosts."""
_FINEST = 1000
"""Shares are exact to a thousandth."""


def read_mix(text: str) -> dict[str, float]:
    """Weights by role. Raises `ValueError` with what is wrong."""
    weights: dict[str, float] = {}
    for item in (item.strip() for item in text.split(",") if item.strip()):
        role, _, number = (part.strip() for part in item.partition("="))
        if role not in ROLES:
            raise ValueError(f"{role} is no role: choose from {', '.join(ROLES.names)}")
        try:
            weight = float(number)
        except ValueError:
            raise ValueError(f"{item} has no weight: write {role}=1") from None
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"the weight of {role} must be 0 or more")
        weights[role] = weights.get(role, 0.0) + weight
    if not any(weights.values()):
        raise ValueError(f"no role has a weight: give weights, as in {ROLES.default_mix()}")
    return {role: weight for role, weight in weights.items() if weight}


def read_modes(text: str) -> dict[str, frozenset[Feature]]:
    """Features by role: ``rooms_delta`` for all, ``browser=rooms_delta+presence_batch,host=base`` for some; the roles
    not named have none. Raises `ValueError`."""
    modes = dict.fromkeys(ROLES.names, frozenset[Feature]())
    items = [item.strip() for item in text.split(",") if item.strip()]
    for item in sorted(items, key=lambda item: "=" in item):  # what is for all comes first, whatever was written first
        role, equals, names = (part.strip() for part in item.partition("="))
        features = _read_features(names if equals else role)
        if not equals:
            modes = dict.fromkeys(ROLES.names, features)
        elif role in ROLES:
            modes[role] = features
        else:
            raise ValueError(f"{role} is no role: choose from {', '.join(ROLES.names)}")
    return modes


def _read_features(names: str) -> frozenset[Feature]:
    known = [feature.value for feature in Feature]
    asked = [name.strip() for name in names.split("+") if name.strip() and name.strip() != BASE]
    for name in asked:
        if name not in known:
            raise ValueError(f"{name} is no mode: choose from {BASE}, {', '.join(known)}, with + between them")
    return frozenset(Feature(name) for name in asked)


class RoleSequence:
    """The role of every player by number. O(1) amortised in the order of numbers."""

    def __init__(self, weights: Mapping[str, float], seed: int) -> None:
        self._seed = seed
        self._round = _one_round(weights)
        self._width = len(self._round) if len(self._round) <= _WINDOW else _WINDOW
        self._window: tuple[int, list[str]] = (-1, [])

    def role_of(self, number: int) -> str:
        window, place = divmod(number, self._width)
        if self._window[0] != window:
            first = window * self._width
            roles = [self._round[(first + offset) % len(self._round)] for offset in range(self._width)]
            Random(f"{self._seed}/mix/{window}").shuffle(roles)
            self._window = window, roles
        return self._window[1][place]

    def count(self, players: int) -> Counter[str]:
        """How many of the first so many have which role."""
        return Counter(self.role_of(number) for number in range(players))


def _one_round(weights: Mapping[str, float]) -> list[str]:
    """Smooth weighted round robin over the smallest whole weights: roles as evenly spread as can be."""
    total = sum(weights.values())
    shares = {role: Fraction(weight / total).limit_denominator(_FINEST) for role, weight in weights.items()}
    shares = {role: max(share, Fraction(1, _FINEST)) for role, share in shares.items()}
    common = math.lcm(*(share.denominator for share in shares.values()))
    if common > _FINEST:
        common = _FINEST
    whole = {role: max(1, round(share * common)) for role, share in shares.items()}
    divisor = math.gcd(*whole.values())
    whole = {role: number // divisor for role, number in whole.items()}
    length = sum(whole.values())
    credit = dict.fromkeys(whole, 0)
    found = []
    for _ in range(length):
        for role, number in whole.items():
            credit[role] += number
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= length
        found.append(chosen)
    return found
