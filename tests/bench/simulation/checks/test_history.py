"""The one account of what happened: who is to hear a line, reckoned anew, and what happens a second time."""

from __future__ import annotations

import pytest

from bench.simulation.checks.branches import Place
from bench.simulation.checks.history import FOLLOWED, IN_ORDER, ONE_PLACE, TWICE, History, Line
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import SaidLine
from lobby_server.core.presence import User
from lobby_server.core.rooms import Departure, Entry, Member, Room
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby


@pytest.fixture
def lobby() -> Lobby:
    found = Lobby()
    found.come(ANN, BOB, CLEO)
    return found


@pytest.fixture
def history() -> History:
    found = History()
    found.branches.open("e1", "", 0)
    found.begin("e1", [])
    return found


def at(number: int, epoch: str = "e1") -> Place:
    return epoch, number


def go_on(history: History, epoch: str, number: int, online: list[int], *, after: str = "e1") -> None:
    """The log goes on in another epoch, from that number on."""
    history.branches.open(epoch, after, number)
    history.begin(epoch, online)


def online(user: User) -> effects.Effect:
    return effects.CameOnline(user, None)


def offline(user: User) -> effects.Effect:
    return effects.WentOffline(user, None)


def said(number: int, sender: User, text: str) -> effects.Effect:
    return effects.LineToKeep("a", commands.Say(number, sender, "lobby", text, AT))


def line(number: int, sender: User, text: str, **to: object) -> effects.Effect:
    told = SaidLine("a", number, number, sender, text, AT, **to)  # type: ignore[arg-type]
    return effects.LineSaid(told, None, frozenset())


# -- presence ------------------------------------------------------------------------------------------------------


def test_coming_and_going_is_kept_in_its_order_with_its_entries(lobby: Lobby, history: History) -> None:
    for number, effect in enumerate((online(ANN), online(BOB), offline(ANN), online(ANN)), 7):
        assert history.take(effect, at(number), lobby.books) is None
    assert history.presence == [(1, True), (2, True), (1, False), (1, True)]
    assert history.presence_places == [at(7), at(8), at(9), at(10)]


def test_who_is_online_does_not_come_online_and_who_is_not_does_not_go(lobby: Lobby, history: History) -> None:
    history.take(online(ANN), at(1), lobby.books)
    assert history.take(online(ANN), at(2), lobby.books) == (TWICE, "user 1 comes online a second time")
    assert history.take(offline(BOB), at(3), lobby.books) == (TWICE, "user 2 goes offline a second time")


def test_lobby_that_begins_anew_has_nobody_online(lobby: Lobby, history: History) -> None:
    history.take(online(ANN), at(1), lobby.books)
    go_on(history, "e2", 0, [], after="")
    assert history.take(online(ANN), at(1, "e2"), lobby.books) is None


def test_log_that_goes_another_way_has_those_online_who_are_named(lobby: Lobby, history: History) -> None:
    for user in (ANN, BOB):
        history.take(online(user), at(1), lobby.books)
    go_on(history, "e2", 1, [BOB.id])
    assert history.take(online(ANN), at(2, "e2"), lobby.books) is None
    assert history.take(online(BOB), at(3, "e2"), lobby.books) is not None


# -- rooms ---------------------------------------------------------------------------------------------------------


def test_line_in_a_room_is_for_its_members_but_those_who_block_the_sender(lobby: Lobby, history: History) -> None:
    room = lobby.make_room("r1", ANN, BOB, CLEO)
    lobby.block(BOB, ANN)
    history.take(effects.SaidInRoom(room.members[ANN.id], "hello", ()), at(5), lobby.books)
    assert history.room_lines == [("hello", Line(at(5), ANN.id, frozenset({ANN.id, CLEO.id})))]


def test_rooms_that_were_made_and_those_that_have_ended_are_known(lobby: Lobby, history: History) -> None:
    rooms = [lobby.make_room(f"r{user.id}", user) for user in (ANN, BOB, CLEO)]
    for room in rooms:
        history.take(effects.RoomCreated(room), at(1), lobby.books)
    history.take(effects.RoomDeleted(rooms[0], ANN), at(2), lobby.books)
    history.take(effects.RoomExpired(rooms[1]), at(3), lobby.books)
    assert history.rooms_made == {"r1": [at(1)], "r2": [at(1)], "r3": [at(1)]}
    assert history.rooms_ended == {"r1": [at(2)], "r2": [at(3)]}


def entered(room: Room, user: User, peer_id: int, *, already_in: bool = False) -> effects.Effect:
    return effects.RoomJoined(Entry(room, Member(user, peer_id), already_in=already_in))


def left(room: Room, user: User, peer_id: int) -> effects.Effect:
    return effects.RoomLeft(Departure(room, Member(user, peer_id), None))


@pytest.fixture
def room(lobby: Lobby, history: History) -> Room:
    """Of Ann, which Bob has left, who was peer 2."""
    found = lobby.make_room("r1", ANN)
    history.take(entered(found, BOB, 2), at(5), lobby.books)
    history.take(left(found, BOB, 2), at(6), lobby.books)
    return found


