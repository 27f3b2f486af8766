"""Invitations into rooms as the book has them: how many may stand, what changes when some end, and what that costs."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lobby_server.core.invitations import MAX_STANDING, MatchInvitation, MatchInvitationBook
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.image import dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from tests.core.test_machine import AT, new_room, new_state

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
    assert [effect for effect in first if isinstance(effect, effects.MatchInviteStands)] == [
        effects.MatchInviteStands(stands)
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
