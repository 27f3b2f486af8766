"""The swarm's language: a mix, a shape, a plan's file, and all other flags of the swarm become a schedule.

What players intend to do is drawn by the swarm's own code from the same seed, so a plan is tried here in virtual time
with the same roles, rooms, visits and drops that Locust would play, and with faults besides. Lines (``--network``) and
thresholds are left out: the simulation has latencies and invariants of its own. In an open workload each arrival is a
player of its own, as long as there is a seat.
"""

from __future__ import annotations

import argparse
import heapq
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import NoReturn

from bench.simulation.schedule import (
    BEGIN_S,
    FEWEST_FAULTS,
    MOST_FAULTS,
    Event,
    Part,
    Schedule,
    drawn_faults,
    in_order,
)


@contextmanager
def _locust_unpatched() -> Iterator[None]:
    """The first import decides whether Locust patches the standard library for gevent. In a lab it must not."""
    name = "LOCUST_SKIP_MONKEY_PATCH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


with _locust_unpatched():
    from locust.util.timespan import parse_timespan

    import loadtest.players.roles  # noqa: F401  # enters the roles
    from loadtest.results.exit_codes import UsageError
    from loadtest.run.command_line import apply_plan
    from loadtest.workload.arrivals import arrival_times_s
    from loadtest.workload.load_options import RESTART
    from loadtest.workload.options import SwarmOptions, add_options, read_options
    from loadtest.workload.plan import PlayerPlan, SwarmPlan
    from loadtest.workload.roles.book import ROLES
    from loadtest.workload.shapes import SwarmShape

USERS = 20
RUN_TIME = "30s"
LOOK_EVERY_S = 1.0
"""How often Locust asks its shape."""

NOTHING = ""
"""The deed of what a simulation has nothing of, such as settings of an account."""
ACTS: Mapping[str, tuple[str, int]] = {
    "make_room": ("create_room", 1), "delete_room": ("delete_room", 1), "join": ("join", 1), "chat": ("say_room", 0),
    "leave": ("leave", 0), "drop": ("drop", 0), "vanish": ("half_open", 0), "pause": ("pause", 0),
    "resume": ("resume", 0), "meet": ("meet", 0), "part": ("leave_party", 0), "poll": ("poll", 0),
    "name_room": ("change_room", 1), "kick_member": ("kick", 0), "hand_over": ("hand_over_room", 1),
    "start_game": ("start_room", 1), "end_game": ("reopen_room", 1), "join_by_code": ("use_code", 1),
    "get_ready": ("set_ready", 1), "quarrel": ("block", 0), "choose_audience": (NOTHING, 0),
}  # fmt: skip
"""Methods of roles, and what a simulated player does for each: a deed, and its second number."""
SAYS = ((0.5, "say_lobby"), (0.8, "say_party"), (1.0, "say_direct"))
"""What a line of a socializer is, by its choice."""
ENDS: Mapping[str, str] = {"host": "delete_room", "socializer": "leave_party"}
"""What a role does before it goes."""


@dataclass(frozen=True)
class SwarmSchedules:
    """Schedules by seed, of one set of flags. It can be sent to another process."""

    flags: tuple[str, ...]
    faults: int | None = None
    """None: as many as in other schedules."""

    def __call__(self, seed: int) -> Schedule:
        """Raises `UsageError`."""
        return _Drawing(self.swarm, seed).schedule(self.faults)

    @cached_property
    def swarm(self) -> _Swarm:
        return _read(self.flags)

    @property
    def seed(self) -> int | None:
        """That the plan names."""
        return self.swarm.seed

    def __getstate__(self) -> tuple[tuple[str, ...], int | None]:
        return self.flags, self.faults

    def __setstate__(self, state: tuple[tuple[str, ...], int | None]) -> None:
        for name, value in zip(("flags", "faults"), state, strict=True):
            object.__setattr__(self, name, value)


# -- private: reading -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Swarm:
    options: SwarmOptions
    parsed: argparse.Namespace
    users: int
    run_s: float
    seed: int | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[0].upper()}{message[1:]}.")


def _read(flags: Sequence[str]) -> _Swarm:
    """Raises `UsageError`."""
    parser = _Parser(prog="lobby-bench simulate", add_help=False, allow_abbrev=False)
    parser.add_argument("-u", "--users", dest="num_users", type=int, default=USERS)
    parser.add_argument("-r", "--spawn-rate", type=float, default=None)
    parser.add_argument("-t", "--run-time", default=RUN_TIME)
    add_options(parser)
    apply_plan(parser, flags)
    parsed = parser.parse_args(list(flags))
    try:
        parsed.run_time = float(parse_timespan(parsed.run_time))
    except ValueError:
        raise UsageError(f"--run-time {parsed.run_time} is no time: write it as in 90s, 5m or 1h30m.") from None
    for value, flag in ((parsed.num_users, "--users"), (parsed.run_time, "--run-time")):
        if value <= 0:
            raise UsageError(f"{flag} must be above 0.")
    parsed.headless = True
    options = read_options(vars(parsed))
    if options.profile is not None:
        raise UsageError("--protocol is left out of a simulation: it plays the lobby's own.")
    if options.faults:
        raise UsageError("--fault names processes, and a simulation has none: say how many faults with --faults.")
    return _Swarm(
        options=options, parsed=parsed, users=parsed.num_users, run_s=parsed.run_time, seed=parsed.seed
    )  # fmt: skip


