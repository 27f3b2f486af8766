"""When a player means to do what: intended times, drawn from the player's own random numbers.

An action's time is set when it is put on the agenda, never when the one before it is done: a server that stalls makes
actions late, which is measured, and not rarer, which would hide it (coordinated omission).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, order=True)
class Appointment:
    at_s: float
    """The intended time."""
    number: int
    act: Callable[[float], None]
    """Called with the intended time."""


class Agenda:
    """What one player has before itself, earliest first."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[Appointment] = []
        self._number = 0

    def put(self, at_s: float, act: Callable[[float], None]) -> None:
        self._number += 1  # unique, so that two appointments at one time never compare their functions
        heapq.heappush(self._heap, Appointment(at_s, self._number, act))

    def wait_s(self, now_s: float) -> float:
        """Until the next appointment; 0 when it is due, `math.inf` when there is none."""
        return max(0.0, self._heap[0].at_s - now_s) if self._heap else math.inf

    def take_due(self, now_s: float) -> Appointment | None:
        """The earliest appointment whose time has come."""
        return heapq.heappop(self._heap) if self._heap and self._heap[0].at_s <= now_s else None


def player_rng(seed: int, role: str, number: int) -> Random:
    """The random numbers of one player: the same for the same seed, however many processes share the players."""
    return Random(f"{seed}/{role}/{number}")


def draw_phase_s(interval_s: float, rng: Random) -> float:
    """The first time: anywhere in the interval, so that players who start together do not act together."""
    return rng.uniform(0.0, interval_s)


def draw_gap_s(mean_s: float, rng: Random) -> float:
    """Between two independent events: exponential, as of a Poisson process. It keeps players out of step."""
    return rng.expovariate(1.0 / mean_s) if mean_s > 0 else 0.0


def draw_lifetime_s(mean_s: float, rng: Random) -> float:
    """Half to one and a half of the mean, evenly."""
    return mean_s * rng.uniform(0.5, 1.5)
