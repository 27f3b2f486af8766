"""Rooms as resources, and the body of ``GET /api/rooms``: built once per revision, not per request, plain and gzip."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import msgspec

from lobby_server.core.rooms import Room, RoomBook
from lobby_server.protocol import resources
from lobby_server.protocol.authority import admin_resources
from lobby_server.protocol.encoding import encode_json
from lobby_server.service.watch.metrics import Metrics

_GZIP_LEVEL = 5
_MAX_FILTERS = 64
_PLACE = attrgetter("place")


def room_resource(room: Room) -> resources.Room:
    """A room as the API shows it."""
    return resources.Room(
        id=room.id,
        host_username=room.host.username,
        gamemode=room.gamemode,
        map_name=room.map_name,
        current_players=len(room.members),
        max_players=room.max_players,
        created_at=resources.iso_utc(room.created_at),
        is_full=room.is_full,
        name=room.name,
        is_started=room.players is not None,
    )


def any_room_resource(room: Room) -> admin_resources.AnyRoom:
    """The same of a room that need not be in the public list."""
    return admin_resources.AnyRoom(**msgspec.structs.asdict(room_resource(room)), is_public=room.is_public)


def peers_of(room: Room) -> list[resources.PeerInfo]:
    """Its members as they see each other, the one longest in it first."""
    return [
        resources.PeerInfo(peerId=member.peer_id, name=member.user.username, isHost=member.user.id == room.host.id)
        for member in room.members.values()
    ]


class ListedRooms:
    """The rooms of the public list as resources, made once per revision for all who show them."""

    def __init__(self, book: RoomBook) -> None:
        self._book = book
        self._made_at = -1
        self._by_id: Mapping[str, resources.Room] = {}

    @property
    def revision(self) -> int:
        return self._book.revision

    def by_id(self) -> Mapping[str, resources.Room]:
        """Newest first, as they are now. What was given out before stays as it was. O(rooms) at the first call of a
        revision, O(1) after that."""
        if self._made_at != self._book.revision:
            self._made_at = self._book.revision
            rooms = [room_resource(room) for room in self._book.public()]
            # Almost in order as they are: several nodes may have made rooms in the same moment.
            rooms.sort(key=_PLACE, reverse=True)
            self._by_id = {room.id: room for room in rooms}
        return self._by_id


@dataclass(frozen=True)
class Snapshot:
    """The list at one revision."""

    revision: int
    etag: str
    plain: bytes

    @cached_property
    def gzipped(self) -> bytes:
        """Made when the first client asks for it."""
        return gzip.compress(self.plain, _GZIP_LEVEL, mtime=0)


class RoomListView:
    """Snapshots of the public list, whole or of one game mode, kept for as long as the revision stands."""

    def __init__(self, rooms: ListedRooms, metrics: Metrics) -> None:
        self._rooms = rooms
        self._metrics = metrics
        self._revision = -1
        self._etag = ""
        self._by_gamemode: dict[str | None, Snapshot] = {}

    def etag(self) -> str:
        """The entity tag of the current revision, quotes included. Nothing is built for it."""
        self._follow()
        return self._etag

    def snapshot(self, gamemode: str | None = None) -> Snapshot:
        """The list as it is now. O(rooms) at the first call of a revision, O(1) after that."""
        self._follow()
        snapshot = self._by_gamemode.get(gamemode)
        if snapshot is None:
            if len(self._by_gamemode) >= _MAX_FILTERS:
                self._by_gamemode.clear()  # a client asks for modes that nobody plays
            snapshot = self._by_gamemode[gamemode] = self._build(gamemode)
        return snapshot

    def _follow(self) -> None:
        if self._revision != self._rooms.revision:
            self._revision = self._rooms.revision
            self._etag = f'"{self._revision}"'
            self._by_gamemode.clear()

    def _build(self, gamemode: str | None) -> Snapshot:
        self._metrics.room_list_built += 1
        rooms = [room for room in self._rooms.by_id().values() if gamemode is None or room.gamemode == gamemode]
        return Snapshot(self._revision, self._etag, encode_json(resources.RoomList(count=len(rooms), rooms=rooms)))
