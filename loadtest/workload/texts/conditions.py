"""``--network``: the line of each player, drawn from the seed.

``mobile-3g`` for all, ``lte=3,mobile-3g=1`` by weights, or a line of its own: parts with ``;`` between, after a profile
or without one: ``mobile-3g;loss_interval_s=exp:120``. Round trips and rates are those of WebPageTest's profiles (its
connectivity list); how they vary from player to player, and how often a phone loses its connection, are guesses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from loadtest.results.exit_codes import UsageError
from loadtest.wire.lines.line import LineSpeed
from loadtest.workload.distributions import Distribution, read_distribution

FLAG = "--network"
DIRECT = "direct"
_NEVER = Distribution("fixed", 0.0)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Of many players. Rates of 0 are without a limit."""

    round_trip: Distribution = _NEVER
    """Of a player, drawn once."""
    jitter: Distribution = _NEVER
    """One way, of each chunk, on top."""
    down_kbit_per_s: float = 0.0
    up_kbit_per_s: float = 0.0
    loss_interval: Distribution = _NEVER
    """Between two losses of a connection; 0: never."""


def _like(round_trip_s: float, down: float, up: float, *, sigma: float, loss_s: float) -> Conditions:
    return Conditions(
        round_trip=Distribution("lognormal", round_trip_s, sigma),
        jitter=Distribution("exp", round_trip_s / 20),
        down_kbit_per_s=down,
        up_kbit_per_s=up,
        loss_interval=Distribution("exp", loss_s) if loss_s else _NEVER,
    )


PROFILES: Mapping[str, Conditions] = {
    DIRECT: Conditions(),
    "cable": _like(0.028, 5000, 1000, sigma=0.2, loss_s=0),
    "dsl": _like(0.050, 1500, 384, sigma=0.2, loss_s=0),
    "lte": _like(0.070, 12000, 12000, sigma=0.3, loss_s=1800),
    "mobile-4g": _like(0.170, 9000, 9000, sigma=0.3, loss_s=1200),
    "mobile-3g": _like(0.300, 1600, 768, sigma=0.4, loss_s=600),
    "mobile-2g": _like(0.800, 280, 256, sigma=0.5, loss_s=300),
}
_PARTS = ("rtt_s", "jitter_s", "down_kbit_per_s", "up_kbit_per_s", "loss_interval_s")


@dataclass(frozen=True)
class PlayerLine:
    """What one player has."""

    speed: LineSpeed
    loss_interval: Distribution
    rng: Random = field(compare=False)

    def next_loss_s(self) -> float:
        """Seconds until its connection is lost; infinite for never."""
        return max(self.loss_interval.draw_s(self.rng), 0.05) if self.loss_interval.mean_s else math.inf


@dataclass(frozen=True)
class Network:
    """The lines of a run, by weight."""

    lines: tuple[tuple[Conditions, float], ...]

    @property
    def is_emulated(self) -> bool:
        """Whether any player has something between it and the network."""
        return any(weight and line != PROFILES[DIRECT] for line, weight in self.lines)

    def line_for(self, rng: Random) -> PlayerLine | None:
        """Of the player whose generator that is; None: nothing between it and the network."""
        conditions = rng.choices([line for line, _ in self.lines], [weight for _, weight in self.lines])[0]
        if conditions == PROFILES[DIRECT]:
            return None
        jitter = conditions.jitter
        speed = LineSpeed(
            round_trip_s=conditions.round_trip.draw_s(rng),
            jitter_s=lambda: jitter.draw_s(rng),
            down_bytes_per_s=_bytes_per_s(conditions.down_kbit_per_s),
            up_bytes_per_s=_bytes_per_s(conditions.up_kbit_per_s),
        )
        return PlayerLine(speed, conditions.loss_interval, rng)


def read_network(text: str) -> Network | None:
    """None for nothing. Raises `UsageError`."""
    text = text.strip()
    if not text:
        return None
    if ";" in text or text.partition("=")[0].strip() in _PARTS:
        return Network(((_own_line(text), 1.0),))
    lines = []
    for item in (item.strip() for item in text.split(",") if item.strip()):
        name, equals, weight = (part.strip() for part in item.partition("="))
        lines.append((_profile(name), _number(weight, f"the weight of {name}") if equals else 1.0))
    if not sum(weight for _, weight in lines):
        raise UsageError(f"{FLAG}: no line has a weight: give one, as in lte=3,mobile-3g=1.")
    return Network(tuple(lines))


def _own_line(text: str) -> Conditions:
    conditions = PROFILES[DIRECT]
    for item in (item.strip() for item in text.split(";") if item.strip()):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            conditions = _profile(name)
        elif name == "rtt_s":
            conditions = replace(conditions, round_trip=_time(name, value))
        elif name == "jitter_s":
            conditions = replace(conditions, jitter=_time(name, value))
        elif name == "loss_interval_s":
            conditions = replace(conditions, loss_interval=_time(name, value))
        elif name == "down_kbit_per_s":
            conditions = replace(conditions, down_kbit_per_s=_number(value, name))
        elif name == "up_kbit_per_s":
            conditions = replace(conditions, up_kbit_per_s=_number(value, name))
        else:
            raise UsageError(f"{FLAG}: {name} is no part of a line: there is {', '.join(_PARTS)}.")
    return conditions


def _profile(name: str) -> Conditions:
    if name not in PROFILES:
        raise UsageError(f"{FLAG}: {name} is no line: choose from {', '.join(PROFILES)}, or give parts of one.")
    return PROFILES[name]


def _time(name: str, text: str) -> Distribution:
    try:
        return read_distribution(text, default_kind="fixed" if name == "rtt_s" else "exp")
    except ValueError as error:
        raise UsageError(f"{FLAG}: {name}: {error}.") from None


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"{FLAG}: {what} is {text!r}: give a number of 0 or more.")
    return number


def _bytes_per_s(kbit_per_s: float) -> float:
    return kbit_per_s * 125 if kbit_per_s else math.inf
