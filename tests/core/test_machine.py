"""The state machine: the same commands make the same state everywhere, over an image and over the wire too."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import new_books
from lobby_server.core.machine.commands import AnyCommand, Command
from lobby_server.core.machine.deleted import mark_of
from lobby_server.core.machine.image import ImageRefused, digest, dump, load
from lobby_server.core.machine.rooms import MOST_REVISIONS_LOST
from lobby_server.core.machine.state import LobbyState
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal
from lobby_server.core.room_codes import code_of
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.core.rooms import Room
from lobby_server.service.rooms.revision_mark import RESERVED

USERS = [User(number, f"user{number}") for number in range(1, 5)]
ANN, BOB, CLEO, DORA = USERS
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
NODES = ("a", "b")
TTL_S = 5.0
"""Of an empty room, and of the place of a host who is away."""
_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(AnyCommand)


def new_state(*, grace_s: float = 0.0) -> LobbyState:
    state = LobbyState(
        new_books(
            grace_s=grace_s,
            empty_room_ttl_s=TTL_S,
            first_revision=1,
            party_max_members=3,
            party_invite_ttl_s=5.0,
            party_offline_ttl_s=5.0,
        )
    )
    for node in NODES:
        state.apply(commands.NodeUp(node), at_s=0.0)
    return state


def new_room(room_id: str, host: User, *, is_public: bool = True, version: str | None = None) -> Room:
    return Room(
        id=room_id, host=host, gamemode="ffa", map_name=None, max_players=2, is_public=is_public, version=version,
        created_at=AT,
    )  # fmt: skip


users, ids = st.sampled_from(USERS), st.sampled_from(["1", "2", "3"])
user_ids = st.sampled_from([user.id for user in USERS])
requests = st.builds(FriendRequest, st.integers(1, 5), users, users, st.just(AT))
one_command = st.one_of(
    st.builds(commands.Arrive, users, st.integers(1, 2), st.sampled_from(["1", "2", None])),
    st.builds(commands.Depart, user_ids, st.integers(1, 2), st.booleans()),
    st.builds(commands.SignOut, users, ids, st.floats(0, 50), st.floats(0, 50)),
    st.builds(
        commands.RevokeTokens, st.lists(st.tuples(ids, st.floats(0, 50)), max_size=2).map(tuple), st.floats(0, 50)
    ),
    st.sampled_from([commands.ForgetUser(user.id, mark_of(user.username)) for user in USERS]),
    st.sampled_from([commands.ExpirePresence(), commands.ExpireRooms(), commands.ExpireParties()]),
    st.builds(commands.CreateRoom, st.builds(new_room, ids, users, is_public=st.booleans())),
    st.builds(commands.TakeHostPlace, users, st.just("1")),
    st.builds(commands.JoinRoom, users, ids, st.just("1"), st.booleans()),
    st.builds(commands.LeaveRoom, users),
    st.builds(commands.KickFromRoom, users, st.integers(1, 3)),
    st.builds(commands.DeleteRoom, users, ids),
    st.builds(
        commands.ChangeRoom,
        users,
        ids,
        st.builds(
            RoomSettings,
            name=st.sampled_from([None, "", "x"]),
            map_name=st.sampled_from([None, "m"]),
            max_players=st.sampled_from([None, 2, 3]),
            is_public=st.sampled_from([None, True, False]),
        ),
    ),
    st.builds(commands.HandOverRoom, users, ids, st.integers(1, 3)),
    st.builds(commands.UnbanFromRoom, users, ids, user_ids),
    st.builds(commands.SetReady, users, ids, st.booleans()),
    st.builds(commands.StartRoom, users, ids, st.booleans()),
    st.builds(commands.ReopenRoom, users, ids),
    st.builds(commands.UseRoomCode, users, st.builds(code_of, ids)),
    st.builds(commands.InviteToRoom, users, users, ids, st.just("key"), st.just(AT)),
    st.builds(commands.EndMatchInvites, ids, user_ids, st.tuples(user_ids), st.just("declined")),
    st.builds(commands.CreateParty, users, ids),
    st.builds(commands.InviteToParty, users, users, ids, st.just("key"), st.just(AT)),
    st.builds(commands.JoinParty, users, ids),
    st.builds(commands.LeaveParty, users, ids),
    st.builds(commands.EnterRoomWithParty, users, ids),
    st.builds(commands.AskFriend, requests, st.just("key")),
    st.builds(commands.Befriend, requests, st.just(AT), st.just("key")),
    st.builds(commands.Block, users, users, st.just(AT)),
    st.builds(commands.SetWhereabouts, users, st.sampled_from(["everybody", "friends", "nobody"])),
    st.builds(commands.Unblock, user_ids, user_ids),
    st.builds(commands.BanUser, users, st.just("why"), st.sampled_from([None, 9.0])),
    st.builds(commands.UnbanUser, user_ids),
    st.builds(commands.KickUser, users, st.just("why")),
    st.builds(commands.CloseRoom, users, ids),
    st.builds(commands.TakePart, users),
    st.builds(commands.KeepNotice, user_ids),
    st.builds(commands.ReadNotices, user_ids, st.integers(6, 8)),
    st.builds(commands.NodeLost, st.sampled_from(NODES)),
    st.builds(commands.BeginEpoch, st.floats(0.0, 1000.0)),
    st.builds(commands.RaiseRevision, st.integers(0, 1000)),
    st.builds(commands.NodeUp, st.sampled_from(NODES)),
    st.builds(commands.NodeDown, st.sampled_from(NODES), st.just(3.0)),
)
scripts = st.lists(st.tuples(one_command, st.sampled_from(NODES), st.floats(0, 3)), max_size=60)


def outcome(state: LobbyState, command: Command, at_s: float, node: str) -> object:
    """What a command brings about. One that is refused changes nothing but the time."""
    state.now_s = max(at_s, state.now_s)
    before = digest(state)
    try:
        return [type(effect) for effect in state.apply(command, at_s=at_s, node=node)]
    except Refusal as refusal:
        assert digest(state) == before
        return refusal.code


@settings(max_examples=150, deadline=None)
@given(scripts, st.integers(0, 60), st.sampled_from([0.0, 2.0]))
def test_same_commands_make_the_same_state_over_the_wire_and_over_an_image(
    script: list[tuple[Command, str, float]], joins_at: int, grace_s: float
) -> None:
    one, other, joiner = new_state(grace_s=grace_s), new_state(grace_s=grace_s), None
    now_s = 0.0
    for number, (command, node, seconds) in enumerate(script):
        if number == joins_at:
            joiner = new_state(grace_s=grace_s)
            load(joiner, dump(one))
        now_s += seconds
        here = outcome(one, _decoder.decode(_encoder.encode(command)), now_s, node)
        assert outcome(other, _decoder.decode(_encoder.encode(command)), now_s, node) == here
        if joiner is not None:
            assert outcome(joiner, _decoder.decode(_encoder.encode(command)), now_s, node) == here
    assert dump(one) == dump(other)
    if joiner is not None:
        assert dump(joiner) == dump(one)


@pytest.mark.parametrize("silence_s", [1.0, 500.0, 100_000.0], ids=["a moment", "ten minutes", "a day"])
def test_streams_that_go_on_from_one_place_have_no_revision_in_common(silence_s: float) -> None:
    shown = []
    for opened_after_s in (0.0, 5.0):  # those that open the second one know nothing of the first
        state = new_state()
        before = state.books.rooms.revision
        state.apply(commands.BeginEpoch(silence_s + opened_after_s), at_s=silence_s + opened_after_s)
        opened = state.books.rooms.revision
        for number in range(4):
            state.apply(commands.CreateRoom(new_room(str(number), USERS[number])), at_s=state.now_s)
        assert before < opened < state.books.rooms.revision
        shown.append(range(opened, state.books.rooms.revision + 1))
    assert not set(shown[0]) & set(shown[1])


def test_new_stream_goes_on_with_revisions_that_the_mark_in_the_store_is_above() -> None:
    state = new_state()
    before = state.books.rooms.revision
    state.apply(commands.BeginEpoch(1e9), at_s=1e9)
    assert before + MOST_REVISIONS_LOST < state.books.rooms.revision < before + RESERVED // 2


@pytest.mark.parametrize("shown", [0, 5_000_000_000], ids=["less than here", "more than here"])
def test_list_goes_on_above_what_a_node_has_shown_in_another_lobby_and_below_the_mark_of_that(shown: int) -> None:
    state = new_state()
    before = state.books.rooms.revision
    assert state.apply(commands.RaiseRevision(shown), at_s=1.0) == [effects.RevisionRaised()]
    raised = state.books.rooms.revision
    assert raised >= before
    assert shown + MOST_REVISIONS_LOST < raised < shown + RESERVED // 2


def test_refused_command_changes_nothing() -> None:
    state = new_state()
    state.apply(commands.CreateRoom(new_room("1", ANN)), at_s=1.0)
    before = digest(state)
    with pytest.raises(Refusal):
        state.apply(commands.CreateRoom(new_room("2", ANN)), at_s=1.0)
    with pytest.raises(Refusal):
        state.apply(commands.JoinRoom(BOB, "2", "1"), at_s=1.0)
    assert digest(state) == before


def with_copy(state: LobbyState) -> tuple[LobbyState, LobbyState]:
    """A state, and one that was loaded from its image."""
    copy = new_state()
    load(copy, dump(state))
    return state, copy


def test_users_of_a_lost_node_go_in_the_order_in_which_they_came_on_a_node_that_joined_later_too() -> None:
    state = new_state()
    for user in (CLEO, ANN, BOB):
        state.apply(commands.Arrive(user, user.id, "1"), at_s=1.0, node="a")
    state.apply(commands.CreateRoom(new_room("1", CLEO)), at_s=1.0)
    state.apply(commands.JoinRoom(ANN, "1", "1"), at_s=1.0)
    for each in with_copy(state):
        told = each.apply(commands.NodeLost("a"), at_s=2.0)
        assert [effect.user for effect in told if isinstance(effect, effects.WentOffline)] == [CLEO, ANN, BOB]
        room = each.books.rooms.get("1")
        assert room is not None
        assert (room.host, room.host_until_s, room.empty_until_s) == (CLEO, 2.0 + TTL_S, 2.0 + TTL_S)


def test_host_whose_node_is_lost_leads_again_once_back_and_a_member_does_when_the_time_is_over() -> None:
    for is_back in (True, False):
        state = new_state()
        for user, node in ((CLEO, "a"), (ANN, "b")):
            state.apply(commands.Arrive(user, user.id, "1"), at_s=1.0, node=node)
        state.apply(commands.CreateRoom(new_room("1", CLEO)), at_s=1.0)
        state.apply(commands.JoinRoom(ANN, "1", "1"), at_s=1.0)
        for each in with_copy(state):
            (left,) = [
                effect
                for effect in each.apply(commands.NodeLost("a"), at_s=2.0)
                if isinstance(effect, effects.RoomLeft)
            ]
            assert left.departure.new_host is None
            room = each.books.rooms.get("1")
            assert room is not None
            assert (room.host, list(room.members), room.places_taken) == (CLEO, [ANN.id], 2)
            if is_back:
                (joined,) = each.apply(commands.JoinRoom(CLEO, "1", "1"), at_s=3.0)
                assert isinstance(joined, effects.RoomJoined)
                assert joined.entry.came_back
                assert (room.host, room.host_until_s) == (CLEO, None)
            else:
                told = each.apply(commands.ExpireRooms(), at_s=2.0 + TTL_S)
                assert [type(effect) for effect in told] == [effects.HostReplaced, effects.RoomDeadline]
                assert (room.host, room.host_until_s) == (ANN, None)


def of_node_a_host(state: LobbyState) -> None:
    """Cleo hosts a room by way of one node, and Ann is in it by way of the other."""
    for user, node in ((CLEO, "a"), (ANN, "b")):
        state.apply(commands.Arrive(user, user.id, "1"), at_s=1.0, node=node)
    state.apply(commands.CreateRoom(new_room("1", CLEO)), at_s=1.0)
    state.apply(commands.JoinRoom(ANN, "1", "1"), at_s=1.0)


@pytest.mark.parametrize("end", [commands.NodeDown("a", 3.0), commands.NodeLost("a")], ids=["ended", "lost"])
def test_place_of_a_host_who_is_held_because_of_a_node_is_kept_once_the_host_is_offline(end: Command) -> None:
    state = new_state(grace_s=3.0)
    of_node_a_host(state)
    state.apply(end, at_s=2.0)
    for each in with_copy(state):
        room = each.books.rooms.get("1")
        assert room is not None
        assert (room.host, list(room.members)) == (CLEO, [CLEO.id, ANN.id])
        told = each.apply(commands.ExpirePresence(), at_s=5.0)
        assert [effect.user for effect in told if isinstance(effect, effects.WentOffline)] == [CLEO]
        assert (room.host, list(room.members), room.host_until_s) == (CLEO, [ANN.id], 5.0 + TTL_S)
        each.apply(commands.ExpireRooms(), at_s=5.0 + TTL_S)
        assert room.host == ANN


def test_place_of_a_host_who_came_back_and_was_lost_without_the_node_is_not_kept() -> None:
    state = new_state(grace_s=3.0)
    of_node_a_host(state)
    state.apply(commands.NodeLost("a"), at_s=2.0)
    state.apply(commands.Arrive(CLEO, 9, "1"), at_s=3.0, node="b")
    state.apply(commands.Depart(CLEO.id, 9, abrupt=True), at_s=4.0, node="b")
    for each in with_copy(state):
        each.apply(commands.ExpirePresence(), at_s=7.0)
        room = each.books.rooms.get("1")
        assert room is not None
        assert (room.host, room.host_until_s) == (ANN, None)


def test_host_of_two_empty_rooms_takes_the_one_that_was_empty_first_wherever_it_is_applied() -> None:
    state = new_state()
    state.apply(commands.CreateRoom(new_room("1", BOB)), at_s=1.0)
    state.apply(commands.JoinRoom(ANN, "1", "1"), at_s=1.0)
    state.apply(commands.CreateRoom(new_room("2", CLEO)), at_s=1.0)
    state.apply(commands.LeaveRoom(BOB), at_s=1.0)
    state.apply(commands.JoinRoom(ANN, "2", "1"), at_s=1.0)  # the first room is empty now, and Ann's
    state.apply(commands.LeaveRoom(CLEO), at_s=1.0)
    state.apply(commands.JoinRoom(BOB, "1", "1"), at_s=1.0)
    state.apply(commands.JoinRoom(ANN, "1", "1"), at_s=1.0)  # the second one is empty now, and Ann's
    state.apply(commands.LeaveRoom(BOB), at_s=1.0)
    state.apply(commands.LeaveRoom(ANN), at_s=1.0)  # and the first one, later
    for each in with_copy(state):
        (taken,) = each.apply(commands.TakeHostPlace(ANN, "1"), at_s=2.0)
        assert isinstance(taken, effects.HostPlaceTaken)
        assert taken.entry.room.id == "2"


def test_members_of_a_party_leave_in_the_order_in_which_they_went_wherever_it_is_applied() -> None:
    state = new_state()
    for user in (ANN, BOB, CLEO):
        state.apply(commands.Arrive(user, user.id, "1"), at_s=1.0, node="a")
    state.apply(commands.CreateParty(ANN, "p"), at_s=1.0)
    for user in (BOB, CLEO):
        state.apply(commands.InviteToParty(ANN, user, "p", "key", AT), at_s=1.0)
        state.apply(commands.JoinParty(user, "p"), at_s=1.0)
    for user in (CLEO, ANN, BOB):
        state.apply(commands.Depart(user.id, user.id, abrupt=False), at_s=2.0, node="a")
    for each in with_copy(state):
        told = each.apply(commands.ExpireParties(), at_s=10.0)
        gone = [effect.departure.user for effect in told if isinstance(effect, effects.PartyLeft)]
        assert gone == [CLEO, ANN, BOB]


def test_lost_node_takes_its_sockets_along_and_nobody_elses() -> None:
    state = new_state()
    for user, node in ((ANN, "a"), (BOB, "a"), (BOB, "b"), (CLEO, "b")):
        state.apply(commands.Arrive(user, 1), at_s=1.0, node=node)
    told = state.apply(commands.NodeLost("a"), at_s=2.0)
    assert [effect.user for effect in told if isinstance(effect, effects.WentOffline)] == [ANN]
    assert [user.id for user in state.books.presence.online()] == [BOB.id, CLEO.id]
    assert state.apply(commands.NodeLost("a"), at_s=2.0) == []


def test_users_of_a_node_that_ends_in_an_orderly_way_have_time_to_come_back() -> None:
    state = new_state()
    state.apply(commands.Arrive(ANN, 1), at_s=1.0, node="a")
    state.apply(commands.Arrive(BOB, 1), at_s=1.0, node="a")
    assert not any(
        isinstance(each, effects.WentOffline) for each in state.apply(commands.NodeDown("a", 10.0), at_s=2.0)
    )
    came = state.apply(commands.Arrive(ANN, 7), at_s=3.0, node="b")
    assert [type(effect) for effect in came] == [effects.Accepted]
    told = state.apply(commands.ExpirePresence(), at_s=12.0)
    assert [effect.user for effect in told if isinstance(effect, effects.WentOffline)] == [BOB]


def test_batch_is_applied_once_and_not_at_all_for_a_node_that_takes_no_part() -> None:
    state = new_state()
    nothing = commands.Nothing()
    assert [state.is_new("a", number, nothing) for number in (1, 2, 2, 1, 3)] == [False, True, False, False, True]
    assert not state.is_new("stranger", 1, nothing)
    assert state.is_new("stranger", 1, commands.NodeUp("stranger"))
    state.apply(commands.NodeLost("a"), at_s=1.0)
    assert not state.is_new("a", 4, nothing)


def test_time_of_the_log_never_goes_back() -> None:
    state = new_state()
    state.apply(commands.CreateRoom(new_room("1", ANN)), at_s=100.0)
    state.apply(commands.LeaveRoom(ANN), at_s=50.0)
    room = state.books.rooms.get("1")
    assert room is not None
    assert room.empty_until_s == 105.0


def test_deadlines_are_those_of_the_log() -> None:
    state = new_state()
    state.apply(commands.CreateRoom(new_room("1", ANN)), at_s=1.0)
    early = state.apply(commands.ExpireRooms(), at_s=5.9)
    assert not any(isinstance(effect, effects.RoomExpired) for effect in early)
    assert any(isinstance(effect, effects.RoomExpired) for effect in state.apply(commands.ExpireRooms(), at_s=6.0))


def test_place_that_is_kept_for_a_host_is_in_the_image_and_ends_by_the_time_of_the_log() -> None:
    state = new_state()
    state.books.rooms.restore(new_room("1", ANN), now_s=1.0)
    state.apply(commands.JoinRoom(BOB, "1", "1"), at_s=2.0)
    for each in with_copy(state):
        early = each.apply(commands.ExpireRooms(), at_s=5.9)
        assert not any(isinstance(effect, effects.HostReplaced) for effect in early)
        told = each.apply(commands.ExpireRooms(), at_s=6.0)
        assert [effect.host.user for effect in told if isinstance(effect, effects.HostReplaced)] == [BOB]


def test_lobby_chat_is_paced_over_all_nodes_together() -> None:
    state = new_state()
    line = commands.Say(1, ANN, "lobby", "hi", AT)
    for number in range(60):
        state.apply(line, at_s=1.0, node=NODES[number % 2])
    with pytest.raises(Refusal):
        state.apply(line, at_s=1.0, node="a")
    state.apply(line, at_s=1.05, node="b")


def test_user_takes_part_in_the_lobby_from_the_entry_of_their_first_line_on() -> None:
    """A later entry could stand behind the one that tells the line."""
    state = new_state()
    state.apply(commands.Arrive(ANN, 1), at_s=1.0, node="a")
    line = commands.Say(1, ANN, "lobby", "hello", AT)
    assert state.apply(line, at_s=1.0, node="a") == [effects.LineToKeep("a", line), effects.PartTaken(ANN)]
    again = commands.Say(2, ANN, "lobby", "hello", AT)
    assert state.apply(again, at_s=2.0, node="a") == [effects.LineToKeep("a", again)]
    of_nobody = commands.Say(3, BOB, "lobby", "hello", AT)
    assert state.apply(of_nobody, at_s=2.0, node="b") == [effects.LineToKeep("b", of_nobody)]
    assert state.books.chatters == {ANN.id}


def test_image_of_another_format_is_refused_with_a_sentence() -> None:
    image = msgspec.msgpack.decode(dump(new_state()))
    for other in (msgspec.msgpack.encode([99, *image[1:]]), msgspec.msgpack.encode([99])):
        with pytest.raises(ImageRefused, match="format 99"):
            load(new_state(), other)
    with pytest.raises(ImageRefused):
        load(new_state(), b"\xc1")


# -- what the leader has in its hands ---------------------------------------------------------------------------------


def loaded(state: LobbyState) -> LobbyState:
    """Another state, from its image."""
    other = new_state()
    load(other, dump(state))
    assert digest(other) == digest(state)
    return other


def said_line(ref: int) -> commands.SaidLine:
    return commands.SaidLine("a", ref, 7, ANN, "hello", AT)


def test_line_is_due_until_it_is_told_and_told_once() -> None:
    state = new_state()
    line = commands.Say(1, ANN, "lobby", "hello", AT)
    state.apply(line, at_s=1.0, node="a")
    state = loaded(state)
    assert state.books.lines == {("a", 1): line}
    told = commands.Tell((said_line(1), said_line(2)))
    assert [type(each) for each in state.apply(told, at_s=2.0, node="b")] == [effects.LineSaid]
    assert state.apply(told, at_s=3.0, node="a") == []
    assert state.books.lines == {}


def test_line_that_is_refused_is_not_due_and_cannot_be_told_any_more() -> None:
    state = new_state()
    state.apply(commands.Say(1, ANN, "lobby", "hello", AT), at_s=1.0, node="a")
    refusal = commands.RefuseLines((("a", 1), ("b", 1)), "try_again_later")
    assert state.apply(refusal, at_s=2.0) == [
        effects.LinesRefused(commands.RefuseLines((("a", 1),), "try_again_later"))
    ]
    assert state.apply(commands.Tell((said_line(1),)), at_s=3.0) == []
    assert state.apply(refusal, at_s=4.0) == []


def test_notification_is_due_until_the_store_has_it() -> None:
    state = new_state()
    state.apply(commands.AskFriend(FriendRequest(1, ANN, BOB, AT), "a key"), at_s=1.0)
    state = loaded(state)
    assert [(key, notice.user_id) for key, notice in state.books.notices.due.items()] == [("a key", BOB.id)]
    state.apply(commands.KeepNotice(BOB.id, "another key"), at_s=2.0)
    assert list(state.books.notices.due) == ["a key"]
    state.apply(commands.KeepNotice(BOB.id, "a key"), at_s=3.0)
    assert state.books.notices.due == {}


def test_lines_of_one_user_are_limited_whichever_node_they_come_from_and_after_an_image_too() -> None:
    state = LobbyState(
        new_books(
            grace_s=0.0, empty_room_ttl_s=5.0, first_revision=1, party_max_members=3, party_invite_ttl_s=5.0,
            party_offline_ttl_s=5.0, chat_rate_per_min=12.0,
        )
    )  # fmt: skip
    other = LobbyState(
        new_books(
            grace_s=0.0, empty_room_ttl_s=5.0, first_revision=1, party_max_members=3, party_invite_ttl_s=5.0,
            party_offline_ttl_s=5.0, chat_rate_per_min=12.0,
        )
    )  # fmt: skip
    for ref, node in enumerate(NODES):
        state.apply(commands.Say(ref, ANN, "direct", "hello", AT), at_s=10.0, node=node)
    load(other, dump(state))
    for each in (state, other):
        with pytest.raises(Refusal):
            each.apply(commands.Say(3, ANN, "direct", "hello", AT), at_s=10.0, node="b")
        each.apply(commands.Say(4, BOB, "direct", "hello", AT), at_s=10.0, node="b")
        each.apply(commands.Say(5, ANN, "direct", "hello", AT), at_s=15.1, node="b")
    assert digest(state) == digest(other)