def test_place_that_a_member_had_is_nobody_s_any_more(lobby: Lobby, history: History, room: Room) -> None:
    for effect in (
        entered(room, CLEO, 2), effects.HostPlaceTaken(Entry(room, Member(CLEO, 2)), True),
        effects.PartyEntered(room, (Entry(room, Member(ANN, 1)), Entry(room, Member(CLEO, 2)))),
    ):  # fmt: skip
        assert history.take(effect, at(7), lobby.books) == (
            ONE_PLACE, "cleo is peer 2 of room r1, and so was one who has left",
        )  # fmt: skip


def test_other_place_or_room_or_one_who_is_in_it_is_no_fault(lobby: Lobby, history: History, room: Room) -> None:
    other = lobby.make_room("r2", CLEO)
    for effect in (entered(room, BOB, 3), entered(other, BOB, 2), entered(room, CLEO, 2, already_in=True)):
        assert history.take(effect, at(7), lobby.books) is None


@pytest.mark.parametrize(("number", "is_given_anew"), [(5, True), (6, False)])
def test_place_is_free_again_in_a_log_that_went_another_way_before(
    lobby: Lobby, history: History, room: Room, number: int, *, is_given_anew: bool
) -> None:
    go_on(history, "e2", number, [])
    assert (history.take(entered(room, CLEO, 2), at(8, "e2"), lobby.books) is None) is is_given_anew


def test_places_are_free_again_after_a_new_beginning(lobby: Lobby, history: History, room: Room) -> None:
    go_on(history, "e2", 0, [], after="")
    assert history.take(entered(room, CLEO, 2), at(1, "e2"), lobby.books) is None


# -- chat ----------------------------------------------------------------------------------------------------------


def test_line_of_the_lobby_is_for_all_but_those_who_block_the_sender(lobby: Lobby, history: History) -> None:
    lobby.block(BOB, ANN)
    history.take(line(4, ANN, "hello"), at(9), lobby.books)
    [(_, said)] = history.chat
    assert [said.is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, False, True]


def test_line_of_a_party_is_for_its_members(lobby: Lobby, history: History) -> None:
    lobby.make_party("p1", ANN, BOB)
    history.take(line(4, ANN, "hello", party_id="p1"), at(9), lobby.books)
    assert [history.chat[0][1].is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, True, False]


@pytest.mark.parametrize(
    ("is_there", "is_withheld", "hears"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_line_to_one_is_for_the_other_too_who_is_there_and_from_whom_it_is_not_kept(
    lobby: Lobby, history: History, *, is_there: bool, is_withheld: bool, hears: bool
) -> None:
    if not is_there:
        lobby.do(commands.Depart(BOB.id, BOB.id, abrupt=False))
    history.take(line(4, ANN, "hello", other_id=BOB.id, is_withheld=is_withheld), at(9), lobby.books)
    assert [history.chat[0][1].is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, hears, False]


def test_text_that_is_told_twice_is_a_fault(lobby: Lobby, history: History) -> None:
    history.take(said(4, ANN, "hello"), at(8), lobby.books)
    assert history.take(line(4, ANN, "hello"), at(9), lobby.books) is None
    assert history.take(line(5, ANN, "hello"), at(10), lobby.books) == (TWICE, "line 'hello' is told a second time")


@pytest.mark.parametrize(("number", "is_told_anew"), [(8, True), (9, False)])
def test_line_is_told_anew_in_a_log_that_went_another_way_before(
    lobby: Lobby, history: History, number: int, *, is_told_anew: bool
) -> None:
    history.take(said(4, ANN, "hello"), at(8), lobby.books)
    history.take(line(4, ANN, "hello"), at(9), lobby.books)
    go_on(history, "e2", number, [])
    assert (history.take(line(4, ANN, "hello"), at(10, "e2"), lobby.books) is None) is is_told_anew


def test_line_of_before_is_told_twice_after_a_new_beginning_too(lobby: Lobby, history: History) -> None:
    history.take(said(4, ANN, "hello"), at(8), lobby.books)
    history.take(line(4, ANN, "hello"), at(9), lobby.books)
    go_on(history, "e2", 0, [], after="")
    go_on(history, "e3", 0, [], after="e2")
    assert history.take(line(4, ANN, "hello"), at(5, "e3"), lobby.books) is not None


def test_lines_are_told_as_they_were_said_and_one_may_be_left_out(lobby: Lobby, history: History) -> None:
    for number, text in enumerate(("one", "two", "three"), 1):
        history.take(said(number, ANN, text), number, lobby.books)
    assert history.take(line(1, ANN, "one"), at(5), lobby.books) is None
    assert history.take(line(3, ANN, "three"), at(6), lobby.books) is None
    assert history.take(line(2, ANN, "two"), at(7), lobby.books) == (
        IN_ORDER, "line 'two' was the 2. that was said, and is told after the 3.",
    )  # fmt: skip


def test_line_that_nobody_said_is_a_fault(lobby: Lobby, history: History) -> None:
    assert history.take(line(4, ANN, "hello"), at(9), lobby.books) == (
        IN_ORDER, "line 'hello' is told, and nobody said it",
    )  # fmt: skip


def test_what_is_followed_is_all_that_is_taken(lobby: Lobby, history: History) -> None:
    assert set(FOLLOWED) == {
        effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineToKeep, effects.LineSaid,
        effects.RoomCreated, effects.RoomDeleted, effects.RoomExpired, effects.RoomLeft, effects.RoomJoined,
        effects.HostPlaceTaken, effects.PartyEntered, effects.SignedOut, effects.UserForgotten,
        effects.Announced,
    }  # fmt: skip
