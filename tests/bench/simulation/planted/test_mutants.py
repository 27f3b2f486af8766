"""The simulation finds planted faults, and for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.simulation.planted.hunting import MOST_SEEDS, hunt
from tests.bench.simulation.planted.mutants import MUTANTS, mutant_of
from tests.bench.simulation.planted.planting import Mutant
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
SYSTEM_SEEDS = 60
"""Enough for most: the system suite finds those."""
SHARE = 0.95
"""Of the planted faults that have to be found."""
CRASHES = frozenset({"no fault is left to nobody", "a node goes on", "time goes on"})
"""What any nonsense violates that is planted: it finds nothing for what it is."""

TABLE = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and line.count("|") == 5
]
"""Rows of the documented table: name, part, seeds, invariant."""
NEEDED = {name: int(seeds) for name, _, seeds, _ in TABLE if seeds.isdecimal()}
"""Seeds that each planted fault took when the table was made."""


@pytest.mark.parametrize("name", QUICK)
def test_planted_fault_is_found_for_what_it_is(name: str) -> None:
    hunted = hunt(mutant_of(name), most_seeds=QUICK[name])
    assert hunted.is_right, hunted.what


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_fault_can_be_put_in(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.put_in(monkeypatch)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_fault_is_to_be_found_by_an_invariant_that_there_is_and_by_no_crash(mutant: Mutant) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT, "bench", "simulation").rglob("*.py"))
    assert mutant.by
    assert CRASHES.isdisjoint(mutant.by)
    assert [invariant for invariant in mutant.by if f'"{invariant}"' not in code] == []


def test_documented_table_has_all_planted_faults_and_what_is_to_find_them() -> None:
    assert NEEDED.keys() == {mutant.name for mutant in MUTANTS}
    wrong = {name: found for name, _, _, found in TABLE if name in NEEDED and found not in mutant_of(name).by}
    assert wrong == {}


@pytest.mark.system
@pytest.mark.parametrize(
    "name", [name for name, seeds in NEEDED.items() if seeds <= SYSTEM_SEEDS and name not in QUICK]
)
def test_planted_fault_that_takes_few_seeds_is_found_for_what_it_is(name: str) -> None:
    """Where the table has it first. A table that is out of date costs time: then the others follow, from 0 on. That no
    earlier seed finds it for what it is not is looked at by the slow suite, which tries all in their order."""
    hunted = hunt(mutant_of(name), most_seeds=2 * SYSTEM_SEEDS, before_all=NEEDED[name] - 1)
    assert hunted.is_right, hunted.what


@pytest.mark.slow
def test_nearly_all_planted_faults_are_found_and_all_of_these_for_what_they_are() -> None:
    hunts = [hunt(mutant, most_seeds=MOST_SEEDS) for mutant in MUTANTS]
    missed = [each.name for each in hunts if each.found is None]
    assert len(missed) <= (1 - SHARE) * len(MUTANTS), missed
    assert [each.what for each in hunts if each.found is not None and not each.is_right] == []
