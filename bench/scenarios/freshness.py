"""How old is what a client believes: time to fresh and staleness, the same definition for every way to the list."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.load.cells import FLAGS, Cell, measure_cell
from bench.measures import (
    BYTES_PER_CLIENT_HOUR,
    CHANGES_PER_S,
    CPU_PER_CLIENT_HOUR,
    EVENTS_PER_CLIENT_HOUR,
    FRAMED_OVER_KERNEL,
    FRESHER_THAN,
    MEAN_STALENESS,
    REQUESTS_PER_CLIENT_HOUR,
    TIME_TO_FRESH_LAST,
    TIME_TO_FRESH_P50,
    TIME_TO_FRESH_P99,
)
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.vocabulary import ALL_CHANGES_TIMED, STALENESS, TIME_TO_FRESH
from bench.stats import percentile


def run(lab: Lab) -> Findings:
    """A fresh server for every way and repeat, ways in random order within a repeat."""
    sizes = lab.profile.freshness
    book = lab.book("freshness", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("freshness", len(sizes.ways) * sizes.repeats) as stage:
        for repeat, way in in_turns(sizes.ways, sizes.repeats, chance):
            stage.say(f"{sizes.clients} clients, {way}, repeat {repeat + 1} of {sizes.repeats}")

            def measure(attempt: Book, way: str = way) -> None:
                cell = measure_cell(
                    lab, way, clients=sizes.clients, changes_per_s=sizes.changes_per_s, window_s=sizes.window_s,
                    poll_s=sizes.poll_s, rooms=sizes.rooms, chance=chance,
                )  # fmt: skip
                write_cell(attempt, way, cell, Where(sizes.clients, sizes.rooms, sizes.changes_per_s))

            calmly(lab, book, measure, turn=repeat)
            stage.advance()
    book.note(
        "a client is fresh for a change from the first list in its hands that has it; staleness is the age of the "
        "oldest change that it has not, looked at all over the window; the end of a room is a change like its making"
    )
    book.add_to_fact(ALL_CHANGES_TIMED, 1.0)
    return book.result("freshness", FLAGS)


def write_cell(book: Book, way: str, cell: Cell, where: Where, *, series: bool = True) -> None:
    """What a cell gave, as readings."""
    clients = where.clients
    add: dict[str, Any] = {**where._asdict(), "party": way, "stretch": cell.stretch, "invalid": cell.lost}
    timed: dict[str, Any] = {**add, "late_ms": cell.late_s * 1e3, "ledger": cell.ledger}
    if cell.lost:
        book.faults.append(f"{way}: {cell.lost}")
    for name, q in ((TIME_TO_FRESH_P50, 50), (TIME_TO_FRESH_P99, 99), (TIME_TO_FRESH_LAST, 100)):
        if len(cell.fresh_s):
            book.add(name, percentile(cell.fresh_s, q) * 1e3, **timed)
    book.add(MEAN_STALENESS, float(cell.stale_s.mean()) * 1e3, **timed)
    for within_s, measure in FRESHER_THAN.items():
        book.add(measure, float((cell.stale_s < within_s).mean() * 100), **add)
    cpu_s = cell.stretch.server_cpu_s / cell.stretch.wall_s / clients * 3600
    book.add(CPU_PER_CLIENT_HOUR, cpu_s, **add)
    book.add(BYTES_PER_CLIENT_HOUR, cell.count.wire_bytes / cell.client_hours, **add)
    book.add(REQUESTS_PER_CLIENT_HOUR, cell.count.requests / cell.client_hours, **add)
    book.add(EVENTS_PER_CLIENT_HOUR, cell.count.events / cell.client_hours, **add)
    write_checks(book, cell, add)
    if series:
        book.add_series(TIME_TO_FRESH, cell.fresh_s, where, party=way, ledger=cell.ledger)
        book.add_series(STALENESS, np.sort(cell.stale_s)[:: max(1, len(cell.stale_s) // 2_000)], where, party=way)


def write_checks(book: Book, cell: Cell, add: Mapping[str, Any]) -> None:
    """What the other readings of a cell are held against: the rate of changes there was, and the kernel's count."""
    book.add(CHANGES_PER_S, cell.changes_per_s, **add)
    if cell.kernel_bytes:
        book.add(FRAMED_OVER_KERNEL, cell.checked_bytes / cell.kernel_bytes, **add)
