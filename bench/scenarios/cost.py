"""What a player costs: CPU and bytes per hour, idle and while the list changes, and memory; by their number."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from bench.load.cells import FLAGS, measure_cell
from bench.measures import CPU_PER_PLAYER_HOUR, EVENTS_PER_PLAYER_HOUR, KIB_PER_PLAYER_HOUR, REQUESTS_PER_PLAYER_HOUR
from bench.processes.again import calmly
from bench.processes.lab import Lab
from bench.processes.turns import in_turns
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import COST_ROOMS, LIVES
from bench.scenarios.engine.memory import measure_memory
from bench.scenarios.freshness import write_checks
from bench.words import changes_of_the_list


def run(lab: Lab) -> Findings:
    """Kinds of life and sizes in turns, a fresh server each; then memory along the same sizes."""
    sizes = lab.profile.cost
    book = lab.book("cost", FLAGS)
    chance = random.Random(lab.seed)
    plan = [(clients, life) for clients in sizes.clients for life in sizes.lives]
    with lab.reporter.stage("cost", (len(plan) + 1) * sizes.repeats) as stage:
        for repeat, (clients, life) in in_turns(plan, sizes.repeats, chance):
            stage.say(f"{clients} players, {life}")
            calmly(lab, book, partial(_measure, lab, chance, clients, life), turn=repeat)
            stage.advance()
        for _ in range(sizes.repeats):
            stage.say("memory")
            measure_memory(lab, book, sizes.clients)
            stage.advance()
    book.note(
        f"active: {changes_of_the_list(sizes.changes_per_s)}, whoever they are by; idle: heartbeats every "
        "30 s alone; what the server does for itself is in it, which a few clients show more of than many"
    )
    return book.result("cost", FLAGS)


def _measure(lab: Lab, chance: random.Random, clients: int, life: str, book: Book) -> None:
    sizes = lab.profile.cost
    way, is_active = LIVES[life]
    changes_per_s = sizes.changes_per_s if is_active else 0.0
    cell = measure_cell(
        lab, way, clients=clients, changes_per_s=changes_per_s, window_s=sizes.window_s, poll_s=3.0, rooms=COST_ROOMS,
        chance=chance,
    )  # fmt: skip
    add: dict[str, Any] = {
        "clients": clients, "party": life, "changes_per_s": changes_per_s, "stretch": cell.stretch,
        "invalid": cell.lost,
    }  # fmt: skip
    if cell.lost:
        book.faults.append(f"{life}: {cell.lost}")
    cpu_s = cell.stretch.server_cpu_s / cell.stretch.wall_s / clients * 3600
    book.add(CPU_PER_PLAYER_HOUR, cpu_s, **add)
    book.add(KIB_PER_PLAYER_HOUR, cell.count.wire_bytes / cell.client_hours / 1024, **add)
    book.add(REQUESTS_PER_PLAYER_HOUR, cell.count.requests / cell.client_hours, **add)
    book.add(EVENTS_PER_PLAYER_HOUR, cell.count.events / cell.client_hours, **add)
    write_checks(book, cell, add)
