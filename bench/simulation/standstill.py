"""A whole machine stands still for a while, and goes on as if nothing had been: a virtual machine that is paused, a
laptop whose lid is closed, a hypervisor that gives its cores to others. With it
stand all nodes on it, its clients or not, and Valkey and the database where they run on it.

Which schedules have one is drawn apart, so that the rest of each is what it was without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from random import Random

from bench.simulation.nodes.node import Node
from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.machine import Machine
from bench.simulation.outside.store import Database
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Lane, Wire

NAME = "stand_still"
SHARE = 0.25
"""Of the schedules."""
MOST = 2
WITHIN_S = 10.0
"""From the first deed: most are over within the schedule, whatever they last."""
SHORTEST_S, LONGEST_S = 0.2, 13.0
"""From a short steal to longer than every time-out of a run: of the heartbeat, a client's patience, a node's key."""
LATE_S = 2.0
"""After a pause, at most: what was sent to the machine meanwhile is sent again. Below the time that a server gives its
clients to be heard of after it stood still (`lobby_server.service.peers.heartbeat`)."""
SET_RIGHT_S = 3.0
"""After a pause, at most: the wall clock is set right."""
Drawn = tuple[float, str, int, int, int]
"""As of `bench.simulation.brief_tokens`."""


def standstills(seed: int, *, nodes: int) -> Iterator[Drawn]:
    """Of a seed; most have none."""
    random = Random(f"standstills/{seed}")
    if random.random() >= SHARE:
        return
    for _ in range(random.randint(1, MOST)):
        at_s = random.uniform(0.0, WITHIN_S)
        yield at_s, NAME, random.randrange(nodes), random.randrange(1000), random.randrange(1000)


class Clocks(Enum):
    """What clocks do meanwhile."""

    GO_ON = "all clocks go on"
    """A hypervisor's steal, a control group that is frozen."""
    SUSPENDED = "its monotonic clock stands still"
    """The wall clock is right as it goes on."""
    PAUSED = "all its clocks stand still"
    """The wall clock is set right some time later, as by NTP."""


@dataclass(frozen=True)
class Extent:
    """What stands still."""

    nodes: tuple[int, ...]
    has_valkey: bool
    has_database: bool
    has_clients: bool
    """Every second player."""
    clocks: Clocks
    is_away: bool
    """The machine is not on the network: what is sent to it meanwhile comes late. Otherwise its sockets hold it."""


