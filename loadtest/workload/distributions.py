"""Times that are drawn, written as people write them on a command line.

``30`` takes the kind that the option names, ``fixed:30`` is always 30 s, ``uniform:10-50`` anything between,
``exp:30`` exponential with that mean (independent events, a Poisson process), ``lognormal:30,1.2`` with that median and
sigma of the logarithm: session lengths and think times of people look like that, with a few very long ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

KINDS = ("fixed", "uniform", "exp", "lognormal")


@dataclass(frozen=True)
class Distribution:
    """Of times in seconds, never negative. `first` and `second` are what stands after the colon."""

    kind: str
    first: float
    second: float = 0.0

    @property
    def mean_s(self) -> float:
        if self.kind == "uniform":
            return (self.first + self.second) / 2
        if self.kind == "lognormal":
            return self.first * math.exp(self.second**2 / 2)
        return self.first

    def draw_s(self, rng: Random) -> float:
        if self.kind == "uniform":
            return rng.uniform(self.first, self.second)
        if self.kind == "exp":
            return rng.expovariate(1.0 / self.first) if self.first > 0 else 0.0
        if self.kind == "lognormal":
            return rng.lognormvariate(math.log(self.first), self.second)
        return self.first


def read_distribution(text: str, *, default_kind: str) -> Distribution:
    """Raises `ValueError` with what is wrong. A bare number of kind ``uniform`` is half to one and a half of it."""
    kind, colon, rest = text.strip().partition(":")
    if not colon:
        number = _number(kind)
        if default_kind == "uniform":
            return Distribution("uniform", 0.5 * number, 1.5 * number)
        return Distribution(default_kind, number)
    if kind not in KINDS:
        raise ValueError(f"{kind} is no distribution: write a number, or one of {', '.join(KINDS)} before the colon")
    if kind == "uniform":
        low, _, high = rest.partition("-")
        found = Distribution(kind, _number(low), _number(high))
        if found.second < found.first:
            raise ValueError("uniform: goes from the smaller to the larger, as in uniform:10-50")
        return found
    if kind == "lognormal":
        median, _, sigma = rest.partition(",")
        found = Distribution(kind, _number(median), _number(sigma))
        if not found.first:
            raise ValueError("lognormal: needs a median above 0, as in lognormal:30,1.2")
        return found
    return Distribution(kind, _number(rest))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text.strip() or 'nothing'} is no number of seconds") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{text.strip()} is no time: give 0 seconds or more")
    return number
