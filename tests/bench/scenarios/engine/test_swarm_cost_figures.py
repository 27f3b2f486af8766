"""What a load generator costs: CPU per event, memory and pace per player, from counters that are known."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import Any, cast

import pytest

from bench.analysis.goals import check_goals
from bench.load import attendance
from bench.load.attendance import NotAllCame
from bench.load.changes import publisher
from bench.load.generators import GeneratorFailed, Running, Tool
from bench.measures import (
    GENERATOR_CPU_PER_1000_EVENTS,
    GENERATOR_KIB_PER_PLAYER,
    GENERATOR_PEAK_KIB_PER_PLAYER,
    PLAYERS_PER_CPU_S,
    SETTLED_PLAYERS_PER_CPU_S,
)
from bench.processes.cpu import CpuTimes
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import SwarmCostSizes
from bench.record.profiles.standard import FULL
from bench.record.vocabulary import NODE_WS, SWARM
from bench.scenarios.engine import swarm_cost
from tests.bench.fake_lab import Clock, FakeServer, Stage, a_stage, readings, value

SIZES = SwarmCostSizes(window_s=10.0, changes_per_s=2.0, patience_s=5.0)


class Generator:
    """Uses as much CPU as is said at each look: at the start, each time that nobody is online, with the first players,
    with the last, after the quiet, and before and after the changes."""

    def __init__(self, *cpu_s: float, kib: float = 0.0, peak_kib: float = 0.0, dies_at: float = inf) -> None:
        """`dies_at`: seconds of the stage's clock."""
        self._cpu_s, self._kib, self._peak_kib, self._dies_at = list(cpu_s), kib, peak_kib, dies_at
        self.clock = Clock()
        self.looks_s: list[float] = []

    def cpu(self) -> CpuTimes:
        self.looks_s.append(self.clock.now_s)
        return CpuTimes(self._cpu_s.pop(0), 0.25 if not self._cpu_s else 0.0)

    def resident_kib(self, *, peak: bool = False) -> float:
        return self._peak_kib if peak else self._kib

    def check(self) -> None:
        if self.clock.now_s >= self._dies_at:
            raise GeneratorFailed("ended with 1")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return a_stage(monkeypatch, swarm_cost, attendance, publisher, swarm_cost=SIZES)


def measure(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    generator: Generator,
    *online: int,
    players: int = 50,
    book: Book | None = None,
    party: str = "it",
    sizes: SwarmCostSizes = SIZES,
) -> Findings:
    """`online`: users at each look; the last number over and over."""
    looks = list(online)
    for module in (swarm_cost, attendance):
        monkeypatch.setattr(module, "online", lambda server: looks.pop(0) if len(looks) > 1 else looks[0])
    book, generator.clock = book or Book(), stage.clock
    swarm_cost._measure(sizes, FakeServer(), cast(Running, generator), party, players, book)
    return book.result("swarm-cost", ())


