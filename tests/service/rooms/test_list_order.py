"""The list of rooms has one order, over HTTP and for clients that follow it by differences."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import Any

import msgspec

from loadtest.client.lists.delta_list import HeldRooms
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room, RoomBook
from lobby_server.protocol.messages import RoomsDelta, RoomsSnapshot
from lobby_server.protocol.parts import Joiner
from lobby_server.protocol.requests import RoomSettings, RoomWish
from lobby_server.service.rooms.list import ListedRooms
from tests.service.house import ANN, BOB, CLEO, Client, House

FOLLOWER = User(99, "follower")
KINDS: dict[str, type[RoomsSnapshot] | type[RoomsDelta]] = {
    kind.TYPE: kind for kind in (RoomsSnapshot, RoomsDelta)
}  # fmt: skip


class Follower:
    """A client of ``rooms_delta``, which puts the list together as the lab's client does."""

    def __init__(self, house: House) -> None:
        self.client = Client(house, FOLLOWER)
        self.client.handshake("rooms_delta")
        self.parts = 0
        self._joiner = Joiner()
        self._held: HeldRooms | None = None

    def list(self) -> list[str]:
        for type_, data in self.client.told():
            if type_ in KINDS:
                self._take(msgspec.convert(data, KINDS[type_]))
        assert self._held is not None
        return [room.id for room in self._held.rooms]

    def _take(self, message: RoomsSnapshot | RoomsDelta) -> None:
        self.parts += message.part is not None
        whole = self._joiner.take(message)
        if isinstance(whole, RoomsSnapshot):
            self._held = HeldRooms.of_snapshot(whole)
        elif isinstance(whole, RoomsDelta):
            assert self._held is not None
            assert self._held.revision == whole.base
            self._held = self._held.after(whole)


def fetched(house: House) -> list[str]:
    body: dict[str, Any] = json.loads(house.app.room_list.snapshot().plain)
    return [room["id"] for room in body["rooms"]]


async def test_room_that_comes_back_into_the_list_stands_where_it_stood_for_everybody(house: House) -> None:
    follower = Follower(house)
    oldest, middle, newest = [await house.room(host) for host in (ANN, BOB, CLEO)]
    assert follower.list() == fetched(house) == [newest, middle, oldest]
    await house.app.hosting.change(BOB, middle, RoomSettings(isPublic=False))
    assert follower.list() == fetched(house) == [newest, oldest]
    await house.app.hosting.change(BOB, middle, RoomSettings(isPublic=True))
    assert follower.list() == fetched(house) == [newest, middle, oldest]


async def test_lists_that_come_in_parts_have_the_order_of_the_fetched_one(house: House) -> None:
    """Many rooms come back at once, beside new ones, and not in the order in which they went."""
    follower, shuffle = Follower(house), random.Random(7).shuffle
    long = "\N{GAME DIE}" * 64
    hosts = [User(100 + number, f"host{number}") for number in range(60)]
    rooms = {host: await house.room(host, gamemode=long, mapName=long, name=long) for host in hosts[:45]}
    for is_public in (False, True):
        shuffle(hosts)
        for host in hosts:
            if host in rooms:
                await house.app.hosting.change(host, rooms[host], RoomSettings(isPublic=is_public))
            elif is_public:
                made = await house.app.rooms.create_room(host, RoomWish(gamemode=long, mapName=long, name=long))
                rooms[host] = made.id
        assert follower.list() == fetched(house)
    assert len(fetched(house)) == 60
    assert follower.parts > 1


async def test_rooms_of_one_moment_are_told_apart_by_what_clients_read(house: House) -> None:
    hosts, duel = [User(100 + number, f"host{number}") for number in range(9)], RoomWish(gamemode="duel")
    rooms = [await house.app.rooms.create_room(host, duel) for host in hosts]
    body: dict[str, Any] = json.loads(house.app.room_list.snapshot().plain)
    assert [room["id"] for room in body["rooms"]] == [room.id for room in reversed(rooms)]
    assert len({room["created_at"] for room in body["rooms"]}) == 9


def test_rooms_that_several_nodes_made_in_one_moment_have_one_order() -> None:
    """Whichever of them the log has first."""
    orders = []
    for ids in (("a", "b", "c"), ("c", "a", "b")):
        book = RoomBook(empty_ttl_s=60.0, first_revision=1)
        for number, id_ in enumerate(ids):
            at = datetime(2026, 1, 1, microsecond=1 if id_ == "b" else 2, tzinfo=timezone.utc)
            room = Room(
                id=id_, host=User(number, id_), gamemode="ctf", map_name=None, max_players=8, is_public=True,
                version=None, created_at=at,
            )  # fmt: skip
            book.add(room, now_s=0.0, creator_has_socket=True)
        orders.append(list(ListedRooms(book).by_id()))
    assert orders == [["c", "b", "a"], ["c", "b", "a"]]
