"""What must follow from a command: the rules do it, and the smallest way in which they would not is found."""

from __future__ import annotations

from typing import Any

import pytest

from bench.simulation.checks.rulings import (
    CODES,
    GOODBYE,
    HOST_DECIDES,
    LEADER_DECIDES,
    OVER,
    PLACE_KEPT,
    PUT_OUT,
    SENDER_LEFT,
    Rulings,
)
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command
from lobby_server.core.room_codes import code_of
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.core.rooms import Departure, Entry, Member
from tests.bench.simulation.lobbies import ANN, AT, BOB, CLEO, NODE, Lobby

TTL_S, GRACE_S = 5.0, 3.0


class Ruled(Lobby):
    """A lobby whose commands are judged."""

    def __init__(self, **settings: Any) -> None:
        self.rulings = Rulings(grace_s=GRACE_S)
        self.found: list[str] = []
        super().__init__(**settings)

    def do(self, command: Command, *, at_s: float = 0.0) -> list[effects.Effect]:
        self.rulings.before(command, self.books)
        told = super().do(command, at_s=at_s)
        self.judge(command, *told)
        return told

    def judge(self, command: Command, *told: effects.Effect) -> list[str]:
        """Effects of a command, and the state after it."""
        for effect in told:
            ruled = self.rulings.heard(effect, command, self.books, now_s=self.state.now_s)
            self.found += [invariant for invariant, _ in ruled]
        self.found += [invariant for invariant, _ in self.rulings.after(command, self.books)]
        return self.found


@pytest.fixture
def lobby() -> Ruled:
    """Ann hosts a room with Bob in it, and leads a party of the two; Cleo is in neither."""
    found = Ruled(grace_s=GRACE_S)
    found.come(ANN, BOB, CLEO)
    found.make_room("r1", ANN, BOB)
    found.make_party("p1", ANN, BOB)
    assert found.found == []
    return found


def room_of(lobby: Lobby) -> Any:
    return lobby.books.rooms.get("r1")


# -- hosts and leaders ---------------------------------------------------------------------------------------------

