"""The price of a broadcast per recipient: the median turn, without the room's price, and who did not hear it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from bench.load.sockets.sinks import Heard, Sinks
from bench.measures import COLD_BROADCAST, CPU_OF_A_ROOM, CPU_PER_RECIPIENT, UNTIL_ALL
from bench.record.book import Book
from bench.record.profiles.standard import SMOKE
from bench.record.vocabulary import FLOOR, LOBBY, LOBBY_EMPTY, NAIVE_TORNADO, NODE_WS
from bench.scenarios.engine import fanout
from bench.scenarios.engine.fanout import WARM_UP, Party, close_party
from tests.bench.fake_lab import Stage, a_stage, a_stretch, readings, value

CLIENTS = 10


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, fanout)

    @contextlib.contextmanager
    def start_peer(command: list[str], **_: object) -> Iterator[Any]:
        yield SimpleNamespace(port=4712, pid=1, fire=lambda: None)

    monkeypatch.setattr(fanout, "start_peer", start_peer)
    monkeypatch.setattr(fanout, "node_command", lambda: ["node"])
    found.script(Sinks, heard=heard(WARM_UP + 3))
    return found


def heard(*events: int) -> Heard:
    return Heard(list(events), [], [], 0.0, 0, [], [])


def a_party(stage: Stage, *, took_s: float = 0.005) -> Party:
    """Each broadcast takes so long to be heard."""
    stage.script(Sinks, hear=lambda events, timeout_s: stage.clock.sleep(took_s))
    sinks: Any = stage.lab.generator(Sinks, port=1, pattern=b"")
    return Party("it", 1, lambda: None, sinks, CLIENTS)


# -- turns ---------------------------------------------------------------------------------------------------------


def test_turns_that_find_it_cold_do_not_count(stage: Stage) -> None:
    party = a_party(stage)
    for _ in range(WARM_UP + 3):
        party.turn()
    assert (len(party.turns), len(party.walls_ms)) == (3, 3)
    assert party.walls_ms == pytest.approx([5.0] * 3)


def test_first_turn_is_told_apart(stage: Stage) -> None:
    party = a_party(stage)
    took_s = iter([0.5, *[0.005] * 9])
    stage.script(Sinks, hear=lambda events, timeout_s: stage.clock.sleep(next(took_s)))
    party.sinks = stage.lab.generator(Sinks, port=1, pattern=b"")
    for _ in range(WARM_UP + 1):
        party.turn()
    assert party.cold_ms == pytest.approx(500.0)
    assert party.walls_ms == pytest.approx([5.0])


def test_each_turn_waits_for_one_more_event_of_everybody(stage: Stage) -> None:
    party = a_party(stage)
    for _ in range(3):
        party.turn()
    assert [args[0] for args in party.sinks.asked("hear")] == [10, 20, 30]  # type: ignore[attr-defined]


def test_cost_of_a_turn_is_the_median_one(stage: Stage) -> None:
    party = a_party(stage)
    party.turns = [a_stretch(server_cpu_s=used) for used in (0.1, 9.0, 0.2)]
    assert party.cpu_s == 0.2


@pytest.mark.parametrize(("events", "faults"), [((2, 2, 2), 0), ((2, 1, 2), 1), ((2, 3, 1), 2)])
def test_who_did_not_hear_each_broadcast_once_is_a_fault(stage: Stage, events: tuple[int, ...], faults: int) -> None:
    party = a_party(stage)
    party.fired = 2
    stage.script(Sinks, heard=heard(*events))
    party.sinks = stage.lab.generator(Sinks, port=1, pattern=b"")
    book = Book()
    unheard = close_party(book, party)
    assert [fault.split(": ")[1][0] for fault in book.faults] == ([str(faults)] if faults else [])
    assert unheard == (f"{faults} of 10 clients did not hear each broadcast exactly once" if faults else "")


# -- all of it -----------------------------------------------------------------------------------------------------

SIZES = replace(SMOKE.engine, repeats=2, ladder_repeats=1, fanout=[10], ladder=[10, 20], broadcasts=3)


def test_cost_is_per_recipient_and_the_lobby_s_without_the_room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    costs_s = {LOBBY_EMPTY: 0.001, LOBBY: 0.003, FLOOR: 0.002, NAIVE_TORNADO: 0.008, NODE_WS: 0.004}
    monkeypatch.setattr(Party, "cpu_s", property(lambda self: costs_s[self.name]))
    found = fanout.run(stage.lab, replace(SIZES, repeats=1, ladder=[]))
    costs = {party: value(found, CPU_PER_RECIPIENT, party) for party in (LOBBY, FLOOR, NAIVE_TORNADO, NODE_WS)}
    assert costs == pytest.approx({LOBBY: 200, FLOOR: 200, NAIVE_TORNADO: 800, NODE_WS: 400})
    assert value(found, CPU_OF_A_ROOM) == pytest.approx(1_000)
    assert found.faults == []


def test_rest_of_the_ladder_has_the_lobby_and_the_floor_alone(stage: Stage) -> None:
    found = fanout.run(stage.lab, SIZES)
    by_size = {
        clients: {each.party: len(each.readings) for each in found.measures
                  if each.clients == clients and each.measure == CPU_PER_RECIPIENT}
        for clients in (10, 20)
    }  # fmt: skip
    assert by_size == {10: dict.fromkeys((LOBBY, FLOOR, NAIVE_TORNADO, NODE_WS), 2), 20: {LOBBY: 1, FLOOR: 1}}
    assert len(readings(found, UNTIL_ALL)) == len(readings(found, COLD_BROADCAST)) == 2


def test_node_that_is_not_installed_is_said_to_be_missing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "node_command", lambda: None)
    found = fanout.run(stage.lab, SIZES)
    assert readings(found, CPU_PER_RECIPIENT, NODE_WS) == []
    assert any(note.startswith("Node.js ws was skipped") for note in found.notes)


def test_floor_is_a_bare_loop_that_is_not_asked_to_upgrade(stage: Stage) -> None:
    fanout.run(stage.lab, replace(SIZES, repeats=1, ladder=[]))
    upgrades = [kwargs["upgrade"] for each in stage.generators for name, _, kwargs in each.calls
                if name == "open" and "upgrade" in kwargs]  # fmt: skip
    assert sorted(upgrades) == [False, True, True]
