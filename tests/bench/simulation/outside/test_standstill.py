"""Machines that stand still: which schedules have them, what stands with them, and what their clocks do."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.outside.loop import ProcessLoop, World
from bench.simulation.outside.machine import Machine
from bench.simulation.outside.store import Database
from bench.simulation.outside.valkey import Valkey
from bench.simulation.outside.wire import Wire
from bench.simulation.schedule import LASTS_S, NODES, schedule_of
from bench.simulation.standstill import (
    LATE_S,
    MOST,
    NAME,
    SET_RIGHT_S,
    SHARE,
    WITHIN_S,
    Clocks,
    Standstills,
    extent_of,
    standstills,
)

SEEDS = range(400)
ALL, NODES_ONLY, ONE_WITH_ALL, TWO = range(4)
"""What stands still, by the number that chooses it."""
CLIENTS, AWAY = 12, 24


def chosen(where: int, clocks: Clocks = Clocks.GO_ON, *, more: int = 0) -> int:
    return where + 4 * list(Clocks).index(clocks) + more


# -- schedules ---------------------------------------------------------------------------------------------------------


def test_some_schedules_have_them_and_most_have_none() -> None:
    many = [len(list(standstills(seed, nodes=NODES))) for seed in SEEDS]
    assert set(many) == set(range(MOST + 1))
    assert abs(sum(map(bool, many)) / len(SEEDS) - SHARE) < 0.1


def test_rest_of_a_schedule_is_what_it_was_without() -> None:
    """They are drawn from a generator of their own."""
    for seed in range(40):
        own = list(standstills(seed, nodes=NODES))
        of_schedule = [event for event in schedule_of(seed).events if event.what == NAME]
        assert len(of_schedule) == len(own)
        assert all(3.0 <= event.at_s < 3.0 + WITHIN_S < 3.0 + LASTS_S for event in of_schedule)


def test_every_extent_and_every_clock_is_drawn_and_one_goes_on_where_others_write_beside_it() -> None:
    drawn = {extent_of(who, b, nodes=3) for seed in SEEDS for _, _, who, _, b in standstills(seed, nodes=NODES)}
    assert {(len(each.nodes), each.has_valkey, each.clocks) for each in drawn} == {
        *((3, has_valkey, clocks) for has_valkey in (True, False) for clocks in Clocks),
        *((1, True, clocks) for clocks in Clocks),
        *((2, False, clocks) for clocks in (Clocks.GO_ON, Clocks.SUSPENDED)),
    }
    assert {each.has_clients for each in drawn} == {each.is_away for each in drawn} == {True, False}
    assert all(each.has_database == each.has_valkey for each in drawn)


# -- what stands -------------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, world: World, name: str) -> None:
        self.name, self.ahead_s, self.is_standing, self.is_wanted, self.starts = name, 0.0, False, True, 0
        loop = ProcessLoop(world, booted_s=100.0, on_fault=lambda what: None)
        self.life: Any = SimpleNamespace(loop=loop)

    def set_clock(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s

    def start(self) -> None:
        self.starts += 1


class Scene:
    def __init__(self) -> None:
        self.world = World()
        self.nodes = [Node(self.world, name) for name in "abc"]
        self.valkey, self.database, self.clients = Valkey(self.world), Database(), Machine(self.world)
        self.wires = [Wire(self.world, node.life.loop, Random(1)) for node in self.nodes]
        self.went_on: list[tuple[ProcessLoop, float, bool]] = []
        nodes: Any = self.nodes
        self.standstills = Standstills(
            self.world, nodes=nodes, valkey=self.valkey, database=self.database, clients=self.clients,
            wires=lambda: self.wires, note=lambda who, what: None, began=lambda: None,
            ended=lambda *heard: self.went_on.append(heard),
        )  # fmt: skip

    @property
    def standing(self) -> str:
        names = [node.name for node in self.nodes if node.is_standing and node.life.loop.is_frozen]
        parts = (("v", self.valkey.is_hanging), ("d", self.database.is_standing), ("m", self.clients.is_standing))
        return "".join([*names, *(name for name, is_standing in parts if is_standing)])


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("b", "standing"),
    [(ALL, "abcvd"), (ALL + CLIENTS, "abcvdm"), (NODES_ONLY, "abc"), (ONE_WITH_ALL, "bvd"), (TWO + CLIENTS, "bcm")],
)
def test_what_is_on_the_machine_stands_still_together_for_its_time(scene: Scene, b: int, standing: str) -> None:
    scene.standstills.begin(1, 5.0, b)
    assert scene.standing == standing
    scene.world.run(4.9)
    assert scene.standing == standing
    scene.world.run(5.1)
    assert scene.standing == ""


def test_machine_that_stands_still_does_not_stand_still_for_longer(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, ALL)
    scene.world.run(3.0)
    scene.standstills.begin(1, 5.0, ALL)
    scene.world.run(5.1)
    assert scene.standing == ""


def test_whatever_stands_is_mended_and_its_end_ends_no_other_one(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, ALL + CLIENTS)
    scene.world.run(2.0)
    scene.standstills.mend()
    assert scene.standing == ""
    scene.standstills.begin(1, 9.0, ALL)
    scene.world.run(6.0)
    assert scene.standing == "abcvd"


def test_who_goes_on_is_told_before_it_does_anything(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, chosen(NODES_ONLY, Clocks.SUSPENDED))
    scene.world.run(5.1)
    assert scene.went_on == [(node.life.loop, 5.0, True) for node in scene.nodes]


def test_process_that_was_to_be_started_meanwhile_starts_as_the_machine_goes_on(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, ALL)
    scene.nodes[0].life = None
    scene.world.run(4.9)
    assert [node.starts for node in scene.nodes] == [0, 0, 0]
    scene.world.run(5.1)
    assert [node.starts for node in scene.nodes] == [1, 0, 0]


# -- clocks and sockets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clocks", "monotonic_s", "elapsed_s", "behind_s"),
    [(Clocks.GO_ON, 105.0, 105.0, 0.0), (Clocks.SUSPENDED, 100.0, 105.0, 0.0), (Clocks.PAUSED, 100.0, 100.0, -5.0)],
)
def test_clocks_do_what_they_do_on_such_a_machine(
    scene: Scene, clocks: Clocks, monotonic_s: float, elapsed_s: float, behind_s: float
) -> None:
    b = chosen(ALL, clocks, more=96)
    assert extent_of(1, b, nodes=3).clocks is clocks
    scene.standstills.begin(1, 5.0, b)
    scene.world.run(5.0)
    assert [node.life.loop.time() for node in scene.nodes] == [monotonic_s] * 3
    assert [node.life.loop.clock.elapsed_s() for node in scene.nodes] == [elapsed_s] * 3
    assert [node.ahead_s for node in scene.nodes] == [behind_s] * 3
    assert scene.valkey.ahead_s == behind_s
    scene.world.run(5.0 + SET_RIGHT_S)
    assert [node.ahead_s for node in scene.nodes] == [0.0] * 3, "the wall clock was set right"
    assert scene.valkey.ahead_s == 0.0


def test_clock_that_was_set_meanwhile_is_not_set_right(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, chosen(ALL, Clocks.PAUSED, more=48))
    scene.world.run(5.0)
    scene.nodes[0].set_clock(7.0)
    scene.world.run(20.0)
    assert [node.ahead_s for node in scene.nodes] == [7.0, 0.0, 0.0]


def test_what_is_sent_to_a_machine_that_is_away_waits_for_some_time_after_it(scene: Scene) -> None:
    scene.standstills.begin(1, 5.0, TWO + AWAY + 48)
    scene.world.run(5.0)
    assert [wire.lane_in.is_away for wire in scene.wires] == [False, True, True]
    scene.world.run(5.0 + LATE_S)
    assert not any(wire.lane_in.is_away for wire in scene.wires)
