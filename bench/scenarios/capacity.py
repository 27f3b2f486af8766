"""The largest number of clients that still meets a service level: p99 of the fan-out below a limit, nobody left out.

Bracket by doubling, then bisection, a fresh server for each step; the whole search again in each repeat, so that the
knee has an interval. A step that misses while the generator was the limit, or other work had the cores, is not
measured: it neither meets nor misses.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from math import sqrt

from bench.load.broadcasts import Round, crowded, tell
from bench.measures import ANNOUNCEMENT_P99, CAPACITY, COLD_BROADCAST, FAILS_AT, GENERATOR_SHARE, REACH
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.server_flags import server_flags
from bench.record import vocabulary
from bench.record.book import Book
from bench.record.disturbance import OTHER_WORK
from bench.record.findings import Findings, Where
from bench.record.limits import TIME_WAIT_LIMIT
from bench.record.profiles.sizes import CapacitySizes
from bench.record.vocabulary import ANNOUNCEMENT, DISTURBED
from bench.scenarios.engine.fanout import FLAGS as FANOUT_FLAGS
from loadtest.results.validity import BUSY_SHARE

FLAGS = (*FANOUT_FLAGS, *server_flags(max_connections=30_000))
INTERVAL_S, INTERVAL_A_CLIENT_S = 0.15, 0.00005
LEAST = 50
"""Of clients that are tried; who cannot carry so many has another trouble."""


class StepOutcome(Enum):
    MET = vocabulary.MET
    MISSED = vocabulary.MISSED
    NOT_MEASURED = vocabulary.NOT_MEASURED


@dataclass(frozen=True)
class Knee:
    """Where a search ended."""

    clients: int
    """The largest that met it; 0: not even the smallest."""
    is_limit: bool
    """The next larger one that was tried missed it. Otherwise that could not be measured, or none was tried."""
    fails_at: int | None = None
    """The smallest that was measured and missed it."""


def run(lab: Lab) -> Findings:
    sizes = lab.profile.capacity
    book = lab.book("capacity", FLAGS)
    chance = random.Random(lab.seed)

    def step(clients: int) -> StepOutcome:
        stage.say(f"{clients:,} clients")
        outcomes: list[StepOutcome] = []

        def measure(attempt: Book) -> None:
            outcomes.append(_step(lab, chance, clients, attempt))

        def disturbed_by(attempt: Book) -> set[str]:
            return {OTHER_WORK} if outcomes[-1] is StepOutcome.NOT_MEASURED else set()

        calmly(lab, book, measure, disturbed_by=disturbed_by)
        stage.advance()
        return outcomes[-1]

    with lab.reporter.stage("capacity", sizes.repeats * steps_about(sizes)) as stage:
        for _ in range(sizes.repeats):
            knee = search(step, sizes)
            book.add(CAPACITY, knee.clients, clients=0)
            if knee.fails_at is not None:
                book.add(FAILS_AT, knee.fails_at, clients=0)
            if not knee.is_limit:
                why = "no more were tried" if knee.clients >= sizes.most else f"with more {DISTURBED}"
                book.note(f"{knee.clients:,} clients met it, and {why}: the knee is at least there")
    book.note(f"service level: p99 of the fan-out below {sizes.slo_ms:g} ms from the intended time, reach 1")
    return book.result("capacity", FLAGS)


def _step(lab: Lab, chance: random.Random, clients: int, book: Book) -> StepOutcome:
    sizes = lab.profile.capacity
    with crowded(lab, clients, FLAGS) as crowd:
        interval_s = INTERVAL_S + INTERVAL_A_CLIENT_S * clients
        cold = tell(crowd, 1, interval_s=interval_s, chance=chance)  # shown, and no part of the figures
        told = tell(crowd, sizes.broadcasts, interval_s=interval_s, chance=chance)
    outcome = outcome_of(told, sizes)
    stretch = told.stretch if outcome is not StepOutcome.NOT_MEASURED else None
    book.add(ANNOUNCEMENT_P99, told.p99_ms, clients=clients, stretch=stretch, late_ms=told.late_s * 1e3,
             ledger=told.ledger)  # fmt: skip
    book.add(COLD_BROADCAST, cold.last_ms, clients=clients)
    book.add(REACH, told.ledger.reach * 100, clients=clients, ledger=told.ledger)
    book.add(GENERATOR_SHARE, told.busy_share * 100, clients=clients)
    book.add_series(ANNOUNCEMENT, told.latencies_s, Where(clients), party=outcome.value, ledger=told.ledger)
    return outcome


def outcome_of(told: Round, sizes: CapacitySizes) -> StepOutcome:
    """A step that meets the level meets it whatever else was going on.

    One that misses may be the generator's, or that of other work on the machine.
    """
    if told.p99_ms < sizes.slo_ms and told.ledger.reach == 1:
        return StepOutcome.MET
    is_disturbed = told.busy_share > BUSY_SHARE or told.stretch.waited > TIME_WAIT_LIMIT
    return StepOutcome.NOT_MEASURED if is_disturbed else StepOutcome.MISSED


def search(step: Callable[[int], StepOutcome], sizes: CapacitySizes) -> Knee:
    """Bracket, by doubling or, where the first size misses, by halving; then bisection. About `steps_about` steps."""
    met, bound, is_limit = 0, None, False
    failed: set[int] = set()

    def tried(clients: int) -> StepOutcome:
        outcome = step(clients)
        if outcome is StepOutcome.MISSED:
            failed.add(clients)
        return outcome

    def knee(clients: int, *, is_limit: bool) -> Knee:
        return Knee(clients, is_limit, min(failed, default=None))

    for clients in _doubling(sizes):
        outcome = tried(clients)
        if outcome is StepOutcome.MET:
            met = clients
        else:
            bound, is_limit = clients, outcome is StepOutcome.MISSED
            break
    if bound is None:
        return knee(met, is_limit=is_limit)
    while not met:
        if bound < 2 * LEAST:
            return knee(0, is_limit=is_limit)
        outcome = tried(bound // 2)
        if outcome is StepOutcome.MET:
            met = bound // 2
        else:
            bound, is_limit = bound // 2, outcome is StepOutcome.MISSED
    while bound - met > sizes.resolution * met:
        middle = round(sqrt(met * bound))
        outcome = tried(middle)
        if outcome is StepOutcome.MET:
            met = middle
        else:
            bound, is_limit = middle, outcome is StepOutcome.MISSED
    return knee(met, is_limit=is_limit)


def steps_about(sizes: CapacitySizes) -> int:
    """Steps of one search when the knee is in the middle of the last doubling."""
    doublings = len(list(_doubling(sizes)))
    bisections, width = 0, 1.0
    while width > sizes.resolution:
        width, bisections = width / 2, bisections + 1
    return doublings + (bisections if doublings > 1 else 0)


def _doubling(sizes: CapacitySizes) -> Iterator[int]:
    clients = sizes.first
    while clients < sizes.most:
        yield clients
        clients *= 2
    yield sizes.most
