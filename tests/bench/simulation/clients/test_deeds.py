"""What players do: what each deed asks for, by the two numbers that choose, and where there is nothing to choose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.simulation.clients.deeds import DEEDS
from bench.simulation.nodes.calls import NONE, Answer
from lobby_server.protocol.messages import JoinRoom
from lobby_server.protocol.social_messages import SendChatMessage
from tests.bench.simulation.clients.acting import Stage, a_room, of_party


@pytest.fixture
def stage() -> Stage:
    return Stage()


NOTHING_TO_CHOOSE = sorted(set(DEEDS) - {"create_room", "say_lobby", "say_direct", "create_party", "sign_out", "drop",
                                         "away", "ask_friend", "block", "unblock"})  # fmt: skip


@pytest.mark.parametrize("what", NOTHING_TO_CHOOSE)
def test_where_there_is_nothing_to_choose_from_nothing_happens(stage: Stage, what: str) -> None:
    assert stage.do(what, 5, 7) == []
    assert stage.ann.connection.done == []


@pytest.mark.parametrize("what", DEEDS)
def test_deed_of_a_player_who_is_not_connected_is_no_error(stage: Stage, what: str) -> None:
    stage.ann.connection.is_there = False
    stage.ann.room, stage.ann.rooms = a_room(), (SimpleNamespace(id="r1"),)
    stage.ann.party = of_party(1, 2)
    if what == "drop":
        stage.ann.connection.is_there = True
    stage.do(what, 1, 1)


# -- rooms ---------------------------------------------------------------------------------------------------------


def test_room_of_the_list_is_joined_and_the_wish_is_counted(stage: Stage) -> None:
    stage.ann.rooms = (SimpleNamespace(id="r0"), SimpleNamespace(id="r1"))
    stage.do("join", a=3, b=1)
    assert stage.ann.connection.done == [JoinRoom(roomId="r1", version="1", name="ann")]
    assert stage.scene.asked_to_join == {(1, "r1"): 1}


def test_one_time_in_three_it_is_the_room_of_another_player(stage: Stage) -> None:
    stage.ann.rooms, stage.bob.room = (SimpleNamespace(id="r0"),), a_room("hidden")
    stage.do("join", a=1, b=3)
    assert [message.roomId for message in stage.ann.connection.done] == ["hidden"]
    stage.do("join", a=0, b=3)
    assert len(stage.ann.connection.done) == 1, "one's own room, which is none"


def test_wish_counts_though_it_was_never_sent(stage: Stage) -> None:
    """It may have been: the connection ended at some moment."""
    stage.ann.rooms, stage.ann.connection.is_there = (SimpleNamespace(id="r0"),), False
    stage.do("join", a=0, b=1)
    assert stage.scene.asked_to_join == {(1, "r0"): 1}


def test_room_that_was_made_is_entered_and_other_devices_look(stage: Stage) -> None:
    assert stage.do("create_room", a=4, b=4) == [("create_room", 3, False)]
    assert stage.ann.connection.done == ["enter own room"]
    assert (stage.ann.doubts, stage.second.doubts, stage.bob.doubts) == (1, 1, 0)


@pytest.mark.parametrize(("answer", "doubts"), [(NONE, 1), (Answer(503), 1), (Answer(409), 0)])
def test_room_that_may_have_been_made_is_looked_for(stage: Stage, answer: Answer, doubts: int) -> None:
    stage.ann.answer = answer
    stage.do("create_room")
    assert stage.ann.connection.done == []
    assert stage.second.doubts == doubts


@pytest.mark.parametrize(
    ("peer_id", "b", "asked"), [(1, 1, 1), (2, 1, 0), (2, 4, 1), (1, 3, 2)],
    ids=["host", "guest", "guest who tries", "a second click"],
)  # fmt: skip
def test_room_is_deleted_by_its_host_and_sometimes_tried_by_a_guest(
    stage: Stage, peer_id: int, b: int, asked: int
) -> None:
    stage.ann.room = a_room(peer_id=peer_id)
    assert stage.do("delete_room", b=b) == [("delete_room", "r1")] * asked
    assert (stage.ann.room is None) is bool(asked)


def test_room_that_was_not_deleted_is_still_believed_in(stage: Stage) -> None:
    stage.ann.room, stage.ann.answer = a_room(), Answer(409)
    stage.do("delete_room", b=1)
    assert stage.ann.room is not None


def test_other_members_are_kicked_and_never_oneself(stage: Stage) -> None:
    for a in range(3):
        stage.ann.room = a_room(peer_id=2)
        stage.do("kick", a=a)
    assert stage.ann.connection.done == [("kick", 1), ("kick", 3), ("kick", 1)]


@pytest.mark.parametrize(("b", "comes_back"), [(0, []), (1, [JoinRoom(roomId="r1", version="1", name="bob")])])
def test_one_who_was_kicked_comes_back_every_other_time(stage: Stage, b: int, comes_back: list[JoinRoom]) -> None:
    stage.ann.room = SimpleNamespace(room_id="r1", peer_id=1, host_peer_id=1, members={1: "ann", 2: "bob"})
    stage.do("kick", b=b)
    stage.ann.do_later()
    assert stage.bob.connection.done == comes_back
    assert stage.scene.asked_to_join[2, "r1"] == b


def test_invitation_into_a_room_is_declined_that_was_heard_of(stage: Stage) -> None:
    stage.ann.invitations = {"r4": {2}, "r5": {2}}
    assert stage.do("decline_room", a=3) == [("decline_room", "r5")]


def test_leaving_is_believed_at_once(stage: Stage) -> None:
    stage.ann.room = a_room()
    stage.do("leave")
    assert (stage.ann.connection.done, stage.ann.room) == (["leave"], None)


# -- lines ---------------------------------------------------------------------------------------------------------


def test_every_line_has_a_text_of_its_own(stage: Stage) -> None:
    stage.ann.room, stage.ann.party = a_room(), of_party(1)
    for what in ("say_room", "say_lobby", "say_party"):
        stage.do(what)
    stage.do("say_direct", a=1)
    assert stage.ann.connection.done == [
        ("say", "1#1"), SendChatMessage(channel="lobby", text="1#2"), SendChatMessage(channel="party", text="1#3"),
        SendChatMessage(channel="user:2", text="1#4"),
    ]  # fmt: skip


@pytest.mark.parametrize("a", [0, 2], ids=["oneself", "on another device"])
def test_nobody_writes_to_oneself(stage: Stage, a: int) -> None:
    stage.do("say_direct", a=a)
    assert stage.ann.connection.done == []


# -- friends and parties -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["ask_friend", "block", "unblock"])
def test_deed_about_another_user_is_followed_by_a_look(stage: Stage, what: str) -> None:
    assert stage.do(what, a=1) == [(what, 2)]
    assert stage.ann.looks == 1


@pytest.mark.parametrize("what", ["ask_friend", "block", "unblock"])
def test_nobody_is_one_s_own_friend(stage: Stage, what: str) -> None:
    assert stage.do(what, a=2) == []


@pytest.mark.parametrize("what", ["accept_friend", "decline_friend"])
def test_request_is_chosen_among_those_that_came(stage: Stage, what: str) -> None:
    stage.ann.friends = SimpleNamespace(incoming=[SimpleNamespace(request_id=each) for each in (70, 71)], friends=[])
    assert stage.do(what, a=3) == [(what, 71)]


def test_friend_is_chosen_among_friends(stage: Stage) -> None:
    stage.ann.friends = SimpleNamespace(incoming=[], friends=[SimpleNamespace(user_id=each) for each in (2, 9)])
    assert stage.do("remove_friend", a=1) == [("remove_friend", 9)]


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("invite_to_party", ("invite_to_party", "p1", 2)),
        ("leave_party", ("leave_party", "p1")),
        ("kick_from_party", ("kick_from_party", "p1", 7)),
        ("hand_over", ("hand_over", "p1", 7)),
    ],
)
def test_deed_in_a_party_is_about_a_user_a_member_or_nobody(stage: Stage, what: str, asked: tuple[Any, ...]) -> None:
    stage.ann.party = of_party(1, 2, 7)
    assert stage.do(what, a=1) == [asked]


@pytest.mark.parametrize("what", ["kick_from_party", "hand_over"])
def test_member_who_is_alone_has_nobody_to_choose(stage: Stage, what: str) -> None:
    stage.ann.party = of_party(1)
    assert stage.do(what, a=1) == []


@pytest.mark.parametrize("what", ["join_party", "decline_party"])
def test_invitation_is_chosen_among_those_that_came(stage: Stage, what: str) -> None:
    stage.ann.party = of_party(invites=("p7", "p8"))
    assert stage.do(what, a=1) == [(what, "p8")]


def test_invitation_is_taken_back_that_somebody_has_sent(stage: Stage) -> None:
    stage.ann.party, stage.ann.room = of_party(1), a_room()
    for what in ("withdraw_party", "withdraw_room"):
        stage.do(what)
    assert stage.ann.asked == [], "nobody is invited"
    stage.do("invite_to_party", a=1)
    stage.do("invite_to_room", a=1)
    assert stage.do("withdraw_party")[-1] == ("withdraw_party", "p1", 2)
    assert stage.do("withdraw_room")[-1] == ("withdraw_room", "r1", 2)


def test_party_enters_a_room_of_the_list(stage: Stage) -> None:
    stage.ann.rooms = (SimpleNamespace(id="r0"),)
    assert stage.do("enter_with_party") == []
    stage.ann.party = of_party(1)
    assert stage.do("enter_with_party") == [("enter_with_party", "r0")]


# -- the device ----------------------------------------------------------------------------------------------------


def test_player_who_signs_out_comes_back_with_a_fresh_token(stage: Stage) -> None:
    assert stage.do("sign_out", b=2) == [("sign_out",)]
    assert (stage.ann.is_wanted, stage.ann.token, stage.ann.refused) == (False, "new of ann", "")
    assert stage.ann.later == [2.5]


def test_player_who_goes_away_comes_back_after_a_while(stage: Stage) -> None:
    stage.do("away", a=45)
    assert not stage.ann.is_wanted
    assert stage.ann.later == [pytest.approx(0.8)]


# -- the account ---------------------------------------------------------------------------------------------------


def test_answer_is_accounted_for_with_when_its_call_began(stage: Stage) -> None:
    stage.ann.answer = Answer(409)
    stage.do("block", a=1)
    assert stage.answers == [("ann", "block", (2,), 409, 5.0)]
