"""The body of the room list: built once a revision and filter, kept no longer than the revision."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timezone

import pytest

from lobby_server.core.presence import User
from lobby_server.core.rooms import Room, RoomBook
from lobby_server.service.rooms.list import ListedRooms, RoomListView, Snapshot
from lobby_server.service.watch.metrics import Metrics


class Shelf:
    """A book of rooms and the view of it."""

    def __init__(self) -> None:
        self.book = RoomBook(empty_ttl_s=60.0, first_revision=100)
        self.metrics = Metrics()
        self.view = RoomListView(ListedRooms(self.book), self.metrics)

    def add(self, number: int, *, gamemode: str = "ctf", is_public: bool = True) -> None:
        room = Room(
            id=f"room{number}",
            host=User(number, f"host{number}"),
            gamemode=gamemode,
            map_name=None,
            max_players=8,
            is_public=is_public,
            version=None,
            created_at=datetime(2026, 1, 1, 12, 30, number, 123456, tzinfo=timezone.utc),
        )
        self.book.add(room, now_s=0.0, creator_has_socket=True)


def ids(snapshot: Snapshot) -> list[str]:
    body = json.loads(snapshot.plain)
    assert body == json.loads(gzip.decompress(snapshot.gzipped))
    assert body["count"] == len(body["rooms"])
    return [room["id"] for room in body["rooms"]]


def test_snapshot_is_the_public_list_newest_first_to_the_byte() -> None:
    shelf = Shelf()
    assert shelf.view.snapshot().plain == b'{"count":0,"rooms":[]}'
    shelf.add(1)
    shelf.add(2, is_public=False)
    assert shelf.view.snapshot().plain == (
        b'{"count":1,"rooms":[{"id":"room1","host_username":"host1","gamemode":"ctf","map_name":null,'
        b'"current_players":1,"max_players":8,"created_at":"2026-01-01T12:30:01.123Z","is_full":false}]}'
    )
    shelf.add(3)
    assert ids(shelf.view.snapshot()) == ["room3", "room1"]


def test_snapshot_is_compressed_once_and_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    compressed: list[bytes] = []
    compress = gzip.compress

    def counted(body: bytes, *arguments: int, **named: int) -> bytes:
        compressed.append(body)
        return compress(body, *arguments, **named)

    monkeypatch.setattr(gzip, "compress", counted)
    snapshot = Shelf().view.snapshot()
    assert compressed == []
    assert snapshot.gzipped is snapshot.gzipped
    assert compressed == [snapshot.plain]


def test_snapshot_is_the_same_object_until_the_revision_is_another() -> None:
    shelf = Shelf()
    shelf.add(1)
    first = shelf.view.snapshot()
    assert shelf.view.snapshot() is first
    assert shelf.metrics.room_list_built == 1
    shelf.add(2, is_public=False)  # nothing that a reader could see
    assert shelf.view.snapshot() is first
    shelf.book.remove("room1")
    assert ids(shelf.view.snapshot()) == []
    assert shelf.metrics.room_list_built == 2


def test_entity_tag_is_the_revision_and_costs_no_building() -> None:
    shelf = Shelf()
    tags = {shelf.view.etag()}
    for number in range(3):
        shelf.add(number)
        tags.add(shelf.view.etag())
        assert shelf.view.etag() == f'"{shelf.book.revision}"'
    assert len(tags) == 4
    assert shelf.metrics.room_list_built == 0
    assert shelf.view.snapshot().etag == shelf.view.etag()
    assert shelf.view.snapshot().revision == shelf.book.revision


def test_each_gamemode_has_a_snapshot_of_its_own_with_the_same_tag() -> None:
    shelf = Shelf()
    shelf.add(1)
    shelf.add(2, gamemode="duel")
    assert ids(shelf.view.snapshot("ctf")) == ["room1"]
    assert ids(shelf.view.snapshot("duel")) == ["room2"]
    assert ids(shelf.view.snapshot("CTF")) == []
    assert ids(shelf.view.snapshot()) == ["room2", "room1"]
    assert {shelf.view.snapshot(gamemode).etag for gamemode in (None, "ctf", "none")} == {shelf.view.etag()}


def test_filters_that_somebody_makes_up_do_not_fill_the_memory() -> None:
    shelf = Shelf()
    shelf.add(1)
    for number in range(1000):
        assert ids(shelf.view.snapshot(f"made up {number}")) == []
    assert len(shelf.view._by_gamemode) <= 64
    assert ids(shelf.view.snapshot()) == ["room1"]