def extent_of(who: int, b: int, *, nodes: int) -> Extent:
    """As a fault chooses it. The machine has all nodes, with or without Valkey and the database, or one, with them.

    Where nodes elsewhere go on beside Valkey, not all clocks of those that stand do as well: a node to which no clock
    tells of it cannot know that the others have given it up (docs/operating.md)."""
    where, clocks = b % 4, tuple(Clocks)[b // 4 % 3]
    everybody = tuple(range(nodes))
    few = (who,) if where == 2 else (who, (who + 1) % nodes)
    is_whole = where in (0, 1)
    return Extent(
        nodes=everybody if is_whole else few,
        has_valkey=where in (0, 2),
        has_database=where in (0, 2),
        has_clients=b // 12 % 2 == 1,
        clocks=clocks if where != 3 or clocks is not Clocks.PAUSED else Clocks.GO_ON,
        is_away=b // 24 % 2 == 1,
    )


class Standstills:
    """Of one run. One at a time: a machine that stands still does not stand still for longer."""

    def __init__(
        self,
        world: World,
        *,
        nodes: Sequence[Node],
        valkey: Valkey,
        database: Database,
        clients: Machine,
        wires: Callable[[], Sequence[Wire]],
        note: Callable[[str, str], None],
        began: Callable[[], None],
        ended: Callable[[ProcessLoop, float, bool], None],
    ) -> None:
        """`wires`: of all clients. `began`: hears of each before anything stands. `ended` hears of each process that
        goes on, how long it stood, and whether its monotonic clock did, before it does anything."""
        self._world = world
        self._nodes = nodes
        self._valkey = valkey
        self._database = database
        self._clients = clients
        self._wires = wires
        self._note = note
        self._began = began
        self._ended = ended
        self._standing: tuple[Extent, float] | None = None
        """And since when."""
        self._away: list[Lane] = []
        """To its nodes, of connections that wait for it to be on the network again."""

    def begin(self, who: int, lasts_s: float, b: int) -> None:
        if self._standing is not None:
            return
        extent, world = extent_of(who, b, nodes=len(self._nodes)), self._world
        names = [self._nodes[number].name for number in extent.nodes]
        parts = (("valkey", extent.has_valkey), ("the database", extent.has_database), ("clients", extent.has_clients))
        names += [name for name, is_there in parts if is_there]
        self._note(", ".join(names), f"stands still for {lasts_s:.1f} s; {extent.clocks.value}")
        self._began()
        self._standing = extent, world.now_s
        for node in (self._nodes[number] for number in extent.nodes):
            node.is_standing = True
            if node.life is not None and not node.life.loop.is_standing:
                node.life.loop.freeze(
                    stops_clock=extent.clocks is not Clocks.GO_ON, stops_all=extent.clocks is Clocks.PAUSED
                )  # fmt: skip
        if extent.has_valkey and self._valkey.is_up:
            self._valkey.is_standing = True
            self._valkey.hang()
        if extent.has_database:
            self._database.stand_still()
        if extent.has_clients:
            self._clients.stand_still()
        if extent.is_away:
            loops = [life.loop for number in extent.nodes if (life := self._nodes[number].life) is not None]
            self._away = [wire.lane_in for wire in self._wires() if wire.loop in loops]
            for lane in self._away:
                lane.is_away = True
        world.call_later(lasts_s, self._end, world.now_s, b % 100 / 100)

    def mend(self) -> None:
        """Whatever stands goes on."""
        if self._standing is not None:
            self._end(self._standing[1], 0.0)

    # -- private --------------------------------------------------------------------------------------------------

    def _end(self, since_s: float, late: float) -> None:
        """`late`: of 1, how late comes what does not come at once."""
        if self._standing is None or self._standing[1] != since_s:
            return
        (extent, _), self._standing = self._standing, None
        stood_s = self._world.now_s - since_s
        self._note(", ".join(self._nodes[number].name for number in extent.nodes), "go on, with all beside them")
        has_stopped = extent.clocks is not Clocks.GO_ON
        for node in (self._nodes[number] for number in extent.nodes):
            node.is_standing = False
            life = node.life
            if life is None:
                if node.is_wanted:
                    node.start()
            elif life.loop.is_frozen:
                if life.loop.frozen_at_s == since_s:
                    self._ended(life.loop, stood_s, has_stopped)
                life.loop.thaw()
            if extent.clocks is Clocks.PAUSED:
                _fall_behind(node, stood_s, partial(self._world.call_later, late * SET_RIGHT_S))
        if self._valkey.is_standing:
            self._valkey.is_standing = False
            if extent.clocks is Clocks.PAUSED:
                _fall_behind_valkey(self._valkey, stood_s, partial(self._world.call_later, late * SET_RIGHT_S))
            self._valkey.go_on()
        away, self._away = self._away, []
        for lane in away:
            self._world.call_later(late * LATE_S, lane.come_back)
        self._database.go_on()
        self._clients.go_on()


def _fall_behind(node: Node, stood_s: float, later: Callable[[Callable[[], None]], object]) -> None:
    """Its wall clock stood still, too, and is set right, unless it is set otherwise before."""
    right_s = node.ahead_s
    behind_s = right_s - stood_s
    node.set_clock(behind_s)
    later(lambda: node.set_clock(right_s) if node.ahead_s == behind_s else None)


def _fall_behind_valkey(valkey: Valkey, stood_s: float, later: Callable[[Callable[[], None]], object]) -> None:
    right_s = valkey.ahead_s
    behind_s = valkey.ahead_s = right_s - stood_s

    def set_right() -> None:
        if valkey.ahead_s == behind_s:
            valkey.ahead_s = right_s

    later(set_right)
