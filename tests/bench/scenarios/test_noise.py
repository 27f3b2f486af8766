"""A/A: each of two equal parties has the same readings, in their units, in each repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from bench.load.broadcasts import Crowded, Round
from bench.measures import (
    ANNOUNCEMENT_LAST,
    ANNOUNCEMENT_P99,
    COLD_BROADCAST,
    CPU_PER_RECIPIENT,
    CPU_PER_REQUEST,
    RSS_OF_SERVER,
)
from bench.record.findings import Ledger, Where
from bench.record.profiles.sizes import NoiseSizes
from bench.record.vocabulary import ANNOUNCEMENT, LOBBY, LOBBY_AGAIN
from bench.scenarios import noise
from bench.scenarios.engine.rooms_get import CONNECTIONS, Askers
from tests.bench.fake_lab import FakeServer, Stage, a_stage, a_stretch, readings

CLIENTS, BROADCASTS = 20, 5


def told(p99_ms: float, *, lost: int = 0) -> Round:
    """Half a second of the server's CPU for five broadcasts to twenty clients."""
    ledger = Ledger(expected=100, received=100 - lost)
    return Round(np.full(100, p99_ms / 1e3), [p99_ms / 2e3], ledger, 0.003, a_stretch(server_cpu_s=0.5), 0.2)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    sizes = NoiseSizes(clients=CLIENTS, repeats=3, broadcasts=BROADCASTS, get_s=0.3)
    found = a_stage(monkeypatch, noise, noise=sizes)
    found.stretches = [a_stretch(server_cpu_s=0.02)]

    @contextmanager
    def crowded(lab: object, clients: int, flags: object) -> Iterator[Crowded]:
        assert clients == CLIENTS
        yield Crowded(FakeServer(), None, None, clients)  # type: ignore[arg-type]

    monkeypatch.setattr(noise, "crowded", crowded)
    monkeypatch.setattr(noise, "tell", lambda crowd, count, **_: told(900.0 if count == 1 else 40.0))
    monkeypatch.setattr(noise, "resident_kib", lambda pid: 51_200)
    found.script(Askers, ask_for=400)
    return found


def test_two_that_are_the_same_have_a_pair_of_readings_in_each_repeat(stage: Stage) -> None:
    found = noise.run(stage.lab)
    for measure in (ANNOUNCEMENT_P99, ANNOUNCEMENT_LAST, CPU_PER_RECIPIENT, RSS_OF_SERVER, CPU_PER_REQUEST):
        assert len(readings(found, measure, LOBBY)) == len(readings(found, measure, LOBBY_AGAIN)) == 3


@pytest.mark.parametrize(
    ("measure", "value", "clients"),
    [
        (ANNOUNCEMENT_P99, 40.0, CLIENTS),
        (ANNOUNCEMENT_LAST, 20.0, CLIENTS),
        (CPU_PER_RECIPIENT, 5_000.0, CLIENTS),
        (RSS_OF_SERVER, 50.0, CLIENTS),
        (CPU_PER_REQUEST, 50.0, CONNECTIONS),
        (COLD_BROADCAST, 450.0, CLIENTS),
    ],
    ids=str,
)
def test_reading_is_in_its_unit(stage: Stage, measure: object, value: float, clients: int) -> None:
    """0.5 s for 100 receipts are 5,000 µs each; 0.02 s for 400 answers 50 µs."""
    found = noise.run(stage.lab)
    assert readings(found, measure, LOBBY, Where(clients))[0].value == pytest.approx(value)


def test_first_broadcast_of_a_fresh_server_is_in_no_other_figure(stage: Stage) -> None:
    found = noise.run(stage.lab)
    assert {each.value for each in readings(found, ANNOUNCEMENT_P99)} == {40.0}
    [series, _] = found.series_of(ANNOUNCEMENT)
    assert {group.values_ms().max() for group in series.groups} == {40.0}


def test_lateness_spoils_times_and_no_cost(stage: Stage) -> None:
    found = noise.run(stage.lab)
    assert readings(found, ANNOUNCEMENT_P99)[0].late_ms == pytest.approx(3.0)
    assert readings(found, CPU_PER_RECIPIENT)[0].late_ms == 0.0


def test_turn_that_not_all_heard_has_no_cost_and_no_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "tell", lambda crowd, count, **_: told(40.0, lost=count > 1 and 7))
    found = noise.run(stage.lab)
    for measure in (ANNOUNCEMENT_P99, ANNOUNCEMENT_LAST, CPU_PER_RECIPIENT):
        assert {each.invalid for each in readings(found, measure)} == {"7 of 100 receipts are missing, 0 came twice"}
    assert {each.invalid for each in readings(found, COLD_BROADCAST)} == {""}
    assert {each.invalid for each in readings(found, CPU_PER_REQUEST)} == {""}


def test_turn_in_which_nobody_was_answered_has_no_cost_of_an_answer(stage: Stage) -> None:
    stage.script(Askers, ask_for=0)
    found = noise.run(stage.lab)
    assert {each.invalid for each in readings(found, CPU_PER_REQUEST)} == {"nobody was answered in this time"}
    assert {each.invalid for each in readings(found, CPU_PER_RECIPIENT)} == {""}
