"""A schedule: who does what, and what breaks, when. It follows from its seed, and is a line of text, so that what a
seed once found can be tried for ever, whatever else seeds come to mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

from bench.simulation.brief_tokens import brief_tokens
from bench.simulation.clients.doing import DRAWN, KNOWN
from bench.simulation.faults import FAULTS
from bench.simulation.standstill import standstills
from lobby_server.protocol.features import Feature

NODES = 3
PLAYERS = 20
MOST_DEEDS, FEWEST_DEEDS = 240, 200
MOST_FAULTS, FEWEST_FAULTS = 9, 5
BEGIN_S = 3.0
"""By then all nodes run and all players are connected, if nothing breaks."""
LASTS_S = 14.0
"""From the first deed to the last."""
BASE = "base"
"""Without any feature."""


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
class Part:
    """One socket in a cast that is not the usual one: ``host/base``, ``&tabber/rev+drain``."""

    role: str
    """For the story."""
    features: frozenset[Feature]
    is_tab: bool = False
    """Of the user before, as one more tab."""

    def __str__(self) -> str:
        names = "+".join(sorted(feature.value for feature in self.features)) or BASE
        return f"{'&' if self.is_tab else ''}{self.role}/{names}"


@dataclass(frozen=True)
class Schedule:
    """`seed`: of all that is drawn besides: latencies, heartbeats, features."""

    seed: int
    events: tuple[Event, ...]
    cast: tuple[Part, ...] = ()
    """Who plays, and connects when told to (``come``). Empty: the usual twenty, who connect by themselves."""

    @property
    def faults(self) -> int:
        return sum(event.is_fault for event in self.events)

    @property
    def deeds(self) -> int:
        return len(self.events) - self.faults

    def with_events(self, events: tuple[Event, ...]) -> Schedule:
        return replace(self, events=events)

    def __str__(self) -> str:
        return " ".join([str(self.seed), *_joined(self.cast)]) + ": " + ", ".join(map(str, self.events))


def schedule_of(seed: int) -> Schedule:
    """The whole schedule of a seed."""
    random = Random(f"schedule/{seed}")
    names, weights = list(DRAWN), [weight for _, weight in DRAWN.values()]
    events = []
    for what in random.choices(names, weights, k=random.randint(FEWEST_DEEDS, MOST_DEEDS)):
        at_s = BEGIN_S + random.random() * LASTS_S
        events.append(_event(random, at_s, what, PLAYERS))
    faults = random.randint(FEWEST_FAULTS, MOST_FAULTS)
    events += drawn_faults(random, faults, lasts_s=LASTS_S, players=PLAYERS)
    for at_s, what, who, a, b in brief_tokens(seed, players=PLAYERS, nodes=NODES):
        events.append(Event(round(BEGIN_S + at_s, 3), what, who, a, b))
    for at_s, what, who, a, b in standstills(seed, nodes=NODES):
        events.append(Event(round(BEGIN_S + at_s, 3), what, who, a, b))
    return Schedule(seed, in_order(events))


def drawn_faults(random: Random, faults: int, *, lasts_s: float, players: int) -> Iterator[Event]:
    """So many, of all kinds, within `lasts_s` from the beginning."""
    kinds, weights = list(FAULTS), [fault.weight for fault in FAULTS.values()]
    for what in random.choices(kinds, weights, k=faults):
        at_s = BEGIN_S + random.random() * lasts_s
        yield _event(random, at_s, what, players if FAULTS[what].of_players else NODES)


def in_order(events: Sequence[Event]) -> tuple[Event, ...]:
    """By their moments; those of one moment as they are given."""
    return tuple(sorted(events, key=lambda event: event.at_s))


def _event(random: Random, at_s: float, what: str, many: int) -> Event:
    return Event(round(at_s, 3), what, random.randrange(many), random.randrange(1000), random.randrange(1000))


def read_schedule(text: str) -> Schedule:
    """The reverse of `str`. Raises `ValueError` for what is none."""
    head, separator, listed = text.partition(":")
    if not separator:
        raise ValueError("a schedule is written 'seed: at what who a b, …'")
    seed, *parts = head.split() or [""]
    events = []
    for each in filter(None, (part.strip() for part in listed.split(","))):
        at_s, what, who, a, b = each.split()
        if what not in KNOWN and what not in FAULTS:
            raise ValueError(f"nothing is known of {what}")
        events.append(Event(float(at_s), what, int(who), int(a), int(b)))
    cast = tuple(part for text in parts for part in _read_parts(text))
    for event in events:
        many = NODES if event.is_fault and not FAULTS[event.what].of_players else len(cast) or PLAYERS
        if not 0 <= event.who < many:
            raise ValueError(f"{event.what} is of number {event.who}, and there are {many}")
    return Schedule(int(seed), tuple(events), cast)


def _joined(cast: Sequence[Part]) -> Iterator[str]:
    """Equal ones in a row are written once: ``host/base*3``."""
    for text, equal in groupby(map(str, cast)):
        many = len(list(equal))
        yield text if many == 1 else f"{text}*{many}"


def _read_parts(text: str) -> Iterator[Part]:
    written, _, many = text.partition("*")
    role, separator, names = written.partition("/")
    if not separator:
        raise ValueError(f"{text} is no player: write role/features, as in host/base or browser/rev+drain")
    features = frozenset(Feature(name) for name in names.split("+") if name != BASE)
    for _ in range(int(many or 1)):
        yield Part(role.removeprefix("&"), features, is_tab=role.startswith("&"))
