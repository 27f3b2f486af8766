"""What several nodes cost beside one process: CPU of one process, times on either node, events of a newcomer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bench.load.cluster.sinks import ClusterSinks
from bench.load.sockets.sinks import Heard
from bench.measures import (
    CPU_IN_ALL,
    CPU_PER_BROADCAST,
    EVENTS_PER_NEWCOMER,
    HEARD_P50,
    HEARD_P99,
    LATER_P50,
    LATER_P99,
)
from bench.processes.cpu import CpuTimes
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import ClusterSizes
from bench.record.vocabulary import LOBBY, NODES_AND_VALKEY, ONE_APART, OTHER_NODE, SAME_NODE
from bench.scenarios.cluster import costs
from bench.scenarios.cluster.costs import WARM_UP, Processes, dealt
from tests.bench.fake_lab import Stage, a_stage, value
from tests.bench.scenarios.cluster.place import FakePlace

SIZES = ClusterSizes(nodes=[2, 3], broadcast=10, broadcasts=3, changes=4, storm=4)


class Cpu:
    """Each look at a process finds it to have used so much more; other processes nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **per_look_s: float) -> None:
        self._per_look_s = {int(pid[1:]): used for pid, used in per_look_s.items()}
        self._used_s: dict[int, float] = {}
        monkeypatch.setattr(costs, "read_cpu", self)

    def __call__(self, pid: int) -> CpuTimes:
        self._used_s[pid] = self._used_s.get(pid, 0.0) + self._per_look_s.get(pid, 0.0)
        return CpuTimes(self._used_s[pid], 2 * self._used_s[pid])


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return a_stage(monkeypatch, costs, cluster=SIZES)


Part = Callable[[Any, Book, Any, random.Random], None]


def run(stage: Stage, part: Part) -> Findings:
    book = Book()
    part(stage.lab, book, FakePlace(stage.clock), random.Random(1))
    return book.result("cluster", ())


# -- processes -----------------------------------------------------------------------------------------------------


