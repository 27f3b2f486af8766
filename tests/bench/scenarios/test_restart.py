"""A restart after which all come at once: times and costs are of everybody, or they are none."""

from __future__ import annotations

import pytest

from bench.load.clients.herd import Herd, WaysBack
from bench.load.sockets.sinks import Sinks
from bench.measures import (
    ACCEPTED_AFTER,
    ALL_LOST,
    CPU_PER_CONNECTION,
    CPU_PER_RETURN,
    FRESH_AFTER,
    KILL,
    LAST_FRESH,
    LISTENING_AFTER,
)
from bench.processes.lab import OWN_BUILD
from bench.record.book import Book
from bench.record.findings import Findings
from bench.scenarios import reconnect
from tests.bench.fake_lab import InTurn, Stage, a_stage, a_stretch, readings, value

CLIENTS = 4


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, reconnect)
    monkeypatch.setattr(reconnect.os, "kill", lambda pid, number: None)
    found.stretches = [a_stretch(server_cpu_s=0.002)]
    return found


def restarted(stage: Stage, *, back: int, accepted: int = CLIENTS, lost: int = CLIENTS) -> Findings:
    """All come within 4 s of the start; `back` of them have the list."""
    moments_s = [101.0 + each for each in range(CLIENTS)]
    before = WaysBack(100.0, moments_s, moments_s, 0, 0)
    after = WaysBack(100.5, moments_s[:accepted], moments_s[:back], 0, 0)
    stage.script(Herd, come=InTurn(before, after), all_lost=lost)
    book = Book()
    reconnect.measure_restart(stage.lab, CLIENTS, KILL, 9, OWN_BUILD, book)
    return book.result("reconnect", ())


def test_times_and_costs_are_of_all_who_came_back(stage: Stage) -> None:
    found = restarted(stage, back=CLIENTS)
    assert found.faults == []
    assert value(found, CPU_PER_RETURN[KILL]) == pytest.approx(500.0)
    assert value(found, LAST_FRESH[KILL]) == pytest.approx(3.5)
    assert {reading.invalid for each in found.measures for reading in each.readings} == {""}


def test_restart_from_which_not_all_came_back_has_neither_their_times_nor_their_cost(stage: Stage) -> None:
    found = restarted(stage, back=3)
    assert readings(found, LAST_FRESH[KILL]) == []
    for measure in (FRESH_AFTER[50, KILL], FRESH_AFTER[99, KILL], CPU_PER_RETURN[KILL]):
        assert readings(found, measure)[0].invalid == "only 3 of 4 clients were back and fresh"
    assert readings(found, ACCEPTED_AFTER[99, KILL])[0].invalid == ""
    assert readings(found, LISTENING_AFTER[KILL])[0].invalid == ""


def test_restart_that_not_all_noticed_says_nothing_of_their_return(stage: Stage) -> None:
    found = restarted(stage, back=CLIENTS, lost=2)
    for measure in (ALL_LOST[KILL], LAST_FRESH[KILL], FRESH_AFTER[50, KILL], CPU_PER_RETURN[KILL]):
        assert readings(found, measure)[0].invalid == "4 of 4 clients came, 2 lost it"


@pytest.mark.parametrize(("heard", "invalid"), [(10, ""), (8, "8 of 10 events were heard")])
def test_price_of_a_connection_is_one_where_everybody_was_told(stage: Stage, heard: int, invalid: str) -> None:
    stage.script(Sinks, hear=heard)
    book = Book()
    reconnect._price(stage.lab, CLIENTS, OWN_BUILD, book)
    [reading] = readings(book.result("reconnect", ()), CPU_PER_CONNECTION)
    assert (reading.value, reading.invalid) == (pytest.approx(500.0), invalid)