def test_pace_counts_from_the_first_who_was_online(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten are there at the first look; the other 40 take 0.5 s of CPU."""
    found = measure(stage, monkeypatch, Generator(0.5, 1.0, 1.5, 2.0, 2.0, 3.0), 10, 10, 50)
    assert value(found, PLAYERS_PER_CPU_S, "it") == pytest.approx(80.0)


@pytest.mark.parametrize(("here", "suspect"), [(25, ""), (26, swarm_cost.MOST_WERE_THERE)])
def test_pace_of_the_few_who_came_after_most_is_suspect(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, here: int, suspect: str
) -> None:
    found = measure(stage, monkeypatch, Generator(0.5, 1.0, 1.5, 2.0, 2.0, 3.0), here, here, 50)
    assert [each.suspect for each in readings(found, PLAYERS_PER_CPU_S, "it")] == [suspect]
    assert [each.suspect for each in readings(found, SETTLED_PLAYERS_PER_CPU_S, "it")] == [""]


@pytest.mark.parametrize("until_the_last_s", [0.1, 2.0])
def test_work_that_a_tool_puts_off_counts_in_the_pace_with_the_quiet(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, until_the_last_s: float
) -> None:
    """Of two that take 2.5 s for 50 players one looks twenty times as quick until the last of them is online."""
    generator = Generator(0.1, 0.3, 0.5, 1.0, 1.0 + until_the_last_s, 3.0, 3.5, 4.0)
    found = measure(stage, monkeypatch, generator, 0, 0, 10, 10, 50)
    assert value(found, PLAYERS_PER_CPU_S, "it") == pytest.approx(40 / until_the_last_s)
    assert value(found, SETTLED_PLAYERS_PER_CPU_S, "it") == pytest.approx(20.0)
    with_the_last_s, settled_s = generator.looks_s[4:6]
    assert settled_s - with_the_last_s == pytest.approx(swarm_cost.QUIET_S)


def test_all_there_at_the_first_look_is_a_pace_only_from_when_nobody_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measure(stage, monkeypatch, Generator(0.5, 1.0, 1.2, 1.5, 2.0, 2.0, 3.0), 0, 50)
    assert readings(found, PLAYERS_PER_CPU_S, "it") == []
    assert value(found, SETTLED_PLAYERS_PER_CPU_S, "it") == pytest.approx(50.0)


def test_memory_is_per_player(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(stage, monkeypatch, Generator(0, 0, 1, 2, 2, 3, kib=1_000.0, peak_kib=1_500.0), 50)
    assert value(found, GENERATOR_KIB_PER_PLAYER, "it") == 20.0
    assert value(found, GENERATOR_PEAK_KIB_PER_PLAYER, "it") == 30.0


def test_peak_below_what_is_held_is_none(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the kernel keeps no peak, and says 0."""
    found = measure(stage, monkeypatch, Generator(0, 0, 1, 2, 2, 3, kib=1_000.0), 50)
    assert readings(found, GENERATOR_PEAK_KIB_PER_PLAYER, "it") == []


def test_generator_that_dies_in_the_quiet_leaves_no_figures(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its CPU and its memory would be those of nobody: 0 KiB per player."""
    book = Book()
    generator = Generator(1.0, 1.0, 1.5, 0.0, 0.0, 0.0, dies_at=stage.clock.now_s + 1.0)
    with pytest.raises(GeneratorFailed, match="ended with 1"):
        measure(stage, monkeypatch, generator, 10, 10, 50, book=book)
    assert not book.has_readings


def test_cost_is_per_thousand_events_and_each_change_is_one_at_each_player(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 changes at 50 players are 1,000 events, which take 0.7 s."""
    found = measure(stage, monkeypatch, Generator(0.0, 0.0, 1.0, 1.5, 2.0, 2.7), 50)
    [reading] = readings(found, GENERATOR_CPU_PER_1000_EVENTS, "it")
    assert reading.value == pytest.approx(700.0)
    assert reading.stretch is not None
    assert reading.stretch.generator_cpu_s == pytest.approx(0.7)
    assert reading.stretch.generator_wait_s == 0.25
    assert reading.stretch.wall_s == pytest.approx(10.0)


def test_every_goal_of_the_bench_is_judged_by_what_it_writes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the sizes of the full profile."""
    book, sizes = Book(), FULL.swarm_cost
    for players in sizes.players:
        for party in (SWARM, NODE_WS):
            generator = Generator(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, kib=1.0, peak_kib=1.0)
            online = [10, 10, players]
            measure(stage, monkeypatch, generator, *online, players=players, book=book, party=party, sizes=sizes)
    assert [str(each.goal) for each in check_goals(book.result("swarm-cost", ())) if each.figure is None] == []


def test_players_who_are_gone_at_the_end_are_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(stage, monkeypatch, Generator(0, 0, 1, 2, 2, 3), 50, 50, 50, 47).faults == [
        "it: 3 of 50 players were gone at the end"
    ]


def test_players_who_do_not_come_are_waited_for_only_so_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(attendance.NotAllCame, match="49 of 50 players came within 5 s"):
        measure(stage, monkeypatch, Generator(0, 1, 2, 3), 49)


def test_generator_that_dies_while_its_players_come_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GeneratorFailed, match="ended with 1"):
        measure(stage, monkeypatch, Generator(0, 1, 2, 3, dies_at=0.0), 0)


LOST = "--|--\n  Type   Name  50%\n\n  it was     lost\n-------\n"


@pytest.fixture
def turns(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Of five tools at two sizes, which go well as their names say. The result: turns that there were, by tool and
    size."""
    tried: Counter[str] = Counter()

    class Lost(Running):
        def __init__(self) -> None:
            pass

        def last_words(self) -> str:
            return "it ended with 0"

        def printed(self) -> str:
            return LOST

    @contextlib.contextmanager
    def running(*_: Any, **__: Any) -> Iterator[Running]:
        yield Lost()

    def turn(sizes: SwarmCostSizes, server: Any, generator: Any, party: str, players: int, book: Book) -> None:
        number = tried[f"{party}, {players}"]
        tried[f"{party}, {players}"] += 1
        if party == "one that ends":
            raise GeneratorFailed("it ended with 1: no such option")
        fails = {"one that cannot": players > 100, "one that failed once": number == 0, "one on the edge": number != 1}
        if fails.get(party, False):
            raise NotAllCame(f"7 of {players} players came within 5 s")
        book.add(GENERATOR_KIB_PER_PLAYER, 20.0, clients=players, party=party)

    names = ("one that can", "one that cannot", "one that ends", "one that failed once", "one on the edge")
    monkeypatch.setattr(swarm_cost, "tools", lambda: ([Tool(name, lambda aim: []) for name in names], []))
    monkeypatch.setattr(swarm_cost, "running", running)
    monkeypatch.setattr(swarm_cost, "_measure", turn)
    return tried


@pytest.fixture
def five_turns(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return a_stage(monkeypatch, swarm_cost, swarm_cost=SwarmCostSizes(players=[50, 200], repeats=5))


def test_tool_that_failed_in_its_first_two_turns_is_not_tried_again_at_that_size(
    five_turns: Stage, turns: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One turn that went well shows that it can: what fails then is the turn."""
    found = swarm_cost.run(five_turns.lab)
    assert turns == {
        f"{name}, {players}": 2 if name == "one that ends" or (name, players) == ("one that cannot", 200) else 5
        for name in ("one that can", "one that cannot", "one that ends", "one that failed once", "one on the edge")
        for players in (50, 200)
    }
    assert sorted(found.skipped) == [
        f"{name} players: it failed in its first 2 turns, so that the other 3 of 5 were left out"
        for name in ("one that cannot, 200", "one that ends, 200", "one that ends, 50")
    ]
    assert found.faults.count("one that cannot, 200 players: 7 of 200 players came within 5 s; it ended with 0") == 2
    assert found.faults.count("one that ends, 50 players: it ended with 1: no such option") == 2
    assert len(readings(found, GENERATOR_KIB_PER_PLAYER, "one on the edge")) == 1
    assert f"one that cannot, 200 players, printed: {LOST}" in capsys.readouterr().err, "the whole is in the log"


@pytest.mark.usefixtures("turns")
def test_reading_says_which_turn_it_is_of_so_that_others_are_paired_with_that(five_turns: Stage) -> None:
    found = swarm_cost.run(five_turns.lab)
    assert [
        [each.turn for each in readings(found, GENERATOR_KIB_PER_PLAYER, name)]
        for name in ("one that can", "one that failed once", "one on the edge")
    ] == [[0, 1, 2, 3, 4], [1, 2, 3, 4], [1]]


def test_tool_whose_turns_are_over_when_it_has_failed_twice_left_none_out(
    monkeypatch: pytest.MonkeyPatch, turns: Counter[str]
) -> None:
    stage = a_stage(monkeypatch, swarm_cost, swarm_cost=SwarmCostSizes(players=[200], repeats=2))
    assert swarm_cost.run(stage.lab).skipped == []


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
