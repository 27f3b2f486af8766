"""What a lobby of several nodes costs and how soon it tells, against one process: broadcasts, a change, a storm."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import mean, median

import numpy as np

from bench.load.changes.publisher import Publisher
from bench.load.changes.storm_ledger import storm_events
from bench.load.cluster.sinks import ClusterSinks
from bench.measures import (
    CPU_IN_ALL,
    CPU_PER_BROADCAST,
    EVENTS_PER_NEWCOMER,
    HEARD_P50,
    HEARD_P99,
    LATER_P50,
    LATER_P99,
)
from bench.processes.cluster.surroundings import SECRET, Surroundings
from bench.processes.cpu import CpuTimes, read_cpu
from bench.processes.lab import Lab
from bench.processes.remote import Remote
from bench.processes.target import Target
from bench.record.book import Book
from bench.record.findings import Stretch
from bench.record.vocabulary import LOBBY, NODES_AND_VALKEY, ONE_APART, ONE_NODE, OTHER_NODE, SAME_NODE
from bench.scenarios.cluster.flags import FLAGS
from bench.stats import percentile

ROOMS_CHANGED, USER_ONLINE = b'"rooms_changed"', b'"user_online"'
USERS = 10
"""Sockets of a broadcast are dealt out among few users, so that connecting is no presence storm."""
WARM_UP = 3
TIMEOUT_S = 60.0
SETTLE_S = 0.5
AFTER_S = 0.05
"""From the last receipt to the end of a turn: other nodes may still write, or apply."""
QUIET_S = 0.5
"""After the last event of a storm."""
PATIENCE_PER_NEWCOMER_S = 0.02
"""Beyond `TIMEOUT_S`: 10,000 who come at once are fifty million events."""
EVERY_S = 0.02
"""From one change to the next."""


@dataclass
class Processes:
    """CPU of several processes from a moment on."""

    pids: Sequence[int]
    generator: int
    _before: list[CpuTimes] = field(init=False)
    _generator: CpuTimes = field(init=False)
    _start_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._before = [read_cpu(pid) for pid in self.pids]
        self._generator, self._start_s = read_cpu(self.generator), time.perf_counter()

    def used_s(self) -> list[float]:
        """Of each process until now."""
        return [read_cpu(pid).since(before).used_s for pid, before in zip(self.pids, self._before, strict=True)]

    def stretch(self) -> Stretch:
        """All of them as one server. How long each waited for the core that they share is left out: it says nothing."""
        generator = read_cpu(self.generator).since(self._generator)
        return Stretch(
            wall_s=time.perf_counter() - self._start_s,
            server_cpu_s=sum(self.used_s()),
            generator_cpu_s=generator.used_s,
            generator_wait_s=generator.waited_s,
        )


@dataclass
class _Party:
    name: str
    pids: list[int]
    publishers: list[Publisher]
    """Of the first node; of each process that stands alone."""
    sinks: Remote[ClusterSinks]
    fired: int = 0
    turns_s: list[float] = field(default_factory=list)
    """CPU of one process, the mean of all of its nodes."""

    def turn(self) -> None:
        """A room is made on the first node, or on each process that stands alone, and heard by all."""
        self.fired += 1
        watch = Processes(self.pids, self.sinks.pid)
        with ThreadPoolExecutor(len(self.publishers)) as together:
            list(together.map(lambda each: each.publish(time.perf_counter()), self.publishers))
        self.sinks.call(ClusterSinks.hear, self.fired, TIMEOUT_S)
        time.sleep(AFTER_S)
        if self.fired > WARM_UP:
            self.turns_s.append(mean(watch.used_s()))


def broadcast(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """All lobbies stand at the same time and take turns, broadcast by broadcast, in random order. Beside the nodes of
    each size stand as many processes without a backplane, each of which makes a room of its own: what those use beyond
    their share, and beyond that making, several processes cost each other on this machine, whatever joins them."""
    sizes = lab.profile.cluster
    with contextlib.ExitStack() as stack:
        single = stack.enter_context(place.single(FLAGS))
        parties = [_party(lab, stack, LOBBY, [single], sizes.broadcast)]
        for count in sizes.nodes:
            nodes = stack.enter_context(place.nodes(count, FLAGS))
            parties.append(_party(lab, stack, ONE_NODE.format(nodes=count), nodes, sizes.broadcast))
            if count > 1:
                alone = [stack.enter_context(place.single(FLAGS)) for _ in range(count)]
                named = ONE_APART.format(nodes=count)
                parties.append(_party(lab, stack, named, alone, sizes.broadcast, told_at=count))
        time.sleep(SETTLE_S)
        for _ in range(WARM_UP + sizes.broadcasts):
            for party in chance.sample(parties, len(parties)):
                party.turn()
        for party in parties:
            book.add(CPU_PER_BROADCAST, median(party.turns_s) * 1e3, clients=sizes.broadcast, party=party.name)
            heard = [events for node in party.sinks.call(ClusterSinks.heard) for events in node.events]
            wrong = sum(events != party.fired for events in heard)
            if wrong:
                book.faults.append(f"{party.name}: {wrong} clients did not hear each broadcast exactly once")
            party.sinks.call(ClusterSinks.close)


def _party(
    lab: Lab, stack: contextlib.ExitStack, name: str, servers: Sequence[Target], clients: int, *, told_at: int = 1
) -> _Party:
    """`told_at`: how many of the servers get a room of their own at each turn."""
    ports = [server.port for server in servers]
    sinks = stack.enter_context(
        lab.generator(
            ClusterSinks,
            ports=ports,
            pattern=ROOMS_CHANGED,
            secret=SECRET,
            counts=dealt(clients, len(ports)),
            users=USERS,
        )
    )
    sinks.call(ClusterSinks.open)
    sinks.call(ClusterSinks.say_hello)
    sinks.call(ClusterSinks.accepted)
    publishers = [stack.enter_context(Publisher(port, SECRET)) for port in ports[:told_at]]
    return _Party(name, [server.pid for server in servers], publishers, sinks)


def dealt(clients: int, nodes: int) -> list[int]:
    """So many for each node, as evenly as can be."""
    return [clients // nodes + (number < clients % nodes) for number in range(nodes)]


def change(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """One client on each of two nodes, and one of a single process; a room made every 20 ms, on the first node."""
    with contextlib.ExitStack() as stack:
        single = stack.enter_context(place.single(FLAGS))
        nodes = stack.enter_context(place.nodes(2, FLAGS))
        lobbies = [(single.port, [single.port]), (nodes[0].port, [node.port for node in nodes])]
        for at, ports in chance.sample(lobbies, len(lobbies)):
            heard_ms = _heard_ms(lab, at, ports)
            here = LOBBY if len(ports) == 1 else SAME_NODE
            _add_heard(book, here, heard_ms[0])
            if len(ports) > 1:
                _add_heard(book, OTHER_NODE, heard_ms[1])
                later_ms = heard_ms[1] - heard_ms[0]
                book.add(LATER_P50, percentile(later_ms, 50), clients=1, party=OTHER_NODE)
                book.add(LATER_P99, percentile(later_ms, 99), clients=1, party=OTHER_NODE)


def _heard_ms(lab: Lab, at: int, ports: list[int]) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Of each node, from the sending of each change to its client's hearing of it."""
    changes = lab.profile.cluster.changes
    with (
        lab.generator(
            ClusterSinks, ports=ports, pattern=ROOMS_CHANGED, secret=SECRET, counts=[1] * len(ports), users=1
        ) as sinks,
        Publisher(at, SECRET) as publisher,
    ):
        sinks.call(ClusterSinks.open)
        sinks.call(ClusterSinks.say_hello)
        sinks.call(ClusterSinks.accepted)
        time.sleep(SETTLE_S)
        for _ in range(WARM_UP):
            publisher.publish(time.perf_counter())
        sinks.call(ClusterSinks.hear, WARM_UP, TIMEOUT_S)
        sinks.call(ClusterSinks.keep_stamps)
        sent_s = []
        for _ in range(changes):
            sent_s.append(publisher.publish(time.perf_counter() + EVERY_S).sent_s)
        sinks.call(ClusterSinks.hear, WARM_UP + changes, TIMEOUT_S)
        stamps = sinks.call(ClusterSinks.stamps)
        sinks.call(ClusterSinks.close)
    if any(len(node) != changes for node in stamps):
        raise RuntimeError(f"of {changes} changes {[len(node) for node in stamps]} were heard")
    return [(np.asarray(node) - np.asarray(sent_s)) * 1e3 for node in stamps]


