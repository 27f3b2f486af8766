"""The list of open rooms as the socket itself carries it: feature ``rooms_delta``. No HTTP at all.

The invariant: what is held is the list at `revision`, or nothing has been heard since the connection was established.
A difference that does not build on it is not guessed at; the whole list is asked for instead, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """The list at one revision. Nobody writes to it, so many may hold it."""

    revision: int
    by_id: Mapping[str, Room]
    """Oldest first: a new room goes to the end at no cost."""
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
        for room in delta.set:  # oldest first; one that is held keeps its place
            by_id[room.id] = room
        return HeldRooms(delta.rev, by_id, tuple(reversed(by_id.values())))


class DeltaServerList:
    """Follows a connection that asked for ``rooms_delta``. O(rooms) a message.

    While disconnected it keeps the last list; the next connection begins with the whole list again.
    """

    def __init__(
        self,
        *,
        connection: LobbyConnection,
        read_snapshot: Callable[[RoomsSnapshot], HeldRooms] = HeldRooms.of_snapshot,
        apply_delta: Callable[[HeldRooms, RoomsDelta], HeldRooms] = HeldRooms.after,
        new_signal: Callable[[str], Signal[Any]] = Signal,
    ) -> None:
        """A swarm hands in a `read_snapshot` and an `apply_delta` that remember what they did for another player.

        Raises `ValueError` for a connection that does not ask for the feature: it would hear nothing.
        """
        if Feature.ROOMS_DELTA not in connection.features:
            raise ValueError("a DeltaServerList needs ConnectionManager(features={Feature.ROOMS_DELTA, …})")
        self.list_updated: Signal[[tuple[Room, ...]]] = new_signal("list_updated")
        """After every snapshot and every delta, in the connection's thread."""
        self.rooms: tuple[Room, ...] = ()
        """Newest first."""
        self.revision: int | None = None
        """None until the connection's snapshot came."""
        self.resync_count = 0
        self._connection = connection
        self._held: HeldRooms | None = None
        self._read_snapshot = read_snapshot
        self._apply_delta = apply_delta
        self._is_resyncing = False
        connection.connection_established.connect(self._restart)
        connection.rooms_announced.connect(self._on_announcement)
        if connection.is_connected:  # its snapshot is past
            self._restart()
            self._resync()

    def close(self) -> None:
        """Stop listening."""
        self._connection.connection_established.disconnect(self._restart)
        self._connection.rooms_announced.disconnect(self._on_announcement)

    def _restart(self) -> None:
        self.revision, self._is_resyncing = None, False
        if Feature.ROOMS_DELTA not in self._connection.accepted_features:
            log.warning("%s: the server does not know rooms_delta: this list stays as it is", self._connection.name)

    def _on_announcement(self, message: ServerMessage) -> None:
        if isinstance(message, RoomsSnapshot):
            self._is_resyncing = False
            self._show(self._read_snapshot(message))
        elif isinstance(message, RoomsDelta) and not self._is_resyncing:
            if self._held is None or message.base != self.revision:
                self._resync()
                return
            self._show(self._apply_delta(self._held, message))

    def _show(self, held: HeldRooms) -> None:
        self._held, self.revision, self.rooms = held, held.revision, held.rooms
        self.list_updated.emit(held.rooms)

    def _resync(self) -> None:
        if Feature.ROOMS_DELTA not in self._connection.accepted_features:
            return
        self._is_resyncing = True
        self.resync_count += 1
        try:
            self._connection.send(RoomsResync())
        except NotConnected:
            log.debug("%s: lost before the resync; the next connection has a snapshot", self._connection.name)
