"""What a host decides: asked for by whoever leads, as far as they know, and about the room in which they are."""

from __future__ import annotations

from typing import Any

import pytest

from bench.simulation.clients.hosting import HOSTING
from bench.simulation.nodes.calls import Answer
from lobby_server.core.room_codes import code_of
from lobby_server.protocol.messages import JoinRoom
from tests.bench.simulation.clients.acting import Stage, a_room

OF_THE_HOST = ("change_room", "hand_over_room", "start_room", "reopen_room")
BOB = 1
"""Of the players."""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("what", HOSTING)
def test_where_there_is_no_room_nothing_is_decided(stage: Stage, what: str) -> None:
    assert stage.do(what, BOB, 1) == []
    assert stage.ann.connection.done == []


@pytest.mark.parametrize("what", OF_THE_HOST)
def test_guest_decides_nothing_and_tries_to_one_time_in_three(stage: Stage, what: str) -> None:
    stage.ann.room = a_room(peer_id=2)
    assert stage.do(what, b=1) == []
    assert [asked for asked, *_ in stage.do(what, b=3)] == [what]


@pytest.mark.parametrize(
    ("what", "a", "b", "asked"),
    [
        ("change_room", 6, 3, ("change_room", "r1", 4, True)),
        ("change_room", 5, 4, ("change_room", "r1", 3, False)),
        ("hand_over_room", 1, 0, ("hand_over_room", "r1", 3)),
        ("set_ready", 0, 0, ("set_ready", "r1", False)),
        ("set_ready", 0, 1, ("set_ready", "r1", True)),
        ("start_room", 0, 0, ("start_room", "r1")),
        ("reopen_room", 0, 0, ("reopen_room", "r1")),
    ],
)
def test_host_decides_about_their_room(stage: Stage, what: str, a: int, b: int, asked: tuple[Any, ...]) -> None:
    stage.ann.room = a_room()
    assert stage.do(what, a, b) == [asked]


def test_host_who_is_alone_has_nobody_to_hand_over_to(stage: Stage) -> None:
    stage.ann.room = a_room(members=(1,))
    assert stage.do("hand_over_room") == []


@pytest.mark.parametrize("b", [0, 1], ids=["stays away", "comes back"])
def test_one_who_was_put_out_may_come_back(stage: Stage, b: int) -> None:
    stage.ann.room = a_room()
    stage.scene.put_out = {"r1": [9, 2]}
    assert stage.do("unban", a=1, b=b) == [("unban", "r1", 2)]
    assert stage.bob.connection.done == [JoinRoom(roomId="r1", version="1", name="bob")][:b]


@pytest.mark.parametrize(
    ("b", "answer", "enters"), [(1, Answer(200), True), (4, Answer(200), False), (1, Answer(409), False)]
)
def test_code_leads_to_the_room_of_another_player(stage: Stage, b: int, answer: Answer, *, enters: bool) -> None:
    stage.bob.room, stage.ann.answer = a_room("hidden"), answer
    stage.scene.put_out = {"r9": [1]}
    assert stage.do("use_code", a=BOB, b=b) == [("use_code", code_of("hidden"))]
    assert bool(stage.ann.connection.done) is enters
    assert stage.scene.asked_to_join[1, "hidden"] == enters


def test_code_is_also_tried_of_a_room_that_one_was_put_out_of(stage: Stage) -> None:
    stage.scene.put_out = {"r8": [2], "r9": [1]}
    assert stage.do("use_code", a=BOB, b=3) == [("use_code", code_of("r9"))]


def test_all_in_a_room_get_ready_and_one_thinks_better_of_it(stage: Stage) -> None:
    stage.ann.room = stage.bob.room = a_room()
    assert stage.do("get_ready", b=1) == [("set_ready", "r1", True)]
    assert stage.bob.asked == [("set_ready", "r1", True)]
    stage.ann.do_later()
    assert stage.bob.asked[1:] == [("set_ready", "r1", False)]


@pytest.mark.parametrize("b", [0, 1], ids=["stays away", "comes back"])
def test_host_puts_a_member_out_and_lets_them_in_again(stage: Stage, b: int) -> None:
    stage.bob.room = a_room()
    stage.bob.room.members[2] = stage.bob.room.members[3] = "ann"
    assert stage.do("kick_and_forgive", b=b) == []
    assert stage.bob.connection.done == [("kick", 2 + b)]
    stage.ann.do_later()
    assert stage.bob.asked == [("unban", "r1", 1)]
    entered = [each.connection.done for each in (stage.ann, stage.second) if each.connection.done]
    assert entered == [[JoinRoom(roomId="r1", version="1", name="ann")]][:b]
