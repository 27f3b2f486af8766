"""Invitations into rooms as the book has them: how many may stand, what changes when some end, and what that costs."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lobby_server.core.invitations import MAX_STANDING, CloseReason, MatchInvitation, MatchInvitationBook
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.image import dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.room_hosting import RoomSettings
from tests.core.test_machine import AT, TTL_S, new_room, new_state

ANN, BOB = User(1, "ann"), User(2, "bob")
GUESTS = [User(100 + number, f"guest {number}") for number in range(MAX_STANDING + 1)]


def apply(state: LobbyState, *what: commands.Command) -> list[Effect]:
    return [effect for command in what for effect in state.apply(command, at_s=1.0, node="a")]


def invite(sender: User, guest: User) -> commands.InviteToRoom:
    return commands.InviteToRoom(sender, guest, "r", "key", AT)


def refused(state: LobbyState, command: commands.Command) -> RefusalCode:
    with pytest.raises(Refusal) as refusal:
        apply(state, command)
    return refusal.value.code


@pytest.fixture
def state() -> LobbyState:
    """Ann and Bob are in a private room of hers."""
    state = new_state()
    apply(state, commands.Arrive(ANN, 1, "1"), commands.Arrive(BOB, 2, "1"))
    apply(state, commands.CreateRoom(new_room("r", ANN, is_public=False)), invite(ANN, BOB))
    apply(state, commands.JoinRoom(BOB, "r", "1"))
    return state


def test_more_invitations_of_one_sender_than_may_stand_are_refused_until_one_has_ended(state: LobbyState) -> None:
    *guests, one_more = GUESTS
    apply(state, *(invite(ANN, guest) for guest in guests))
    before = dump(state)
    assert refused(state, invite(ANN, one_more)) is RefusalCode.LIMIT_REACHED
    assert dump(state) == before
    load(state, before)
    assert refused(state, invite(ANN, one_more)) is RefusalCode.LIMIT_REACHED
    apply(state, invite(ANN, guests[0]), invite(BOB, one_more))  # one that stands, and one of another sender
    apply(state, commands.EndMatchInvites("r", guests[0].id, (ANN.id,), "declined"), invite(ANN, one_more))
    assert refused(state, invite(ANN, guests[0])) is RefusalCode.LIMIT_REACHED
    apply(state, commands.LeaveRoom(ANN))
    apply(state, commands.JoinRoom(ANN, "r", "1"), *(invite(ANN, guest) for guest in guests))


def test_invitation_that_stands_changes_nothing_when_it_comes_again(state: LobbyState) -> None:
    first = apply(state, invite(ANN, GUESTS[0]))
    stands = MatchInvitation("r", ANN.id, GUESTS[0].id, lets_in=True)
    assert [effect for effect in first if isinstance(effect, effects.MatchInvitesStand)] == [
        effects.MatchInvitesStand((stands,))
    ]
    before = dump(state)
    assert apply(state, invite(ANN, GUESTS[0])) == []
    assert dump(state) == before


def test_end_of_an_invitation_names_the_one_that_lets_the_guest_in_from_now_on(state: LobbyState) -> None:
    apply(state, invite(ANN, GUESTS[0]), invite(BOB, GUESTS[0]), invite(ANN, GUESTS[1]))
    (closed,) = [each for each in apply(state, commands.LeaveRoom(ANN)) if isinstance(each, effects.MatchInvitesClosed)]
    assert [each.guest_id for each in closed.invitations] == [GUESTS[0].id, GUESTS[1].id]
    assert closed.heirs == (MatchInvitation("r", BOB.id, GUESTS[0].id, lets_in=True),)


class Id(int):
    """A user's id that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Id.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_sender_leaves_at_a_cost_that_grows_with_what_stands_and_not_with_its_square(state: LobbyState) -> None:
    guests = [replace(guest, id=Id(guest.id)) for guest in GUESTS[:MAX_STANDING]]
    for sender_id in range(1000, 1030):
        for guest in guests:
            state.books.matches.add(MatchInvitation("r", sender_id, Id(guest.id + 1000 * sender_id)))
    apply(state, *(invite(ANN, guest) for guest in guests))
    Id.compared = 0
    apply(state, commands.LeaveRoom(ANN))
    assert len(state.books.matches) == 30 * MAX_STANDING
    assert Id.compared < 31 * MAX_STANDING


class Plain:
    """The same book as a list, the oldest first."""

    def __init__(self) -> None:
        self.standing: list[MatchInvitation] = []

    def add(self, new: MatchInvitation) -> None:
        for place, each in enumerate(self.standing):
            if (each.room_id, each.sender_id, each.guest_id) == (new.room_id, new.sender_id, new.guest_id):
                self.standing[place] = replace(each, lets_in=each.lets_in or new.lets_in)
                return
        self.standing.append(new)

    def take(self, room_id: str, *, of: int) -> None:
        taken = [each for each in self.standing if each.room_id == room_id and of in (each.sender_id, each.guest_id)]
        self.standing = [each for each in self.standing if each not in taken]
        for gone in taken:
            same = [
                i for i, each in enumerate(self.standing) if (each.room_id, each.guest_id) == (room_id, gone.guest_id)
            ]
            if gone.lets_in and same:
                self.standing[same[0]] = replace(self.standing[same[0]], lets_in=True)


