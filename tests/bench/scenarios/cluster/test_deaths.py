"""A node killed under players, and Valkey: what is said to be lost, and from when times count."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from bench.load.cluster.crowd import Crowd, Seen
from bench.measures import (
    LAST_BACK,
    MEMBERSHIPS_LOST,
    OFFLINE_BATCHES,
    PLAYERS_MISSING,
    REFUSED_FOR,
    ROOMS_LOST,
    SOCKETS_CLOSED,
    TOLD_OFFLINE_AFTER,
    TOLD_TWICE,
    TOLD_TWICE_THEN,
    WRONG_VIEWS,
)
from bench.record.book import Book
from bench.record.findings import Findings
from bench.record.profiles.sizes import ClusterSizes
from bench.record.vocabulary import ANSWERED_201, BACK_AND_FRESH, REFUSED
from bench.scenarios.cluster import deaths
from tests.bench.fake_lab import Stage, a_stage, readings, value
from tests.bench.scenarios.cluster.place import FakePlace

PLAYERS = 7
"""On three nodes: three, two and two."""


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, deaths, cluster=ClusterSizes(players=PLAYERS, members=3, down_s=0.19))
    monkeypatch.setattr(deaths, "wait_until", lambda holds, what: None)
    return found


def seen(**changes: Any) -> Seen:
    values: dict[str, Any] = {
        "lost": 3, "told_offline": 3, "batches": 1, "offline_s": [], "back_s": [], "fresh_at_s": [], "wrong": 0,
        "doubled": 0, "missing": 0,
    }  # fmt: skip
    return Seen(**{**values, **changes})


# -- a node --------------------------------------------------------------------------------------------------------


def killed(stage: Stage, *, victim: int = 0, **changes: Any) -> Findings:
    stage.script(Crowd, settle=seen(**changes))
    chance = random.Random(1)
    chance.randrange = lambda nodes: victim  # type: ignore[method-assign,assignment,misc]
    book = Book()
    deaths.node(stage.lab, book, FakePlace(stage.clock), chance)  # type: ignore[arg-type]
    return book.result("cluster", ())


def test_times_count_from_the_kill_and_those_of_a_return_from_its_own_loss(stage: Stage) -> None:
    """Killed at 100 s: somebody is told at 103 s; players are fresh at 102 and 109 s, 2 and 5 s after they set out."""
    found = killed(stage, offline_s=[101.0, 103.0], back_s=[2.0, 5.0], fresh_at_s=[109.0, 102.0])
    assert value(found, TOLD_OFFLINE_AFTER) == pytest.approx(3.0)
    assert value(found, LAST_BACK) == 5.0
    [series] = found.series_of(BACK_AND_FRESH)
    assert series.groups[0].values_ms().tolist() == [2_000.0, 9_000.0]


@pytest.mark.parametrize(
    ("measure", "field", "number"),
    [(OFFLINE_BATCHES, "batches", 4), (PLAYERS_MISSING, "missing", 2), (WRONG_VIEWS, "wrong", 5),
     (TOLD_TWICE, "doubled", 6)],
    ids=str,
)  # fmt: skip
def test_harm_is_that_of_the_crowd(stage: Stage, measure: Any, field: str, number: int) -> None:
    assert value(killed(stage, **{field: number}), measure) == number


def test_nobody_told_and_nobody_back_is_no_time(stage: Stage) -> None:
    found = killed(stage)
    assert all(readings(found, each)[0].invalid for each in (TOLD_OFFLINE_AFTER, LAST_BACK))


@pytest.mark.parametrize(("victim", "lost"), [(0, 3), (1, 2), (2, 2)])
def test_players_who_are_waited_for_are_those_of_the_node_that_was_killed(stage: Stage, victim: int, lost: int) -> None:
    found = killed(stage, victim=victim, lost=lost)
    assert found.faults == []
    [series] = found.series_of(BACK_AND_FRESH)
    assert series.ledgers[0].expected == lost, "so that a chart can say how many are still away"


def test_other_players_losing_their_connection_is_a_fault(stage: Stage) -> None:
    assert killed(stage, lost=4).faults == ["3 players were on the node that was killed, 4 lost their connection"]


# -- Valkey --------------------------------------------------------------------------------------------------------


class Lobby:
    """Answers of three nodes: rooms are refused from the kill until a moment after Valkey is back."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch, *, refuses_until_s: float) -> None:
        self.rooms = {"r0": "hoster"}
        self.gone_on: dict[int, set[str]] = {}
        """By port: rooms that the node does not list."""
        self.members: dict[int, list[str]] = {}
        self._made = 0

        def call(port: int, method: str, path: str, token: str, body: object = None) -> tuple[int, Any]:
            if method == "POST":
                if 100.0 <= stage.clock.now_s < refuses_until_s and self._made:
                    return 503, {}
                self._made += 1
                self.rooms[f"m{self._made}"] = "host"
                return 201, {"room": {"id": f"m{self._made}"}}
            assert path == "/api/rooms/mine"
            return 200, {"members": [{"name": each} for each in self.members.get(port, ["ann", "bob"])]}

        def listed(port: int) -> tuple[str, list[tuple[str, str]]]:
            there = [item for item in self.rooms.items() if item[0] not in self.gone_on.get(port, set())]
            return str(len(there)), there

        monkeypatch.setattr(deaths, "_call", call)
        monkeypatch.setattr(deaths, "listed", listed)