def test_processes_are_watched_one_by_one_and_as_one_server(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    Cpu(monkeypatch, p1=0.1, p2=0.3, p9=0.05)
    watch = Processes([1, 2], 9)
    stage.clock.sleep(4.0)
    assert watch.used_s() == pytest.approx([0.1, 0.3])
    stretch = watch.stretch()
    assert (stretch.wall_s, stretch.server_cpu_s, stretch.generator_cpu_s) == pytest.approx((4.0, 0.8, 0.05))
    assert (stretch.server_wait_s, stretch.generator_wait_s) == pytest.approx((0.0, 0.1))


@pytest.mark.parametrize(
    ("clients", "nodes", "found"), [(10, 4, [3, 3, 2, 2]), (9, 1, [9]), (2, 3, [1, 1, 0]), (0, 2, [0, 0])]
)
def test_clients_are_dealt_out_as_evenly_as_can_be(clients: int, nodes: int, found: list[int]) -> None:
    assert dealt(clients, nodes) == found


# -- a broadcast ---------------------------------------------------------------------------------------------------


def heard(stage: Stage, *, wrong: int = 0) -> None:
    fired = WARM_UP + SIZES.broadcasts
    events = [fired] * (10 - wrong) + [fired - 1] * wrong
    stage.script(ClusterSinks, heard=[Heard(events, [], [], 0.0, 0, [], [])], stamps=[])


def test_broadcast_costs_what_one_process_of_its_lobby_uses(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The single one 4 ms; of two nodes 2 and 4 ms, of three 2, 4 and 0 ms."""
    Cpu(monkeypatch, p80=0.004, p10=0.002, p11=0.004)
    heard(stage)
    found = run(stage, costs.broadcast)
    parties = {party: value(found, CPU_PER_BROADCAST, party) for party in (LOBBY, "one node of 2", "one node of 3")}
    assert parties == pytest.approx({LOBBY: 4.0, "one node of 2": 3.0, "one node of 3": 2.0})
    assert found.faults == []


def test_as_many_processes_without_a_backplane_are_told_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two 1 and 3 ms, of three 2, 6 and 1 ms; a room is made on each of them, and on the first node of a lobby."""
    Cpu(monkeypatch, p81=0.001, p82=0.003, p83=0.002, p84=0.006, p85=0.001)
    heard(stage)
    found = run(stage, costs.broadcast)
    apart = {count: value(found, CPU_PER_BROADCAST, ONE_APART.format(nodes=count)) for count in (2, 3)}
    assert apart == pytest.approx({2: 2.0, 3: 3.0})
    rooms_of_a_turn = 1 + (1 + 2) + (1 + 3)
    assert stage.publisher.next_number == rooms_of_a_turn * (WARM_UP + SIZES.broadcasts)


def test_clients_of_a_broadcast_are_dealt_out_over_its_nodes(stage: Stage) -> None:
    heard(stage)
    run(stage, costs.broadcast)
    assert [each.arguments["counts"] for each in stage.generators] == [[10], [5, 5], [5, 5], [4, 3, 3], [4, 3, 3]]


def test_client_that_did_not_hear_each_broadcast_once_is_a_fault(stage: Stage) -> None:
    heard(stage, wrong=2)
    assert run(stage, costs.broadcast).faults[0] == ("lobby: 2 clients did not hear each broadcast exactly once")


# -- a change ------------------------------------------------------------------------------------------------------


def changed(stage: Stage, here_ms: list[float], there_ms: list[float]) -> Findings:
    """Changes follow each other by 20 ms; each is heard so long after on the node of the change, and on another."""
    sent_s: list[float] = []
    publish = stage.publisher.publish

    def published(at_s: float) -> Any:
        room = publish(at_s)
        sent_s.append(room.sent_s)
        return room

    stage.publisher.publish = published  # type: ignore[method-assign,assignment]

    def stamps() -> list[list[float]]:
        last = sent_s[-len(here_ms) :]
        ports = stage.generators[-1].arguments["ports"]
        both = [[at + ms / 1e3 for at, ms in zip(last, late_ms, strict=True)] for late_ms in (here_ms, there_ms)]
        return both[: len(ports)]

    stage.script(ClusterSinks, stamps=stamps)
    return run(stage, costs.change)


def test_change_is_timed_on_its_own_node_and_on_another(stage: Stage) -> None:
    found = changed(stage, [1.0, 2.0, 3.0, 9.0], [4.0, 4.0, 5.0, 10.0])
    for party, p50, p99 in ((LOBBY, 2.0, 9.0), (SAME_NODE, 2.0, 9.0), (OTHER_NODE, 4.0, 10.0)):
        assert value(found, HEARD_P50, party) == pytest.approx(p50)
        assert value(found, HEARD_P99, party) == pytest.approx(p99)


def test_how_much_later_another_node_hears_is_of_each_change_and_not_of_percentiles(stage: Stage) -> None:
    """3, 2, 2 and 1 ms later: 2 ms in the median, and 3 ms at most."""
    found = changed(stage, [1.0, 2.0, 3.0, 9.0], [4.0, 4.0, 5.0, 10.0])
    assert value(found, LATER_P50, OTHER_NODE) == pytest.approx(2.0)
    assert value(found, LATER_P99, OTHER_NODE) == pytest.approx(3.0)


def test_change_that_was_not_heard_everywhere_is_no_measurement(stage: Stage) -> None:
    stage.script(ClusterSinks, stamps=lambda: [[1.0, 2.0, 3.0]])
    with pytest.raises(RuntimeError, match=r"of 4 changes \[3\] were heard"):
        run(stage, costs.change)


# -- a storm -------------------------------------------------------------------------------------------------------


def stormed(stage: Stage, *, single: int, nodes: int) -> Findings:
    stage.script(
        ClusterSinks,
        hear_in_all=lambda expected, timeout_s, quiet_s: single if len(ports(stage)) == 1 else nodes,
    )
    return run(stage, costs.storm)


def ports(stage: Stage) -> list[int]:
    found: list[int] = stage.generators[-1].arguments["ports"]
    return found


def test_storm_has_as_many_events_as_pairs_on_one_process_and_on_nodes(stage: Stage) -> None:
    found = stormed(stage, single=10, nodes=10)
    assert value(found, EVENTS_PER_NEWCOMER, LOBBY) == 2.5
    assert value(found, EVENTS_PER_NEWCOMER, NODES_AND_VALKEY) == 2.5
    assert found.faults == []


@pytest.mark.parametrize(
    ("single", "nodes", "faults"), [(9, 10, 1), (11, 10, 1), (10, 9, 1), (10, 17, 1), (10, 16, 0), (10, 10, 0)]
)
def test_storm_with_other_events_than_can_be_is_a_fault(stage: Stage, single: int, nodes: int, faults: int) -> None:
    assert len(stormed(stage, single=single, nodes=nodes).faults) == faults


def test_storm_costs_what_all_processes_of_the_lobby_use_valkey_among_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cpu(monkeypatch, p80=0.5, p10=0.2, p11=0.3, p90=0.1)
    found = stormed(stage, single=10, nodes=10)
    assert value(found, CPU_IN_ALL, LOBBY) == pytest.approx(0.5)
    assert value(found, CPU_IN_ALL, NODES_AND_VALKEY) == pytest.approx(0.6)
