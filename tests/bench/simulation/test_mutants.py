"""The simulation finds planted faults."""

from __future__ import annotations

import pytest

from bench.simulation.many import search
from tests.bench.simulation.mutants import MUTANTS, Mutant

MOST_SEEDS = 1000
QUICK = {
    "one place too many": 60,
    "the first of two sockets ends both": 20,
    "what is done twice is done twice": 60,
    "a room is told of before it is committed": 20,
    "writes are forgotten while the database is away": 60,
    "the list is not fetched after a reconnect": 20,
}
"""Those that the default suite tries, and the seeds that are enough."""
MAY_STAY = 1
"""Mutants that are allowed not to be found."""


@pytest.mark.parametrize("name", QUICK)
def test_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (mutant,) = [each for each in MUTANTS if each.name == name]
    mutant.put_in(monkeypatch)
    assert search(range(QUICK[name])) is not None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_fault_can_be_put_in(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.put_in(monkeypatch)


@pytest.mark.slow
def test_nearly_all_planted_faults_are_found() -> None:
    assert len(MUTANTS) >= 20
    missed = []
    for mutant in MUTANTS:
        with pytest.MonkeyPatch.context() as monkeypatch:
            mutant.put_in(monkeypatch)
            if search(range(MOST_SEEDS)) is None:
                missed.append(mutant.name)
    assert len(missed) <= MAY_STAY, missed
