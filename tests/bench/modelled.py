"""A run of a server whose costs are known by formula: what a report must find can be computed by hand.

Every way has bytes, server CPU and delay as functions of clients and changes per second (`WAYS`). Readings are drawn
around them with a relative noise from a fixed seed, repeat by repeat, as the scenarios would write them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from bench.measures import (
    ANNOUNCEMENT_P50,
    ANNOUNCEMENT_P99,
    BYTES_PER_CLIENT_HOUR,
    CAPACITY,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    CPU_PER_RECIPIENT,
    EVENTS_PER_CLIENT_HOUR,
    LAST_ACCEPTED,
    MEAN_STALENESS,
    PEAK_RATE,
    REQUESTS_PER_CLIENT_HOUR,
    SLOWEST_PING,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
)
from bench.record.book import Book
from bench.record.findings import Findings, Ledger, Stretch, Where
from bench.record.profiles.sizes import BreakEvenSizes, CapacitySizes, FreshnessSizes
from bench.record.run import Run
from bench.record.vocabulary import (
    ALL_CHANGES_TIMED,
    ANNOUNCEMENT,
    FLOOR,
    LOBBY,
    LOBBY_AGAIN,
    MET,
    MISSED,
    NODE_WS,
    TIME_TO_FRESH,
)
from bench.stats import percentile
from tests.bench import modelled_ways
from tests.bench.runs import a_whole_run

POLL_S = 3.0
POLLS_PER_HOUR, HEARTBEATS_PER_HOUR = 1_200, 120
HEARTBEAT_BYTES = 232
LIST_BYTES, UNCHANGED_BYTES, EVENT_BYTES, DELTA_BYTES = 10_000, 400, 150, 300
CALM = Stretch(wall_s=10.0, server_cpu_s=1.0, generator_cpu_s=1.0)
REPEATS = 5
SLO_MS = 250.0
P99_MS, P99_MS_PER_CLIENT = 10.0, 0.02
"""Of the fan-out: 250 ms at 12,000 clients."""


@dataclass(frozen=True)
class Model:
    """Per client-hour at so many changes per second; the delay of a change in s."""

    bytes: Callable[[float], float]
    cpu_s: Callable[[float, int], float]
    requests: Callable[[float], float]
    delay_s: Callable[[random.Random], float]


def _hour(per_change: float) -> Callable[[float], float]:
    idle = HEARTBEATS_PER_HOUR * HEARTBEAT_BYTES
    return lambda rate: idle + 3_600 * rate * per_change


WAYS = {
    "polling": Model(
        bytes=lambda rate: POLLS_PER_HOUR * LIST_BYTES,
        cpu_s=lambda rate, clients: 0.36 + 5 / clients,
        requests=lambda rate: POLLS_PER_HOUR,
        delay_s=lambda chance: chance.uniform(0.0, POLL_S),
    ),
    "push": Model(
        bytes=_hour(EVENT_BYTES + LIST_BYTES),
        cpu_s=lambda rate, clients: 0.02 + 5 / clients + 0.72 * rate,
        requests=lambda rate: HEARTBEATS_PER_HOUR + 3_600 * rate,
        delay_s=lambda chance: chance.uniform(0.02, 0.04),
    ),
    "delta": Model(
        bytes=_hour(DELTA_BYTES),
        cpu_s=lambda rate, clients: 0.02 + 5 / clients + 0.05 * rate,
        requests=lambda rate: HEARTBEATS_PER_HOUR,
        delay_s=lambda chance: chance.uniform(0.004, 0.006),
    ),
}

BREAK_EVEN_BYTES_PER_S = HEARTBEATS_PER_HOUR * (POLLS_PER_HOUR / HEARTBEATS_PER_HOUR * LIST_BYTES - HEARTBEAT_BYTES) / (
    3_600 * (EVENT_BYTES + LIST_BYTES)
)  # fmt: skip
"""Where push costs polling's bytes: 120 × 232 + 3,600 × λ × 10,150 = 1,200 × 10,000, λ = 0.3276."""

BREAK_EVEN_CPU_PER_S = (0.36 - 0.02) / 0.72
"""Where push costs polling's CPU, with any number of clients: 0.4722."""

KNEE = round((SLO_MS - P99_MS) / P99_MS_PER_CLIENT)
"""Clients at which the p99 of the fan-out is the service level: 12,000."""

PER_RECIPIENT_US = {LOBBY: 10.0, FLOOR: 8.0, NODE_WS: 25.0}

FRESHNESS = FreshnessSizes(
    ways=list(WAYS), clients=40, repeats=REPEATS, rooms=10, window_s=6.0, changes_per_s=1.0, poll_s=POLL_S
)
BREAK_EVEN = BreakEvenSizes(
    ways=list(WAYS), clients=[100, 1_000], changes_per_s=[0.2, 1.0, 10.0], rooms=50, window_s=6.0, poll_s=POLL_S,
    has_idle=True,
)  # fmt: skip


def a_modelled_run(*, noise: float = 0.01, seed: int = 1) -> Run:
    """With everything that a report's sentences are made of; `noise`: relative standard deviation of a reading."""
    chance = random.Random(seed)
    run = a_whole_run()
    found = [
        *(each for each in run.findings if each.name not in ("bandwidth", "swarm")),
        modelled_ways.bandwidth(),
        modelled_ways.swarm(),
        freshness(chance, noise),
        break_even(chance, noise),
        storm(chance, noise),
        capacity(chance, noise),
        peers(chance, noise),
        a_against_a(chance, noise),
    ]
    sizes = CapacitySizes(first=3_000, most=18_000, slo_ms=SLO_MS, repeats=REPEATS)
    profile = replace(
        run.profile, freshness=FRESHNESS, bandwidth=modelled_ways.SIZES, break_even=BREAK_EVEN, capacity=sizes
    )
    return replace(run, profile=profile, findings=found)


