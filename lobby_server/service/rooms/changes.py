"""What is told of a changed room list, in the ways that clients can ask for: a bare ``rooms_changed``, the revision
with a window for the fetch, or the difference to what was told before (``rooms_delta``).

Invariant: the snapshot that a delta client starts from is the list as the deltas have told it, no newer: its next delta
builds on it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lobby_server.protocol.messages import (
    RoomsChanged,
    RoomsChangedRev,
    RoomsDelta,
    RoomsSnapshot,
    encode_frame,
)
from lobby_server.protocol.parts import MAX_MESSAGE_BYTES, encode_frames
from lobby_server.protocol.resources import Room
from lobby_server.service.fanout.profile import RoomsMode
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import ListedRooms

_BARE = encode_frame(RoomsChanged())


class RoomChanges:
    """The frames that tell of a changed room list, and the list as it was told last."""

    def __init__(self, rooms: ListedRooms, meter: FetchMeter) -> None:
        self.max_bytes = MAX_MESSAGE_BYTES
        """Of a message: a longer list comes in parts."""
        self._rooms = rooms
        self._meter = meter
        self._told: Mapping[str, Room] = {}
        self._told_revision = rooms.revision
        self._is_followed = False
        self._snapshot: list[bytes] | None = None

    def frames(self, mode: RoomsMode, clients: int) -> list[bytes]:
        """The frames that tell of the list as it is now: several for a delta that comes in parts, else one. `clients`:
        how many are told, and may come to fetch."""
        if mode is RoomsMode.NOTIFY:
            return [_BARE]
        if mode is RoomsMode.REV:
            window_ms = self._meter.window_ms(clients)
            return [encode_frame(RoomsChangedRev(rev=self._rooms.revision, fetch_within_ms=window_ms))]
        return self._delta()

    @property
    def has_news(self) -> bool:
        """Whether the list is another than it was announced."""
        return self._told_revision != self._rooms.revision

    def herd_s(self, clients: int) -> float:
        """How long it takes to answer a fetch of every client."""
        return self._meter.window_ms(clients) / 1000

    def announced(self) -> None:
        """Everybody is told of the list as it is now. O(rooms), and nothing while no client follows deltas."""
        if self._is_followed:
            self._told = self._rooms.by_id()
        self._told_revision = self._rooms.revision
        self._snapshot = None

    def snapshot_frames(self) -> list[bytes]:
        """The list as it was announced last. O(rooms) once per announcement."""
        if not self._is_followed:
            # The first follower: from here on differences are kept. Nobody has been told less than this.
            self._is_followed = True
            self._told, self._told_revision = self._rooms.by_id(), self._rooms.revision
        if self._snapshot is None:
            rooms = list(self._told.values())
            self._snapshot = encode_frames(
                RoomsSnapshot(rev=self._told_revision, rooms=rooms), max_bytes=self.max_bytes
            )
        return self._snapshot

    def _delta(self) -> list[bytes]:
        now = self._rooms.by_id()
        changed = [room for room in now.values() if self._told.get(room.id) != room]
        gone = [room_id for room_id in self._told if room_id not in now]
        # Oldest first: a client that puts each new one on top has the order of the list, but for rooms that come back
        # into it, which belong where `created_at` says.
        changed.reverse()
        delta = RoomsDelta(base=self._told_revision, rev=self._rooms.revision, set=changed, gone=gone)
        return encode_frames(delta, max_bytes=self.max_bytes)
