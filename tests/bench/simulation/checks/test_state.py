"""What must hold in every state: a lobby in which it does, and the smallest change after which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.simulation.checks.state import fault_of, overdue
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands
from lobby_server.core.parties import Invitation
from lobby_server.core.presence import User
from lobby_server.core.rooms import Member
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, NODE, Lobby


@pytest.fixture
def lobby() -> Lobby:
    """Two in a room, a party of the two, and one who is in neither."""
    found = Lobby()
    found.come(ANN, BOB, CLEO)
    found.make_room("r1", ANN, BOB, places=2)
    found.make_party("p1", ANN, BOB)
    return found


def test_lobby_that_was_made_by_its_rules_holds(lobby: Lobby) -> None:
    assert fault_of(lobby.state) is None


def test_empty_lobby_holds() -> None:
    assert fault_of(Lobby().state) is None


def one_too_many(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").max_players = 1  # type: ignore[union-attr]


def host_elsewhere(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").host = CLEO  # type: ignore[union-attr]


def one_peer_id(lobby: Lobby) -> None:
    room = lobby.books.rooms.get("r1")
    assert room is not None
    room.members[BOB.id] = Member(BOB, room.members[ANN.id].peer_id)


def in_two_rooms(lobby: Lobby) -> None:
    other = lobby.make_room("r2", CLEO)
    other.members[BOB.id] = Member(BOB, 9)


def books_say_otherwise(lobby: Lobby) -> None:
    other = lobby.make_room("r2", CLEO)
    lobby.books.rooms._room_of_user[BOB.id] = other


def banned_and_in(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").banned_user_ids.add(BOB.id)  # type: ignore[union-attr]


def empty_for_ever(lobby: Lobby) -> None:
    room = lobby.make_room("r2", CLEO)
    lobby.do(commands.LeaveRoom(CLEO))
    room.empty_until_s = None


def entered_and_at_its_end(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").empty_until_s = 9.0  # type: ignore[union-attr]


def began_without_one(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").players = {ANN.id}  # type: ignore[union-attr]


def ready_elsewhere(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").ready_user_ids = {BOB.id, CLEO.id}  # type: ignore[union-attr]


def invited_into_no_room(lobby: Lobby) -> None:
    lobby.books.matches.add(MatchInvitation("r9", ANN.id, CLEO.id))


def invited_into_their_own_room(lobby: Lobby) -> None:
    lobby.books.matches.add(MatchInvitation("r1", ANN.id, BOB.id))


def invited_by_who_has_left_the_room(lobby: Lobby) -> None:
    lobby.do(commands.InviteToRoom(BOB, CLEO, "r1", "k1", AT))
    [invitation] = lobby.books.matches.all()
    lobby.do(commands.LeaveRoom(BOB))
    lobby.books.matches.add(invitation)


def invited_by_a_stranger(lobby: Lobby) -> None:
    party = lobby.books.parties.get("p1")
    assert party is not None
    party.invitations[CLEO.id] = Invitation(User(4, "dan"), CLEO, 9.0)


def invited_and_a_member(lobby: Lobby) -> None:
    party = lobby.books.parties.get("p1")
    assert party is not None
    party.invitations[BOB.id] = Invitation(ANN, BOB, 9.0)


def in_no_room_after_all(lobby: Lobby) -> None:
    lobby.books.rooms._room_of_user[CLEO.id] = lobby.books.rooms.get("r1")  # type: ignore[assignment]


def socket_of_nobody(lobby: Lobby) -> None:
    del lobby.books.presence._users[CLEO.id]


def socket_of_a_node_that_is_gone(lobby: Lobby) -> None:
    del lobby.state.nodes[NODE]


def one_socket_twice(lobby: Lobby) -> None:
    lobby.books.presence._sockets[CLEO.id] = ((NODE, 3, "1"), (NODE, 3, "2"))


def online_without_a_socket(lobby: Lobby) -> None:
    del lobby.books.presence._sockets[CLEO.id]


def leader_elsewhere(lobby: Lobby) -> None:
    lobby.books.parties.get("p1").leader = CLEO  # type: ignore[union-attr]


def party_too_large(lobby: Lobby) -> None:
    lobby.books.parties.max_members = 1


def code_elsewhere(lobby: Lobby) -> None:
    lobby.books.rooms._by_code.clear()


def in_two_parties(lobby: Lobby) -> None:
    lobby.make_party("p2", CLEO).members[BOB.id] = BOB


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_too_many, "room r1 has 2 members and 1 places"),
        (host_elsewhere, "the host of room r1 is not in it"),
        (one_peer_id, "two members of room r1 have one peer id"),
        (in_two_rooms, "user 2 is in room r1 and in room r2"),
        (books_say_otherwise, "user 2 is in room r1, and the books say otherwise"),
        (banned_and_in, "user 2 is in room r1 and banned from it"),
        (empty_for_ever, "room r2 has 0 members, and its end is at None"),
        (entered_and_at_its_end, "room r1 has 2 members, and its end is at 9.0"),
        (began_without_one, "users [2] are in room r1, which began without them"),
        (ready_elsewhere, "users [3] are ready, and not in room r1"),
        (invited_into_no_room, "user 3 has an invitation into room r9, which is gone"),
        (invited_into_their_own_room, "user 2 has an invitation into room r1, which they are in"),
        (invited_by_who_has_left_the_room, "user 2 invites into room r1, and is neither in it nor waited for"),
        (invited_by_a_stranger, "user 4 invites user 3 into party p1, whose members are [1, 2]"),
        (invited_and_a_member, "user 1 invites user 2 into party p1, whose members are [1, 2]"),
        (in_no_room_after_all, "2 users are members of rooms, and 3 are in one"),
        (socket_of_nobody, "user 3 has a socket and is offline"),
        (socket_of_a_node_that_is_gone, "on a, which takes no part"),
        (one_socket_twice, "user 3 has one socket twice"),
        (online_without_a_socket, "user 3 is online without a socket"),
        (leader_elsewhere, "the leader of party p1 is not in it"),
        (party_too_large, "party p1 has 2 members"),
        (code_elsewhere, "the code of room r1 leads elsewhere"),
        (in_two_parties, "a member of party p2 is in another one too"),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_smallest_change_that_breaks_a_rule_is_named(lobby: Lobby, change: Callable[[Lobby], None], said: str) -> None:
    change(lobby)
    found = fault_of(lobby.state)
    assert found is not None
    assert said in found


def test_user_who_is_held_is_online_without_a_socket_and_no_fault() -> None:
    lobby = Lobby(grace_s=10.0)
    lobby.come(ANN)
    lobby.do(commands.Depart(ANN.id, ANN.id, abrupt=True))
    assert lobby.books.presence.is_online(ANN.id)
    assert fault_of(lobby.state) is None


def test_game_that_has_begun_and_invitations_that_stand_are_no_fault(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").max_players = 3  # type: ignore[union-attr]
    lobby.do(commands.InviteToRoom(ANN, CLEO, "r1", "k1", AT))
    lobby.do(commands.InviteToParty(BOB, CLEO, "p1", "k2", AT))
    lobby.do(commands.SetReady(BOB, "r1", True))
    lobby.do(commands.StartRoom(ANN, "r1", False))
    assert lobby.books.matches.all() != []
    assert fault_of(lobby.state) is None


def test_empty_room_with_an_end_is_no_fault(lobby: Lobby) -> None:
    lobby.do(commands.LeaveRoom(ANN))
    lobby.do(commands.LeaveRoom(BOB))
    assert fault_of(lobby.state) is None


# -- what is due ---------------------------------------------------------------------------------------------------


def room_s_end(lobby: Lobby) -> None:
    lobby.books.rooms.get("r1").empty_until_s = 9.0  # type: ignore[union-attr]


def user_held(lobby: Lobby) -> None:
    lobby.books.presence._held_until_s[CLEO.id] = 9.0


def member_missed(lobby: Lobby) -> None:
    lobby.books.parties.get("p1").offline_until_s[BOB.id] = 9.0  # type: ignore[union-attr]


def invitation_over(lobby: Lobby) -> None:
    lobby.books.parties.get("p1").invitations[CLEO.id] = Invitation(ANN, CLEO, 9.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (room_s_end, "room r1 waits until (9.0,)"),
        (user_held, "user 3 is held until 9.0"),
        (member_missed, "user 2 is missed in party p1 until 9.0"),
        (invitation_over, "user 3 is invited into party p1 until 9.0"),
    ],
)
def test_what_is_over_and_was_not_seen_to_is_named(lobby: Lobby, change: Callable[[Lobby], None], said: str) -> None:
    assert overdue(lobby.state, 99.0) is None
    change(lobby)
    assert overdue(lobby.state, 9.0) is None
    assert overdue(lobby.state, 9.1) == said
