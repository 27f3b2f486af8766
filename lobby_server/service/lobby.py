"""The lobby: who comes and goes, and which command is answered where.

It keeps presence, and lets know who goes along with it: rooms (`RoomDesk`), and whatever was taken along.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from lobby_server.core.presence import Presence, User
from lobby_server.core.rooms import RoomRefused
from lobby_server.protocol import messages
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import Refused
from lobby_server.service.fanout.hub import Hub
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock
from lobby_server.service.rooms.commands import RoomDesk
from lobby_server.service.session import Session

log = logging.getLogger("lobby")


class Companion(Protocol):
    """What goes along with the presence that the lobby keeps."""

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """A session hears from now on; `came_online`: it is its user's first."""

    def went_offline(self, user: User) -> None:
        """The last session of a user is gone, and so is their grace. They are still in their room."""


class Lobby:
    """Presence and rooms, and what everybody hears of them."""

    def __init__(self, *, presence: Presence, desk: RoomDesk, hub: Hub, clock: Clock) -> None:
        self.presence = presence
        self.desk = desk
        self.rooms = desk.rooms
        self.hub = hub
        self._clock = clock
        self._companions: list[Companion] = []
        self._is_stopped = False
        self._presence_alarm = Alarm(clock, self._expire_presence)
        self._commands = desk.commands()

    def take_along(self, companion: Companion) -> None:
        """Let it know who comes and goes from now on."""
        self._companions.append(companion)

    def take_command(self, kind: type[messages.ClientMessage], act: Callable[[Session, Any], None]) -> None:
        """Let `act` answer that kind of message. It may raise `Refused`."""
        self._commands[kind] = act

    async def restore(self) -> None:
        """Take up the rooms of an earlier life of the server."""
        await self.desk.restore()

    def stop(self) -> None:
        """No deadline strikes any more, nothing is announced, and whoever goes keeps their place in their room: they
        are told to come back."""
        self._is_stopped = True
        self._presence_alarm.set(None)
        self.desk.stop()
        self.hub.fall_silent()

    # -- sessions -------------------------------------------------------------------------------------------------

    def accepted(self, session: Session) -> None:
        """A handshake held: the session hears from now on, its own ``user_online`` first of all."""
        user = session.user
        came_online = self.presence.arrive(user)  # first of all: whatever ends the session takes it back
        self.hub.add(session)
        if Feature.ROOMS_DELTA in session.features:
            self.hub.snapshot(session)
        self.rooms.creator_has_socket(user.id)
        if came_online:
            log.info("Broadcasting user_online: %d (%r)", user.id, user.username)
            self.hub.user_online(user)
        for companion in self._companions:
            companion.accepted(session, came_online=came_online)

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """A session that was accepted is over."""
        self.hub.remove(session)
        if self._is_stopped:
            return
        gone = self.presence.leave(session.user.id, now_s=self._clock.monotonic_s(), abrupt=abrupt)
        if gone is not None:
            self._went_offline(gone)
        self._presence_alarm.set(self.presence.next_deadline_s())

    def sign_out(self, user: User, token_id: str) -> None:
        """A token was revoked: its sockets close with 4502, and nobody is held online by a grace period."""
        for session in list(self.hub.of_user(user.id)):
            if isinstance(session, Session) and session.token_id == token_id:
                session.close(CloseCode.SIGNED_OUT, "signed out")
        gone = self.presence.sign_out(user.id)
        if gone is not None:
            self._went_offline(gone)

    def execute(self, session: Session, command: messages.ClientMessage) -> None:
        """A command over the socket. Raises `Refused` with the error to answer."""
        try:
            self._commands[type(command)](session, command)
        except RoomRefused as refusal:
            raise Refused(refusal.reason) from None

    # -- private --------------------------------------------------------------------------------------------------

    def _went_offline(self, user: User) -> None:
        log.info("Broadcasting user_offline: %d (%r)", user.id, user.username)
        self.hub.user_offline(user)
        for companion in self._companions:
            companion.went_offline(user)
        self.desk.leave(user)

    def _expire_presence(self) -> None:
        for user in self.presence.expire(self._clock.monotonic_s()):
            self._went_offline(user)
        self._presence_alarm.set(self.presence.next_deadline_s())