def valkey_killed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, refuses_until_s: float = 100.29, then: Any = None, **changes: Any
) -> Findings:
    """Away for 0.2 s from 100 s on; `then`: what has happened to the lobby when all is quiet."""
    lobby = Lobby(stage, monkeypatch, refuses_until_s=refuses_until_s)

    def agree(nodes: object) -> bool:
        if then is not None:
            then(lobby)
        return True

    monkeypatch.setattr(deaths, "_agree", agree)
    stage.script(Crowd, settle=seen(lost=0, **changes))
    book = Book()
    deaths.valkey(stage.lab, book, FakePlace(stage.clock), random.Random(1))  # type: ignore[arg-type]
    return book.result("cluster", ())


def test_refusals_count_from_when_valkey_is_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked every 50 ms: back at 100.2 s, the last refusal at 100.25 s."""
    found = valkey_killed(stage, monkeypatch)
    assert value(found, REFUSED_FOR) == pytest.approx(0.05, abs=1e-6)
    [refused] = found.series_of(REFUSED)
    assert refused.groups[0].values_ms().tolist() == pytest.approx([0, 50, 100, 150, 200, 250])
    [made] = found.series_of(ANSWERED_201)
    assert len(made.groups[0]) == 3, "until every node has made one"


def test_lobby_that_refuses_nothing_refuses_for_no_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert value(valkey_killed(stage, monkeypatch, refuses_until_s=0.0), REFUSED_FOR) == 0.0


def test_room_that_one_node_does_not_list_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stood before, and one that was answered with 201 meanwhile."""
    assert value(valkey_killed(stage, monkeypatch), ROOMS_LOST) == 0

    def forget(lobby: Lobby) -> None:
        lobby.gone_on = {7_001: {"m1"}, 7_002: {"m2"}}

    assert value(valkey_killed(stage, monkeypatch, then=forget), ROOMS_LOST) == 2


def test_membership_is_lost_on_each_node_that_has_others_in_the_room(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(lobby: Lobby) -> None:
        lobby.members = {7_000: ["ann"], 7_001: []}

    assert value(valkey_killed(stage, monkeypatch), MEMBERSHIPS_LOST) == 0
    assert value(valkey_killed(stage, monkeypatch, then=forget), MEMBERSHIPS_LOST) == 2


def test_sockets_and_news_are_those_of_the_crowd(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_seen = {"doubled": 4}
    found = valkey_killed(stage, monkeypatch, **stage_seen)
    assert (value(found, SOCKETS_CLOSED), value(found, TOLD_TWICE_THEN)) == (0, 4)


def test_nodes_that_do_not_come_to_agree_are_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    Lobby(stage, monkeypatch, refuses_until_s=0.0)
    monkeypatch.setattr(deaths, "_agree", lambda nodes: False)
    stage.script(Crowd, settle=seen(lost=0))
    book = Book()
    deaths.valkey(stage.lab, book, FakePlace(stage.clock), random.Random(1))  # type: ignore[arg-type]
    assert book.faults == ["the nodes did not come to hold the same rooms after Valkey had been away"]


def test_answer_that_is_neither_a_room_nor_a_refusal_is_no_measurement(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaths, "_call", lambda *_: (500, {"error": "no"}))
    asker = deaths._Asker([SimpleNamespace(port=1)])  # type: ignore[list-item]
    with pytest.raises(RuntimeError, match="a room was answered with 500"):
        asker.ask()
