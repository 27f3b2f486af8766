"""A schedule: who does what, and what breaks, when. It follows from its seed, and is a line of text, so that what a
seed once found can be tried for ever, whatever else seeds come to mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from bench.simulation.clients.deeds import DEEDS
from bench.simulation.faults import FAULTS

NODES = 3
PLAYERS = 20
MOST_DEEDS, FEWEST_DEEDS = 240, 200
MOST_FAULTS, FEWEST_FAULTS = 9, 5
BEGIN_S = 3.0
"""By then all nodes run and all players are connected, if nothing breaks."""
LASTS_S = 14.0
"""From the first deed to the last."""


@dataclass(frozen=True)
class Event:
    """One deed of a player, or one fault. `who`: number of the player, or of the node."""

    at_s: float
    what: str
    who: int
    a: int = 0
    b: int = 0

    @property
    def is_fault(self) -> bool:
        return self.what in FAULTS

    def __str__(self) -> str:
        return f"{self.at_s:g} {self.what} {self.who} {self.a} {self.b}"


@dataclass(frozen=True)
class Schedule:
    """`seed`: of all that is drawn besides: latencies, heartbeats, features."""

    seed: int
    events: tuple[Event, ...]

    @property
    def faults(self) -> int:
        return sum(event.is_fault for event in self.events)

    @property
    def deeds(self) -> int:
        return len(self.events) - self.faults

    def with_events(self, events: tuple[Event, ...]) -> Schedule:
        return replace(self, events=events)

    def __str__(self) -> str:
        return f"{self.seed}: " + ", ".join(map(str, self.events))


def schedule_of(seed: int) -> Schedule:
    """The whole schedule of a seed."""
    random = Random(f"schedule/{seed}")
    names, weights = list(DEEDS), [weight for _, weight in DEEDS.values()]
    events = []
    for what in random.choices(names, weights, k=random.randint(FEWEST_DEEDS, MOST_DEEDS)):
        at_s = BEGIN_S + random.random() * LASTS_S
        events.append(_event(random, at_s, what, PLAYERS))
    kinds, fault_weights = list(FAULTS), [fault.weight for fault in FAULTS.values()]
    for what in random.choices(kinds, fault_weights, k=random.randint(FEWEST_FAULTS, MOST_FAULTS)):
        at_s = BEGIN_S + random.random() * LASTS_S
        events.append(_event(random, at_s, what, PLAYERS if FAULTS[what].of_players else NODES))
    return Schedule(seed, tuple(sorted(events, key=lambda event: event.at_s)))


def _event(random: Random, at_s: float, what: str, many: int) -> Event:
    return Event(round(at_s, 3), what, random.randrange(many), random.randrange(1000), random.randrange(1000))


def read_schedule(text: str) -> Schedule:
    """The reverse of `str`. Raises `ValueError` for what is none."""
    seed, separator, listed = text.partition(":")
    if not separator:
        raise ValueError("a schedule is written 'seed: at what who a b, …'")
    events = []
    for each in filter(None, (part.strip() for part in listed.split(","))):
        at_s, what, who, a, b = each.split()
        if what not in DEEDS and what not in FAULTS:
            raise ValueError(f"nothing is known of {what}")
        events.append(Event(float(at_s), what, int(who), int(a), int(b)))
    return Schedule(int(seed), tuple(events))
