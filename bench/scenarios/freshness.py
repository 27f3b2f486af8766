"""How old is what a client believes: time to fresh and staleness, the same definition for every way to the list."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.load.cells import FLAGS, Cell, measure_cell
from bench.processes.lab import Lab
from bench.processes.turns import in_turns
from bench.record.findings import Book, Findings, Where
from bench.stats import percentile

FRESH, STALE = "time to fresh", "staleness"
SHARE_WITHIN = "time that a client is fresher than {:g} s"
WITHIN_S = (0.1, 0.5, 1.0, 3.0)
FRESH_P50, FRESH_P99, FRESH_LAST = f"{FRESH} p50", f"{FRESH} p99", f"{FRESH}, last client"
MEAN_STALENESS = "mean staleness"
CPU_A_CLIENT_HOUR = "server CPU a client-hour"
BYTES_A_CLIENT_HOUR = "bytes a client-hour, with TCP/IP (model)"
REQUESTS_A_CLIENT_HOUR = "requests a client-hour"
EVENTS_A_CLIENT_HOUR = "events a client-hour"
CHANGES_PER_S = "changes per second, achieved"
FRAMED_OVER_KERNEL = "framed bytes over TCP_INFO's"


def run(lab: Lab) -> Findings:
    """A fresh server for every way and repeat, ways in random order within a repeat."""
    sizes = lab.profile.freshness
    book = lab.book("freshness", FLAGS)
    chance = random.Random(lab.seed)
    with lab.reporter.stage("freshness", len(sizes.ways) * sizes.repeats) as stage:
        for repeat, way in in_turns(sizes.ways, sizes.repeats, chance):
            stage.say(f"{sizes.clients} clients, {way}, repeat {repeat + 1} of {sizes.repeats}")
            cell = measure_cell(
                lab, way, clients=sizes.clients, changes_per_s=sizes.changes_per_s, window_s=sizes.window_s,
                poll_s=sizes.poll_s, rooms=sizes.rooms, chance=chance,
            )  # fmt: skip
            write_cell(book, way, cell, Where(sizes.clients, sizes.rooms, sizes.changes_per_s))
            stage.advance()
    book.note(
        "a client is fresh for a change from the first list in its hands that has it; staleness is the age of the "
        "oldest change that it has not, looked at all over the window; only changes that make a room are timed"
    )
    return book.result("freshness", FLAGS)


def write_cell(book: Book, way: str, cell: Cell, where: Where, *, series: bool = True) -> None:
    """What a cell gave, as readings."""
    clients = where.clients
    add: dict[str, Any] = {**where._asdict(), "party": way, "stretch": cell.stretch}
    timed: dict[str, Any] = {**add, "late_ms": cell.late_s * 1e3, "ledger": cell.ledger}
    if cell.losses:
        book.faults.append(f"{way}: {cell.losses} of {clients} clients lost their connection")
    for name, q in ((FRESH_P50, 50), (FRESH_P99, 99), (FRESH_LAST, 100)):
        if len(cell.fresh_s):
            book.add(name, percentile(cell.fresh_s, q) * 1e3, unit="ms", **timed)
    book.add(MEAN_STALENESS, float(cell.stale_s.mean()) * 1e3, unit="ms", **timed)
    for within_s in WITHIN_S:
        book.add(SHARE_WITHIN.format(within_s), float((cell.stale_s < within_s).mean() * 100), unit="%", **add)
    cpu_s = cell.stretch.server_cpu_s / cell.stretch.wall_s / clients * 3600
    book.add(CPU_A_CLIENT_HOUR, cpu_s, unit="s", **add)
    book.add(BYTES_A_CLIENT_HOUR, cell.count.wire_bytes / cell.client_hours, unit="B", **add)
    book.add(REQUESTS_A_CLIENT_HOUR, cell.count.requests / cell.client_hours, unit="", **add)
    book.add(EVENTS_A_CLIENT_HOUR, cell.count.events / cell.client_hours, unit="", **add)
    write_checks(book, cell, add)
    if series:
        book.add_series(FRESH, cell.fresh_s, where, party=way, ledger=cell.ledger)
        book.add_series(STALE, np.sort(cell.stale_s)[:: max(1, len(cell.stale_s) // 2_000)], where, party=way)


def write_checks(book: Book, cell: Cell, add: Mapping[str, Any]) -> None:
    """What the other readings of a cell are held against: the rate of changes there was, and the kernel's count."""
    book.add(CHANGES_PER_S, cell.changes_per_s, unit="", **add)
    if cell.kernel_bytes:
        book.add(FRAMED_OVER_KERNEL, cell.checked_bytes / cell.kernel_bytes, unit="×", **add)