def freshness(chance: random.Random, noise: float) -> Findings:
    book, rate = Book(), FRESHNESS.changes_per_s
    where = Where(FRESHNESS.clients, FRESHNESS.rooms, rate)
    for _ in range(REPEATS):
        for way, model in WAYS.items():
            _cell(book, way, model, where, chance, noise)
            delays_s = [model.delay_s(chance) for _ in range(FRESHNESS.clients * 6)]
            at = {**where._asdict(), "party": way, "stretch": CALM}
            whole = Ledger(expected=len(delays_s), received=len(delays_s))
            book.add_series(TIME_TO_FRESH, delays_s, where, party=way, ledger=whole)
            for measure, q in ((TIME_TO_FRESH_P50, 50), (TIME_TO_FRESH_P99, 99)):
                book.add(measure, percentile(delays_s, q) * 1e3, **at)
            book.add(MEAN_STALENESS, staleness_ms(way, rate) * _drawn(chance, noise), **at)
    book.add_to_fact(ALL_CHANGES_TIMED, 1.0)
    return book.result("freshness", ())


def staleness_ms(way: str, rate: float) -> float:
    """Steady state, changes evenly spaced: the mean age of the oldest change that a client has not.

    A poll is s ago, U(0, T); the first change after it was u later, U(0, τ): the mean of max(0, s − u) is
    (τ²/6 + (T² − τ²)/2 − τ (T − τ)/2) / T. With a delay of d < τ a client is stale for d of every τ, d/2 on average.
    """
    apart_s, poll_s = 1 / rate, POLL_S
    if way == "polling":
        return 1e3 * (apart_s**2 / 6 + (poll_s**2 - apart_s**2) / 2 - apart_s * (poll_s - apart_s) / 2) / poll_s
    low, high = {"push": (0.02, 0.04), "delta": (0.004, 0.006)}[way]
    mean_square = (low**2 + low * high + high**2) / 3
    return 1e3 * mean_square / (2 * apart_s)


def break_even(chance: random.Random, noise: float) -> Findings:
    book = Book()
    for clients in BREAK_EVEN.clients:
        for rate in (0.0, *BREAK_EVEN.changes_per_s) if clients == BREAK_EVEN.clients[0] else BREAK_EVEN.changes_per_s:
            for way, model in WAYS.items():
                _cell(book, way, model, Where(clients, BREAK_EVEN.rooms, rate), chance, noise)
    return book.result("break-even", ())


def _cell(book: Book, way: str, model: Model, where: Where, chance: random.Random, noise: float) -> None:
    at = {**where._asdict(), "party": way, "stretch": CALM}
    rate = where.changes_per_s
    events = 0.0 if way == "polling" else 3_600 * rate
    book.add(BYTES_PER_CLIENT_HOUR, model.bytes(rate) * _drawn(chance, noise), **at)
    book.add(CPU_PER_CLIENT_HOUR, model.cpu_s(rate, where.clients) * _drawn(chance, noise), **at)
    book.add(REQUESTS_PER_CLIENT_HOUR, model.requests(rate), **at)
    book.add(EVENTS_PER_CLIENT_HOUR, events, **at)
    book.add(CHANGES_PER_S, rate, **at)


def storm(chance: random.Random, noise: float) -> Findings:
    book = Book()
    for _ in range(REPEATS):
        for clients in (500, 1_500):
            book.add(LAST_ACCEPTED, clients / 7_000 * _drawn(chance, noise), clients=clients, stretch=CALM)
            book.add(SLOWEST_PING, clients / 20 * _drawn(chance, noise), clients=clients, stretch=CALM)
            book.add(PEAK_RATE, 7_000 * _drawn(chance, noise), clients=clients, stretch=CALM)
    return book.result("storm", ())


def p99_ms(clients: int) -> float:
    return P99_MS + P99_MS_PER_CLIENT * clients


def capacity(chance: random.Random, noise: float) -> Findings:
    """As the search goes: it meets up to 11,022, the last size below the knee."""
    book = Book()
    for _ in range(REPEATS):
        for clients in (3_000, 6_000, 12_500, 8_660, 10_404, 11_022):
            p99 = p99_ms(clients)
            samples_s = [p99 / 1e3] * 20
            outcome = MET if p99 < SLO_MS else MISSED
            ledger = Ledger(expected=20, received=20)
            book.add(ANNOUNCEMENT_P99, p99, clients=clients, stretch=CALM, ledger=ledger)
            book.add_series(ANNOUNCEMENT, samples_s, Where(clients), party=outcome, ledger=ledger)
        book.add(CAPACITY, 11_022, clients=0)
    return book.result("capacity", ())


def peers(chance: random.Random, noise: float) -> Findings:
    book = Book()
    for _ in range(REPEATS):
        busy = _drawn(chance, 10 * noise)  # the machine's, the same for all in a turn: what pairs are for
        for party, cost_us in PER_RECIPIENT_US.items():
            value = cost_us * busy * _drawn(chance, noise)
            book.add(CPU_PER_RECIPIENT, value, clients=1_500, party=party, stretch=CALM)
    return book.result("peers", ())


def a_against_a(chance: random.Random, noise: float) -> Findings:
    book = Book()
    for _ in range(REPEATS):
        for party in (LOBBY, LOBBY_AGAIN):
            for measure, value in ((ANNOUNCEMENT_P50, 20.0), (CPU_PER_RECIPIENT, 10.0)):
                book.add(measure, value * _drawn(chance, noise), clients=1_000, party=party, stretch=CALM)
    return book.result("noise", ())


def _drawn(chance: random.Random, noise: float) -> float:
    return max(0.1, chance.gauss(1.0, noise))
