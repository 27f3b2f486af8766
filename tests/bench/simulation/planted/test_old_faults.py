"""Faults that players once met: found by a schedule while they were there, and gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.simulation.many import quiet
from bench.simulation.run import simulate
from bench.simulation.schedule import read_schedule
from tests.bench.simulation.planted.mutants import mutant_of
from tests.bench.simulation.planted.old_faults import OLD_FAULTS, OldFault
from tests.floors.graph import ROOT

DOCS = Path(ROOT) / "docs" / "simulation.md"
each_fault = pytest.mark.parametrize("fault", OLD_FAULTS, ids=lambda fault: fault.mutant)


@each_fault
def test_schedule_finds_the_old_fault(fault: OldFault, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant_of(fault.mutant).put_in(monkeypatch)
    with quiet():
        violation = simulate(read_schedule(fault.schedule)).violation
    assert violation is not None
    assert violation.invariant == fault.invariant


@each_fault
def test_schedule_of_an_old_fault_holds_today(fault: OldFault) -> None:
    with quiet():
        assert simulate(read_schedule(fault.schedule)).violation is None


@each_fault
def test_old_fault_is_told_of(fault: OldFault) -> None:
    assert fault.met in " ".join(DOCS.read_text(encoding="utf-8").split())
