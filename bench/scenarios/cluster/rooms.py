"""Rooms made on three nodes while one thing after the other is killed: is each 201 a room, on every node and after the
end of everything, and is none there twice?"""

from __future__ import annotations

import time

import numpy as np

from bench.load.cluster.rooms import Rooms, listed, missing_and_doubled
from bench.measures import KILLED, ROOMS_DOUBLED, ROOMS_MADE, ROOMS_MISSING
from bench.processes.cluster.ports import wait_until
from bench.processes.cluster.surroundings import SECRET, Surroundings
from bench.processes.lab import Lab
from bench.processes.target import Target
from bench.record.book import Book
from bench.record.findings import Where
from bench.record.vocabulary import ANSWERED_201, KILLS, ROOMS_WHILE
from bench.scenarios.cluster.flags import FLAGS

__all__ = ["KILLED", "run"]

NODES = 3
AGREE_S = 60.0


def run(lab: Lab, book: Book, place: Surroundings, killed: str) -> None:
    """Kills are spread evenly over the rooms; what was killed is started again before the next."""
    sizes = lab.profile.cluster
    with place.nodes(NODES, FLAGS) as nodes:
        rooms = Rooms([node.port for node in nodes], SECRET)
        start_s = time.perf_counter()
        moments_s, kills_s = [], []
        for number in range(sizes.kills + 1):
            while len(rooms.made) < sizes.rooms * (number + 1) // (sizes.kills + 1):
                rooms.make(1)
                moments_s.append(time.perf_counter() - start_s)
            if number < sizes.kills:
                kills_s.append(time.perf_counter() - start_s)
                _kill(place, nodes, killed, number, rooms)
        rooms.close()
        _agree(nodes)
        alive = [missing_and_doubled(rooms.made, listed(node.port)[1]) for node in nodes]
        for node in nodes:
            node.kill()
        place.engine.kill()
        place.engine.start()
        nodes[0].start()
        alive.append(missing_and_doubled(rooms.made, listed(nodes[0].port)[1]))
    book.add(ROOMS_MADE[killed], len(rooms.made), clients=sizes.rooms)
    book.add(ROOMS_MISSING[killed], max(missing for missing, _ in alive), clients=sizes.rooms)
    book.add(ROOMS_DOUBLED[killed], max(doubled for _, doubled in alive), clients=sizes.rooms)
    party = ROOMS_WHILE.format(killed=killed)
    book.add_series(ANSWERED_201, np.asarray(moments_s), Where(sizes.rooms), party=party)
    book.add_series(KILLS, np.asarray(kills_s), Where(sizes.rooms), party=party)
    unknown = rooms.answers[0]
    book.note(
        f"{killed} killed: {sizes.kills} times; answers by status {dict(sorted(rooms.answers.items()))}, 0 being "
        f"{unknown} calls that lost their connection before an answer; the worst of three nodes, and of one that "
        "started after all had ended and Valkey was empty"
    )


def _kill(place: Surroundings, nodes: list[Target], killed: str, number: int, rooms: Rooms) -> None:
    """And start it again; some rooms are made, or refused, meanwhile."""
    if killed == "node":
        victim = nodes[number % len(nodes)]
        victim.kill()
        rooms.make(min(3, 1 + number))
        victim.start()
    elif killed == "Valkey":
        place.engine.kill()
        place.engine.start()
    else:
        place.postgres.kill()
        place.postgres.start()


def _agree(nodes: list[Target]) -> None:
    """All nodes come to have the same list. Raises `NotInTime`."""

    def agree() -> bool:
        return len({listed(node.port)[0] for node in nodes}) == 1

    wait_until(agree, "all nodes have the same rooms", patience_s=AGREE_S)
