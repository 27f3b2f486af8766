"""Which way costs less, over changes per second and clients: measured cells, and the model that goes through them.

The model of `bench.analysis.break_even` is made from these cells alone; the map in the report shows both.
"""

from __future__ import annotations

import random

from bench.load.cells import FLAGS, measure_cell
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Findings, Where
from bench.record.vocabulary import ALL_CHANGES_TIMED
from bench.scenarios.freshness import write_cell


def run(lab: Lab) -> Findings:
    """All cells in random order, a fresh server each."""
    sizes = lab.profile.break_even
    book = lab.book("break-even", FLAGS)
    chance = random.Random(lab.seed)
    plan = [
        (way, clients, rate)
        for way in sizes.ways
        for clients in sizes.clients
        for rate in (*((0.0,) if sizes.has_idle and clients == sizes.clients[0] else ()), *sizes.changes_per_s)
    ]
    with lab.reporter.stage("break-even", len(plan)) as stage:
        for _, (way, clients, rate) in in_turns(plan, 1, chance):
            stage.say(f"{clients} clients, {way}, {rate:g} changes per second")

            def measure(attempt: Book, way: str = way, clients: int = clients, rate: float = rate) -> None:
                cell = measure_cell(
                    lab, way, clients=clients, changes_per_s=rate, window_s=sizes.window_s, poll_s=sizes.poll_s,
                    rooms=sizes.rooms, chance=chance,
                )  # fmt: skip
                write_cell(attempt, way, cell, Where(clients, sizes.rooms, rate), series=False)

            calmly(lab, book, measure)
            stage.advance()
    book.note(
        f"lists of {sizes.rooms} rooms, polling every {sizes.poll_s:g} s, heartbeats every 30 s, windows of "
        f"{sizes.window_s:g} s; one cell a point, so single points have no interval"
    )
    book.add_to_fact(ALL_CHANGES_TIMED, 1.0)
    return book.result("break-even", FLAGS)