def _add_heard(book: Book, party: str, heard_ms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    book.add(HEARD_P50, percentile(heard_ms, 50), clients=1, party=party)
    book.add(HEARD_P99, percentile(heard_ms, 99), clients=1, party=party)


def storm(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """Everybody says hello in one moment, and is told of all who come after, which are (N + 1) / 2 on average; on one
    process, and on two nodes. Nodes that are busy for longer than a newcomer waits let it in before its arrival is in
    the log: then it hears of some who came before."""
    clients = lab.profile.cluster.storm
    for count in chance.sample([1, 2], 2):
        with contextlib.ExitStack() as stack:
            if count == 1:
                servers, party = [stack.enter_context(place.single(FLAGS))], LOBBY
                pids = [servers[0].pid]
            else:
                servers, party = stack.enter_context(place.nodes(count, FLAGS)), NODES_AND_VALKEY
                pids = [*(server.pid for server in servers), place.engine.pid]
            sinks = stack.enter_context(
                lab.generator(
                    ClusterSinks, ports=[server.port for server in servers], pattern=USER_ONLINE, secret=SECRET,
                    counts=dealt(clients, count),
                )
            )  # fmt: skip
            sinks.call(ClusterSinks.open)
            time.sleep(SETTLE_S)
            watch = Processes(pids, sinks.pid)
            sinks.call(ClusterSinks.say_hello)
            expected = storm_events(clients)
            patience_s = TIMEOUT_S + clients * PATIENCE_PER_NEWCOMER_S
            heard = sinks.call(ClusterSinks.hear_in_all, expected, patience_s, quiet_s=QUIET_S)
            stretch = watch.stretch()
            book.add(CPU_IN_ALL, stretch.server_cpu_s, clients=clients, party=party, stretch=stretch)
            if not expected <= heard <= (expected if count == 1 else clients * clients):
                book.faults.append(f"storm on {party}: {heard:,} events heard, not {expected:,}")
            book.add(EVENTS_PER_NEWCOMER, heard / clients, clients=clients, party=party)
            sinks.call(ClusterSinks.close)