OF_A_HOST: dict[str, tuple[Command, effects.Effect]] = {
    "change": (commands.ChangeRoom(BOB, "r1", RoomSettings()), effects.RoomChanged(None, False)),  # type: ignore[arg-type]
    "start": (commands.StartRoom(BOB, "r1", True), effects.RoomStarted(None)),  # type: ignore[arg-type]
    "reopen": (commands.ReopenRoom(BOB, "r1"), effects.RoomReopened(None)),  # type: ignore[arg-type]
    "hand over": (commands.HandOverRoom(BOB, "r1", 1), effects.HostReplaced(None, None)),  # type: ignore[arg-type]
    "unban": (commands.UnbanFromRoom(BOB, "r1", 3), effects.Unbanned(None, 3)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", OF_A_HOST)
def test_what_a_guest_decides_is_found(lobby: Ruled, what: str) -> None:
    command, effect = OF_A_HOST[what]
    lobby.rulings.before(command, lobby.books)
    assert lobby.judge(command, effect) == [HOST_DECIDES]


def test_host_decides(lobby: Ruled) -> None:
    lobby.do(commands.StartRoom(ANN, "r1", True))
    lobby.do(commands.ReopenRoom(ANN, "r1"))
    lobby.do(commands.ChangeRoom(ANN, "r1", RoomSettings(max_players=3)))
    lobby.do(commands.HandOverRoom(ANN, "r1", 2))
    lobby.do(commands.KickFromRoom(BOB, 1))
    lobby.do(commands.UnbanFromRoom(BOB, "r1", ANN.id))
    lobby.do(commands.DeleteRoom(BOB, "r1"))
    assert lobby.found == []


@pytest.mark.parametrize(
    ("command", "effect"),
    [
        (commands.KickFromParty(BOB, "p1", ANN.id), effects.PartyLeft(None)),  # type: ignore[arg-type]
        (commands.HandOverParty(BOB, "p1", BOB.id), effects.PartyLed(None)),  # type: ignore[arg-type]
        (commands.EnterRoomWithParty(BOB, "r1"), effects.PartyEntered(None, ())),  # type: ignore[arg-type]
        (commands.WithdrawPartyInvite(BOB, "p1", CLEO.id), effects.PartyInvitesClosed(())),
    ],
    ids=["kick", "hand over", "enter", "withdraw"],
)  # fmt: skip
def test_what_a_member_decides_who_does_not_lead_is_found(lobby: Ruled, command: Command, effect: Any) -> None:
    lobby.do(commands.InviteToParty(ANN, CLEO, "p1", "key", AT))
    lobby.rulings.before(command, lobby.books)
    assert lobby.judge(command, effect) == [LEADER_DECIDES]


def test_leader_decides_and_who_has_invited_takes_it_back(lobby: Ruled) -> None:
    lobby.do(commands.InviteToParty(BOB, CLEO, "p1", "key", AT))
    lobby.do(commands.WithdrawPartyInvite(BOB, "p1", CLEO.id))
    lobby.do(commands.InviteToParty(BOB, CLEO, "p1", "key2", AT))
    lobby.do(commands.WithdrawPartyInvite(ANN, "p1", CLEO.id))
    lobby.do(commands.EnterRoomWithParty(ANN, "r1"))
    lobby.do(commands.HandOverParty(ANN, "p1", BOB.id))
    lobby.do(commands.KickFromParty(BOB, "p1", ANN.id))
    assert lobby.found == []


def test_invitation_that_outlives_the_membership_of_its_sender_is_found(lobby: Ruled) -> None:
    invited = commands.InviteToRoom(BOB, CLEO, "r1", "key", AT)
    lobby.do(invited)
    lobby.do(commands.LeaveRoom(BOB))
    assert lobby.found == []
    lobby.books.matches.add(MatchInvitation("r1", BOB.id, CLEO.id))
    left = effects.RoomLeft(Departure(room_of(lobby), Member(BOB, 2), None))
    assert lobby.judge(commands.LeaveRoom(BOB), left) == [SENDER_LEFT]


@pytest.mark.parametrize(("is_let_in", "is_found"), [(False, False), (True, True)])
def test_invitation_into_a_private_room_that_is_over_lets_nobody_in(
    lobby: Ruled, *, is_let_in: bool, is_found: bool
) -> None:
    room = room_of(lobby)
    room.is_public = False
    lobby.do(commands.InviteToRoom(ANN, CLEO, "r1", "key", AT))
    end = commands.EndMatchInvites("r1", CLEO.id, (ANN.id,), "declined")
    lobby.do(end)
    assert lobby.found == []
    if is_let_in:
        room.invited_user_ids.add(CLEO.id)
    assert lobby.judge(end) == ([OVER] if is_found else [])


def test_guest_whom_another_member_still_invites_is_let_in_and_not_found(lobby: Ruled) -> None:
    room = room_of(lobby)
    room.is_public = False
    for sender in (ANN, BOB):
        lobby.do(commands.InviteToRoom(sender, CLEO, "r1", f"key of {sender.username}", AT))
    for sender, is_let_in in ((ANN, True), (BOB, False)):
        lobby.do(commands.EndMatchInvites("r1", CLEO.id, (sender.id,), "withdrawn"))
        assert room.admits(CLEO.id) is is_let_in
    assert lobby.found == []


# -- the host's place ----------------------------------------------------------------------------------------------


def test_place_of_a_host_is_kept_whose_node_is_lost(lobby: Ruled) -> None:
    lobby.do(commands.NodeLost(NODE))
    lobby.do(commands.ExpirePresence(), at_s=GRACE_S + 1)
    assert (lobby.found, room_of(lobby).host) == ([], ANN)


def test_place_that_is_handed_over_as_its_node_is_lost_is_found(lobby: Ruled) -> None:
    lobby.do(commands.NodeLost(NODE))
    handed_over = effects.RoomLeft(Departure(room_of(lobby), Member(ANN, 1), Member(BOB, 2)))
    assert lobby.judge(commands.ExpirePresence(), handed_over) == [PLACE_KEPT]


def test_host_who_has_come_back_and_is_lost_by_themselves_leads_no_more(lobby: Ruled) -> None:
    lobby.do(commands.NodeUp("b"))
    lobby.do(commands.NodeLost(NODE))
    lobby.do(commands.NodeUp(NODE))
    lobby.do(commands.Arrive(ANN, 8, "1"))
    handed_over = effects.RoomLeft(Departure(room_of(lobby), Member(ANN, 1), Member(BOB, 2)))
    assert lobby.judge(commands.ExpirePresence(), handed_over) == []


@pytest.mark.parametrize(("at_s", "is_found"), [(TTL_S - 1, True), (TTL_S + 1, False)])
def test_place_of_a_host_is_kept_over_a_restart_for_its_time(lobby: Ruled, at_s: float, *, is_found: bool) -> None:
    room = room_of(lobby)
    lobby.do(commands.LeaveRoom(BOB))
    lobby.do(commands.LeaveRoom(ANN))
    lobby.rulings.begin(lobby.books, is_new=True)
    lobby.state.now_s = at_s
    room.host = BOB
    entered = effects.RoomJoined(Entry(room, Member(BOB, 3), became_host=True))
    join = commands.JoinRoom(BOB, "r1", "1")
    assert lobby.judge(join, entered) == ([PLACE_KEPT] if is_found else [])


def test_host_who_is_back_after_a_restart_and_leaves_again_leads_no_more(lobby: Ruled) -> None:
    room = room_of(lobby)
    lobby.do(commands.LeaveRoom(BOB))
    lobby.do(commands.LeaveRoom(ANN))
    lobby.rulings.begin(lobby.books, is_new=True)
    lobby.do(commands.TakeHostPlace(ANN, "1"))
    lobby.do(commands.LeaveRoom(ANN))
    room.host = BOB
    entered = effects.RoomJoined(Entry(room, Member(BOB, 4), became_host=True))
    assert lobby.judge(commands.JoinRoom(BOB, "r1", "1"), entered) == []


# -- who is offline, who hears ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [commands.Depart(CLEO.id, CLEO.id, abrupt=False), commands.SignOut(CLEO, "t1", 9.0, 0.0)]
)
def test_who_says_goodbye_is_offline(lobby: Ruled, command: Command) -> None:
    lobby.do(commands.Depart(CLEO.id, CLEO.id, abrupt=isinstance(command, commands.SignOut)))
    assert lobby.found == []


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_who_says_goodbye_and_is_held_is_found(lobby: Ruled, *, is_abrupt: bool) -> None:
    goodbye = commands.Depart(CLEO.id, CLEO.id, abrupt=is_abrupt)
    lobby.rulings.before(goodbye, lobby.books)
    lobby.books.presence.leave(CLEO.id, now_s=0.0, abrupt=True, node=NODE, socket=CLEO.id)
    assert lobby.judge(goodbye) == ([] if is_abrupt else [GOODBYE])


def test_who_signs_out_and_is_held_still_is_found(lobby: Ruled) -> None:
    lobby.do(commands.Depart(CLEO.id, CLEO.id, abrupt=True))
    assert lobby.judge(commands.SignOut(CLEO, "t1", 9.0, 0.0)) == [GOODBYE]


@pytest.mark.parametrize(("at_s", "told"), [(0.0, "kicked"), (GRACE_S + 0.5, "")])
def test_who_is_kicked_while_away_hears_so_within_the_grace_period(lobby: Ruled, at_s: float, told: str) -> None:
    lobby.do(commands.Depart(BOB.id, BOB.id, abrupt=True))
    lobby.do(commands.KickFromRoom(ANN, 2))
    assert lobby.rulings.to_be_told(BOB.id, now_s=at_s) == told
    assert lobby.rulings.to_be_told(BOB.id, now_s=0.0) == ""


def test_who_is_away_as_their_room_is_deleted_hears_so_and_who_is_there_has_heard(lobby: Ruled) -> None:
    lobby.do(commands.Depart(BOB.id, BOB.id, abrupt=True))
    lobby.do(commands.DeleteRoom(ANN, "r1"))
    assert lobby.rulings.to_be_told(BOB.id, now_s=0.0) == "room_closed"
    assert lobby.rulings.to_be_told(ANN.id, now_s=0.0) == ""
    assert PUT_OUT


@pytest.mark.parametrize(
    "command",
    [commands.JoinRoom(BOB, "r2", "1"), commands.SignOut(BOB, "t1", 9.0, 0.0)],
    ids=["another room", "offline"],
)
def test_who_has_gone_elsewhere_meanwhile_hears_nothing_of_it(lobby: Ruled, command: Command) -> None:
    lobby.make_room("r2", CLEO)
    lobby.do(commands.Depart(BOB.id, BOB.id, abrupt=True))
    lobby.do(commands.KickFromRoom(ANN, 2))
    lobby.do(command)
    assert lobby.rulings.to_be_told(BOB.id, now_s=0.0) == ""


# -- codes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_banned", "is_let_in", "is_found"), [(False, True, False), (False, False, True), (True, True, True),
                                             (True, False, False)]
)  # fmt: skip
def test_code_lets_in_who_is_not_banned(lobby: Ruled, *, is_banned: bool, is_let_in: bool, is_found: bool) -> None:
    room = room_of(lobby)
    room.is_public = False
    if is_banned:
        room.banned_user_ids.add(CLEO.id)
    use = commands.UseRoomCode(CLEO, code_of("r1"))
    lobby.rulings.before(use, lobby.books)
    if is_let_in:
        room.invited_user_ids.add(CLEO.id)
    assert lobby.judge(use) == ([CODES] if is_found else [])
    assert lobby.rulings.is_banned_from(CLEO.id, code_of("r1")) is is_banned


def test_code_of_no_room_and_one_who_was_invited_before_a_ban_are_no_fault(lobby: Ruled) -> None:
    room = room_of(lobby)
    room.is_public, room.banned_user_ids, room.invited_user_ids = False, {CLEO.id}, {CLEO.id}
    for code in ("ABCDEF", code_of("r1")):
        use = commands.UseRoomCode(CLEO, code)
        lobby.rulings.before(use, lobby.books)
        assert lobby.judge(use) == []
