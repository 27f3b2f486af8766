"""How many seeds each planted fault takes to be found, and by what:

python -m tests.bench.simulation.planted                      the table of docs/simulation.md
python -m tests.bench.simulation.planted --shrink NAME …      and the smallest schedule that finds each
python -m tests.bench.simulation.planted --kinds NAME …       what all the seeds violate, not the first one only
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from bench.simulation.many import outcomes, quiet, search
from bench.simulation.run import Outcome
from bench.simulation.shrink import shrink
from tests.bench.simulation.planted.mutants import MUTANTS, mutant_of, part_of
from tests.bench.simulation.planted.planting import Mutant

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Hunt:
    """What became of the search for one planted fault."""

    name: str
    by: tuple[str, ...]
    """The invariants that are to find it."""
    seeds: int
    """Tried, the one that found it among them."""
    found: Outcome | None
    cpu_s: float

    @property
    def row(self) -> str:
        """Of the table."""
        seeds, by = ("–", f"not found in {self.seeds:,}") if self.found is None else (str(self.seeds), self.invariant)
        mark = "" if self.found is None or self.is_right else " (is not to find it)"
        return f"| {self.name} | {part_of(self.name)} | {seeds} | {by}{mark} |"

    @property
    def invariant(self) -> str:
        """That is violated; empty: none is."""
        if self.found is None:
            return ""
        assert self.found.violation is not None
        return self.found.violation.invariant

    @property
    def is_right(self) -> bool:
        """Whether it was found, and for what it is."""
        return self.invariant in self.by

    @property
    def what(self) -> str:
        """For the message of a test that fails."""
        if self.found is None:
            return f"{self.name}: not found in {self.seeds} seeds"
        seed = self.found.schedule.seed
        return f"{self.name}: seed {seed} violates {self.found.violation}; it is to be found by {self.by}"


def in_order(most_seeds: int, *, before_all: int) -> list[int]:
    """Seeds from 0 on, each once. `before_all`: the one that comes first; one that is none of them is left out."""
    return sorted(range(most_seeds), key=lambda seed: seed != before_all)


def hunt(mutant: Mutant, *, most_seeds: int = MOST_SEEDS, before_all: int = 0, shrinks: bool = False) -> Hunt:
    """Plant a fault, try seeds until one violates an invariant, and take it out again. `before_all`: the seed that is
    tried first, before those from 0 on."""
    tried = 0

    def count(_: Outcome) -> None:
        nonlocal tried
        tried += 1

    began_s = time.process_time()
    with pytest.MonkeyPatch.context() as monkeypatch:
        mutant.put_in(monkeypatch)
        found = search(in_order(most_seeds, before_all=before_all), progress=count)
        if shrinks and found is not None:
            with quiet():
                found = shrink(found)
    return Hunt(mutant.name, mutant.by, tried, found, time.process_time() - began_s)


def kinds(mutant: Mutant, *, most_seeds: int) -> str:
    """How many of all seeds violate which invariant first, as a line."""
    with pytest.MonkeyPatch.context() as monkeypatch, quiet():
        mutant.put_in(monkeypatch)
        found = Counter(
            outcome.violation.invariant for outcome in outcomes(range(most_seeds)) if outcome.violation is not None
        )
    listed = ", ".join(f"{invariant}{'' if invariant in mutant.by else ' (!)'} {many}"
                       for invariant, many in found.most_common())  # fmt: skip
    return f"{mutant.name}: {listed or 'nothing'}"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.simulation.planted", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", help="of planted faults; none: all")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="most seeds of each")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--shrink", action="store_true", help="print the smallest schedule as well")
    parser.add_argument("--kinds", action="store_true", help="count what all the seeds violate")
    asked = parser.parse_args(arguments)
    mutants = [mutant_of(name) for name in asked.names] or list(MUTANTS)
    with multiprocessing.get_context("spawn").Pool(asked.jobs) as pool:
        if asked.kinds:
            for line in pool.imap(partial(kinds, most_seeds=asked.seeds), mutants):
                print(line, flush=True)
            return
        print("| Planted fault | In | Seeds | Found because it violates |\n| --- | --- | --- | --- |", flush=True)
        for hunted in pool.imap(partial(hunt, most_seeds=asked.seeds, shrinks=asked.shrink), mutants):
            print(hunted.row, flush=True)
            if asked.shrink and hunted.found is not None:
                print(f'    "{hunted.found.schedule}",  # {hunted.found.violation}', flush=True)
