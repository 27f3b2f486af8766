"""The plan of every player: what it intends to do and when, drawn from the seed and the player's number alone.

A plan depends on no clock, server or process, so the same seed gives the same players, rooms, phases and drops in one
process and in many, and a slow server makes the same run late. Times are seconds since the start of the player's
session; an intended time never moves because something before it took long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING

from loadtest.workload import mix
from loadtest.workload.mix import RoleSequence

if TYPE_CHECKING:
    from loadtest.workload.options import SwarmOptions


class Act(Enum):
    MAKE_ROOM = "make a room"
    DELETE_ROOM = "delete it"
    DROP = "lose the connection with a reset"
    VANISH = "lose it without a word"
    JOIN = "join a room"
    CHAT = "say something in it"
    LEAVE = "leave it"
    PAUSE = "stop reading"
    RESUME = "read on"
    SAY = "say something to the lobby, the party or one other"
    MEET = "befriend a player, and invite that player to a party"
    PART = "leave the party"
    POLL = "ask for the list"
    END = "end the session"


@dataclass(frozen=True, slots=True)
class Intent:
    at_s: float
    act: Act
    choice: float = 0.0
    """From 0 to 1, for a choice at that time, such as one of the rooms."""


Schedule = Iterator[Intent]


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
        for intent in _SCHEDULES[self.role](options, self.rng("schedule")):
            if intent.at_s >= self.session_s:
                break
            yield intent
        if self.session_s < math.inf:
            yield Intent(self.session_s, Act.END)

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

    def away_s(self, number: int, session: int) -> float:
        """Seconds between the end of that session and the player's next one."""
        return self._options.away.draw_s(Random(f"{self._options.seed}/{number}/{session}/away"))

    def roles_of(self, players: int) -> dict[str, int]:
        """How many of the first so many play what."""
        return dict(sorted(self._roles.count(players).items()))

    def tokens_for(self, players: int) -> int:
        """How many tokens they need, dealt by number: none after that of the last one who logs in. O(players)."""
        logged_in = (
            number for number in range(players - 1, -1, -1) if self._roles.role_of(number) not in mix.SOCKETLESS
        )
        return next(logged_in, -1) + 1

    def sockets_of(self, players: int) -> int:
        """The number of WebSockets that they hold together."""
        per_role = dict.fromkeys(mix.ROLES, 1) | dict.fromkeys(mix.SOCKETLESS, 0) | {mix.TABBER: self._options.tabs}
        return sum(number * per_role[role] for role, number in self.roles_of(players).items())


# -- what each role means to do -----------------------------------------------------------------------------------


def _sit(options: SwarmOptions, rng: Random) -> Schedule:
    return iter(())


def _host(options: SwarmOptions, rng: Random) -> Schedule:
    """One room after another; the mean time from one to the next is the interval."""
    interval, lifetime = options.room_interval, options.room_lifetime
    if not interval.mean_s:
        return
    at_s = rng.uniform(0.0, interval.mean_s)
    while True:
        life_s = lifetime.draw_s(rng)
        yield Intent(at_s, Act.MAKE_ROOM)
        yield Intent(at_s + life_s, Act.DELETE_ROOM)
        if interval.kind == "exp":
            gap_mean_s = max(interval.mean_s - lifetime.mean_s, 0.0)
            at_s += life_s + (rng.expovariate(1.0 / gap_mean_s) if gap_mean_s else 0.0)
        else:
            at_s += max(life_s, interval.draw_s(rng))


def _joiner(options: SwarmOptions, rng: Random) -> Schedule:
    at_s = rng.uniform(0.0, options.visit_interval.mean_s)
    while True:
        leave_s = at_s + options.visit.draw_s(rng)
        yield Intent(at_s, Act.JOIN, rng.random())
        chat_s = at_s + options.chat_interval.draw_s(rng)
        while chat_s < leave_s:
            yield Intent(chat_s, Act.CHAT)
            chat_s += max(options.chat_interval.draw_s(rng), 0.05)
        yield Intent(leave_s, Act.LEAVE)
        at_s = leave_s + max(options.visit_interval.draw_s(rng), 0.05)


def _flapper(options: SwarmOptions, rng: Random) -> Schedule:
    at_s = 0.0
    while True:
        at_s += max(options.drop_interval.draw_s(rng), 0.05)
        yield Intent(at_s, Act.VANISH if rng.random() < options.silent_share else Act.DROP)


def _slow_reader(options: SwarmOptions, rng: Random) -> Schedule:
    at_s = 0.0
    while True:
        at_s += max(options.pause_interval.draw_s(rng), 0.05)
        yield Intent(at_s, Act.PAUSE)
        at_s += options.pause.draw_s(rng)
        yield Intent(at_s, Act.RESUME)


def _socializer(options: SwarmOptions, rng: Random) -> Schedule:
    """Chat lines throughout; now and then a party that lasts for a visit."""
    say_s = rng.uniform(0.0, options.chat_interval.mean_s)
    meet_s = rng.uniform(0.0, options.visit_interval.mean_s)
    part_s = math.inf
    while True:
        if say_s <= min(meet_s, part_s):
            yield Intent(say_s, Act.SAY, rng.random())
            say_s += max(options.chat_interval.draw_s(rng), 0.05)
        elif meet_s <= part_s:
            yield Intent(meet_s, Act.MEET, rng.random())
            part_s = meet_s + options.visit.draw_s(rng)
            meet_s = part_s + max(options.visit_interval.draw_s(rng), 0.05)
        else:
            yield Intent(part_s, Act.PART)
            part_s = math.inf


def _poller(options: SwarmOptions, rng: Random) -> Schedule:
    """On a fixed grid with a random phase: equal phases would make one burst of all pollers."""
    phase_s, polls = rng.uniform(0.0, options.poll_interval_s), 0
    while True:
        yield Intent(phase_s + polls * options.poll_interval_s, Act.POLL)
        polls += 1


_SCHEDULES: dict[str, Callable[[SwarmOptions, Random], Schedule]] = {
    mix.BROWSER: _sit,
    mix.HOST: _host,
    mix.JOINER: _joiner,
    mix.FLAPPER: _flapper,
    mix.TABBER: _sit,
    mix.SLOW_READER: _slow_reader,
    mix.SOCIALIZER: _socializer,
    mix.POLLER: _poller,
    mix.CONDITIONAL_POLLER: _poller,
}
