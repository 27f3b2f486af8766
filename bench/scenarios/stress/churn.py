"""Clients that come and go, by the ten thousand: does the server's memory grow with each that ever was?

Every way in has a fresh server for each kind of cycle. What memory takes at first is a warm-up, in which pools and
caches fill; from its end on it is to stay as it is.
"""

from __future__ import annotations

from bench.load.churn import WAYS_IN as WAYS
from bench.load.churn import Churn, Churners, Cycle, WayIn
from bench.measures import CYCLES, GROWTH, RSS_AFTER
from bench.processes.lab import Lab
from bench.processes.server_flags import lab_flags
from bench.record.book import Book
from bench.record.fact_names import look_name
from bench.record.findings import Findings
from bench.record.profiles.sizes import ChurnSizes
from bench.scenarios.stress.flags import NO_OPENSSL, flags_of

FLAGS = lab_flags(social_rate_per_min=0, command_rate_per_s=0)


def run(lab: Lab) -> Findings:
    """Ways in one after the other, a server for each cycle."""
    sizes = lab.profile.churn
    book = lab.book("churn", FLAGS)
    plan = [(way, cycle) for way in WAYS for cycle in CYCLES if way.takes(Cycle(cycle))]
    with lab.reporter.stage("churn", len(plan)) as stage:
        for way, cycle in plan:
            stage.say(f"{way.name}, {cycles_of(sizes, cycle)} times {cycle}")
            _measure(lab, book, way, cycle)
            stage.advance()
    book.note(
        f"growth: the last look at the server's memory over the first after {sizes.warm_up} cycles; no cycle is under "
        "way while memory is looked at. Clients of a row: cycles until then"
    )
    return book.result("churn", FLAGS)


def cycles_of(sizes: ChurnSizes, cycle: str) -> int:
    return {"accepted": sizes.accepted, "refused": sizes.refused, "room": sizes.room}[cycle]


def _measure(lab: Lab, book: Book, way: WayIn, cycle: str) -> None:
    sizes = lab.profile.churn
    cycles = cycles_of(sizes, cycle)
    with flags_of(way.transport, FLAGS) as flags:
        if flags is None:
            book.skip(f"{way.name}: {NO_OPENSSL}")
            return
        with (
            lab.server(flags) as server,
            lab.generator(Churners, port=server.port, jwt_secret=server.jwt_secret, pid=server.pid) as churners,
        ):
            seen = churners.call(Churners.run, cycle, way.name, cycles, max(1, cycles // sizes.samples))
    write(book, seen, warm_up=min(sizes.warm_up, cycles // 2))


def write(book: Book, seen: Churn, *, warm_up: int) -> None:
    """How much the memory grew, in per cent, between which looks; and all looks, for the chart."""
    key = seen.way.name, seen.cycle.value
    looks = dict(zip(seen.done, seen.rss_kib, strict=True))
    for done, kib in looks.items():
        book.add_to_fact(look_name(*key, done), kib / 1024)
    first = min(done for done in looks if done >= warm_up)
    for done in (first, seen.done[-1]):
        book.add(RSS_AFTER[key], looks[done] / 1024, clients=done)
    book.add(GROWTH[key], 100 * seen.growth(warm_up), clients=seen.done[-1])
