"""Whole lobbies of three nodes in virtual time, with faults: how many schedules, whether everything held, and how many
a core gets through. What runs and what must hold is in `bench.simulation`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bench.measures import COMMANDS_OF_SCHEDULE, ENTRIES_OF_SCHEDULE, FAULTS_OF_SCHEDULE, SCHEDULE_RATE, VIOLATIONS
from bench.processes.lab import Lab
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.profile import Profile
from bench.simulation.many import outcomes, quiet
from bench.simulation.schedule import PLAYERS

CLEAN_SEEDS = 300
"""So many, from 0 on, held when the simulation or the rules were changed last: a report tries some of them, others for
another seed of its own. What it finds violated is a fault that has come since."""
START_S, SCHEDULE_S = 2.5, 0.2
"""What the process takes to start, and a schedule, about."""


@dataclass(frozen=True)
class Tried:
    """Schedules, and what became of them."""

    schedules: int
    commands: int
    faults: int
    entries: int
    cpu_s: float
    violations: list[str]
    """Seed and what was violated, of each that was."""


class Schedules:
    """In a process of its own."""

    async def warm_up(self, seed: int) -> None:
        """Load everything."""
        await asyncio.to_thread(self._try, [seed])

    async def try_out(self, seeds: list[int]) -> Tried:
        """In a thread, which has no loop: the simulation brings its own."""
        return await asyncio.to_thread(self._try, seeds)

    def _try(self, seeds: list[int]) -> Tried:
        commands = faults = entries = 0
        violations = []
        began_s = time.thread_time()
        with quiet():
            for outcome in outcomes(seeds):
                commands += outcome.schedule.deeds
                faults += outcome.schedule.faults
                entries += outcome.entries
                if outcome.violation is not None:
                    violations.append(f"seed {outcome.schedule.seed}: {outcome.violation}")
        return Tried(len(seeds), commands, faults, entries, time.thread_time() - began_s, violations)


def estimate_s(profile: Profile) -> float:
    """Of the whole scenario."""
    sizes = profile.simulation
    return START_S + sizes.repeats * sizes.schedules * SCHEDULE_S


def run(lab: Lab) -> Findings:
    sizes = lab.profile.simulation
    book = lab.book("simulation", ())
    first = lab.seed % CLEAN_SEEDS
    with lab.reporter.stage("simulation", sizes.repeats) as stage, lab.generator(Schedules) as schedules:
        schedules.call(Schedules.warm_up, first)
        for repeat in range(sizes.repeats):
            begin = first + repeat * sizes.schedules
            seeds = [seed % CLEAN_SEEDS for seed in range(begin, begin + sizes.schedules)]
            stage.say(f"{sizes.schedules} schedules, repeat {repeat + 1} of {sizes.repeats}")
            write(book, schedules.call(Schedules.try_out, seeds))
            stage.advance()
    book.note(
        f"the seeds begin at {first}; a schedule that violates something is told with its seed, and lobby-bench "
        "simulate --seed makes it small and tells what happened"
    )
    return book.result("simulation", ())


def write(book: Book, tried: Tried) -> None:
    """One repeat."""
    book.add(SCHEDULE_RATE, tried.schedules / tried.cpu_s * 60, clients=PLAYERS)
    book.add(VIOLATIONS, len(tried.violations), clients=PLAYERS)
    for measure, total in (
        (COMMANDS_OF_SCHEDULE, tried.commands),
        (FAULTS_OF_SCHEDULE, tried.faults),
        (ENTRIES_OF_SCHEDULE, tried.entries),
    ):
        book.add(measure, total / tried.schedules, clients=PLAYERS)
    book.faults += [f"the simulation, {violation}" for violation in tried.violations]