# -- private: drawing -------------------------------------------------------------------------------------------------


class _Drawing:
    """One schedule."""

    def __init__(self, swarm: _Swarm, seed: int) -> None:
        self._options = replace(swarm.options, seed=seed)
        self._swarm = swarm
        self._seed = seed
        self._plan = SwarmPlan(self._options)
        self._cast: list[Part] = []
        self._events: list[Event] = []

    def schedule(self, faults: int | None) -> Schedule:
        options, swarm = self._options, self._swarm
        if options.load.arrivals_per_s:
            self._open()
        else:
            self._closed()
        if options.load.shape == RESTART:
            self._add(options.load.restart_at_s, "rolling", 0)
        random = Random(f"swarm/{self._seed}")
        many = random.randint(FEWEST_FAULTS, MOST_FAULTS)
        players = max(1, len(self._cast))
        self._events += drawn_faults(
            random, many if faults is None else faults, lasts_s=swarm.run_s, players=players
        )  # fmt: skip
        return Schedule(self._seed, in_order(self._events), tuple(self._cast))

    def _closed(self) -> None:
        for number, spans in enumerate(_seats(self._swarm)):
            who = self._enter(self._plan.player(number).role)
            for begin_s, end_s in spans:
                self._take_seat(number, who, begin_s, end_s)

    def _take_seat(self, number: int, who: int, begin_s: float, end_s: float) -> None:
        """Session after session, as long as the seat is taken."""
        session = 0
        while begin_s < end_s:
            plan = self._plan.player(number, session)
            over_s = min(begin_s + plan.session_s, end_s)
            self._play(plan, who, begin_s, over_s)
            begin_s = over_s + self._plan.away_s(number, session)
            session += 1

    def _open(self) -> None:
        options, run_s = self._options, self._swarm.run_s
        ends_s: list[float] = []
        """Of the sessions that go on."""
        times_s = arrival_times_s(
            options.seed, options.load.arrivals_per_s, lambda at_s: options.load.level(at_s, run_s)
        )  # fmt: skip
        for number, at_s in enumerate(times_s):
            if at_s >= run_s:
                break
            while ends_s and ends_s[0] <= at_s:
                heapq.heappop(ends_s)
            if len(ends_s) < self._swarm.users:
                plan = self._plan.player(number)
                over_s = min(at_s + plan.session_s, run_s)
                heapq.heappush(ends_s, over_s)
                self._play(plan, self._enter(plan.role), at_s, over_s)

    def _enter(self, role: str) -> int:
        """One more player, with as many sockets as the role has. The number of the first."""
        who = len(self._cast)
        features = self._options.modes[role]
        tabs = max(1, ROLES[role].sockets(self._options))
        self._cast += [Part(role, features, is_tab=tab > 0) for tab in range(tabs)]
        return who

    def _play(self, plan: PlayerPlan, who: int, begin_s: float, over_s: float) -> None:
        """One session. It goes on when the run is over."""
        sockets = range(ROLES[plan.role].sockets(self._options))
        for tab in sockets:
            self._add(begin_s, "come", who + tab)
        for intent in plan.schedule(self._options):
            if begin_s + intent.at_s >= over_s:
                break
            what, second = _deed_of(plan.role, intent.act.__name__, intent.choice)
            if what != NOTHING:
                self._add(begin_s + intent.at_s, what, who, int(intent.choice * 1000), second)
        if over_s < self._swarm.run_s:
            if plan.role in ENDS:
                self._add(over_s, ENDS[plan.role], who, 0, 1)
            for tab in sockets:
                self._add(over_s, "go", who + tab)

    def _add(self, at_s: float, what: str, who: int, a: int = 0, b: int = 0) -> None:
        self._events.append(Event(round(BEGIN_S + at_s, 3), what, who, a, b))


def _deed_of(role: str, act: str, choice: float) -> tuple[str, int]:
    """Raises `UsageError`."""
    if act == "say":
        return next(what for below, what in SAYS if choice < below or below == 1.0), 0
    if act not in ACTS:
        raise UsageError(f"--mix: the simulation cannot play what a {role} does ({act}): leave that role out.")
    return ACTS[act]


def _seats(swarm: _Swarm) -> list[list[tuple[float, float]]]:
    """Of each seat, from when to when it is taken: as many as the shape says, at Locust's pace. The last one that was
    taken is the first one that is given up."""
    target = _target(swarm)
    spans: list[list[tuple[float, float]]] = []
    taken_s: list[float] = []
    at_s = 0.0
    while at_s < swarm.run_s:
        users, per_s = target(at_s)
        most = max(1, int(per_s * LOOK_EVERY_S))
        for step in range(min(most, abs(users - len(taken_s)))):
            moment_s = at_s + step / per_s
            if users > len(taken_s):
                taken_s.append(moment_s)
                spans += [[] for _ in range(len(taken_s) - len(spans))]
            else:
                began_s = taken_s.pop()
                spans[len(taken_s)].append((began_s, moment_s))
        at_s += LOOK_EVERY_S
    for number, began_s in enumerate(taken_s):
        spans[number].append((began_s, swarm.run_s))
    return spans


def _target(swarm: _Swarm) -> Callable[[float], tuple[int, float]]:
    """Seats at a time, and how many may be taken or given up per second."""
    shape = SwarmShape(swarm.options.load, swarm.parsed)

    def target(at_s: float) -> tuple[int, float]:
        return shape.at(at_s) or (0, 1.0)

    return target
