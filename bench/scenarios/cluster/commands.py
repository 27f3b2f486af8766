"""Commands through the log: lines said in rooms whose only member is the one who says them, on one node of three.

A line is a command like any other: it goes through the log, every node applies it, and one session hears of it. What
the node that it came in at has to do (reading, answering) and what each other node has to do (applying) are told apart,
and of both follows how many per second three nodes carry that have a core each.
"""

from __future__ import annotations

import http.client
import json
import random
import time

from bench.load.cluster.sinks import ClusterSinks
from bench.load.sockets.sinks import FIRST_INDEX
from bench.load.sockets.tokens import RECEIVERS_FROM, mint
from bench.measures import COMMAND_RATE, COMMANDS_CARRIED, CPU_PER_COMMAND
from bench.processes.cluster.surroundings import SECRET, Surroundings
from bench.processes.lab import HOST, Lab
from bench.record.book import Book
from bench.record.vocabulary import LOBBY, OTHER_NODES, OWN_NODE, VALKEY
from bench.scenarios.cluster.costs import AFTER_S, SETTLE_S, TIMEOUT_S, Processes
from bench.scenarios.cluster.flags import FLAGS

NODES = 3
LINE_HEARD = b'"type":"chat"'
TALKING_NODE = 0


def run(lab: Lab, book: Book, place: Surroundings, chance: random.Random) -> None:
    """`chance` has no part in it."""
    sizes = lab.profile.cluster
    with place.nodes(NODES, FLAGS) as nodes:
        counts = [sizes.talkers, *[0] * (NODES - 1)]
        with lab.generator(
            ClusterSinks, ports=[node.port for node in nodes], pattern=LINE_HEARD, secret=SECRET, counts=counts
        ) as sinks:
            sinks.call(ClusterSinks.open)
            sinks.call(ClusterSinks.say_hello)
            sinks.call(ClusterSinks.accepted)
            make_rooms(nodes[TALKING_NODE].port, sizes.talkers)
            sinks.call(ClusterSinks.say, TALKING_NODE, 1)  # finds everything cold: left out
            sinks.call(ClusterSinks.hear_in_all, sizes.talkers, TIMEOUT_S)
            time.sleep(SETTLE_S)
            commands = sizes.talkers * sizes.lines
            watch = Processes([*(node.pid for node in nodes), place.engine.pid], sinks.pid)
            start_s = time.perf_counter()
            sinks.call(ClusterSinks.say, TALKING_NODE, sizes.lines)
            heard = sinks.call(ClusterSinks.hear_in_all, sizes.talkers + commands, TIMEOUT_S)
            took_s = time.perf_counter() - start_s
            time.sleep(AFTER_S)
            own_s, *others_s, valkey_s = watch.used_s()
            stretch = watch.stretch()
            sinks.call(ClusterSinks.close)
    if heard != sizes.talkers + commands:
        book.faults.append(f"of {commands:,} lines {heard - sizes.talkers:,} were heard")
    other_s = sum(others_s) / len(others_s)
    for party, used_s in ((OWN_NODE, own_s), (OTHER_NODES, other_s), (VALKEY, valkey_s)):
        book.add(CPU_PER_COMMAND, used_s / commands * 1e6, clients=sizes.talkers, party=party, stretch=stretch)
    book.add(COMMAND_RATE, commands / took_s, clients=sizes.talkers, party=LOBBY, stretch=stretch)
    carried = NODES * commands / (own_s + (NODES - 1) * other_s)
    book.add(COMMANDS_CARRIED, carried, clients=sizes.talkers, party=LOBBY, stretch=stretch)


def make_rooms(port: int, talkers: int) -> None:
    """One for each talker, who is in it from then on."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        for number in range(talkers):
            token = mint(SECRET, kind="player", first_id=RECEIVERS_FROM, index=FIRST_INDEX + number).token
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request("POST", "/api/rooms", json.dumps({"gamemode": "ffa"}), headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != http.client.CREATED:
                raise RuntimeError(f"a room was answered with {response.status}: {answer[:200]!r}")
    finally:
        connection.close()
