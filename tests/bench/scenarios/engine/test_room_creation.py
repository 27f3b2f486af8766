"""How many rooms are answered per second, and what each costs; the first turn of a server does not count."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.load.clients.creators import Creators, Made
from bench.measures import CPU_OF_A_ROOM, ROOMS_PER_S
from bench.record.findings import Findings
from bench.record.profiles.standard import SMOKE
from bench.scenarios.engine import room_creation
from bench.scenarios.engine.room_creation import TURNS_A_REPEAT
from tests.bench.fake_lab import InTurn, Stage, a_stage, a_stretch, readings

SIZES = replace(SMOKE.engine, repeats=1, creators=4, create_s=2.0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = a_stage(monkeypatch, room_creation)
    found.stretches = [a_stretch(server_cpu_s=0.5)]
    return found


def run(stage: Stage, *made: int, refused: dict[int, int] | None = None, missing: int = 0) -> Findings:
    """Rooms of each turn, of two seconds; answers that were none are of the last."""
    turns = [Made(rooms, 2.0, {}) for rooms in made[:-1]]
    stage.script(Creators, make_rooms=InTurn(*turns, Made(made[-1], 2.0, refused or {})), missing=missing)
    return room_creation.run(stage.lab, SIZES)


def test_rate_and_cost_are_of_each_turn_but_the_first_of_a_server(stage: Stage) -> None:
    """Half a second of CPU for 1,000 rooms is 500 µs each."""
    found = run(stage, 7, 1_000, 500, 2_000)
    assert len(readings(found, ROOMS_PER_S)) == TURNS_A_REPEAT
    assert [each.value for each in readings(found, ROOMS_PER_S)] == [500, 250, 1_000]
    assert [each.value for each in readings(found, CPU_OF_A_ROOM)] == pytest.approx([500, 1_000, 250])
    assert found.faults == []


def test_turn_in_which_no_room_was_made_is_no_figure(stage: Stage) -> None:
    *_, last = readings(run(stage, 7, 10, 10, 0), CPU_OF_A_ROOM)
    assert last.invalid == "no room was made in this time"


def test_answer_that_is_no_201_is_a_fault(stage: Stage) -> None:
    assert run(stage, 7, 10, 10, 10, refused={503: 2}).faults == [
        "lobby: answers that were no 201, by status: {503: 2}"
    ]


def test_room_that_was_answered_for_and_is_not_in_the_list_is_a_fault(stage: Stage) -> None:
    [fault] = run(stage, 7, 10, 10, 10, missing=3).faults
    assert fault.startswith("lobby: 3 rooms were answered with 201")
