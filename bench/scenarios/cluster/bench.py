"""Several nodes as one lobby against one process without a backplane, on one Valkey and one PostgreSQL, in turns.

All servers and Valkey share the lab's core for servers; what is compared is CPU, which that does not change. What a
machine with more cores carries is argued from the CPU of each process.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.processes.cluster.surroundings import Surroundings, surroundings, why_not
from bench.processes.lab import Lab
from bench.record.book import Book
from bench.record.findings import Findings
from bench.scenarios.cluster import commands, costs, deaths, rooms
from bench.scenarios.cluster.flags import FLAGS

Part = Callable[[Lab, Book, Surroundings, random.Random], None]

PARTS: dict[str, Part] = {
    "broadcast": costs.broadcast,
    "change on another node": costs.change,
    "log-in storm": costs.storm,
    "commands": commands.run,
    "node killed": deaths.node,
    "Valkey killed": deaths.valkey,
}
"""Each with nodes of its own, once in each repeat."""


def run(lab: Lab) -> Findings:
    """Skipped with a sentence where there is no Valkey or no PostgreSQL."""
    sizes = lab.profile.cluster
    book = lab.book("cluster", FLAGS)
    reason = why_not()
    if reason is not None:
        book.skip(f"everything: {reason}")
        return book.result("cluster", FLAGS)
    chance = random.Random(lab.seed)
    with (
        lab.reporter.stage("cluster", sizes.repeats * len(PARTS) + len(rooms.KILLED)) as stage,
        surroundings(cpus=lab.cpus.server) as place,
    ):
        for book.turn in range(sizes.repeats):
            for name, part in PARTS.items():
                stage.say(name)
                part(lab, book, place, chance)
                stage.advance()
        book.turn = None
        for killed in rooms.KILLED:
            stage.say(f"rooms while {killed} is killed")
            rooms.run(lab, book, place, killed)
            stage.advance()
    book.note("nodes, single process and Valkey run on one core, clients on the other; PostgreSQL where there is room")
    book.note("the clients' column: recipients, newcomers, talkers, players or rooms, by what the row is of")
    return book.result("cluster", FLAGS)
