"""Many seeds: in one process and in several, in their order."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from bench.simulation import many
from bench.simulation.checks.observer import Violation
from bench.simulation.many import quiet, search
from bench.simulation.run import Outcome
from bench.simulation.schedule import Schedule, schedule_of


def empty(seed: int) -> Schedule:
    """Nobody does anything."""
    return Schedule(seed, ())


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_seed_is_tried_in_its_order(jobs: int) -> None:
    tried: list[int] = []
    failed = search(range(5, 9), make=empty, jobs=jobs, progress=lambda outcome: tried.append(outcome.schedule.seed))
    assert failed is None
    assert tried == [5, 6, 7, 8]


def test_search_ends_with_the_first_seed_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(schedule: Schedule) -> Outcome:
        return Outcome(schedule, Violation(0.0, "it", "fails") if schedule.seed >= 3 else None)

    monkeypatch.setattr(many, "simulate", simulate)
    tried: list[int] = []
    failed = search(range(100), progress=lambda outcome: tried.append(outcome.schedule.seed))
    assert failed is not None
    assert failed.schedule == schedule_of(3)
    assert tried == [0, 1, 2, 3]


@pytest.mark.parametrize("was_enabled", [True, False])
def test_collector_and_log_are_as_they_were_afterwards(was_enabled: bool) -> None:
    gc.enable() if was_enabled else gc.disable()
    try:
        with quiet():
            assert not gc.isenabled()
            assert not logging.getLogger("lobby").isEnabledFor(logging.CRITICAL)
        assert gc.isenabled() is was_enabled
        assert logging.getLogger("lobby").isEnabledFor(logging.CRITICAL)
    finally:
        gc.enable()


@pytest.fixture
def thawed() -> Iterator[None]:
    """As in a program that has frozen nothing: these tests have, when they were collected."""
    was_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    if was_frozen:
        gc.freeze()


@pytest.mark.usefixtures("thawed")
@pytest.mark.parametrize("is_frozen_before", [False, True])
def test_what_was_there_before_is_frozen_meanwhile_and_afterwards_as_it_was(*, is_frozen_before: bool) -> None:
    """Were all thawed that a program has frozen, each collection after that would go through a million objects."""
    if is_frozen_before:
        gc.freeze()
    before, meanwhile = gc.get_freeze_count(), []
    search(range(2), make=empty, progress=lambda _: meanwhile.append(gc.get_freeze_count()))
    assert min(meanwhile) > 0
    assert gc.get_freeze_count() == before
    assert (before > 0) == is_frozen_before
