"""How many seeds each planted fault takes to be found:

python -m tests.bench.simulation.planted                      the table of docs/simulation.md
python -m tests.bench.simulation.planted --shrink NAME …      and the smallest schedule that finds each
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from bench.simulation.many import quiet, search
from bench.simulation.run import Outcome
from bench.simulation.shrink import shrink
from tests.bench.simulation.mutants import MUTANTS, PARTS, Mutant

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Hunt:
    """What became of the search for one planted fault."""

    name: str
    seeds: int
    """Tried, the one that found it among them."""
    found: Outcome | None
    cpu_s: float

    @property
    def row(self) -> str:
        """Of the table."""
        seeds, by = ("–", f"not found in {self.seeds:,}") if self.found is None else (str(self.seeds), self.invariant)
        return f"| {self.name} | {part_of(self.name)} | {seeds} | {by} |"

    @property
    def invariant(self) -> str:
        assert self.found is not None
        assert self.found.violation is not None
        return self.found.violation.invariant


def hunt(mutant: Mutant, *, most_seeds: int = MOST_SEEDS, shrinks: bool = False) -> Hunt:
    """Plant a fault, try seeds from 0 on until one violates an invariant, and take it out again."""
    tried = 0

    def count(_: Outcome) -> None:
        nonlocal tried
        tried += 1

    began_s = time.process_time()
    with pytest.MonkeyPatch.context() as monkeypatch:
        mutant.put_in(monkeypatch)
        found = search(range(most_seeds), progress=count)
        if shrinks and found is not None:
            with quiet():
                found = shrink(found)
    return Hunt(mutant.name, tried, found, time.process_time() - began_s)


def mutant_of(name: str) -> Mutant:
    (mutant,) = [each for each in MUTANTS if each.name == name]
    return mutant


def part_of(name: str) -> str:
    """Of the project, in which a fault is planted."""
    return next(part for part, mutants in PARTS.items() if any(each.name == name for each in mutants))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.simulation.planted", description=__doc__)
    parser.add_argument("names", nargs="*", help="of planted faults; none: all")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="most seeds of each")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--shrink", action="store_true", help="print the smallest schedule as well")
    asked = parser.parse_args(arguments)
    mutants = [mutant_of(name) for name in asked.names] or list(MUTANTS)
    run = partial(hunt, most_seeds=asked.seeds, shrinks=asked.shrink)
    print("| Planted fault | In | Seeds | Found because it violates |\n| --- | --- | --- | --- |", flush=True)
    with multiprocessing.get_context("spawn").Pool(asked.jobs) as pool:
        for hunted in pool.imap(run, mutants):
            print(hunted.row, flush=True)
            if asked.shrink and hunted.found is not None:
                print(f'    "{hunted.found.schedule}",  # {hunted.found.violation}', flush=True)
