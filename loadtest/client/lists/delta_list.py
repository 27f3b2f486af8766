"""The list of open rooms over the socket alone: feature ``rooms_delta``. No HTTP.

The invariant: the list held is the one at `revision`, or nothing has arrived since the connection was established.
A delta on another base is not applied; the whole list is requested instead, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from loadtest.client.errors import NotConnected
from loadtest.client.signals import Signal
from loadtest.client.sockets.lobby_connection import LobbyConnection
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import RoomsDelta, RoomsResync, RoomsSnapshot, ServerMessage
from lobby_server.protocol.resources import Room

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class HeldRooms:
    """The list at one revision. Immutable, so that many clients may share it."""

    revision: int
    by_id: Mapping[str, Room]
    """Oldest first: a new room goes to the end at no cost, one that comes back into the list to its place."""
    rooms: tuple[Room, ...]
    """Newest first."""

    @classmethod
    def of_snapshot(cls, message: RoomsSnapshot) -> HeldRooms:
        by_id = {room.id: room for room in reversed(message.rooms)}
        return cls(message.rev, by_id, tuple(reversed(by_id.values())))

    def after(self, delta: RoomsDelta) -> HeldRooms:
        """O(rooms). `delta` builds on this revision."""
        by_id = dict(self.by_id)
        for room_id in delta.gone:
            by_id.pop(room_id, None)
        newest = next(reversed(by_id.values()), None)
        for room in delta.set:  # oldest first; one that is held keeps its place
            by_id[room.id] = room
        if newest is not None and any(room.place < newest.place and room.id not in self.by_id for room in delta.set):
            by_id = {room.id: room for room in sorted(by_id.values(), key=attrgetter("place"))}
        return HeldRooms(delta.rev, by_id, tuple(reversed(by_id.values())))


class DeltaServerList:
    """Follows a connection that requested ``rooms_delta``. Costs O(rooms) per message.

    While disconnected it keeps the last list; each connection begins with a snapshot of the whole list. Where the
    server does not grant the feature, the list stays as it is and one warning is logged.
    """

    __slots__ = (
        "_apply_delta", "_connection", "_read_snapshot", "held", "is_resyncing", "list_updated", "resync_count",
        "revision",
    )  # fmt: skip

    def __init__(
        self,
        *,
        connection: LobbyConnection,
        read_snapshot: Callable[[RoomsSnapshot], HeldRooms] = HeldRooms.of_snapshot,
        apply_delta: Callable[[HeldRooms, RoomsDelta], HeldRooms] = HeldRooms.after,
        new_signal: Callable[[str], Signal[Any]] = Signal,
    ) -> None:
        """Starts to listen; a connection that is established already is asked for the whole list.

        `read_snapshot` and `apply_delta` replace how a list is made, so that a swarm can share one list between
        players. Raises `ValueError` for a connection that does not request the feature.
        """
        if Feature.ROOMS_DELTA not in connection.features:
            raise ValueError("a DeltaServerList needs ConnectionManager(features={Feature.ROOMS_DELTA, …})")
        self.list_updated: Signal[[tuple[Room, ...]]] = new_signal("list_updated")
        """The rooms after every snapshot and every delta, newest first; in the connection's thread."""
        self.revision: int | None = None
        """None until the snapshot of this connection."""
        self.resync_count = 0
        """Requests for the whole list."""
        self._connection = connection
        self.held: HeldRooms | None = None
        """What `rooms` are of. Who applies deltas to the lists of many clients at once, and tells their listeners
        itself, sets this and `revision`."""
        self._read_snapshot = read_snapshot
        self._apply_delta = apply_delta
        self.is_resyncing = False
        """The whole list was asked for and is not there yet."""
        connection.connection_established.connect(self._restart)
        connection.rooms_announced.connect(self._on_announcement)
        if connection.is_connected:  # its snapshot is past
            self._restart()
            self._resync()

    @property
    def rooms(self) -> tuple[Room, ...]:
        """Newest first; none before the first snapshot."""
        return () if self.held is None else self.held.rooms

    def close(self) -> None:
        """Stop listening."""
        self._connection.connection_established.disconnect(self._restart)
        self._connection.rooms_announced.disconnect(self._on_announcement)

    def _restart(self) -> None:
        self.revision, self.is_resyncing = None, False
        if Feature.ROOMS_DELTA not in self._connection.accepted_features:
            log.warning("%s: the server does not know rooms_delta: this list stays as it is", self._connection.name)

    def _on_announcement(self, message: ServerMessage) -> None:
        if isinstance(message, RoomsSnapshot):
            self.is_resyncing = False
            self._show(self._read_snapshot(message))
        elif isinstance(message, RoomsDelta) and not self.is_resyncing:
            if self.held is None or message.base != self.revision:
                self._resync()
                return
            self._show(self._apply_delta(self.held, message))

    def _show(self, held: HeldRooms) -> None:
        self.held, self.revision = held, held.revision
        self.list_updated.emit(held.rooms)

    def _resync(self) -> None:
        if Feature.ROOMS_DELTA not in self._connection.accepted_features:
            return
        self.is_resyncing = True
        self.resync_count += 1
        try:
            self._connection.send(RoomsResync())
        except NotConnected:
            log.debug("%s: lost before the resync; the next connection has a snapshot", self._connection.name)
