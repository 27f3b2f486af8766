"""What one broadcast costs the server a recipient: the lobby, the floor, Node.js `ws` and naive Tornado, in turns.

Every party serves the same receivers the same frame, `rooms_changed`, pinned to the same core; only its own CPU counts,
from before the first broadcast until after the last receipt. The lobby's change is a room made over HTTP, whose own
price is measured with nobody connected and taken off. Broadcasts are isolated: the next one comes when everybody has
the one before, and some time later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from bench.engine_results import Book, EngineResult
from bench.goals import CPU_A_RECIPIENT, FLOOR, LOBBY, NAIVE, NODE
from bench.lab import Lab
from bench.peer import node_command, python_peer, start_peer
from bench.publisher import Publisher
from bench.remote import Remote
from bench.scenarios.engine import EngineSizes
from bench.sinks import Sinks
from bench.watch import Watch

FLAGS = (
    "--auth-rate-per-min", "0", "--log-level", "warning", "--empty-room-ttl-s", "3600",
    "--rooms-notify-interval-ms", "0", "--heartbeat-timeout-s", "600",
)  # fmt: skip
"""No pacing of announcements: each room is a broadcast of its own. No protocol-level pings meanwhile."""

PATTERN = b'"rooms_changed"'
USERS = 10
"""Sockets are dealt out among few users, so that connecting is no presence storm."""

RECEIPT_TIMEOUT_S = 20.0
GAP_S, GAP_A_CLIENT_S = 0.03, 15e-6
"""Between two broadcasts: more than the server's own pause after a fan-out, which is as long as the fan-out."""


def run(lab: Lab, sizes: EngineSizes) -> EngineResult:
    """Parties change places from repeat to repeat."""
    book = Book()
    node = node_command()
    commands = {FLOOR: python_peer("floor"), NAIVE: python_peer("naive_tornado"), **({NODE: node} if node else {})}
    if node is None:
        book.note("Node.js ws was skipped: there is no node, or npm could not install ws")
    plan = [(clients, [LOBBY, *commands], sizes.repeats) for clients in sizes.fanout]
    plan += [(each, [LOBBY, FLOOR], sizes.ladder_repeats) for each in sizes.ladder if each not in sizes.fanout]
    with lab.reporter.stage("fanout", sum(len(parties) * repeats for _, parties, repeats in plan)) as stage:
        for clients, parties, repeats in sorted(plan):
            for repeat in range(repeats):
                first = repeat % len(parties)
                for party in parties[first:] + parties[:first]:
                    stage.say(f"{clients} clients, {party}, repeat {repeat + 1} of {repeats}")
                    if party == LOBBY:
                        _lobby(lab, book, clients, sizes.broadcasts)
                    else:
                        _peer(lab, book, party, commands[party], clients, sizes.broadcasts)
                    stage.advance()
    book.note("the lobby's figure is without the price of making the room, measured with nobody connected")
    return book.result("fanout", FLAGS)


def _lobby(lab: Lab, book: Book, clients: int, broadcasts: int) -> None:
    with (
        lab.server(FLAGS) as server,
        Publisher(server.port, server.jwt_secret) as publisher,
        lab.generator(Sinks, port=server.port, pattern=PATTERN, secret=server.jwt_secret, users=USERS) as sinks,
    ):

        def change() -> None:
            publisher.publish(time.perf_counter())

        change()
        alone = Watch(server.pid, sinks.pid)
        for _ in range(broadcasts):
            change()
            time.sleep(GAP_S)
        post_s = alone.stretch().server_cpu_s
        sinks.call(Sinks.open, clients)
        sinks.call(Sinks.say_hello)
        accepted = sinks.call(Sinks.accepted, clients)
        if accepted < clients:
            book.faults.append(f"{clients - accepted} of {clients} clients were not accepted")
        book.add("server CPU of making a room", post_s / broadcasts * 1e6, clients=clients, unit="µs")
        _broadcasts(book, sinks, server.pid, change, LOBBY, clients, broadcasts, post_s)


def _peer(lab: Lab, book: Book, party: str, command: list[str], clients: int, broadcasts: int) -> None:
    with (
        start_peer(command, cpus=lab.cpus.server) as peer,
        lab.generator(Sinks, port=peer.port, pattern=PATTERN) as sinks,
    ):
        sinks.call(Sinks.open, clients, party != FLOOR)
        _broadcasts(book, sinks, peer.pid, peer.fire, party, clients, broadcasts, 0.0)


def _broadcasts(
    book: Book,
    sinks: Remote[Sinks],
    pid: int,
    fire: Callable[[], None],
    party: str,
    clients: int,
    broadcasts: int,
    other_cpu_s: float,
) -> None:
    """One more first, which finds everything cold and is not counted."""
    gap_s = GAP_S + GAP_A_CLIENT_S * clients
    time.sleep(0.3)  # what came with connecting is over
    fire()
    heard = sinks.call(Sinks.hear, clients, RECEIPT_TIMEOUT_S)
    time.sleep(gap_s)
    walls_ms = []
    watch = Watch(pid, sinks.pid)
    for number in range(2, broadcasts + 2):
        start_s = time.perf_counter()
        fire()
        heard = sinks.call(Sinks.hear, number * clients, RECEIPT_TIMEOUT_S)
        walls_ms.append((time.perf_counter() - start_s) * 1e3)
        time.sleep(gap_s)
    stretch = watch.stretch()
    everybody = sinks.call(Sinks.heard).events
    wrong = sum(events != broadcasts + 1 for events in everybody)
    if wrong or heard != (broadcasts + 1) * clients:
        book.faults.append(f"{party}, {clients} clients: {wrong} did not hear each broadcast exactly once")
    cpu_us = (stretch.server_cpu_s - other_cpu_s) / broadcasts / clients * 1e6
    book.add(CPU_A_RECIPIENT, cpu_us, clients=clients, unit="µs", party=party, stretch=stretch)
    book.add("until everybody had it", median(walls_ms), clients=clients, unit="ms", party=party, stretch=stretch)
    sinks.call(Sinks.close)
