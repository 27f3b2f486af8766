"""The search for the capacity: what a step writes, and what a run concludes where a search has no limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from bench.load.broadcasts import Crowded, Round
from bench.measures import ANNOUNCEMENT_P99, CAPACITY, COLD_BROADCAST, FAILS_AT, GENERATOR_SHARE, REACH
from bench.record.findings import Findings, Ledger, Where
from bench.record.profiles.sizes import CapacitySizes
from bench.record.vocabulary import ANNOUNCEMENT, MET, MISSED, NOT_MEASURED
from bench.scenarios import capacity
from tests.bench.fake_lab import FakeServer, Stage, a_stage, a_stretch, readings

SIZES = CapacitySizes(first=100, most=200, slo_ms=250.0, repeats=2, resolution=1.0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    @contextmanager
    def crowded(lab: object, clients: int, flags: object) -> Iterator[Crowded]:
        yield Crowded(FakeServer(), None, None, clients)  # type: ignore[arg-type]

    monkeypatch.setattr(capacity, "crowded", crowded)
    return a_stage(monkeypatch, capacity, capacity=SIZES)


def told(p99_ms: float, *, lost: int = 0, busy: float = 0.5) -> Round:
    received = 10 - lost
    ledger = Ledger(expected=10, received=received)
    return Round(np.full(received, p99_ms / 1e3), [p99_ms / 1e3], ledger, 0.002, a_stretch(), busy)


def run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, p99_ms: dict[int, float], *, lost: int = 0, busy: float = 0.5
) -> Findings:
    """p99 by number of clients; the cold broadcast takes 999 ms."""

    def tell(crowd: Crowded, count: int, **_: object) -> Round:
        return told(999.0) if count == 1 else told(p99_ms[crowd.clients], lost=lost, busy=busy)

    monkeypatch.setattr(capacity, "tell", tell)
    return capacity.run(stage.lab)


def test_step_has_its_p99_its_reach_and_how_busy_the_generator_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(stage, monkeypatch, {100: 40.0, 200: 80.0}, busy=0.6)
    at = Where(100)
    assert readings(found, ANNOUNCEMENT_P99, where=at)[0].value == pytest.approx(40.0)
    assert readings(found, ANNOUNCEMENT_P99, where=at)[0].late_ms == pytest.approx(2.0)
    assert readings(found, COLD_BROADCAST, where=at)[0].value == pytest.approx(999.0)
    assert readings(found, REACH, where=at)[0].value == 100.0
    assert readings(found, GENERATOR_SHARE, where=at)[0].value == pytest.approx(60.0)


def test_search_that_met_everything_has_a_lower_bound_and_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(stage, monkeypatch, {100: 40.0, 200: 80.0})
    assert [each.value for each in readings(found, CAPACITY)] == [200, 200]
    assert readings(found, FAILS_AT) == []
    assert "200 clients met it, and no more were tried: the knee is at least there" in found.notes


def test_search_that_missed_has_a_knee_and_where_it_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(stage, monkeypatch, {100: 40.0, 200: 300.0, 141: 200.0})
    assert [each.value for each in readings(found, CAPACITY)] == [100, 100]
    assert [each.value for each in readings(found, FAILS_AT)] == [200, 200]
    assert not any("at least there" in note for note in found.notes)


def test_somebody_left_out_misses_the_level_however_soon_the_others_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {100: 1.0, 200: 1.0, 50: 1.0}
    found = run(stage, monkeypatch, sizes, lost=1)
    assert {each.value for each in readings(found, CAPACITY)} == {0}
    assert {each.party for each in found.series_of(ANNOUNCEMENT)} == {MISSED}


def test_step_that_the_generator_could_not_carry_is_no_miss(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(stage, monkeypatch, {100: 40.0, 200: 300.0, 141: 300.0}, busy=0.95)
    assert {(each.clients, each.party) for each in found.series_of(ANNOUNCEMENT)} == {(100, MET), (200, NOT_MEASURED)}
    assert readings(found, FAILS_AT) == []
    [reading, _] = readings(found, ANNOUNCEMENT_P99, where=Where(200))
    assert reading.stretch is None, "it is told, and judged by its outcome"
    assert any("with more the generator was the limit" in note for note in found.notes)


def test_level_is_noted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(stage, monkeypatch, {100: 40.0, 200: 80.0})
    assert "service level: p99 of the fan-out below 250 ms from the intended time, reach 1" in found.notes
