"""The list of open rooms as the socket itself carries it: feature ``rooms_delta``. No HTTP at all.

The invariant: what is held is the list at `revision`, or nothing has been heard since the connection was established.
A difference that does not build on it is not guessed at; the whole list is asked for instead, once.
"""

from __future__ import annotations

import logging

from loadtest.client.errors import NotConnected
from loadtest.client.lobby_connection import LobbyConnection
from loadtest.client.signals import Signal
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import RoomsDelta, RoomsResync, RoomsSnapshot, ServerMessage
from lobby_server.protocol.resources import Room

log = logging.getLogger(__name__)


class DeltaServerList:
    """Follows a connection that asked for ``rooms_delta``. O(rooms) a message.

    While disconnected it keeps the last list; the next connection begins with the whole list again.
    """

    def __init__(self, *, connection: LobbyConnection) -> None:
        """Raises `ValueError` for a connection that does not ask for the feature: it would hear nothing."""
        if Feature.ROOMS_DELTA not in connection.features:
            raise ValueError("a DeltaServerList needs ConnectionManager(features={Feature.ROOMS_DELTA, …})")
        self.list_updated: Signal[[tuple[Room, ...]]] = Signal("list_updated")
        """After every snapshot and every delta, in the connection's thread."""
        self.rooms: tuple[Room, ...] = ()
        """Newest first."""
        self.revision: int | None = None
        """None until the connection's snapshot came."""
        self.resync_count = 0
        self._connection = connection
        self._by_id: dict[str, Room] = {}  # oldest first: a new room goes to the end at no cost
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
            self._by_id = {room.id: room for room in reversed(message.rooms)}
            self._is_resyncing = False
            self._show(message.rev)
        elif isinstance(message, RoomsDelta) and not self._is_resyncing:
            if message.base != self.revision:
                self._resync()
                return
            for room_id in message.gone:
                self._by_id.pop(room_id, None)
            for room in message.set:  # oldest first; one that is held keeps its place
                self._by_id[room.id] = room
            self._show(message.rev)

    def _show(self, revision: int) -> None:
        self.revision = revision
        self.rooms = tuple(reversed(self._by_id.values()))
        self.list_updated.emit(self.rooms)

    def _resync(self) -> None:
        if Feature.ROOMS_DELTA not in self._connection.accepted_features:
            return
        self._is_resyncing = True
        self.resync_count += 1
        try:
            self._connection.send(RoomsResync())
        except NotConnected:
            log.debug("%s: lost before the resync; the next connection has a snapshot", self._connection.name)
