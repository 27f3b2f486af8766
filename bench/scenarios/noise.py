"""A/A: how far apart two servers come out that are the same. What differs by less is called no difference.

Two parties, the same in all, take turns in random order, a fresh process each time. Whatever makes their figures differ
is the machine and the method.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from bench.load.broadcasts import crowded, tell
from bench.measures import (
    ANNOUNCEMENT_LAST,
    ANNOUNCEMENT_P99,
    COLD_BROADCAST,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    RSS_OF_SERVER,
)
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.turns import in_turns
from bench.processes.watch import Watch, resident_kib
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Where
from bench.record.vocabulary import ANNOUNCEMENT, LOBBY, LOBBY_AGAIN
from bench.scenarios.engine.fanout import FLAGS
from bench.scenarios.engine.rooms_get import CONNECTIONS, NOBODY_ANSWERED, Askers

INTERVAL_S, INTERVAL_A_CLIENT_S = 0.15, 0.00003


def run(lab: Lab) -> Findings:
    sizes = lab.profile.noise
    book = lab.book("noise", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("noise", 2 * sizes.repeats) as stage:
        for repeat, party in in_turns((LOBBY, LOBBY_AGAIN), sizes.repeats, chance):
            stage.say(f"{party}, repeat {repeat + 1} of {sizes.repeats}")
            calmly(lab, book, partial(_turn, lab, chance, party), turn=repeat)
            stage.advance()
    book.note(f"the CPU per recipient has its part of making {sizes.broadcasts} rooms in it, the same for both")
    return book.result("noise", FLAGS)


def _turn(lab: Lab, chance: random.Random, party: str, book: Book) -> None:
    sizes, clients = lab.profile.noise, lab.profile.noise.clients
    with crowded(lab, clients, FLAGS) as crowd, lab.generator(Askers) as askers:
        interval_s = INTERVAL_S + INTERVAL_A_CLIENT_S * clients
        cold = tell(crowd, 1, interval_s=interval_s, chance=chance)  # shown, and no part of the figures
        told = tell(crowd, sizes.broadcasts, interval_s=interval_s, chance=chance)
        add: dict[str, Any] = {"clients": clients, "party": party}
        heard: dict[str, Any] = {**add, "stretch": told.stretch, "invalid": _unheard(told.ledger)}
        timed: dict[str, Any] = {**heard, "late_ms": told.late_s * 1e3, "ledger": told.ledger}
        book.add(COLD_BROADCAST, cold.last_ms, **add, invalid=_unheard(cold.ledger))
        book.add(ANNOUNCEMENT_P99, told.p99_ms, **timed)
        book.add(ANNOUNCEMENT_LAST, told.last_ms, **timed)
        cpu_us = told.stretch.server_cpu_s / sizes.broadcasts / clients * 1e6
        book.add(CPU_PER_RECIPIENT, cpu_us, **heard)
        book.add(RSS_OF_SERVER, resident_kib(crowd.server.pid) / 1024, **add)
        askers.call(Askers.begin, crowd.server.port, ())
        watch = Watch(crowd.server.pid, askers.pid)
        answers = askers.call(Askers.ask_for, sizes.get_s)
        stretch = watch.stretch()
        askers.call(Askers.end)
        get_us = stretch.server_cpu_s / max(answers, 1) * 1e6
        book.add(
            CPU_PER_REQUEST, get_us, clients=CONNECTIONS, party=party, stretch=stretch,
            invalid="" if answers else NOBODY_ANSWERED,
        )  # fmt: skip
        book.add_series(ANNOUNCEMENT, told.latencies_s, Where(clients), party=party, ledger=told.ledger)


def _unheard(ledger: Ledger) -> str:
    """Why two turns are not of the same work; empty where everybody heard everything once."""
    missing = ledger.expected - ledger.received
    if not missing and not ledger.twice:
        return ""
    return f"{missing:,} of {ledger.expected:,} receipts are missing, {ledger.twice:,} came twice"
