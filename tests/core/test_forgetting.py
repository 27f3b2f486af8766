"""A user whose account is deleted: nothing in the state is theirs, and what comes behind leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.commands import Command, SaidLine
from lobby_server.core.machine.deleted import NamesDeletedUser, mark_of
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.image import digest, dump, load
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal
from tests.core.test_machine import AT, new_room, new_state

GONE, ANN, BOB = User(777_001, "gone-for-good"), User(777_002, "ann"), User(777_003, "bob")
FORGET = commands.ForgetUser(GONE.id, mark_of(GONE.username))


def numbers_and_texts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers_and_texts(each)
    else:
        yield value


def is_known(state: LobbyState) -> bool:
    """Whether anything in the state names the user, but that they are deleted."""
    state.books.deleted.marks.pop(GONE.id, None)
    found = list(numbers_and_texts(msgspec.msgpack.decode(dump(state))))
    return GONE.id in found or any(isinstance(each, str) and GONE.username in each for each in found)


def apply(state: LobbyState, *what: Command, at_s: float = 1.0) -> list[Effect]:
    return [effect for command in what for effect in state.apply(command, at_s=at_s, node="a")]


def request(number: int, sender: User, receiver: User) -> FriendRequest:
    return FriendRequest(number, sender, receiver, AT)


def say(user: User, other_id: int | None = None) -> commands.Say:
    return commands.Say(1, user, "lobby", "hello", AT, other_id=other_id)


def here(state: LobbyState) -> None:
    for number, user in enumerate((GONE, ANN, BOB)):
        apply(state, commands.Arrive(user, number))


HAS: dict[str, tuple[Command, ...]] = {
    "a room": (commands.CreateRoom(new_room("1", GONE)),),
    "a room that others are in": (
        commands.CreateRoom(new_room("1", GONE)), commands.JoinRoom(ANN, "1", "1"),
    ),
    "a place in a room": (commands.CreateRoom(new_room("1", ANN)), commands.JoinRoom(GONE, "1", "1")),
    "a private room": (commands.CreateRoom(new_room("1", GONE, is_public=False)), commands.LeaveRoom(GONE)),
    "a ban from a room": (
        commands.CreateRoom(new_room("1", ANN)), commands.JoinRoom(GONE, "1", "1"), commands.KickFromRoom(ANN, 2),
    ),
    "a game that started": (
        commands.CreateRoom(new_room("1", ANN)), commands.JoinRoom(GONE, "1", "1"),
        commands.StartRoom(ANN, "1", True), commands.LeaveRoom(GONE), commands.LeaveRoom(ANN),
    ),
    "an invitation to a room": (
        commands.CreateRoom(new_room("1", ANN, is_public=False)), commands.InviteToRoom(ANN, GONE, "1", "key", AT),
    ),
    "an invitation of theirs to a room": (
        commands.CreateRoom(new_room("1", ANN)), commands.JoinRoom(GONE, "1", "1"),
        commands.InviteToRoom(GONE, BOB, "1", "key", AT),
    ),
    "a party": (commands.CreateParty(GONE, "p"), commands.InviteToParty(GONE, ANN, "p", "key", AT)),
    "a place in a party": (
        commands.CreateParty(ANN, "p"), commands.InviteToParty(ANN, GONE, "p", "key", AT),
        commands.JoinParty(GONE, "p"),
    ),
    "an invitation to a party": (
        commands.CreateParty(ANN, "p"), commands.InviteToParty(ANN, GONE, "p", "key", AT),
    ),
    "friends": (commands.Befriend(request(1, GONE, ANN), AT, "key"), commands.Befriend(request(2, BOB, GONE), AT, "k")),
    "requests": (commands.AskFriend(request(1, GONE, ANN), "key"), commands.AskFriend(request(2, BOB, GONE), "k")),
    "blocks": (commands.Block(GONE, ANN, AT), commands.Block(BOB, GONE, AT)),
    "whereabouts": (commands.SetWhereabouts(GONE, "nobody"),),
    "a line": (say(GONE),),
    "a notice that waits": (commands.KeepNotice(GONE.id),),
    "a line to tell": (
        commands.Depart(GONE.id, 0, False), say(ANN, GONE.id),
        commands.Tell((SaidLine("a", 1, 1, ANN, "hello", AT, other_id=GONE.id, key="key"),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HAS)
def test_state_knows_a_deleted_user_no_more(what: str) -> None:
    state = new_state(grace_s=10.0)
    here(state)
    apply(state, *HAS[what])
    assert is_known(state)
    told = apply(state, FORGET)
    assert told[0] == effects.UserForgotten(GONE.id, FORGET.mark)
    assert apply(state, FORGET) == []
    apply(state, commands.Depart(GONE.id, 0, False))  # its node closes the socket
    apply(state, commands.ExpireParties(), at_s=9.0)  # an invitation that came from them is outdated until its end
    assert not is_known(state)


def test_absence_that_a_grace_period_hides_ends() -> None:
    state = new_state(grace_s=10.0)
    here(state)
    apply(state, commands.CreateRoom(new_room("1", GONE)), commands.Depart(GONE.id, 0, True))
    told = apply(state, FORGET)
    assert [type(effect) for effect in told[:2]] == [effects.UserForgotten, effects.WentOffline]
    assert not is_known(state)


def test_others_hear_what_ended() -> None:
    state = new_state()
    here(state)
    apply(state, commands.CreateRoom(new_room("1", GONE)), commands.JoinRoom(ANN, "1", "1"))
    apply(state, commands.Befriend(request(1, GONE, ANN), AT, "key"), commands.Block(BOB, GONE, AT))
    kinds = {type(effect) for effect in apply(state, FORGET)}
    assert {effects.RoomLeft, effects.Parted, effects.Unblocked} <= kinds
    assert state.books.rooms.all()[0].host == ANN


BEHIND: dict[str, Command] = {
    "a room": commands.CreateRoom(new_room("2", GONE)),
    "a host": commands.TakeHostPlace(GONE, "1"),
    "a guest": commands.JoinRoom(GONE, "1", "1"),
    "a code": commands.UseRoomCode(GONE, "x"),
    "an invitation": commands.InviteToRoom(ANN, GONE, "1", "key", AT),
    "a party": commands.CreateParty(GONE, "p"),
    "a party's guest": commands.InviteToParty(ANN, GONE, "p", "key", AT),
    "a party's member": commands.JoinParty(GONE, "p"),
    "a request": commands.AskFriend(request(1, ANN, GONE), "key"),
    "their request": commands.AskFriend(request(1, GONE, ANN), "key"),
    "a friendship": commands.Befriend(request(1, ANN, GONE), AT, "key"),
    "a block": commands.Block(ANN, GONE, AT),
    "their block": commands.Block(GONE, ANN, AT),
    "whereabouts": commands.SetWhereabouts(GONE, "nobody"),
    "a line": say(GONE),
    "chat": commands.TakePart(GONE),
    "a notice": commands.KeepNotice(GONE.id),
}


@pytest.mark.parametrize("what", BEHIND)
def test_what_comes_behind_is_refused_and_says_of_whom_it_is(what: str) -> None:
    state = new_state()
    here(state)
    apply(state, commands.CreateRoom(new_room("1", ANN)), FORGET)
    before = digest(state)
    with pytest.raises(NamesDeletedUser) as refused:
        apply(state, BEHIND[what])
    assert (refused.value.user_id, refused.value.mark) == (GONE.id, FORGET.mark)
    assert digest(state) == before


def test_user_of_an_outside_account_service_with_the_same_id_goes_on() -> None:
    state, other = new_state(), User(GONE.id, "somebody else")
    apply(state, commands.Arrive(other, 0), commands.CreateRoom(new_room("1", other)), FORGET)
    assert state.books.rooms.room_of(other.id) is not None
    apply(state, commands.SetWhereabouts(other, "nobody"), commands.CreateParty(other, "p"), say(other))
    assert len(state.books.lines) == 1


@pytest.mark.parametrize("are_friends", [True, False], ids=["a friend", "who has asked"])
def test_user_with_the_same_id_whom_others_know_by_name_goes_on_while_they_are_offline(are_friends: bool) -> None:
    state, other = new_state(), User(GONE.id, "somebody else")
    known = request(1, other, ANN)
    apply(state, FORGET, commands.Befriend(known, AT, "key") if are_friends else commands.AskFriend(known, "key"))
    apply(state, commands.SetWhereabouts(other, "nobody"), commands.Block(other, BOB, AT), commands.KeepNotice(GONE.id))
    assert (GONE.id in state.books.whereabouts, GONE.id in state.books.notices.waiting) == (True, True)


def test_who_was_deleted_last_is_last_also_where_the_state_came_as_an_image() -> None:
    state, other = new_state(), new_state()
    ids = [7, 3, 9, 5]
    apply(state, *(commands.ForgetUser(user_id, mark_of("x")) for user_id in ids))
    load(other, dump(state))
    apply(other, commands.ForgetUser(3, mark_of("y")))
    assert (list(state.books.deleted.marks), list(other.books.deleted.marks)) == (ids, [7, 9, 5, 3])


def test_line_to_a_deleted_user_brings_no_notification_about() -> None:
    state = new_state()
    here(state)
    apply(state, commands.Depart(GONE.id, 0, False), say(ANN, GONE.id), FORGET)
    line = SaidLine("a", 1, 1, ANN, "hello", AT, other_id=GONE.id, key="key")
    assert [type(effect) for effect in apply(state, commands.Tell((line,)))] == [effects.LineSaid]
    with pytest.raises(Refusal):
        apply(state, commands.KeepNotice(GONE.id))
