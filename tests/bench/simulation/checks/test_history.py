"""The one account of what happened: who is to hear a line, reckoned anew, and what happens a second time."""

from __future__ import annotations

import pytest

from bench.simulation.checks.history import FOLLOWED, History, Line
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import SaidLine
from lobby_server.core.presence import User
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, Lobby


@pytest.fixture
def lobby() -> Lobby:
    found = Lobby()
    found.come(ANN, BOB, CLEO)
    return found


@pytest.fixture
def history() -> History:
    return History()


def online(user: User) -> effects.Effect:
    return effects.CameOnline(user, None)


def offline(user: User) -> effects.Effect:
    return effects.WentOffline(user, None)


def line(number: int, sender: User, text: str, **to: object) -> effects.Effect:
    said = SaidLine("a", number, number, sender, text, AT, **to)  # type: ignore[arg-type]
    return effects.LineSaid(said, None, frozenset())


# -- presence ------------------------------------------------------------------------------------------------------


def test_coming_and_going_is_kept_in_its_order_with_its_entries(lobby: Lobby, history: History) -> None:
    for number, effect in enumerate((online(ANN), online(BOB), offline(ANN), online(ANN)), 7):
        assert history.take(effect, number, lobby.books) is None
    assert history.presence == [(1, True), (2, True), (1, False), (1, True)]
    assert history.presence_numbers == [7, 8, 9, 10]


def test_who_is_online_does_not_come_online_and_who_is_not_does_not_go(lobby: Lobby, history: History) -> None:
    history.take(online(ANN), 1, lobby.books)
    assert history.take(online(ANN), 2, lobby.books) == "user 1 comes online a second time"
    assert history.take(offline(BOB), 3, lobby.books) == "user 2 goes offline a second time"


def test_lobby_that_begins_anew_has_nobody_online_but_those_named(lobby: Lobby, history: History) -> None:
    for user in (ANN, BOB):
        history.take(online(user), 1, lobby.books)
    history.begin_anew([BOB.id])
    assert history.take(online(ANN), 2, lobby.books) is None
    assert history.take(online(BOB), 3, lobby.books) is not None


# -- rooms ---------------------------------------------------------------------------------------------------------


def test_line_in_a_room_is_for_its_members_but_those_who_block_the_sender(lobby: Lobby, history: History) -> None:
    room = lobby.make_room("r1", ANN, BOB, CLEO)
    lobby.block(BOB, ANN)
    history.take(effects.SaidInRoom(room.members[ANN.id], "hello", ()), 5, lobby.books)
    assert history.room_lines == {"hello": Line(5, ANN.id, frozenset({ANN.id, CLEO.id}))}


def test_rooms_that_were_made_and_those_that_have_ended_are_known(lobby: Lobby, history: History) -> None:
    rooms = [lobby.make_room(f"r{user.id}", user) for user in (ANN, BOB, CLEO)]
    for room in rooms:
        history.take(effects.RoomCreated(room), 1, lobby.books)
    history.take(effects.RoomDeleted(rooms[0], ANN), 2, lobby.books)
    history.take(effects.RoomExpired(rooms[1]), 3, lobby.books)
    assert history.rooms_made == {"r1", "r2", "r3"}
    assert history.rooms_ended == {"r1", "r2"}


# -- chat ----------------------------------------------------------------------------------------------------------


def test_line_of_the_lobby_is_for_all_but_those_who_block_the_sender(lobby: Lobby, history: History) -> None:
    lobby.block(BOB, ANN)
    history.take(line(4, ANN, "hello"), 9, lobby.books)
    said = history.chat[4]
    assert [said.is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, False, True]


def test_line_of_a_party_is_for_its_members(lobby: Lobby, history: History) -> None:
    lobby.make_party("p1", ANN, BOB)
    history.take(line(4, ANN, "hello", party_id="p1"), 9, lobby.books)
    assert [history.chat[4].is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, True, False]


@pytest.mark.parametrize(
    ("is_there", "is_withheld", "hears"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_line_to_one_is_for_the_other_too_who_is_there_and_from_whom_it_is_not_kept(
    lobby: Lobby, history: History, *, is_there: bool, is_withheld: bool, hears: bool
) -> None:
    if not is_there:
        lobby.do(commands.Depart(BOB.id, BOB.id, abrupt=False))
    history.take(line(4, ANN, "hello", other_id=BOB.id, is_withheld=is_withheld), 9, lobby.books)
    assert [history.chat[4].is_for(user.id) for user in (ANN, BOB, CLEO)] == [True, hears, False]


def test_text_that_is_told_twice_is_a_fault(lobby: Lobby, history: History) -> None:
    assert history.take(line(4, ANN, "hello"), 9, lobby.books) is None
    assert history.take(line(5, ANN, "hello"), 10, lobby.books) == "line 'hello' is told a second time"


def test_what_is_followed_is_all_that_is_taken(lobby: Lobby, history: History) -> None:
    assert set(FOLLOWED) == {
        effects.CameOnline, effects.WentOffline, effects.SaidInRoom, effects.LineSaid, effects.RoomCreated,
        effects.RoomDeleted, effects.RoomExpired,
    }  # fmt: skip
