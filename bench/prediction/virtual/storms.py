"""Many who come at once: a log-in storm, and the return of those who have lost their process.

A session comes as a client does: the upgrade, the handshake, the list. Each step waits in the queue of its process
behind the same step of all others who were there before; meanwhile the process tells those who are in of those who
come. Where all clients share a core, as they do in the lab, each step waits in its queue first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from bench.prediction.model import Model
from bench.prediction.virtual.core import Process
from bench.prediction.virtual.crowd import Crowd, dealt
from bench.prediction.virtual.lobby import Lobby
from bench.prediction.virtual.log import Kind
from bench.prediction.virtual.measures import Times
from bench.prediction.virtual.node import Node
from bench.prediction.virtual.setup import Setup, seconds
from loadtest.client.reconnect import ReconnectPolicy

LOOK_EVERY_S = 0.25
BEGINS_S = 1.0
FIRST_TRY_S = 5.0
"""Within which those come back whose retries have jitter (protocol contract, section 7)."""
PIECES = 16
"""Of a crowd, in which its sessions come."""
STEPS = 4
"""Of a client that comes: it dials and asks for the upgrade, says hello, dials for the list, and reads it. What coming
costs it is taken to be a fourth each."""
DIALS_A_TURN = 100
"""Of clients that share a core, before others have their turn (`bench.load.clients.herd`)."""


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What came of one."""

    sessions: int
    """Who came, to the processes that are run."""
    accepted: Times
    """From the beginning until each is accepted."""
    fresh: Times
    """The same until each has the list."""
    is_over: bool
    """Within the time that it was given."""
    took_s: float
    """Until the last one has the list and all of them are told; of one that is not over, the time that it was given."""
    cpu_s: float
    """Of all processes of the lobby."""
    engine_cpu_s: float
    bytes_out: float
    """Framed, of all processes."""


class _Coming:
    """Sessions on their way in."""

    def __init__(self, lobby: Lobby, *, kind: Kind) -> None:
        """`kind`: what their coming is to others."""
        self.lobby = lobby
        self.kind = kind
        self.accepted, self.fresh = Times(), Times()
        self.expected = self.arrived = 0
        self.last_s = 0.0
        self.fetches = lobby.setup.way != "delta"
        self._network_s = lobby.setup.network_s
        self._ears, self._step_s = lobby.ears, 0.0
        clients = lobby.model.clients
        if self._ears is not None and clients is not None and clients.come is not None:
            self._step_s = seconds(clients.come) / STEPS
        self._dials: deque[tuple[Node, Crowd, int, list[int]]] = deque()

    def come(self, node: Node, crowd: Crowd, after_s: float) -> None:
        """A crowd sets out so long after the beginning, piece by piece."""
        at_s = BEGINS_S + after_s
        pieces = dealt(crowd.sessions, crowds=PIECES, most=crowd.sessions)
        self.expected += crowd.sessions
        left = [len(pieces)]
        for number in pieces:
            if self._ears is None:
                node.door.knock_at(at_s + self._network_s, number, self._upgrade, node, crowd, number, left)
            else:
                self._ears.call_at(at_s, self._set_out, self._ears, (node, crowd, number, left))

    def _set_out(self, ears: Process, dial: tuple[Node, Crowd, int, list[int]]) -> None:
        self._dials.append(dial)
        if len(self._dials) == 1:
            ears.call_later(0.0, self._dial, ears)

    def _dial(self, ears: Process) -> None:
        """As many as dial before those are heard who have been answered meanwhile."""
        dialled = 0
        while self._dials and dialled < DIALS_A_TURN:
            node, crowd, number, left = self._dials.popleft()
            dialled += number
            ears.spend(number * self._step_s)
            at_s = ears.monotonic_s() + self._network_s
            node.door.knock_at(at_s, number, self._upgrade, node, crowd, number, left)
        if self._dials:
            ears.call_later(0.0, self._dial, ears)

    def _upgrade(self, node: Node, crowd: Crowd, number: int, left: list[int]) -> None:
        node.upgrade(number)
        self._at_clients(node, number, self._hello, node, crowd, number, left)

    def _hello(self, now_s: float, node: Node, crowd: Crowd, number: int, left: list[int]) -> None:
        node.process.call_at(now_s + self._network_s, self._accept, node, crowd, number, left)

    def _accept(self, node: Node, crowd: Crowd, number: int, left: list[int]) -> None:
        left[0] -= 1
        if not left[0]:
            node.join(crowd)  # in step, so that those who came first have waited for the last of their crowd
        node.accept(number, self.kind)
        self._at_clients(node, number, self._in, node, number)

    def _in(self, now_s: float, node: Node, number: int) -> None:
        self.accepted.add(now_s - BEGINS_S, number)
        if self.fetches:
            node.door.knock_at(now_s + self._network_s, number, self._fetch, node, number)
        else:
            self._have(now_s, number)

    def _fetch(self, node: Node, number: int) -> None:
        node.desk.serve(number, connects=True)
        self._at_clients(node, number, self._have, number)

    def _have(self, now_s: float, number: int) -> None:
        at_s = now_s - BEGINS_S
        self.fresh.add(at_s, number)
        self.arrived += number
        self.last_s = max(self.last_s, at_s)

    def _at_clients(self, node: Node, number: int, then: Callable[..., None], *args: object) -> None:
        """What so many clients do next, from when the last of them has done its part; `then` is told when that is."""
        at_s = node.process.monotonic_s() + self._network_s
        if self._ears is None:
            then(at_s, *args)
        else:
            self._ears.call_at(at_s, self._do, self._ears, number, then, args)

    def _do(self, ears: Process, number: int, then: Callable[..., None], args: tuple[object, ...]) -> None:
        ears.spend(number * self._step_s)
        then(ears.monotonic_s(), *args)

    def run(self, most_s: float) -> Storm:
        """Until all are in and have been told, at most so long."""
        lobby = self.lobby
        nodes, world = lobby.nodes, lobby.world
        began_s = BEGINS_S - LOOK_EVERY_S
        world.run(began_s)
        used_s, framed, writes = _totals(nodes)
        engine_s = lobby.engine.process.used_s if lobby.engine is not None else 0.0
        is_over, told_s = False, 0.0
        while not is_over and world.now_s < BEGINS_S + most_s:
            before = writes
            world.run(min(BEGINS_S + most_s, world.now_s + LOOK_EVERY_S))
            writes = _totals(nodes)[2]
            if writes > before:
                told_s = world.now_s - BEGINS_S
            is_over = self.arrived >= self.expected and all(node.is_quiet for node in nodes)
        world.forget()
        took_s = max(self.last_s, told_s - LOOK_EVERY_S / 2) if is_over else most_s
        idle_s = seconds(lobby.model.costs.idle) * len(nodes) * (world.now_s - began_s)
        used_after_s, framed_after, _ = _totals(nodes)
        all_of_them = lobby.setup.processes / len(nodes)
        return Storm(
            sessions=self.expected,
            accepted=self.accepted,
            fresh=self.fresh,
            is_over=is_over,
            took_s=took_s,
            cpu_s=all_of_them * (used_after_s - used_s - idle_s),
            engine_cpu_s=lobby.engine.process.used_s - engine_s if lobby.engine is not None else 0.0,
            bytes_out=all_of_them * (framed_after - framed),
        )


