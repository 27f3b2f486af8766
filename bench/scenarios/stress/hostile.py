"""One hostile or broken client among many good ones: how much later do those get their pongs?

On each way in the good clients stay connected, and every kind of hostile client has its rounds, a round without it
before each. Kinds are in random order.
"""

from __future__ import annotations

import random

from bench.load.among import Neighbours
from bench.load.sockets.raw_client import Transport
from bench.measures import HOSTILE_KINDS, PONG_DISTURBED, PONG_RATIO, PONG_UNDISTURBED
from bench.processes.lab import Lab
from bench.processes.remote import Remote
from bench.processes.server_flags import server_flags
from bench.processes.turns import in_turns
from bench.processes.watch import Watch
from bench.record.book import Book
from bench.record.findings import Findings
from bench.scenarios.stress.flags import NO_OPENSSL, flags_of
from bench.stats import percentile

FLAGS = server_flags(log_level="error")
"""With all limits as they are by default: what holds hostile clients is measured, too."""
TRANSPORTS = {"plain": Transport.BARE, "TLS": Transport.TLS, "permessage-deflate": Transport.DEFLATE}


def run(lab: Lab) -> Findings:
    """A server for each way in."""
    sizes = lab.profile.hostile
    book = lab.book("hostile", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("hostile", len(TRANSPORTS) * len(HOSTILE_KINDS) * sizes.rounds) as stage:
        for way, transport in TRANSPORTS.items():
            with flags_of(transport, FLAGS) as flags:
                if flags is None:
                    book.skip(f"{way}: {NO_OPENSSL}")
                    continue
                named = {"transport": transport.value}
                with (
                    lab.server(flags) as server,
                    lab.generator(Neighbours, port=server.port, jwt_secret=server.jwt_secret, **named) as neighbours,
                ):
                    neighbours.call(Neighbours.open, sizes.good)
                    neighbours.call(Neighbours.round, None, sizes.round_s)  # of a fresh server: left out
                    for _, kind in in_turns(HOSTILE_KINDS, sizes.rounds, chance):
                        stage.say(f"{way}, {kind}")
                        _pair(lab, book, neighbours, server.pid, way, kind)
                        stage.advance()
                    lost, cut = neighbours.call(Neighbours.harm)
                    neighbours.call(Neighbours.end)
            if lost or cut:
                book.faults.append(f"{way}: {lost} pings of good clients had no pong, {cut} of them were cut")
    book.note(
        "good clients ping 400 times per second together, at times fixed beforehand; the hostile client runs on a core "
        "only while nobody else wants it, so that what is measured is what it does to the server"
    )
    return book.result("hostile", FLAGS)


def party_of(kind: str, way: str) -> str:
    return f"{kind}, {way}"


def _pair(lab: Lab, book: Book, neighbours: Remote[Neighbours], server_pid: int, way: str, kind: str) -> None:
    """A round without it and one with it."""
    sizes = lab.profile.hostile
    watch = Watch(server_pid, neighbours.pid)
    undisturbed = percentile(neighbours.call(Neighbours.round, None, sizes.round_s), 99)
    disturbed = percentile(neighbours.call(Neighbours.round, kind, sizes.round_s), 99)
    stretch = watch.stretch()
    for measure, value in (
        (PONG_UNDISTURBED, undisturbed),
        (PONG_DISTURBED, disturbed),
        (PONG_RATIO, disturbed / undisturbed),
    ):
        book.add(measure, value, clients=sizes.good, party=party_of(kind, way), stretch=stretch)
