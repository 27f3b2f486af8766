"""One colour for one thing, in every chart and profile.

Colours are those of Okabe and Ito, which the colour-blind can tell apart. What is counted, such as clients, has the
colour of its size on a scale that does not depend on which sizes a run has.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from bench.record.profiles.sizes import DELTA_LIFE, FETCHING_LIFE, IDLE_LIFE
from bench.record.vocabulary import FIXED_RETRY, JITTER_RETRY, LOBBY

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#555555"

WAY_COLOURS: Mapping[str, str] = MappingProxyType(
    {"polling": GREY, "polling_etag": SKY, "polling_gzip": PURPLE, "push": VERMILLION, "rev": ORANGE, "delta": GREEN}
)
"""The ways to the list, in the order of legends."""

LIFE_COLOURS: Mapping[str, str] = MappingProxyType(
    {IDLE_LIFE: BLUE, FETCHING_LIFE: WAY_COLOURS["push"], DELTA_LIFE: WAY_COLOURS["delta"]}
)
"""Of a player's lives: an active one has the colour of its way."""

POLICY_COLOURS: Mapping[str, str] = MappingProxyType({FIXED_RETRY: VERMILLION, JITTER_RETRY: BLUE})

SMALLEST, LARGEST = 10, 20_000
"""Clients at the ends of the scale of sizes."""


def size_colour(clients: int) -> str:
    """Pale for few, dark for many; the same for a size in every chart."""
    at = np.log(max(SMALLEST, min(LARGEST, clients)) / SMALLEST) / np.log(LARGEST / SMALLEST)
    return to_hex(mpl.colormaps["plasma"](0.85 - 0.5 * float(at)))


def policy_colour(party: str) -> str:
    """Of a party whose name begins with its policy of retries."""
    return next((colour for policy, colour in POLICY_COLOURS.items() if party.startswith(policy)), GREY)


def party_colour(party: str) -> str:
    """The lobby is set apart from all others."""
    return BLUE if party == LOBBY else SKY
