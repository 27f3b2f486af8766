"""What breaks: each fault does what it is called for, ends at its time, and is mended at the latest with all others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.faults import FAULTS, Stage, begin, mend
from bench.simulation.outside.loop import World
from bench.simulation.standstill import LONGEST_S, NAME


class Loop:
    def __init__(self) -> None:
        self.is_frozen = False

    def freeze(self) -> None:
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False


class Life:
    def __init__(self, node: Node) -> None:
        self.is_open = True
        self.node, self.loop = node, Loop()
        self.log = SimpleNamespace(node=f"{node.name}.1")
        self.stream = SimpleNamespace(is_cut=False, loses_answers=0, late_s=0.0)
        self.store = SimpleNamespace(fails_before=0, fails_after=0, slow_s=0.0)

    def kill(self) -> None:
        self.node.life = None
        self.node.done.append("kill")

    def drain(self) -> None:
        self.node.done.append("drain")


class Node:
    def __init__(self, name: str) -> None:
        self.name, self.done, self.ahead_s, self.is_standing = name, list[str](), 0.0, False
        self.life: Life | None = Life(self)

    def start(self) -> None:
        self.life = Life(self)
        self.done.append("start")

    def set_clock(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s


class Valkey:
    def __init__(self) -> None:
        self.is_up, self.is_hanging, self.ahead_s, self.kept, self.saved = True, False, 0.0, "", 0
        self.lost, self.best, self.is_standing = 0, "", False

    def hang(self) -> None:
        self.is_hanging = True

    def go_on(self) -> None:
        self.is_hanging = False

    def go_down(self) -> None:
        self.is_up = False

    def come_up(self, *, keeps: str) -> None:
        self.is_up, self.kept = True, keeps
        self.lost += keeps == "nothing"

    def best_candidate(self) -> str:
        return self.best

    def save(self) -> None:
        self.saved += 1


class Lane:
    def __init__(self) -> None:
        self.is_stalled = self.is_cut = False

    def go_on(self) -> None:
        self.is_stalled = False


class Wire:
    def __init__(self) -> None:
        self.lane_in, self.lane_out, self.is_broken = Lane(), Lane(), False

    def break_off(self) -> None:
        self.is_broken = True


class Standstills:
    def __init__(self) -> None:
        self.begun: list[tuple[int, float, int]] = []
        self.mended = 0

    def begin(self, who: int, lasts_s: float, b: int) -> None:
        self.begun.append((who, lasts_s, b))

    def mend(self) -> None:
        self.mended += 1


@pytest.fixture
def stage() -> Stage:
    """Three nodes and two players with a connection each."""
    players = [SimpleNamespace(name=name, network=SimpleNamespace(wires=[Wire()])) for name in ("ann", "bob")]
    nodes: Any = [Node(name) for name in "abc"]
    standstills: Any = Standstills()
    return Stage(World(), nodes, players, Valkey(), lambda who, what: None, standstills)  # type: ignore[arg-type]


def life(stage: Stage, number: int) -> Any:
    found = stage.nodes[number].life
    assert found is not None
    return found


def wire(stage: Stage, number: int = 1) -> Any:
    return stage.players[number].network.wires[0]


LONGEST, SHORTEST = 1000, 0
"""Of how long a fault lasts, in thousandths."""


# -- nodes ---------------------------------------------------------------------------------------------------------


def test_kill_and_drain_are_of_one_node_and_rolling_of_all_one_after_the_other(stage: Stage) -> None:
    nodes: Any = stage.nodes
    begin(stage, "kill", 1, 0, 0)
    begin(stage, "drain", 2, 0, 0)
    assert [node.done for node in nodes] == [[], ["kill"], ["drain"]]
    begin(stage, "rolling", 0, 0, 0)
    stage.world.run(3.9)
    assert [node.done for node in nodes] == [["drain"], ["kill"], ["drain"]]
    stage.world.run(8.1)
    assert [node.done for node in nodes] == [["drain"], ["kill"], ["drain", "drain"]], "who is dead is not drained"


@pytest.mark.parametrize(("a", "lasts_s"), [(SHORTEST, 0.3), (LONGEST, 8.0), (500, 4.15)])
def test_frozen_node_goes_on_when_its_time_is_over(stage: Stage, a: int, lasts_s: float) -> None:
    begin(stage, "freeze", 0, a, 0)
    stage.world.run(lasts_s - 0.01)
    assert life(stage, 0).loop.is_frozen
    stage.world.run(lasts_s + 0.01)
    assert not life(stage, 0).loop.is_frozen


def test_node_that_is_frozen_is_not_frozen_for_longer(stage: Stage) -> None:
    begin(stage, "freeze", 0, LONGEST, 0)
    stage.world.run(7.0)
    begin(stage, "freeze", 0, LONGEST, 0)
    stage.world.run(8.1)
    assert not life(stage, 0).loop.is_frozen


def test_frozen_node_whose_machine_stands_still_waits_for_that(stage: Stage) -> None:
    begin(stage, "freeze", 0, SHORTEST, 0)
    stage.nodes[0].is_standing = True
    stage.world.run(1.0)
    assert life(stage, 0).loop.is_frozen


def test_whole_machine_stands_still(stage: Stage) -> None:
    begin(stage, NAME, 1, LONGEST, 7)
    standstills: Any = stage.standstills
    assert (standstills.begun, standstills.mended) == ([(1, LONGEST_S, 7)], 0)
    mend(stage)
    assert standstills.mended == 1


@pytest.mark.parametrize("what", ["restart", "wipe", "rewind", "blackout", "kill_candidate", "fork", "outlive"])
def test_valkey_on_a_machine_that_stands_still_does_not_fall(stage: Stage, what: str) -> None:
    stage.valkey.is_standing = True
    begin(stage, what, 0, LONGEST, 0)
    stage.world.run(60.0)
    valkey: Any = stage.valkey
    assert (valkey.is_up, valkey.lost, valkey.saved) == (True, 0, 0)


@pytest.mark.parametrize(("b", "ahead_s"), [(0, -20.0), (500, 0.0), (999, 19.96)])
def test_clock_of_a_machine_is_set_back_or_forth_for_good(stage: Stage, b: int, ahead_s: float) -> None:
    begin(stage, "set_clock", 2, 0, b)
    stage.world.run(100.0)
    nodes: Any = stage.nodes
    assert [node.ahead_s for node in nodes] == [0.0, 0.0, pytest.approx(ahead_s)]


# -- Valkey --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "field", "broken", "whole", "longest_s"),
    [("cut_off", "is_cut", True, False, 8.0), ("late", "late_s", 0.05 + 10 / 50, 0.0, 4.0)],
)
def test_way_of_one_node_to_valkey_is_broken_for_its_time(
    stage: Stage, what: str, field: str, broken: Any, whole: Any, longest_s: float
) -> None:
    begin(stage, what, 1, LONGEST, 10)
    assert [getattr(life(stage, number).stream, field) for number in range(3)] == [whole, broken, whole]
    stage.world.run(longest_s + 0.01)
    assert getattr(life(stage, 1).stream, field) == whole


@pytest.mark.parametrize(("b", "answers"), [(0, 1), (1, 2), (2, 3), (3, 1)])
def test_node_loses_one_to_three_answers(stage: Stage, b: int, answers: int) -> None:
    begin(stage, "lose_answers", 0, 0, b)
    assert life(stage, 0).stream.loses_answers == answers


def test_valkey_hangs_and_goes_on(stage: Stage) -> None:
    begin(stage, "hang", 0, LONGEST, 0)
    assert stage.valkey.is_hanging
    stage.world.run(6.1)
    assert not stage.valkey.is_hanging


def test_clock_of_valkey_is_set_back_or_forth(stage: Stage) -> None:
    begin(stage, "set_valkey_clock", 0, 0, 0)
    assert stage.valkey.ahead_s == -2.0


@pytest.mark.parametrize(("what", "keeps"), [("restart", "all"), ("wipe", "nothing")])
def test_valkey_comes_back_with_what_its_fault_keeps(stage: Stage, what: str, keeps: str) -> None:
    valkey: Any = stage.valkey
    begin(stage, what, 0, LONGEST, 0)
    assert not valkey.is_up
    begin(stage, what, 0, LONGEST, 0)  # it is down already
    stage.world.run(60.0)
    assert valkey.is_up
    assert valkey.kept == keeps


def test_valkey_goes_back_to_what_it_saved_a_while_before_it_died(stage: Stage) -> None:
    valkey: Any = stage.valkey
    begin(stage, "rewind", 0, LONGEST, 0)
    assert (valkey.saved, valkey.is_up) == (1, True), "it saves, and dies later"
    stage.world.run(3.05)
    was_up = valkey.is_up
    stage.world.run(60.0)
    assert (was_up, valkey.is_up, valkey.kept) == (False, True, "saved")


@pytest.mark.parametrize(("best", "killed"), [("b.1", [[], ["kill"], []]), ("b.0", [[], [], []])])
def test_node_is_killed_that_stands_furthest_for_a_new_epoch(stage: Stage, best: str, killed: list[list[str]]) -> None:
    valkey, nodes = stage.valkey, stage.nodes
    valkey.best = best  # type: ignore[attr-defined]
    begin(stage, "kill_candidate", 0, SHORTEST, 0)
    assert not valkey.is_up
    stage.world.run(1.0)
    assert (valkey.lost, [node.done for node in nodes]) == (1, [[], [], []])  # type: ignore[attr-defined]
    stage.world.run(1.2)
    assert [node.done for node in nodes] == killed  # type: ignore[attr-defined]


def test_log_is_lost_once_without_one_node_and_once_with_that_one_alone(stage: Stage) -> None:
    def cut() -> list[bool]:
        return [life(stage, number).stream.is_cut for number in range(3)]

    valkey: Any = stage.valkey
    begin(stage, "fork", 1, SHORTEST, 0)
    assert (cut(), valkey.is_up) == ([False, True, False], False)
    stage.world.run(2.3)
    assert (cut(), valkey.is_up, valkey.lost) == ([False, True, False], True, 1)
    stage.world.run(2.5)
    assert (cut(), valkey.is_up) == ([True, False, True], False)
    stage.world.run(6.3)
    assert (cut(), valkey.is_up, valkey.lost) == ([True, False, True], True, 2)
    stage.world.run(6.5)
    assert cut() == [False, False, False]


def test_power_fails_for_all_nodes_and_valkey_s_data(stage: Stage) -> None:
    valkey: Any = stage.valkey
    begin(stage, "blackout", 1, SHORTEST, 0)
    assert [node.done for node in stage.nodes] == [["kill"]] * 3  # type: ignore[attr-defined]
    assert not valkey.is_up
    stage.world.run(1.0)
    assert (valkey.is_up, valkey.kept) == (True, "nothing")


def test_everything_that_can_break_is_drawn_but_for_what_is_drawn_apart() -> None:
    assert [what for what, fault in FAULTS.items() if fault.weight < 1] == [NAME]


# -- database ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "nodes"), [(0, [0]), (1, [0, 1, 2])], ids=["one", "all"])
@pytest.mark.parametrize(
    ("what", "field"),
    [("store_before", "fails_before"), ("store_after", "fails_after"), ("store_slow", "slow_s"),
     ("store_away", "fails_before")],
)  # fmt: skip
def test_database_is_away_for_one_node_or_for_all(
    stage: Stage, what: str, field: str, b: int, nodes: list[int]
) -> None:
    begin(stage, what, 0, LONGEST, b)
    assert [number for number in range(3) if getattr(life(stage, number).store, field)] == nodes


@pytest.mark.parametrize(("what", "field"), [("store_away", "fails_before"), ("store_slow", "slow_s")])
def test_database_is_there_again_when_its_time_is_over(stage: Stage, what: str, field: str) -> None:
    begin(stage, what, 0, LONGEST, 1)
    stage.world.run(60.0)
    assert [getattr(life(stage, number).store, field) for number in range(3)] == [0, 0, 0]


# -- connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "ways"), [(0, (True, False)), (1, (False, True)), (2, (True, True))])
def test_stalled_connection_lets_nothing_through_one_way_or_both(stage: Stage, b: int, ways: tuple[bool, bool]) -> None:
    begin(stage, "stall", 1, LONGEST, b)
    assert (wire(stage).lane_out.is_stalled, wire(stage).lane_in.is_stalled) == ways
    assert not wire(stage, 0).lane_out.is_stalled
    stage.world.run(6.1)
    assert not wire(stage).lane_out.is_stalled
    assert not wire(stage).lane_in.is_stalled


def test_half_open_connection_is_cut_both_ways_and_a_reset_one_is_broken_off(stage: Stage) -> None:
    begin(stage, "half_open", 1, 0, 0)
    assert (wire(stage).lane_in.is_cut, wire(stage).lane_out.is_cut, wire(stage).is_broken) == (True, True, False)
    begin(stage, "reset", 0, 0, 0)
    assert (wire(stage, 0).is_broken, wire(stage).is_broken) == (True, False)


# -- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FAULTS)
def test_fault_at_a_node_that_is_dead_is_no_error(stage: Stage, what: str) -> None:
    begin(stage, "kill", 0, 0, 0)
    begin(stage, what, 0, 500, 500)
    stage.world.run(60.0)


def test_everything_is_mended_whatever_broke(stage: Stage) -> None:
    for what in FAULTS:
        for who in range(2):
            begin(stage, what, who, LONGEST, 1)
    mend(stage)
    nodes: Any = stage.nodes
    assert stage.valkey.is_up
    assert not stage.valkey.is_hanging
    for node in nodes:
        assert node.life is not None
        assert not node.life.loop.is_frozen
        assert vars(node.life.stream) == {"is_cut": False, "loses_answers": 0, "late_s": 0.0}
        assert vars(node.life.store) == {"fails_before": 0, "fails_after": 0, "slow_s": 0.0}
    assert not any(wire(stage, number).lane_out.is_stalled for number in range(2))
