"""A whole lobby in virtual time: its processes, Valkey, and what players do to it.

Where there are more processes than are run (`MOST_RUN`), the players of the others change the list, come and go as
well, and the others read the log; only what they do for their own sessions is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.prediction.model import Model
from bench.prediction.virtual.commits import Commits
from bench.prediction.virtual.core import Core, Process
from bench.prediction.virtual.crowd import dealt
from bench.prediction.virtual.desk import Told
from bench.prediction.virtual.log import Command, Engine, Kind, Writer
from bench.prediction.virtual.measures import Times
from bench.prediction.virtual.node import CROWDS, MOST_AT_ONCE, Node
from bench.prediction.virtual.setup import Setup, seconds
from bench.simulation.outside.loop import World

CALLS_PER_S = 200.0
"""Calls of a kind per virtual second, at most about: what is more frequent comes several at once."""
MOST_TIMED = 200
"""Changes of a run whose time to fresh is told."""
LEAST_WINDOW_S, MOST_WINDOW_S = 4.0, 20.0
CHANGES_IN_A_WINDOW = 20
FIRST_HALF = 0.5
"""Of an interval, in which its change comes, as the lab's changes do (`bench.load.changes.changes`): at a low rate each
is over before the next."""
FIRST_TENTH = 0.1
"""The same where rooms are only made (`bench.load.changes.publisher.schedule`)."""
FIRST_S, WARM_S = 0.5, 2.0
"""When players begin to act, about, and from when on it counts."""


@dataclass(frozen=True, kw_only=True)
class Used:
    """Over a window, by the core that is busiest where there are several."""

    process: float
    """Share of the time that a core works for a process of the lobby, mean of those that are run."""
    busiest: float
    engine: float
    """Valkey."""
    framed_bytes_per_s: float
    """Of a process, mean."""
    wire_bytes_per_s: float
    out_bytes_per_s: float
    writes_per_s: float
    entries_per_s: float
    commands_per_s: float
    changes_per_s: float
    """That there were in the window."""
    fresh: Times
    reach: float | None
    """Of those who should have come to the changes of the window, the part that did soon after it; None: nothing
    changed."""
    answers: Times


class Lobby:
    """Built with everybody here, unless `is_empty`."""

    def __init__(self, setup: Setup, model: Model, *, is_empty: bool = False) -> None:
        self.setup = setup
        self.model = model
        self.world = World()
        self.told = Told(network_s=setup.network_s)
        self._random = Random(f"{setup.seed}/lobby")
        self._commits = Commits(model, is_shared=setup.processes > 1)
        self._timed = 0.0, MOST_WINDOW_S
        """From when until when changes are due whose time to fresh counts."""
        self._number_timed = 0
        shared = Core(self.world) if setup.shares_core else None
        self.engine: Engine | None = None
        if setup.processes > 1:
            self.engine = Engine(
                Process(shared or Core(self.world)), model, readers_in_all=setup.processes, readers_run=setup.run
            )
            self.engine.process.call_at(self._random.uniform(0.0, 0.25), self.engine.start)
        self.ears = Process(Core(self.world)) if setup.clients is not None and model.clients is not None else None
        """The core of the lab's clients."""
        self.nodes = [
            Node(
                setup, model, Process(shared or Core(self.world)), number=number, told=self.told, engine=self.engine,
                ears=self.ears,
            )
            for number in range(setup.run)
        ]  # fmt: skip
        self._others = [Writer(self.engine) for _ in range(setup.processes - setup.run)] if self.engine else []
        for number, node in enumerate(self.nodes):
            node.fill(setup.rooms)
            node.process.call_at(self._random.uniform(0.0, 0.25), node.start)
            if not is_empty:
                self._settle(number, node)

    def _settle(self, number: int, node: Node) -> None:
        sessions = self.setup.sessions_of(number)
        if self.setup.has_sockets:
            for crowd in node.prepare(sessions):
                node.process.call_at(0.0, node.join, crowd)
            return
        groups = node.prepare_pollers(sessions)
        places = self._random.sample(range(len(groups)), len(groups))
        for place, group in zip(places, groups, strict=True):  # spread evenly, as the lab's clients are
            group.has = node.book.revision
            due_s = self.setup.poll_s * (place + self._random.random()) / len(groups)
            node.process.call_at(due_s + self.setup.network_s, node.desk.poll, group, due_s)

    # -- what players do ------------------------------------------------------------------------------------------

    def play(self, from_s: float, until_s: float) -> None:
        """Everything of the setup that has a rate."""
        setup = self.setup
        within = FIRST_TENTH if setup.only_makes else FIRST_HALF
        changes = list(self._moments(setup.changes_per_s, from_s, until_s, within=within))
        every = max(1, len(changes) // MOST_TIMED)
        waits_s = self._waits_s(changes)
        for place, at_s in enumerate(changes):
            self._change_at(at_s, waits_s[place], timed=place % every == 0)
        self._often(setup.logins_per_s, from_s, until_s, Node.visit, Kind.ONLINE)
        self._often(setup.logins_per_s, from_s, until_s, Node.leave, Kind.OFFLINE)
        self._often(setup.commands_per_s, from_s, until_s, Node.say, Kind.OTHER)
        if setup.has_sockets:
            for number, node in enumerate(self.nodes):
                rate_per_s = setup.sessions_of(number) / setup.heartbeat_s
                many = max(1, round(rate_per_s / CALLS_PER_S))
                for at_s in self._moments(rate_per_s / many, from_s, until_s):
                    node.process.call_at(at_s, node.heartbeats, many)

    def _moments(self, rate_per_s: float, from_s: float, until_s: float, *, within: float = 1.0) -> Iterator[float]:
        """One per interval, anywhere in that part of it."""
        if rate_per_s <= 0:
            return
        for number in range(round(rate_per_s * (until_s - from_s))):
            yield from_s + (number + within * self._random.random()) / rate_per_s

    def _waits_s(self, changes: Sequence[float]) -> list[float]:
        """For its commit, of each change: those of the window have all of the spread, and so have the others."""
        chance = Random(f"{self.setup.seed}/commits")
        first_s, last_s = self._timed
        inside = sum(first_s <= at_s < last_s for at_s in changes)
        dealt = (
            iter(self._commits.dealt(len(changes) - inside, chance)),
            iter(self._commits.dealt(inside, chance)),
        )
        return [next(dealt[first_s <= at_s < last_s]) for at_s in changes]

    def _change_at(self, at_s: float, commit_s: float, *, timed: bool) -> None:
        first_s, last_s = self._timed
        due_s = at_s if timed and first_s <= at_s < last_s else None
        self._number_timed += due_s is not None
        place = 0 if self.setup.only_makes else self._random.randrange(self.setup.processes)
        reached_s = at_s + self.setup.network_s
        if place < len(self.nodes):
            node = self.nodes[place]
            node.process.call_at(reached_s, node.change, due_s, commit_s)
        else:
            waits_s = commit_s + seconds(self.model.costs.shared_change)
            self._elsewhere(reached_s + waits_s, place, Command(Kind.CHANGE, 1, due_s))

    def _often(
        self, rate_per_s: float, from_s: float, until_s: float, act: Callable[[Node, int], None], kind: Kind
    ) -> None:
        many = max(1, round(rate_per_s / CALLS_PER_S))
        for at_s in self._moments(rate_per_s / many, from_s, until_s):
            place = self._random.randrange(self.setup.processes)
            if place < len(self.nodes):
                node = self.nodes[place]
                node.process.call_at(at_s, act, node, many)
            elif self.setup.has_sockets:
                self._elsewhere(at_s, place, Command(kind, many))

    def _elsewhere(self, at_s: float, place: int, command: Command) -> None:
        """At a process that is not run."""
        writer = self._others[place - len(self.nodes)]
        self.world.call_at(at_s, writer.append, command, at_s)

    @property
    def not_run(self) -> range:
        """Numbers of the processes that are there and not run."""
        return range(len(self.nodes), len(self.nodes) + len(self._others))

    def come_elsewhere(self, process: int, sessions: int, kind: Kind, *, at_s: float, over_s: float) -> None:
        """Sessions of a process that is not run come into the log, one after the other, as fast as it lets them in."""
        costs = self.model.costs
        after_s = max(over_s, sessions * (seconds(costs.upgrade) + seconds(costs.handshake)))
        done = 0
        for number in dealt(sessions, crowds=CROWDS, most=MOST_AT_ONCE):
            done += number
            self._elsewhere(at_s + after_s * done / sessions, process, Command(kind, number))

    # -- a steady state -------------------------------------------------------------------------------------------

    def steady(self, window_s: float | None = None) -> Used:
        """Everybody is here and does what the setup says."""
        setup = self.setup
        if window_s is None:
            wanted_s = CHANGES_IN_A_WINDOW / setup.changes_per_s if setup.changes_per_s else LEAST_WINDOW_S
            window_s = min(MOST_WINDOW_S, max(LEAST_WINDOW_S, wanted_s))
        if not setup.has_sockets:  # in which everybody polls equally often
            window_s = max(1, round(window_s / setup.poll_s)) * setup.poll_s
        warm_s = WARM_S + (0.0 if setup.has_sockets else setup.poll_s)
        tail_s = 1.0 + (0.0 if setup.has_sockets else setup.poll_s)
        self._timed = warm_s, warm_s + window_s
        self.play(self._first_s(warm_s), warm_s + window_s + tail_s)
        self.world.run(warm_s)
        before = [self._reading(node) for node in self.nodes]
        engine = self._engine_reading()
        self.world.run(warm_s + window_s)
        after = [self._reading(node) for node in self.nodes]
        engine_after = self._engine_reading()
        self.world.run(warm_s + window_s + tail_s)  # clients come to the last changes after the window
        self.world.forget()
        used, framed, wire, out, writes, changes = (
            [(late - early) / window_s for early, late in zip(of_before, of_after, strict=True)]
            for of_before, of_after in zip(zip(*before, strict=True), zip(*after, strict=True), strict=True)
        )
        number = len(self.nodes)
        worked, entries, commands = (
            (late - early) / window_s for early, late in zip(engine, engine_after, strict=True)
        )
        return Used(
            process=sum(used) / number,
            busiest=max(used),
            engine=worked,
            framed_bytes_per_s=sum(framed) / number,
            wire_bytes_per_s=sum(wire) / number,
            out_bytes_per_s=sum(out) / number,
            writes_per_s=sum(writes) / number,
            entries_per_s=entries,
            commands_per_s=commands,
            changes_per_s=sum(changes) * setup.processes / number,
            fresh=self.told.fresh,
            reach=self._reach(),
            answers=self.told.answers,
        )

    def _first_s(self, warm_s: float) -> float:
        """From when on players act: whole intervals of changes before the window, so that it has all of its own and no
        other's, and as many makings as ends if their number is even; one interval where rooms are only made."""
        rate_per_s = self.setup.changes_per_s
        if not rate_per_s:
            return FIRST_S
        intervals = 1 if self.setup.only_makes else int((warm_s - FIRST_S) * rate_per_s)
        return warm_s - intervals / rate_per_s

    def _reach(self) -> float | None:
        due = self._number_timed * sum(self.setup.sessions_of(number) for number in range(len(self.nodes)))
        return self.told.fresh.n / due if due else None

    @staticmethod
    def _reading(node: Node) -> tuple[float, ...]:
        traffic, changes = node.traffic, float(node.changes)
        return node.process.used_s, traffic.framed_bytes, traffic.wire_bytes, traffic.out_bytes, traffic.writes, changes

    def _engine_reading(self) -> tuple[float, float, float]:
        if self.engine is None:
            return 0.0, 0.0, 0.0
        return self.engine.process.used_s, float(self.engine.entries), float(self.engine.commands)
