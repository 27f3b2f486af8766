"""Deeds of two players at one moment: both are done, and where there are no two nothing happens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.simulation.clients.racing import APART_S, MAKE_UP_S, RACES
from bench.simulation.nodes.calls import Answer
from lobby_server.protocol.messages import JoinRoom
from lobby_server.protocol.social_messages import SendChatMessage
from tests.bench.simulation.clients.acting import Player, Stage, a_room, of_party

BOB = 1
"""Of the players."""


@pytest.fixture
def stage() -> Stage:
    """Ann and Bob are in a room that is Ann's, and Ann is in a party."""
    found = Stage()
    members = {1: "ann", 2: "bob"}
    for player, peer_id in ((found.ann, 1), (found.bob, 2)):
        player.room = SimpleNamespace(room_id="r1", peer_id=peer_id, host_peer_id=1, members=dict(members))
    found.ann.party = of_party(1)
    return found


@pytest.mark.parametrize("what", RACES)
@pytest.mark.parametrize("a", [0, 2], ids=["oneself", "on another device"])
def test_nobody_races_oneself(stage: Stage, what: str, a: int) -> None:
    stage.ann.room = None
    assert stage.do(what, a=a) == []
    assert stage.ann.connection.done == []
    assert stage.ann.later == []


@pytest.mark.parametrize("what", RACES)
def test_race_without_a_connection_is_no_error(stage: Stage, what: str) -> None:
    stage.ann.connection.is_there = stage.bob.connection.is_there = False
    stage.do(what, a=BOB)
    stage.ann.do_later()


@pytest.mark.parametrize("b", range(4))
@pytest.mark.parametrize(("is_in_a_room", "said"), [(False, []), (True, [("say", "1#2")])])
def test_one_who_writes_is_blocked_a_moment_later_and_then_no_more(
    stage: Stage, b: int, is_in_a_room: bool, said: list[tuple[str, str]]
) -> None:
    if not is_in_a_room:
        stage.ann.room = None
    stage.do("quarrel", a=BOB, b=b)
    assert stage.ann.connection.done == [SendChatMessage(channel="user:2", text="1#1"), *said]
    assert stage.bob.asked == []
    assert stage.ann.later == [b * APART_S, MAKE_UP_S]
    stage.ann.do_later()
    assert stage.bob.asked == [("block", 1), ("unblock", 1)]
    assert stage.bob.looks == 2


def test_one_who_is_kicked_leaves_and_enters_at_that_moment(stage: Stage) -> None:
    stage.do("kick_who_returns")
    assert stage.ann.connection.done == [("kick", 2)]
    assert stage.bob.connection.done == ["leave", JoinRoom(roomId="r1", version="1", name="bob")]
    assert stage.scene.asked_to_join == {(2, "r1"): 1}
    assert stage.scene.put_out == {"r1": [2]}


@pytest.fixture
def cleo(stage: Stage) -> Player:
    """One more player, the fourth."""
    found = Player(3, "cleo")
    stage.scene.players = [*stage.scene.players, found]  # type: ignore[list-item]
    return found


CLEO = 3
"""Of the players."""


@pytest.mark.parametrize(("a", "b"), [(CLEO, 0), (2, CLEO), (BOB, BOB)], ids=["second", "first", "one and the same"])
def test_three_are_needed_for_one_to_leave_and_two_to_join(stage: Stage, cleo: Player, a: int, b: int) -> None:
    assert stage.do("leave_as_guest_joins", a=a, b=b) == []


@pytest.mark.parametrize("has_party", [True, False])
def test_member_leaves_as_a_guest_joins_and_another_one_stays(stage: Stage, cleo: Player, *, has_party: bool) -> None:
    if not has_party:
        stage.ann.party = of_party()
    party_id = "p1" if has_party else "new"
    stage.do("leave_as_guest_joins", a=4 + BOB, b=CLEO)
    assert stage.ann.asked == [
        *([] if has_party else [("create_party",)]), ("invite_to_party", party_id, 2),
        ("invite_to_party", party_id, 3), ("leave_party", party_id),
    ]  # fmt: skip
    assert stage.bob.asked == [("join_party", party_id)]
    assert cleo.asked == []
    stage.ann.do_later()
    assert cleo.asked == [("join_party", party_id)]


def test_guest_says_nothing_every_other_time(stage: Stage, cleo: Player) -> None:
    assert len(stage.do("leave_as_guest_joins", a=BOB, b=CLEO)) == 3
    assert (stage.bob.asked, cleo.asked, stage.ann.later) == ([("join_party", "p1")], [], [])


def test_guest_who_was_not_invited_does_not_join(stage: Stage, cleo: Player) -> None:
    stage.ann.answer = Answer(409)
    assert stage.do("leave_as_guest_joins", a=BOB, b=CLEO) == [("invite_to_party", "p1", 2)]
    assert stage.bob.asked == []


@pytest.mark.parametrize(("answer", "is_taken_back"), [(Answer(200), True), (Answer(409), False)])
def test_invitation_of_a_member_is_taken_back_by_another_one(
    stage: Stage, answer: Answer, *, is_taken_back: bool
) -> None:
    assert stage.do("invite_and_take_back") == [], "in no party"
    stage.ann.party, stage.ann.answer = of_party(1, 2), answer
    assert stage.do("invite_and_take_back", a=1, b=1) == [("invite_to_party", "p1", 2)]
    assert stage.bob.asked == ([("withdraw_party", "p1", 2)] if is_taken_back else [])
    stage.do("invite_and_take_back", a=1, b=3)
    assert (("kick_from_party", "p1", 1) in stage.bob.asked) is is_taken_back


@pytest.mark.parametrize("b", [0, 1], ids=["deletes", "kicks"])
def test_member_is_put_out_while_they_are_away(stage: Stage, b: int) -> None:
    stage.ann.room = None
    stage.do("put_out_while_away", b=b)
    stage.ann.room = a_room(members=(1, 2))
    stage.ann.room.members[2] = "bob"
    stage.ann.room.host_peer_id = 2
    stage.do("put_out_while_away", b=b)
    assert stage.bob.connection.done == [], "it is for the host to do"
    stage.ann.room.host_peer_id = 1
    stage.do("put_out_while_away", b=b)
    assert stage.bob.connection.done == ["drop"]
    stage.ann.do_later()
    assert stage.ann.asked == ([] if b else [("delete_room", "r1")])
    assert stage.ann.connection.done == ([("kick", 2)] if b else [])
