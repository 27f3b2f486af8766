"""The plan of every player: what it intends to do and when, drawn from the seed and the player's number alone.

A plan depends on no clock, server or process, so the same seed gives the same players, rooms, phases and drops in one
process and in many, and a slow server makes the same run late. Times are seconds since the start of the player's
session; an intended time never moves because something before it took long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from loadtest.workload.mix import RoleSequence
from loadtest.workload.roles.book import ROLES, Intent, Schedule, end_session

if TYPE_CHECKING:
    from loadtest.workload.options import SwarmOptions


@dataclass(frozen=True, slots=True)
class PlayerPlan:
    """One session of one player."""

    number: int
    session: int
    role: str
    heartbeat_phase: float
    """From 0 to 1 of the interval."""
    session_s: float
    """`math.inf`: until the run ends."""
    seed: int

    def schedule(self, options: SwarmOptions) -> Schedule:
        """Intents in order of time; endless unless the session ends. Each call gives the same ones."""
        for intent in ROLES[self.role].schedule(options, self.rng("schedule")):
            if intent.at_s >= self.session_s:
                break
            yield intent
        if self.session_s < math.inf:
            yield Intent(self.session_s, end_session)

    def rng(self, purpose: str) -> Random:
        """A random generator for one purpose; drawing from one does not change the others."""
        return Random(f"{self.seed}/{self.number}/{self.session}/{purpose}")


class SwarmPlan:
    """The plans of all players of a run."""

    def __init__(self, options: SwarmOptions) -> None:
        self._options = options
        self._roles = RoleSequence(options.weights, options.seed)

    def player(self, number: int, session: int = 0) -> PlayerPlan:
        options = self._options
        rng = Random(f"{options.seed}/{number}/{session}")
        return PlayerPlan(
            number=number,
            session=session,
            role=self._roles.role_of(number),
            heartbeat_phase=rng.random(),
            session_s=options.session.draw_s(rng) if options.session is not None else math.inf,
            seed=options.seed,
        )

    def role_of(self, number: int) -> str:
        """The same in all sessions of that player. O(1) in the order of numbers."""
        return self._roles.role_of(number)

    def away_s(self, number: int, session: int) -> float:
        """Seconds between the end of that session and the player's next one."""
        return self._options.away.draw_s(Random(f"{self._options.seed}/{number}/{session}/away"))

    def roles_of(self, players: int) -> dict[str, int]:
        """How many of the first so many play what."""
        return dict(sorted(self._roles.count(players).items()))

    def tokens_for(self, players: int) -> int:
        """How many tokens they need, dealt by number: none after that of the last one who logs in. O(players)."""
        logged_in = (number for number in range(players - 1, -1, -1) if ROLES[self._roles.role_of(number)].logs_in)
        return next(logged_in, -1) + 1

    def sockets_of(self, players: int) -> int:
        """The number of WebSockets that they hold together."""
        return sum(number * ROLES[role].sockets(self._options) for role, number in self.roles_of(players).items())
