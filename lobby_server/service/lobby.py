"""The lobby: it keeps presence as sessions come and go, has it announced, and tells what depends on it: friends,
parties, chat and rooms, each by a `PresenceObserver`.
"""

from __future__ import annotations

import logging
from typing import Protocol

from lobby_server.core.presence import Presence, User
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby")


class PresenceObserver(Protocol):
    """Hears of the presence that the lobby keeps."""

    def accepted(self, session: Session, *, came_online: bool) -> None:
        """A session hears broadcasts from now on; `came_online`: it is its user's first."""

    def went_offline(self, user: User) -> None:
        """The last session of a user is gone, and their grace period is over. Everybody else has been told."""


class Lobby:
    """Presence of users, kept from the sessions that come and go. `lobby_server.service.session.SessionObserver`."""

    def __init__(self, *, presence: Presence, sessions: Sessions, announcer: Announcer, clock: Clock) -> None:
        self.presence = presence
        self._sessions = sessions
        self._announcer = announcer
        self._clock = clock
        self._observers: list[PresenceObserver] = []
        self._is_stopped = False
        self._alarm = Alarm(clock, self._expire)

    def observe(self, observer: PresenceObserver) -> None:
        """Tell it of presence from now on, after the observers before it."""
        self._observers.append(observer)

    def stop(self) -> None:
        """No deadline strikes any more, nothing is announced, and users whose sessions end keep their place in their
        room: they are told to come back."""
        self._is_stopped = True
        self._alarm.set(None)
        self._announcer.fall_silent()

    # -- sessions -------------------------------------------------------------------------------------------------

    def accepted(self, session: Session) -> None:
        """A handshake held: the session hears broadcasts from now on, its own ``user_online`` first of all."""
        user = session.user
        came_online = self.presence.arrive(user)  # first of all: whatever ends the session takes it back
        self._sessions.accepted(session)
        self._announcer.welcome(session)
        if came_online:
            log.info(
                "Broadcasting user_online: %d (%r)",
                user.id,
                user.username,
                extra={"event": LogEvent.USER_ONLINE.value, "user": user.id},
            )
            self._announcer.user_online(user)
        for observer in self._observers:
            observer.accepted(session, came_online=came_online)

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """A session that was accepted is over."""
        self._announcer.forget(session)
        self._sessions.gone(session)
        if self._is_stopped:
            return
        gone = self.presence.leave(session.user.id, now_s=self._clock.monotonic_s(), abrupt=abrupt)
        if gone is not None:
            self._went_offline(gone)
        self._alarm.set(self.presence.next_deadline_s())

    def sign_out(self, user: User, token_id: str) -> None:
        """A token was revoked: its sockets close with 4502, and no grace period keeps its user online."""
        for session in self._sessions.of_user(user.id):
            if session.token_id == token_id:
                session.close(CloseCode.SIGNED_OUT, "signed out")
        gone = self.presence.sign_out(user.id)
        if gone is not None:
            self._went_offline(gone)

    # -- private --------------------------------------------------------------------------------------------------

    def _went_offline(self, user: User) -> None:
        log.info(
            "Broadcasting user_offline: %d (%r)",
            user.id,
            user.username,
            extra={"event": LogEvent.USER_OFFLINE.value, "user": user.id},
        )
        self._announcer.user_offline(user)
        for observer in self._observers:
            observer.went_offline(user)

    def _expire(self) -> None:
        for user in self.presence.expire(self._clock.monotonic_s()):
            self._went_offline(user)
        self._alarm.set(self.presence.next_deadline_s())
