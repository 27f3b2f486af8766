"""What friends know of each other: who becomes a friend of whom, who hides from whom, and who reads what."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.simulation.nodes.calls import Answer
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import JoinRoom
from tests.bench.simulation.clients.acting import Stage, a_room

BOB = 1
"""Of the players."""
SENT = Answer(200, (SimpleNamespace(request=SimpleNamespace(request_id=7)), True))
ACCEPTED = Answer(200, (SimpleNamespace(request=None), False))


@pytest.fixture
def stage() -> Stage:
    found = Stage()
    found.ann.answer = SENT
    return found


@pytest.mark.parametrize(
    ("answer", "accepts"), [(SENT, [("accept_friend", 7)]), (ACCEPTED, []), (Answer(409), [])],
    ids=["asked", "friends already asked", "refused"],
)  # fmt: skip
def test_other_player_says_yes_at_once_if_they_are_asked(
    stage: Stage, answer: Answer, accepts: list[tuple[object, ...]]
) -> None:
    stage.ann.answer = answer
    assert stage.do("befriend", BOB) == [("ask_friend", 2)]
    assert stage.bob.asked == accepts
    assert stage.ann.looks == stage.bob.looks == 1


def test_nobody_becomes_a_friend_of_themselves(stage: Stage) -> None:
    assert stage.do("befriend", 0) == []


@pytest.mark.parametrize("b", [0, 1], ids=["stays hidden", "is shown again"])
def test_host_hides_the_room_before_the_eyes_of_a_friend_who_follows(stage: Stage, b: int) -> None:
    stage.ann.room, stage.bob.features = a_room(), frozenset({Feature.FRIEND_ROOMS})
    asked = [("ask_friend", 2), ("show_room", "r1", False), ("show_room", "r1", True)]
    assert stage.do("hide", 1, b) == asked[: 2 + b]
    assert stage.bob.asked == [("accept_friend", 7)]


@pytest.mark.parametrize("b", [0, 1], ids=["stays", "goes elsewhere"])
def test_others_hide_where_they_are_and_go_elsewhere(stage: Stage, b: int) -> None:
    stage.ann.rooms = (SimpleNamespace(id="r0"),)
    assert stage.do("hide", 0, b) == [("choose_audience", "nobody")]
    assert stage.ann.connection.done == [JoinRoom(roomId="r0", version="1", name="ann")][:b]


def test_user_reads_what_they_were_notified_of(stage: Stage) -> None:
    assert stage.do("read_notification") == []
    stage.ann.notifications = [4, 5]
    assert stage.do("read_notification", 1) == [("read_notification", 5)]