def test_book_answers_as_a_list_of_what_stands_does() -> None:
    draw, book, plain = random.Random(5), MatchInvitationBook(), Plain()
    for step in range(3000):
        room_id, sender_id, guest_id = draw.choice("ab"), draw.randint(1, 4), draw.randint(5, 9)
        if draw.random() < 0.7:
            new = MatchInvitation(room_id, sender_id, guest_id, lets_in=draw.random() < 0.3)
            before = list(plain.standing)
            plain.add(new)
            assert book.add(new) == (plain.standing != before)
        else:
            of = draw.choice((sender_id, guest_id))
            plain.take(room_id, of=of)
            taken = book.take(room_id, lambda each, of=of: of in (each.sender_id, each.guest_id))  # type: ignore[misc]
            assert set(book.letting_in(taken)) <= set(plain.standing)
        if step % 50 == 0:
            book.load(book.all())
            plain.standing.sort(key=lambda each: each.room_id)
        for room in "ab":
            assert book.of_room(room) == [each for each in plain.standing if each.room_id == room]
            assert book.has_guest(room, guest_id) == any(each.guest_id == guest_id for each in book.of_room(room))
        for user_id in (sender_id, guest_id):
            of_user = [each for each in plain.standing if user_id in (each.sender_id, each.guest_id)]
            assert book.rooms_of(user_id) == sorted({each.room_id for each in of_user})
        assert set(book.of_guest(guest_id)) == {each for each in plain.standing if each.guest_id == guest_id}
    assert len(book) == len(plain.standing) > 0


def standing(state: LobbyState) -> list[tuple[int, int]]:
    """Sender and guest."""
    return [(each.sender_id, each.guest_id) for each in state.books.matches.of_room("r")]


def test_invitations_of_a_host_whose_node_was_lost_stand_for_as_long_as_the_place_is_kept(state: LobbyState) -> None:
    """Those of whoever else was lost with it end at once."""
    by_host, by_member, cleo = GUESTS[:3]
    state.apply(commands.Arrive(cleo, 3, "1"), at_s=1.0, node="b")
    apply(state, commands.ChangeRoom(ANN, "r", RoomSettings(max_players=3)), invite(ANN, cleo))
    apply(state, commands.JoinRoom(cleo, "r", "1"), invite(ANN, by_host), invite(BOB, by_member))
    apply(state, commands.NodeLost("a"))
    room = state.books.rooms.get("r")
    assert room is not None
    assert (room.host, standing(state)) == (ANN, [(ANN.id, by_host.id)])
    assert [user.id in room.invited_user_ids for user in (by_host, by_member)] == [True, False]
    state.apply(commands.ExpireRooms(), at_s=1.0 + TTL_S)
    assert (room.host, standing(state)) == (cleo, [])
    assert by_host.id not in room.invited_user_ids


def test_host_who_comes_back_in_time_finds_the_invitations(state: LobbyState) -> None:
    apply(state, invite(ANN, GUESTS[0]), commands.NodeLost("a"))
    state.apply(commands.Arrive(ANN, 9, "1"), at_s=2.0, node="b")
    state.apply(commands.JoinRoom(ANN, "r", "1"), at_s=2.0, node="b")
    state.apply(commands.ExpireRooms(), at_s=1.0 + TTL_S)
    assert standing(state) == [(ANN.id, GUESTS[0].id)]


def test_room_that_becomes_private_lets_in_whom_its_members_invited_by_the_oldest_invitation(state: LobbyState) -> None:
    def show(*, is_public: bool) -> list[Effect]:
        return apply(state, commands.ChangeRoom(ANN, "r", RoomSettings(is_public=is_public)))

    show(is_public=True)
    apply(state, invite(BOB, GUESTS[0]), invite(ANN, GUESTS[1]), invite(ANN, GUESTS[0]))
    told = show(is_public=False)
    [let_in] = [effect for effect in told if isinstance(effect, effects.LetIn)]
    assert let_in.user_ids == (GUESTS[0].id, GUESTS[1].id)
    [stand] = [effect.invitations for effect in told if isinstance(effect, effects.MatchInvitesStand)]
    assert [(each.sender_id, each.guest_id, each.lets_in) for each in stand] == [
        (BOB.id, GUESTS[0].id, True), (ANN.id, GUESTS[1].id, True),
    ]  # fmt: skip
    assert [type(effect) for effect in show(is_public=False)] == [effects.RoomChanged]


