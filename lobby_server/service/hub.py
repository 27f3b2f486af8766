"""The fan-out: how an event reaches everybody whom it concerns, and the only place where it does.

An event is encoded once, into the frame that every recipient gets to the byte. Who is not in the hub gets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from lobby_server.core.presence import User
from lobby_server.protocol.messages import RoomsChanged, ServerMessage, encode_frame
from lobby_server.service.metrics import Metrics
from lobby_server.service.pacing import Paced
from lobby_server.service.ports import Clock, Transport


class Listener(Protocol):
    """A live session as the hub sees it."""

    user: User
    transport: Transport


class Hub:
    """The accepted sessions, all and by user. Publishing costs O(recipients)."""

    def __init__(self, *, clock: Clock, metrics: Metrics, rooms_notify_interval_s: float) -> None:
        self._metrics = metrics
        self._listeners: dict[Listener, None] = {}
        self._by_user: dict[int, list[Listener]] = {}
        self._rooms_changed = Paced(
            clock, interval_s=rooms_notify_interval_s, act=lambda: self.broadcast(RoomsChanged())
        )
        self._silent = False

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        """From now on a session gets what is published."""
        self._listeners[listener] = None
        self._by_user.setdefault(listener.user.id, []).append(listener)

    def remove(self, listener: Listener) -> None:
        del self._listeners[listener]
        listeners = self._by_user[listener.user.id]
        listeners.remove(listener)
        if not listeners:
            del self._by_user[listener.user.id]

    def of_user(self, user_id: int) -> Iterator[Listener]:
        """The sessions of one user: tabs, devices."""
        return iter(self._by_user.get(user_id, ()))

    def broadcast(self, message: ServerMessage) -> None:
        """Say something to everybody accepted."""
        self._send(message, self._listeners)

    def tell_users(self, user_ids: Iterable[int], message: ServerMessage) -> None:
        """Say something to all sessions of some users, and to nobody else."""
        self._send(message, (listener for user_id in user_ids for listener in self._by_user.get(user_id, ())))

    def rooms_changed(self) -> None:
        """Announce that the room list is another now: at once after a quiet spell, conflated in a burst."""
        self._rooms_changed.wish()
        self._metrics.events_conflated[RoomsChanged.TYPE] = self._rooms_changed.joined

    def fall_silent(self) -> None:
        """Publish nothing any more: the server is going away, and so is everybody."""
        self._silent = True
        self._rooms_changed.cancel()

    def _send(self, message: ServerMessage, listeners: Iterable[Listener]) -> None:
        if self._silent:
            return
        frame = encode_frame(message)
        sent = 0
        for listener in tuple(listeners):
            listener.transport.send(frame)
            sent += 1
        self._metrics.events_published[message.TYPE] += 1
        self._metrics.frames_out += sent
        self._metrics.bytes_out += sent * len(frame)
