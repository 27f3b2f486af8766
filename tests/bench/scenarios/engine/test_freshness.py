"""How soon everybody holds the truth: latencies from the intended times, lists held against the truth."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import numpy as np
import pytest

from bench.load.changes.change_stream import Change
from bench.load.changes.ledger import Receipts
from bench.load.clients.crowd import Recording
from bench.load.sockets.sinks import Heard, Sinks
from bench.measures import (
    BASE_LAST,
    BASE_P50,
    DELTA_LAST,
    DELTA_P50,
    FETCHES,
    LATEST_CHANGE,
    SLOWEST_CHANGE,
    STALENESS_UNDER_CHANGES,
    WRONG_LISTS,
)
from bench.processes.lab import OWN_BUILD
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.vocabulary import LOBBY
from bench.scenarios.engine import freshness
from bench.scenarios.engine.freshness import TruthCrowd, _Crowded
from tests.bench.fake_lab import FakeServer, Stage, a_stage, value

CLIENTS = 2


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, freshness)
    monkeypatch.setattr(freshness, "CHANGES", 2)
    return found


# -- deltas --------------------------------------------------------------------------------------------------------


def deltas(stage: Stage, *late_s: float, heard: int | None = None) -> Findings:
    """Two changes at two clients; each heard so long after its intended time, change by change."""
    stage_heard = Heard([], [], [], 0.0, 0, [], [
        (number % 2, 200.0 + number // 2 + after_s) for number, after_s in enumerate(late_s)
    ])  # fmt: skip
    stage.script(Sinks, hear=len(late_s) if heard is None else heard, heard=stage_heard)
    book = Book()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freshness, "_times", lambda number, interval_s: [200.0, 201.0])
        freshness._delta(stage.lab, book, CLIENTS, OWN_BUILD)
    return book.result("engine-freshness", ())


def test_delta_is_timed_from_the_intended_time_of_its_own_change(stage: Stage) -> None:
    found = deltas(stage, 0.010, 0.020, 0.030, 0.040)
    assert value(found, DELTA_P50) == pytest.approx(20.0)
    assert value(found, DELTA_LAST) == pytest.approx(40.0)
    assert found.faults == []


def test_delta_that_did_not_come_is_a_fault(stage: Stage) -> None:
    assert deltas(stage, 0.01, 0.02, 0.03, heard=3).faults == ["2 delta clients heard 3 deltas instead of 4"]


def test_change_is_made_when_everybody_has_heard_of_the_one_before(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that fall together, where something stood still meanwhile, are announced as one."""
    heard: list[tuple[int, int]] = []

    def hear(events: int, timeout_s: float) -> int:
        heard.append((stage.publisher.next_number, events))
        return events

    stage.script(Sinks, hear=hear, heard=Heard([3, 4], [], [], 0.0, 0, [], [(0, 200.1), (1, 200.1)]))
    monkeypatch.setattr(freshness, "_times", lambda number, interval_s: [200.0, 201.0])
    book = Book()
    freshness._delta(stage.lab, book, CLIENTS, OWN_BUILD)
    assert heard == [(1, 7 + 2), (2, 7 + 4)], "seven had come before"
    assert book.faults == []


def test_delta_clients_ask_for_deltas(stage: Stage) -> None:
    deltas(stage, 0.01, 0.02, 0.03, 0.04)
    assert stage.generator(Sinks).arguments["features"] == ("rooms_delta",)


# -- fetching ------------------------------------------------------------------------------------------------------


def recorded(*held: tuple[int, float, int]) -> Recording:
    """Client, when, number of the newest room in its list."""
    nothing = Receipts(np.empty(0, dtype=np.int64), np.empty(0))
    client, stamp_s, what = (np.asarray(column) for column in zip(*held, strict=True))
    return Recording(nothing, Receipts(client, stamp_s, what), nothing, frozenset(), np.zeros(1), np.zeros(1))


def crowded(stage: Stage, crowd: Any) -> _Crowded:
    server: Any = FakeServer()
    publisher: Any = stage.publisher
    return _Crowded(LOBBY, server, publisher, crowd)


def lone(stage: Stage, *held: tuple[int, float, int]) -> Findings:
    """Rooms number 5 and 6, intended at 200 s and 201 s."""
    stage.publisher.next_number = 5
    stage.script(TruthCrowd, end=recorded(*held))
    crowd = stage.lab.generator(TruthCrowd)
    book = Book()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freshness, "_times", lambda number, intervals: [200.0, 201.0])
        freshness._lone_changes(book, [crowded(stage, crowd)], CLIENTS, Random(1))
    return book.result("engine-freshness", ())


def test_base_client_is_fresh_with_the_first_list_that_has_the_change(stage: Stage) -> None:
    found = lone(stage, (0, 200.1, 5), (1, 200.2, 5), (0, 201.3, 6), (1, 201.4, 6), (1, 201.9, 6))
    assert value(found, BASE_P50) == pytest.approx(200.0)
    assert value(found, BASE_LAST) == pytest.approx(400.0)
    assert found.faults == []