def test_invitations_of_a_host_end_with_the_place_though_nobody_is_there_then(state: LobbyState) -> None:
    """The room is deleted later, unless somebody enters it before."""
    apply(state, invite(ANN, GUESTS[0]), commands.LeaveRoom(BOB))
    apply(state, commands.NodeLost("a"))
    state.apply(commands.Arrive(BOB, 7, "1"), at_s=TTL_S, node="b")
    state.apply(commands.JoinRoom(BOB, "r", "1"), at_s=TTL_S, node="b")
    state.apply(commands.LeaveRoom(BOB), at_s=TTL_S, node="b")
    state.apply(commands.ExpireRooms(), at_s=1.0 + TTL_S)
    room = state.books.rooms.get("r")
    assert room is not None
    assert standing(state) == []
    assert GUESTS[0].id not in room.invited_user_ids


def test_invitations_of_the_absent_end_when_the_account_of_the_host_is_deleted(state: LobbyState) -> None:
    apply(state, invite(ANN, GUESTS[0]), commands.NodeLost("a"))
    state.apply(commands.Arrive(BOB, 7, "1"), at_s=2.0, node="b")
    state.apply(commands.JoinRoom(BOB, "r", "1"), at_s=2.0, node="b")
    state.apply(commands.ForgetUser(ANN.id, mark_of(ANN.username)), at_s=3.0)
    room = state.books.rooms.get("r")
    assert room is not None
    assert (room.host, standing(state)) == (BOB, [])


@pytest.fixture
def restarted() -> LobbyState:
    """Ann's private room after a restart, into which both she and Bob had invited somebody before."""
    by_ann, by_bob = GUESTS[:2]
    state, room = new_state(), new_room("r", ANN, is_public=False)
    room.invited_user_ids.update(user.id for user in (ANN, BOB, by_ann, by_bob))
    state.books.matches.load(
        MatchInvitation("r", sender.id, guest.id, lets_in=True) for sender, guest in ((ANN, by_ann), (BOB, by_bob))
    )
    state.books.rooms.restore(room, now_s=1.0)
    return state


BOTH = [(ANN.id, GUESTS[0].id), (BOB.id, GUESTS[1].id)]


def at(state: LobbyState, at_s: float, *what: commands.Command) -> list[Effect]:
    return [effect for command in what for effect in state.apply(command, at_s=at_s, node="a")]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["away", "in another room"])
def test_invitations_of_a_member_who_does_not_come_back_after_a_restart_end_though_the_host_does(
    restarted: LobbyState, *, elsewhere: bool
) -> None:
    at(restarted, 2.0, commands.JoinRoom(ANN, "r", "1"))
    if elsewhere:
        at(restarted, 2.0, commands.CreateRoom(new_room("other", BOB)))
    copy = new_state()
    load(copy, dump(restarted))
    for state in (restarted, copy):
        at(state, 0.9 + TTL_S, commands.ExpireRooms())
        assert standing(state) == BOTH
        assert state.books.rooms.next_deadline_s() == 1.0 + TTL_S
        told = at(state, 1.0 + TTL_S, commands.ExpireRooms())
        assert standing(state) == BOTH[:1]
        [closed] = [effect for effect in told if isinstance(effect, effects.MatchInvitesClosed)]
        assert (closed.reason, [each.sender_id for each in closed.invitations]) == (CloseReason.WITHDRAWN, [BOB.id])
        [out] = [effect.user_id for effect in told if isinstance(effect, effects.ShutOut)]
        assert out == GUESTS[1].id
        assert "r" not in state.books.rooms.waiting()


def test_member_who_comes_back_in_time_after_a_restart_finds_the_invitations(restarted: LobbyState) -> None:
    at(restarted, 2.0, commands.JoinRoom(ANN, "r", "1"), commands.JoinRoom(BOB, "r", "1"))
    at(restarted, 1.0 + TTL_S, commands.ExpireRooms())
    assert standing(restarted) == BOTH
    at(restarted, 9.0, commands.LeaveRoom(BOB))
    assert standing(restarted) == BOTH[:1]


def test_invitations_of_a_host_whose_place_is_kept_anew_outlast_those_of_members_before_the_restart(
    restarted: LobbyState,
) -> None:
    at(restarted, 2.0, commands.Arrive(ANN, 1, "1"), commands.JoinRoom(ANN, "r", "1"))
    at(restarted, 4.0, commands.NodeLost("a"))
    at(restarted, 1.0 + TTL_S, commands.ExpireRooms())
    assert standing(restarted) == BOTH[:1]
    at(restarted, 4.0 + TTL_S, commands.ExpireRooms())
    assert standing(restarted) == []


def test_members_are_waited_for_after_a_restart_though_the_account_of_the_host_is_deleted(
    restarted: LobbyState,
) -> None:
    cleo = GUESTS[0]
    at(restarted, 2.0, commands.JoinRoom(cleo, "r", "1"), commands.ForgetUser(ANN.id, mark_of(ANN.username)))
    assert standing(restarted) == BOTH[1:]
    at(restarted, 1.0 + TTL_S, commands.ExpireRooms())
    assert standing(restarted) == []
