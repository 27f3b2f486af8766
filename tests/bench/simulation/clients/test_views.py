"""What a player believes of a room and of who is online, from what was told and fetched in any order."""

from __future__ import annotations

import pytest

from bench.simulation.clients.views import FriendRoomsView, PresenceView, RoomView
from lobby_server.protocol import messages
from lobby_server.protocol.resources import PeerInfo

ANN, BOB, CLEO = 1, 2, 3


def entered(*members: PeerInfo) -> RoomView:
    """Bob, who is peer 2, enters a room."""
    told = messages.RoomJoined(roomId="r1", peerId=2, members=list(members), gamemode="duel", mapName=None)
    return RoomView.of(told)


def joined() -> RoomView:
    """One of Ann's."""
    return entered(PeerInfo(peerId=1, name="ann", isHost=True), PeerInfo(peerId=2, name="bob", isHost=False))


# -- a room --------------------------------------------------------------------------------------------------------


def test_room_is_as_it_was_told_at_the_entry() -> None:
    view = joined()
    assert (view.room_id, view.peer_id, view.members, view.host_peer_id) == ("r1", 2, {1: "ann", 2: "bob"}, 1)


def test_room_whose_host_is_away_has_none() -> None:
    assert entered(PeerInfo(peerId=2, name="bob", isHost=False)).host_peer_id is None


def test_members_come_and_go_and_another_one_leads() -> None:
    view = joined()
    assert view.hear(messages.PeerJoined(peerId=3, name="cleo"))
    assert view.hear(messages.PeerLeft(peerId=1))
    assert view.hear(messages.HostChanged(newHostPeerId=3, newHostName="cleo"))
    assert (view.members, view.host_peer_id) == ({2: "bob", 3: "cleo"}, 3)


@pytest.mark.parametrize(
    ("message", "is_in"),
    [
        (messages.PeerLeft(peerId=2), False),
        (messages.PeerLeft(peerId=1), True),
        (messages.Kicked(), False),
        (messages.RoomClosed(roomId="r1"), False),
        (messages.RoomClosed(roomId="r2"), True),
    ],
    ids=repr,
)
def test_one_is_in_a_room_until_one_leaves_is_kicked_or_it_closes(
    message: messages.ServerMessage, *, is_in: bool
) -> None:
    assert joined().hear(message) is is_in


def test_peer_who_leaves_twice_is_no_fault() -> None:
    view = joined()
    view.hear(messages.PeerLeft(peerId=1))
    assert view.hear(messages.PeerLeft(peerId=1))


# -- who is online -------------------------------------------------------------------------------------------------


def test_nothing_is_believed_before_the_first_fetch() -> None:
    view = PresenceView()
    view.tell(ANN, is_online=True)
    assert view.online is None


def test_what_was_told_while_the_fetch_was_under_way_is_newer_than_it() -> None:
    view = PresenceView()
    view.begin()
    view.tell(BOB, is_online=False)
    view.tell(CLEO, is_online=True)
    view.fetched(frozenset({ANN, BOB}))
    assert view.online == {ANN, CLEO}


def test_what_was_told_before_the_fetch_began_is_older_than_it() -> None:
    view = PresenceView()
    view.tell(BOB, is_online=False)
    view.begin()
    view.fetched(frozenset({ANN, BOB}))
    assert view.online == {ANN, BOB}


def test_last_that_was_told_of_a_user_counts() -> None:
    view = PresenceView()
    view.begin()
    for is_online in (True, False, True):
        view.tell(BOB, is_online=is_online)
    view.fetched(frozenset())
    assert view.online == {BOB}
    view.tell(BOB, is_online=False)
    assert view.online == set()


# -- where friends are ---------------------------------------------------------------------------------------------


def test_friends_are_where_the_last_that_is_known_says() -> None:
    view = FriendRoomsView()
    view.tell(ANN, "r1")
    assert view.rooms is None, "nothing is believed before the first fetch"
    view.begin()
    view.tell(BOB, "r2")
    view.tell(CLEO, None)
    view.fetched({ANN: "r1", CLEO: "r1"})
    assert view.rooms == {ANN: "r1", BOB: "r2"}
    view.tell(ANN, "r3")
    view.tell(BOB, None)
    assert view.rooms == {ANN: "r3"}