def _totals(nodes: Sequence[Node]) -> tuple[float, float, float]:
    """CPU, framed bytes and writes until now."""
    return (
        sum(node.process.used_s for node in nodes),
        sum(node.traffic.framed_bytes for node in nodes),
        sum(node.traffic.writes for node in nodes),
    )


def log_in(setup: Setup, model: Model, *, over_s: float = 0.0, most_s: float = 120.0) -> Storm:
    """Everybody comes, within `over_s` or all in one moment. Times count from the first."""
    lobby = Lobby(setup, model, is_empty=True)
    coming = _Coming(lobby, kind=Kind.ONLINE)
    chance = Random(f"{setup.seed}/storm")
    for number, node in enumerate(lobby.nodes):
        for crowd in node.prepare(setup.sessions_of(number)):
            coming.come(node, crowd, chance.uniform(0.0, over_s) if over_s else 0.0)
    for number in lobby.not_run:
        lobby.come_elsewhere(number, setup.sessions_of(number), Kind.ONLINE, at_s=BEGINS_S, over_s=over_s)
    return coming.run(most_s)


def restart(
    setup: Setup, model: Model, *, policy: ReconnectPolicy | None, lost: int = 1, most_s: float = 120.0
) -> Storm:  # fmt: skip
    """`lost` processes end in an orderly way, and their sessions come back by the policy of their retries; None: all in
    the moment in which they can. Times count from the end.

    They come to the processes that are left, where nobody is told of them, since they were not told offline. Where
    none is left, they come to those that are started anew, to whom everybody is new.
    """
    chance = Random(f"{setup.seed}/restart")
    if lost >= setup.processes:
        lobby = Lobby(setup, model, is_empty=True)
        coming = _Coming(lobby, kind=Kind.ONLINE)
        ready_s, come_back = seconds(model.waits.start), [setup.sessions_of(n) for n in range(setup.processes)]
    else:
        leaving = sum(setup.sessions_of(number) for number in range(lost))
        left = replace(setup, processes=setup.processes - lost, sessions=setup.sessions - leaving)
        lobby = Lobby(left, model)
        coming = _Coming(lobby, kind=Kind.OTHER)
        ready_s, come_back = 0.0, [
            leaving // left.processes + (number < leaving % left.processes) for number in range(left.processes)
        ]  # fmt: skip
    for number, node in enumerate(lobby.nodes):
        for crowd in node.prepare(come_back[number]):
            coming.come(node, crowd, _first_try_s(policy, ready_s, chance))
    over_s = FIRST_TRY_S if policy is not None else 0.0
    for number in lobby.not_run:
        lobby.come_elsewhere(number, come_back[number], coming.kind, at_s=BEGINS_S + ready_s, over_s=over_s)
    return coming.run(most_s)


def _first_try_s(policy: ReconnectPolicy | None, ready_s: float, chance: Random) -> float:
    """When the first try comes that finds a process."""
    if policy is None:
        return ready_s
    at_s, failures = policy.delay_s(0, chance), 0
    while at_s < ready_s:
        failures += 1
        at_s += policy.delay_s(failures, chance)
    return at_s
