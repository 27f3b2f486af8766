"""What one broadcast costs the server per recipient: the lobby, the floor, Node.js `ws` and naive Tornado, in turns.

All parties stand at the same time, each with as many receivers of its own, on the same core, and take turns broadcast
by broadcast in a random order: what the machine does otherwise falls on all of them alike. They send the same frame,
`rooms_changed`. Only a party's own CPU counts, from before its broadcast until some time after the last receipt.

The lobby's change is a room made over HTTP. What that costs without a fan-out is measured in turns, too, by a second
lobby that nobody is connected to, and taken off. Another build is a party like any other, with a second lobby of its
own; then the floor alone is beside the two.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from bench.load.changes.publisher import Publisher
from bench.load.sockets.sinks import Sinks
from bench.measures import COLD_BROADCAST, CPU_OF_A_ROOM, CPU_PER_RECIPIENT, UNTIL_ALL
from bench.processes.lab import OWN_BUILD, Build, Lab
from bench.processes.peer import node_command, python_peer, start_peer
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings, Stretch, sum_stretches
from bench.record.profiles.sizes import EngineSizes
from bench.record.vocabulary import FLOOR, LOBBY_EMPTY, NAIVE_TORNADO, NODE_WS

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S, rooms_notify_interval_ms=0, heartbeat_timeout_s=600)
"""No pacing of announcements: each room is a broadcast of its own. No protocol-level pings meanwhile."""

PATTERN = b'"rooms_changed"'
USERS = 10
"""Sockets are dealt out among few users, so that connecting is no presence storm."""

RECEIPT_TIMEOUT_S = 20.0
WARM_UP = 4
"""Turns of each party that do not count: a compiler that works while the program runs, as in Node.js, has to have met
the code before it is measured."""
SETTLE_S = 0.5
AFTER_S = 0.02
"""From the last receipt to the end of a turn: what the party does after the last ``send`` is its own cost."""


@dataclass
class Party:
    """One that takes turns, and what each of its turns cost; the first ones, which find it cold, do not count."""

    name: str
    pid: int
    fire: Callable[[], None]
    sinks: Remote[Sinks]
    clients: int
    fired: int = 0
    turns: list[Stretch] = field(default_factory=list)
    walls_ms: list[float] = field(default_factory=list)
    cold_ms: float = 0.0
    """Of the first turn."""

    def turn(self) -> None:
        self.fired += 1
        watch = Watch(self.pid, self.sinks.pid)
        start_s = time.perf_counter()
        self.fire()
        self.sinks.call(Sinks.hear, self.fired * self.clients, RECEIPT_TIMEOUT_S)
        wall_ms = (time.perf_counter() - start_s) * 1e3
        time.sleep(AFTER_S)
        if self.fired == 1:
            self.cold_ms = wall_ms
        if self.fired > WARM_UP:
            self.turns.append(watch.stretch())
            self.walls_ms.append(wall_ms)

    @property
    def cpu_s(self) -> float:
        """Of a turn: the median, which other work that breaks into one turn does not move."""
        return median(turn.server_cpu_s for turn in self.turns)


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """Fresh servers, peers and receivers in each repeat."""
    book = lab.book("fanout", FLAGS)
    node = node_command()
    peers = {
        FLOOR: python_peer("floor"),
        NAIVE_TORNADO: python_peer("naive_tornado"),
        **({NODE_WS: node} if node else {}),
    }
    if node is None:
        book.note("Node.js ws was skipped: there is no node, or npm could not install ws")
    bare = {FLOOR: peers[FLOOR]}
    if len(lab.builds) > 1:
        peers = bare
    plan = [(clients, peers) for clients in sizes.fanout for _ in range(sizes.repeats)]
    plan += [(each, bare) for each in sizes.ladder if each not in sizes.fanout for _ in range(sizes.ladder_repeats)]
    chance = random.Random(lab.seed)
    with lab.reporter.stage("fanout", len(plan)) as stage:
        for book.turn, (clients, taking_part) in enumerate(plan):
            stage.say(f"{clients} clients: {', '.join([*(build.party for build in lab.builds), *taking_part])}")
            _repeat(lab, book, chance, taking_part, clients, sizes.broadcasts)
            stage.advance()
    book.note("the lobby's figure is without the price of making the room, measured with nobody connected")
    return book.result("fanout", FLAGS)


def _repeat(
    lab: Lab, book: Book, chance: random.Random, peers: dict[str, list[str]], clients: int, broadcasts: int
) -> None:
    with contextlib.ExitStack() as stack:
        empty = {build.party: lobby_party(lab, stack, LOBBY_EMPTY, 0, build) for build in lab.builds}
        lobbies = [lobby_party(lab, stack, build.party, clients, build) for build in lab.builds]
        others = [peer_party(lab, stack, name, command, clients) for name, command in peers.items()]
        parties = [*empty.values(), *lobbies, *others]
        time.sleep(SETTLE_S)
        for _ in range(broadcasts + WARM_UP):
            for party in chance.sample(parties, len(parties)):
                party.turn()
        unheard = {party.name: close_party(book, party) for party in parties}
    for name, party in empty.items():
        book.add(CPU_OF_A_ROOM, party.cpu_s * 1e6, clients=clients, party=name, stretch=sum_stretches(party.turns))
    for party in (*lobbies, *others):
        post_s = empty[party.name].cpu_s if party.name in empty else 0.0
        cpu_us = (party.cpu_s - post_s) / clients * 1e6
        for measure, value in (
            (CPU_PER_RECIPIENT, cpu_us),
            (UNTIL_ALL, median(party.walls_ms)),
            (COLD_BROADCAST, party.cold_ms),
        ):
            book.add(
                measure, value, clients=clients, party=party.name, stretch=sum_stretches(party.turns),
                invalid=unheard[party.name],
            )  # fmt: skip


def lobby_party(lab: Lab, stack: contextlib.ExitStack, name: str, clients: int, build: Build = OWN_BUILD) -> Party:
    server = stack.enter_context(lab.server(FLAGS, build=build))
    publisher = stack.enter_context(Publisher(server.port, server.jwt_secret))
    sinks = stack.enter_context(
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret, users=USERS)
    )
    sinks.call(Sinks.open, clients)
    sinks.call(Sinks.say_hello)
    sinks.call(Sinks.accepted, clients)

    def make_room() -> None:
        publisher.publish(time.perf_counter())

    return Party(name, server.pid, make_room, sinks, clients)


def peer_party(lab: Lab, stack: contextlib.ExitStack, name: str, command: list[str], clients: int) -> Party:
    peer = stack.enter_context(start_peer(command, cpus=lab.cpus.server))
    sinks = stack.enter_context(lab.generator(Sinks, port=peer.port, pattern=PATTERN))
    sinks.call(Sinks.open, clients, upgrade=name != FLOOR)
    return Party(name, peer.pid, peer.fire, sinks, clients)


def close_party(book: Book, party: Party) -> str:
    """Why what it cost is no figure: work that was not done is cheap. Empty where each client heard each broadcast
    once."""
    wrong = sum(events != party.fired for events in party.sinks.call(Sinks.heard).events)
    party.sinks.call(Sinks.close)
    if not wrong:
        return ""
    book.faults.append(f"{party.name}, {party.clients} clients: {wrong} did not hear each broadcast exactly once")
    return f"{wrong:,} of {party.clients:,} clients did not hear each broadcast exactly once"
