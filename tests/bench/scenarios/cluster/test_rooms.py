"""Rooms made while one thing after the other is killed: when it is killed, and which of the rooms are told as lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from bench.measures import KILLED, ROOMS_DOUBLED, ROOMS_MADE, ROOMS_MISSING
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import ClusterSizes
from bench.record.vocabulary import ANSWERED_201, KILLS, ROOMS_WHILE
from bench.scenarios.cluster import deaths, rooms
from tests.bench.fake_lab import Stage, a_stage, value
from tests.bench.scenarios.cluster.place import FakePlace

Listed = Mapping[int, Sequence[tuple[str, str]]]


class FakeRooms:
    """Each room takes a second."""

    made: list[str]

    def __init__(self, ports: list[int], secret: str) -> None:
        self.made, self.answers = [], Counter({201: 9, 503: 2, 0: 1})
        self.clock = FakeRooms.of.clock

    of: Stage

    def make(self, count: int) -> None:
        for _ in range(count):
            self.clock.sleep(1.0)
            self.made.append(f"r{len(self.made)}")

    def close(self) -> None:
        pass


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, rooms, cluster=ClusterSizes(rooms=9, kills=2))
    FakeRooms.of = found
    monkeypatch.setattr(rooms, "Rooms", FakeRooms)
    monkeypatch.setattr(rooms, "wait_until", lambda holds, what, patience_s: None)
    return found


def run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, killed: str = "Valkey", *, rest: int | None = None,
    missing_on: int | None = None, doubled_on: int | None = None,
) -> tuple[Findings, list[str]]:  # fmt: skip
    """`missing_on`, `doubled_on`: port of the node that lacks a room or has one twice. `rest`: as seen by the first
    node when all has ended and begun again."""
    place = FakePlace(stage.clock)

    def listed(port: int) -> tuple[str, list[tuple[str, str]]]:
        there = [(f"r{number}", f"host{number}") for number in range(20)]
        is_again = place.done[-1:] == ["start node 0"] and "kill node 2" in place.done
        if port == missing_on or (rest == port and is_again):
            there = there[1:]
        if port == doubled_on:
            there.append(("r3", "another"))
        return "etag", there

    monkeypatch.setattr(rooms, "listed", listed)
    book = Book()
    rooms.run(stage.lab, book, place, killed)  # type: ignore[arg-type]
    return book.result("cluster", ()), place.done


def test_kills_are_spread_evenly_over_the_rooms(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine rooms and two kills: after three rooms and after six."""
    found, _ = run(stage, monkeypatch)
    party = ROOMS_WHILE.format(killed="Valkey")
    [kills], [made] = found.series_of(KILLS, party), found.series_of(ANSWERED_201, party)
    assert kills.groups[0].values_ms().tolist() == [3_000, 6_000]
    assert made.groups[0].values_ms().tolist() == [1_000 * second for second in range(1, 10)]
    assert value(found, ROOMS_MADE["Valkey"]) == 9


@pytest.mark.parametrize(
    ("killed", "first"),
    [
        ("Valkey", ["kill Valkey", "start Valkey", "kill Valkey", "start Valkey"]),
        ("PostgreSQL", ["kill PostgreSQL", "start PostgreSQL", "kill PostgreSQL", "start PostgreSQL"]),
        ("node", ["kill node 0", "start node 0", "kill node 1", "start node 1"]),
    ],
)
def test_what_is_killed_is_started_again_and_at_the_end_everything_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, killed: str, first: list[str]
) -> None:
    _, done = run(stage, monkeypatch, killed)
    assert done == [*first, "kill node 0", "kill node 1", "kill node 2", "kill Valkey", "start Valkey", "start node 0"]


def test_nothing_is_missing_or_doubled_where_every_node_has_every_room_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = run(stage, monkeypatch)
    assert (value(found, ROOMS_MISSING["Valkey"]), value(found, ROOMS_DOUBLED["Valkey"])) == (0, 0)


@pytest.mark.parametrize("port", [7_000, 7_001, 7_002])
def test_worst_node_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    assert value(run(stage, monkeypatch, missing_on=port)[0], ROOMS_MISSING["Valkey"]) == 1
    assert value(run(stage, monkeypatch, doubled_on=port)[0], ROOMS_DOUBLED["Valkey"]) == 1


def test_room_that_is_gone_when_all_has_begun_again_is_missing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert value(run(stage, monkeypatch, rest=7_000)[0], ROOMS_MISSING["Valkey"]) == 1


def test_answers_are_told_by_status(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    [note] = run(stage, monkeypatch)[0].notes
    assert "{0: 1, 201: 9, 503: 2}, 0 being 1 calls that lost their connection" in note


def test_series_are_told_apart_from_those_of_a_fault_under_players(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, too, rooms are answered while Valkey is killed."""
    for killed in KILLED:
        parties = {each.party for each in run(stage, monkeypatch, killed)[0].series}
        assert parties.isdisjoint({deaths.NODE_KILLED, deaths.VALKEY_KILLED})
