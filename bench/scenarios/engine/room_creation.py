"""`POST /api/rooms` on SQLite by many at the same time: how many rooms per second are answered with 201, and what each
costs the server. An answer comes after the commit, so this is the store's group commit as much as HTTP.

Of several builds each has a server and creators of its own; they take turns. Every room that was answered with 201 has
to be in the list in the end.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass

from bench.load.clients.creators import Creators
from bench.measures import CPU_OF_A_ROOM, ROOMS_PER_S
from bench.processes.lab import Build, Lab, Server
from bench.processes.remote import Remote
from bench.processes.server_flags import LASTING_ROOMS_S, lab_flags
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.record.profiles.sizes import EngineSizes

FLAGS = lab_flags(empty_room_ttl_s=LASTING_ROOMS_S)
TURNS_A_REPEAT = 3
START_S = 2.5
"""Of a server, its generator and its connections."""


@dataclass(frozen=True)
class _Party:
    name: str
    server: Server
    creators: Remote[Creators]


def estimate_s(profile: Profile) -> float:
    sizes = profile.engine
    return sizes.repeats * (START_S + (1 + TURNS_A_REPEAT) * sizes.create_s)


def run(lab: Lab, sizes: EngineSizes) -> Findings:
    """Fresh servers in each repeat; the first turn of each does not count."""
    book = lab.book("room-creation", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("room-creation", sizes.repeats) as stage:
        for book.turn in range(sizes.repeats):
            stage.say(f"{sizes.creators} creators: {', '.join(build.party for build in lab.builds)}")
            _repeat(lab, book, chance, sizes)
            stage.advance()
    book.note(
        f"{sizes.creators} users make a public room at the same time on SQLite, each over a kept-alive connection; one "
        "who is answered is followed by another user"
    )
    return book.result("room-creation", FLAGS)


def _repeat(lab: Lab, book: Book, chance: random.Random, sizes: EngineSizes) -> None:
    with contextlib.ExitStack() as stack:
        parties = [_party(lab, stack, build, sizes.creators) for build in lab.builds]
        for party in parties:
            party.creators.call(Creators.make_rooms, sizes.create_s)
        for _ in range(TURNS_A_REPEAT):
            for party in chance.sample(parties, len(parties)):
                _turn(book, party, sizes)
        for party in parties:
            if missing := party.creators.call(Creators.missing):
                book.faults.append(f"{party.name}: {missing} rooms were answered with 201 and are not in the list")
            party.creators.call(Creators.close)


def _party(lab: Lab, stack: contextlib.ExitStack, build: Build, creators: int) -> _Party:
    server = stack.enter_context(lab.server(FLAGS, build=build))
    generator = stack.enter_context(
        lab.generator(Creators, port=server.port, secret=server.jwt_secret, creators=creators)
    )
    generator.call(Creators.open)
    return _Party(build.party, server, generator)


def _turn(book: Book, party: _Party, sizes: EngineSizes) -> None:
    party.creators.call(Creators.open)
    watch = Watch(party.server.pid, party.creators.pid)
    made = party.creators.call(Creators.make_rooms, sizes.create_s)
    stretch = watch.stretch()
    if made.refused:
        book.faults.append(f"{party.name}: answers that were no 201, by status: {made.refused}")
    nobody = "" if made.rooms else "no room was made in this time"
    cpu_us = stretch.server_cpu_s / max(1, made.rooms) * 1e6
    for measure, value in ((ROOMS_PER_S, made.rooms / made.wall_s), (CPU_OF_A_ROOM, cpu_us)):
        book.add(measure, value, clients=sizes.creators, party=party.name, stretch=stretch, invalid=nobody)