def test_list_with_a_later_change_has_the_earlier_one_too(stage: Stage) -> None:
    found = lone(stage, (0, 201.5, 6), (1, 201.5, 6))
    assert value(found, BASE_LAST) == pytest.approx(1_500.0)
    assert found.faults == []


def test_lists_are_counted_when_all_have_come_to_the_last_change(stage: Stage) -> None:
    lone(stage, (0, 200.1, 5), (1, 200.2, 5), (0, 201.3, 6), (1, 201.4, 6))
    called = [name for name, _, _ in stage.generator(TruthCrowd).calls]
    assert called == ["begin", "come_to", "end"]
    assert stage.generator(TruthCrowd).asked("come_to") == [(6, CLIENTS)]


def test_client_that_never_held_a_change_is_a_fault(stage: Stage) -> None:
    found = lone(stage, (0, 200.1, 5), (0, 201.1, 6), (1, 200.1, 5))
    assert found.faults == ["lobby, 2 base clients: 1 times a client never held a list with the change"]


# -- a stream ------------------------------------------------------------------------------------------------------


def stream(stage: Stage, monkeypatch: pytest.MonkeyPatch, *, right: int, fetches: int, never: bool = False) -> Findings:
    """Four changes at two clients, of which two make a room: numbers 3 and 4, at 200.0 s and 200.1 s."""
    made = [
        Change(number=number, room=room, intended_s=at_s, sent_s=at_s + late_s, answered_s=at_s + late_s + took_s)
        for number, room, at_s, late_s, took_s in (
            (0, 3, 200.0, 0.001, 0.01), (1, None, 200.05, 0.004, 0.03), (2, 4, 200.1, 0.0, 0.01),
            (3, None, 200.15, 0.0, 0.01),
        )
    ]  # fmt: skip

    class FakeStream:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        async def run(self, times_s: list[float]) -> list[Change]:
            assert len(times_s) == 4
            return made

    monkeypatch.setattr(freshness, "ChangeStream", FakeStream)
    monkeypatch.setattr(freshness, "_list_body", lambda server: b"the truth")
    held = [(0, 200.3, 3), (1, 200.4, 3), (0, 200.5, 4), *([] if never else [(1, 200.6, 4)])]
    stage.script(TruthCrowd, end=recorded(*held), truth=(right, fetches))
    stage.publisher.next_number = 3
    book = Book()
    freshness._stream(book, crowded(stage, stage.lab.generator(TruthCrowd)), CLIENTS, 4)
    return book.result("engine-freshness", ())


def test_staleness_is_that_of_changes_that_make_a_room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stream(stage, monkeypatch, right=2, fetches=4)
    assert value(found, STALENESS_UNDER_CHANGES) == pytest.approx(0.5)
    assert value(found, LATEST_CHANGE) == pytest.approx(4.0)
    assert value(found, SLOWEST_CHANGE) == pytest.approx(30.0)


def test_fetches_are_a_part_of_one_per_change_and_client(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert value(stream(stage, monkeypatch, right=2, fetches=4), FETCHES) == 0.5


@pytest.mark.parametrize("right", [2, 1, 0])
def test_client_whose_last_list_is_another_than_the_server_s_is_wrong(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, right: int
) -> None:
    assert value(stream(stage, monkeypatch, right=right, fetches=4), WRONG_LISTS) == 2 - right


def test_client_that_never_came_to_a_change_is_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stream(stage, monkeypatch, right=2, fetches=4, never=True)
    assert found.faults == ["lobby, 2 base clients: 1 times a client never came to a list as new as a change"]


def holding(*lists: bytes) -> TruthCrowd:
    """A crowd whose clients hold these, since long."""
    crowd = TruthCrowd.__new__(TruthCrowd)
    crowd._last, crowd._newest = dict(enumerate(lists)), {}
    crowd.fetches, crowd.last_list_s = 7, -1e9
    return crowd


async def test_truth_is_the_list_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "SETTLE_TIMEOUT_S", 0.0)
    assert await holding(b"the truth", b"the truth ", b"the truth").truth(b"the truth", 3, 0.01) == (2, 7)


async def test_truth_that_comes_late_is_waited_for() -> None:
    crowd = holding(b"the truth", b"what was")
    waiting = asyncio.create_task(crowd.truth(b"the truth", 2, 0.001))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    crowd._last[1] = b"the truth"
    assert await waiting == (2, 7)


async def test_change_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "LOOK_EVERY_S", 0.001)
    crowd = holding()
    crowd._newest = {0: 4}
    waiting = asyncio.create_task(crowd.come_to(4, 2))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    crowd._newest[1] = 5
    await waiting


async def test_change_that_does_not_come_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "SETTLE_TIMEOUT_S", 0.0)
    await holding().come_to(4, 2)
