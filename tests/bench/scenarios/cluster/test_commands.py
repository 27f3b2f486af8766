"""Commands through the log: what one costs its own node and each other one, and what three nodes carry."""

from __future__ import annotations

import random

import pytest

from bench.load.cluster.sinks import ClusterSinks
from bench.measures import COMMAND_RATE, COMMANDS_CARRIED, CPU_PER_COMMAND
from bench.record.book import Book
from bench.record.findings import Findings, Stretch
from bench.record.profiles.sizes import ClusterSizes
from bench.record.vocabulary import OTHER_NODES, OWN_NODE, VALKEY
from bench.scenarios.cluster import commands
from tests.bench.fake_lab import InTurn, Stage, a_stage, a_stretch, value
from tests.bench.scenarios.cluster.place import FakePlace

TALKERS, LINES = 10, 20
COMMANDS = 200


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Two hundred lines in 0.5 s: 20 ms of CPU on the node that they come in at, 6 and 10 ms on the others, 4 of
    Valkey's."""
    found = a_stage(monkeypatch, commands, cluster=ClusterSizes(talkers=TALKERS, lines=LINES))

    class Watched:
        def __init__(self, pids: list[int], generator: int) -> None:
            assert pids == [10, 11, 12, 90], "three nodes and Valkey"

        def used_s(self) -> list[float]:
            return [0.020, 0.006, 0.010, 0.004]

        def stretch(self) -> Stretch:
            return a_stretch()

    monkeypatch.setattr(commands, "Processes", Watched)
    monkeypatch.setattr(commands, "make_rooms", lambda port, talkers: None)
    return found


def run(stage: Stage, *, heard: int = TALKERS + COMMANDS) -> Findings:
    stage.script(
        ClusterSinks, hear_in_all=InTurn(TALKERS, heard), say=lambda node, lines: stage.clock.sleep(0.5),
    )  # fmt: skip
    book = Book()
    commands.run(stage.lab, book, FakePlace(stage.clock), random.Random(1))  # type: ignore[arg-type]
    return book.result("cluster", ())


def test_cost_of_a_command_is_told_apart_by_who_has_it(stage: Stage) -> None:
    found = run(stage)
    costs = {party: value(found, CPU_PER_COMMAND, party) for party in (OWN_NODE, OTHER_NODES, VALKEY)}
    assert costs == pytest.approx({OWN_NODE: 100.0, OTHER_NODES: 40.0, VALKEY: 20.0})


def test_rate_is_of_the_commands_that_count(stage: Stage) -> None:
    assert value(run(stage), COMMAND_RATE) == pytest.approx(400.0)


def test_three_nodes_with_a_core_each_carry_as_many_as_keep_each_busy(stage: Stage) -> None:
    """At 1/180 µs on each: 100 µs for its own and twice 40 µs for the others', so 5,556 per second and node."""
    assert value(run(stage), COMMANDS_CARRIED) == pytest.approx(3 / 180e-6)


def test_first_line_of_each_finds_everything_cold_and_is_left_out(stage: Stage) -> None:
    run(stage)
    sinks = stage.generator(ClusterSinks)
    assert sinks.asked("say") == [(0, 1), (0, LINES)]
    assert [args[0] for args in sinks.asked("hear_in_all")] == [TALKERS, TALKERS + COMMANDS]
    assert sinks.arguments["counts"] == [TALKERS, 0, 0]


@pytest.mark.parametrize("heard", [TALKERS + COMMANDS - 1, TALKERS + COMMANDS + 1])
def test_line_that_was_not_heard_or_twice_is_a_fault(stage: Stage, heard: int) -> None:
    assert run(stage, heard=heard).faults == [f"of 200 lines {heard - TALKERS} were heard"]


def test_lines_that_were_all_heard_once_are_none(stage: Stage) -> None:
    assert run(stage).faults == []
