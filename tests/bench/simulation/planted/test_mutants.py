"""The simulation finds planted faults."""

from __future__ import annotations

import pytest

from tests.bench.simulation.mutants import MUTANTS, Mutant
from tests.bench.simulation.planted.hunting import MOST_SEEDS, hunt, mutant_of
from tests.floors.graph import ROOT

pytestmark = pytest.mark.system  # whole runs with planted faults

QUICK = {
    "one place too many": 60,
    "the first of two sockets ends both": 20,
    "what is done twice is done twice": 60,
    "a room is told of before it is committed": 20,
    "writes are forgotten while the database is away": 60,
    "the list is not fetched after a reconnect": 20,
}
"""Those that the default suite tries, and the seeds that are enough."""
SYSTEM_SEEDS = 25
"""Enough for most: the system suite finds those."""
SHARE = 0.95
"""Of the planted faults that have to be found."""

TABLE = [
    line.split("|")[1:-1]
    for line in (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and line.count("|") == 5
]
"""Rows of the documented table: name, part, seeds, invariant."""
NEEDED = {row[0].strip(): int(row[2]) for row in TABLE if row[2].strip().isdecimal()}
"""Seeds that each planted fault took when the table was made."""


@pytest.mark.parametrize("name", QUICK)
def test_planted_fault_is_found(name: str) -> None:
    assert hunt(mutant_of(name), most_seeds=QUICK[name]).found is not None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_fault_can_be_put_in(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.put_in(monkeypatch)


def test_documented_table_has_planted_faults_that_there_are() -> None:
    assert NEEDED.keys() <= {mutant.name for mutant in MUTANTS}
    assert len(NEEDED) >= 20


@pytest.mark.system
@pytest.mark.parametrize(
    "name", [name for name, seeds in NEEDED.items() if seeds <= SYSTEM_SEEDS and name not in QUICK]
)
def test_planted_fault_that_takes_few_seeds_is_found(name: str) -> None:
    assert hunt(mutant_of(name), most_seeds=4 * SYSTEM_SEEDS).found is not None


@pytest.mark.slow
def test_nearly_all_planted_faults_are_found() -> None:
    hunts = [hunt(mutant, most_seeds=MOST_SEEDS) for mutant in MUTANTS]
    missed = [each.name for each in hunts if each.found is None]
    assert len(missed) <= (1 - SHARE) * len(MUTANTS), missed
