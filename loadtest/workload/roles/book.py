"""The roles that there are: the book in which `@role` enters them, ours as anybody's.

A role is entered when its module is imported, before the command line is read, so its name is in the mix, its options
are among the flags, and its figures in the tables. What a role intends to do is an `Intent` per action; nothing here
knows how it is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from loadtest.workload.distributions import Distribution
from loadtest.workload.roles.options import Option

_NAME = re.compile(r"[a-z][a-z0-9_]*")

Action = Callable[[Any, float, float], object]
"""A method of the role, with the time at which it was due (`time.perf_counter`) and the intent's choice."""


@dataclass(frozen=True, slots=True)
class Intent:
    at_s: float
    """Since the start of the player's session."""
    act: Action
    choice: float = 0.0
    """From 0 to 1, for a choice at that time, such as one of the rooms."""


Schedule = Iterator[Intent]


LEAST_GAP_S = 0.05
"""Between two acts of a player, whatever a distribution draws."""


def repeated(act: Action, *, every: Distribution, rng: Random) -> Schedule:
    """The same act again and again, at random times from the beginning on."""
    at_s = 0.0
    while True:
        at_s += max(every.draw_s(rng), LEAST_GAP_S)
        yield Intent(at_s, act, rng.random())


def end_session(role: Any, at_s: float, choice: float) -> None:
    """The last intent of a session."""
    role.is_over = True


@dataclass(frozen=True, kw_only=True)
class RoleKind:
    """What a plan, a command line and a check need to know of a role."""

    name: str
    weight: float
    """In the mix of a run that names none."""
    player: Any
    """The class that plays it; `loadtest.players` makes objects of it."""
    schedule: Callable[[Any, Random], Schedule]
    """Like the two below it gets the `SwarmOptions`."""
    sockets: Callable[[Any], int]
    """How many WebSockets one player holds."""
    check: Callable[[Any], None]
    """Whether its options fit together; raises `UsageError`."""
    logs_in: bool = True
    needs: frozenset[str] = frozenset()
    """What of a lobby a server has to have (`Profile.offers`)."""
    options: tuple[Option[Any], ...] = ()
    own_types: frozenset[str] = frozenset()
    """Messages of its own that it wants to hear, by the name on the wire."""

    @property
    def is_ours(self) -> bool:
        """It ships with the swarm."""
        return str(self.player.__module__).startswith("loadtest.")


class RoleBook:
    """By name, in the order of their entry."""

    def __init__(self) -> None:
        self._kinds: dict[str, RoleKind] = {}

    def add(self, kind: RoleKind) -> None:
        """Raises `ValueError`. The same class, imported once more, takes its own place."""
        if _NAME.fullmatch(kind.name) is None:
            raise ValueError(f"{kind.name!r} is no name of a role: write it in lower case, as in quiet_spectator")
        known = self._kinds.get(kind.name)
        if known is not None and _path_of(known.player) != _path_of(kind.player):
            raise ValueError(f"there is a role {kind.name} already, {_path_of(known.player)}: choose another name")
        if not 0 <= kind.weight < float("inf"):
            raise ValueError(f"the weight of {kind.name} must be 0 or more")
        flags = {option.flag: option for other in self._kinds.values() for option in other.options}
        for option in kind.options:
            if known is None and flags.get(option.flag, option) is not option:
                raise ValueError(f"another role has an option {option.flag} already: choose another name")
        self._kinds[kind.name] = kind

    def remove(self, name: str) -> None:
        """For tests."""
        del self._kinds[name]

    def __getitem__(self, name: str) -> RoleKind:
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Iterator[RoleKind]:
        return iter(tuple(self._kinds.values()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._kinds)

    @property
    def options(self) -> tuple[Option[Any], ...]:
        """Of all roles, each once."""
        return tuple(dict.fromkeys(option for kind in self for option in kind.options))

    @property
    def own_types(self) -> frozenset[str]:
        return frozenset().union(*(kind.own_types for kind in self))

    def default_mix(self) -> str:
        """As it is written on the command line."""
        return ",".join(f"{kind.name}={kind.weight:g}" for kind in self if kind.weight)


def _path_of(player: Any) -> str:
    return f"{player.__module__}.{player.__qualname__}"


ROLES = RoleBook()
"""Of this process: what its modules have entered."""
