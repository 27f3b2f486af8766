"""Players who hold the same list hold one object; whoever is elsewhere gets what is right for him."""

import pytest

from loadtest.client.errors import UnexpectedAnswer
from loadtest.client.lists.delta_list import HeldRooms
from loadtest.players.shared_lists import MOST_KEPT, SharedLists
from lobby_server.protocol.messages import RoomsDelta, RoomsSnapshot
from lobby_server.protocol.resources import Room


def room(room_id: str, made_at: str = "2026-01-01T00:00:00.000Z") -> Room:
    return Room(room_id, "ada", "duel", None, 1, 8, made_at, False)


def test_the_same_snapshot_and_the_same_delta_give_the_same_list():
    lists, snapshot = SharedLists(), RoomsSnapshot(rev=1, rooms=[room("b"), room("a")])
    delta = RoomsDelta(base=1, rev=2, set=[room("c")], gone=["a"])
    first, second = (lists.apply_delta(lists.read_snapshot(snapshot), delta) for _ in range(2))
    assert first is second
    assert [held.id for held in first.rooms] == ["c", "b"]
    assert first.revision == 2


def test_another_list_or_another_message_gives_another():
    lists, delta = SharedLists(), RoomsDelta(base=1, rev=2, set=[], gone=["a"])
    one = HeldRooms.of_snapshot(RoomsSnapshot(rev=1, rooms=[room("a")]))
    other = HeldRooms.of_snapshot(RoomsSnapshot(rev=1, rooms=[room("b"), room("a")]))
    assert lists.apply_delta(one, delta).rooms == ()
    assert [held.id for held in lists.apply_delta(other, delta).rooms] == ["b"]
    assert [held.id for held in one.rooms] == ["a"], "what somebody holds does not change under him"


def test_a_room_that_comes_back_into_the_list_goes_to_its_place():
    old, middle, new = (room(id_, f"2026-01-01T00:00:0{at}.000Z") for at, id_ in enumerate(("z", "y", "x")))
    held = HeldRooms.of_snapshot(RoomsSnapshot(rev=1, rooms=[new, middle]))
    newest = room("a", "2026-01-01T00:00:09.000Z")
    after = held.after(RoomsDelta(base=1, rev=2, set=[old, middle, newest], gone=["x"]))
    assert [each.id for each in after.rooms] == ["a", "y", "z"]
    again = after.after(RoomsDelta(base=2, rev=3, set=[new], gone=[]))
    assert [each.id for each in again.rooms] == ["a", "x", "y", "z"]


def test_bodies_are_decoded_once_and_faults_are_not_remembered():
    lists, decoded = SharedLists(), []

    def decode() -> tuple[Room, ...]:
        decoded.append(1)
        return (room("a"),)

    def fail() -> tuple[Room, ...]:
        raise UnexpectedAnswer("http://x", 200, "no list")

    with pytest.raises(UnexpectedAnswer):
        lists.decode(b"body", fail)
    assert lists.decode(b"body", decode) is lists.decode(b"bo" + b"dy", decode)
    assert len(decoded) == 1
    for number in range(MOST_KEPT):
        lists.decode(b"%d" % number, decode)
    lists.decode(b"body", decode)
    assert len(decoded) == MOST_KEPT + 2, "what was forgotten is decoded again"
