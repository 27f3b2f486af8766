"""What a load generator costs: CPU per event, memory and pace per player, from counters that are known."""

from __future__ import annotations

from typing import Any

import pytest

from bench.load import attendance
from bench.load.changes import publisher
from bench.load.generators import GeneratorFailed
from bench.measures import GENERATOR_CPU_PER_1000_EVENTS, GENERATOR_KIB_PER_PLAYER, PLAYERS_PER_CPU_S
from bench.processes.cpu import CpuTimes
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import SwarmCostSizes
from bench.scenarios.engine import swarm_cost
from tests.bench.fake_lab import FakeServer, Stage, a_stage, readings, value

SIZES = SwarmCostSizes(window_s=10.0, changes_per_s=2.0, patience_s=5.0)


class Generator:
    """Uses as much CPU as is said at each look."""

    def __init__(self, *cpu_s: float, kib: float = 0.0, dies: bool = False) -> None:
        self._cpu_s, self._kib, self._dies = list(cpu_s), kib, dies

    def cpu(self) -> CpuTimes:
        return CpuTimes(self._cpu_s.pop(0), 0.25 if not self._cpu_s else 0.0)

    def resident_kib(self) -> float:
        return self._kib

    def check(self) -> None:
        if self._dies:
            raise GeneratorFailed("ended with 1")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return a_stage(monkeypatch, swarm_cost, attendance, publisher, swarm_cost=SIZES)


def measure(stage: Stage, monkeypatch: pytest.MonkeyPatch, generator: Any, *online: int, players: int = 50) -> Findings:
    """`online`: users at each look; the last number over and over."""
    looks = list(online)
    for module in (swarm_cost, attendance):
        monkeypatch.setattr(module, "online", lambda server: looks.pop(0) if len(looks) > 1 else looks[0])
    book = Book()
    swarm_cost._measure(SIZES, FakeServer(), generator, "it", players, book)
    return book.result("swarm-cost", ())


def test_pace_counts_from_the_first_who_was_online(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten are there at the first look; the other 40 take 0.5 s of CPU."""
    found = measure(stage, monkeypatch, Generator(1.0, 1.5, 2.0, 3.0), 10, 10, 50)
    assert value(found, PLAYERS_PER_CPU_S, "it") == pytest.approx(80.0)


def test_all_there_at_the_first_look_is_no_pace(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(stage, monkeypatch, Generator(1.0, 1.5, 2.0, 3.0), 50)
    assert readings(found, PLAYERS_PER_CPU_S, "it") == []


def test_memory_is_per_player(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(stage, monkeypatch, Generator(0, 1, 2, 3, kib=1_000.0), 50)
    assert value(found, GENERATOR_KIB_PER_PLAYER, "it") == 20.0


def test_cost_is_per_thousand_events_and_each_change_is_one_at_each_player(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 changes at 50 players are 1,000 events, which take 0.7 s."""
    found = measure(stage, monkeypatch, Generator(0.0, 1.0, 2.0, 2.7), 50)
    [reading] = readings(found, GENERATOR_CPU_PER_1000_EVENTS, "it")
    assert reading.value == pytest.approx(700.0)
    assert reading.stretch is not None
    assert reading.stretch.generator_cpu_s == pytest.approx(0.7)
    assert reading.stretch.generator_wait_s == 0.25
    assert reading.stretch.wall_s == pytest.approx(10.0)


def test_players_who_are_gone_at_the_end_are_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(stage, monkeypatch, Generator(0, 1, 2, 3), 50, 50, 50, 47).faults == [
        "it: 3 of 50 players were gone at the end"
    ]


def test_players_who_do_not_come_are_waited_for_only_so_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(attendance.NotAllCame, match="49 of 50 players came within 5 s"):
        measure(stage, monkeypatch, Generator(0, 1, 2, 3), 49)


def test_generator_that_dies_while_its_players_come_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GeneratorFailed, match="ended with 1"):
        measure(stage, monkeypatch, Generator(0, 1, 2, 3, dies=True), 0)


@pytest.mark.parametrize(("rate", "window_s", "changes"), [(2.0, 3.0, 6), (1.0, 2.4, 2), (0.1, 3.0, 1)])
def test_changes_are_a_whole_number_with_the_interval_after_each(
    stage: Stage, rate: float, window_s: float, changes: int
) -> None:
    """A room is made and deleted in turns."""
    start_s = stage.clock.now_s
    done = publisher.make_and_delete(
        stage.publisher,  # type: ignore[arg-type]
        start_s=start_s,
        changes_per_s=rate,
        window_s=window_s,
    )
    assert done == changes
    assert stage.clock.now_s - start_s == pytest.approx(changes / rate)
    assert (stage.publisher.next_number, stage.publisher.deleted) == ((changes + 1) // 2, changes // 2)
