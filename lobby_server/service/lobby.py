"""The lobby: sessions that come and go become entries of the log, and what that means for presence is announced."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.deleted import mark_of
from lobby_server.protocol.codes import CloseCode
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.peers.arrivals import Arrivals
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby")


class Lobby:
    """Presence of users, kept from the sessions that come and go. `lobby_server.service.session.SessionObserver`."""

    def __init__(self, *, replica: Replica, sessions: Sessions, announcer: Announcer, clock: Clock) -> None:
        self._presence = replica.books.presence
        self._replica = replica
        self._sessions = sessions
        self._announcer = announcer
        self._clock = clock
        self._arrivals = Arrivals(replica=replica, announcer=announcer, clock=clock)
        self.holds = self._arrivals.holds
        self._is_stopped = False
        self._alarm = Alarm(replica.time, lambda: replica.submit(commands.ExpirePresence()))
        replica.hear(effects.CameOnline, self._came_online)
        replica.hear(effects.Accepted, lambda effect, session: self._arrivals.let_in(session))
        replica.hear(effects.WentOffline, self._went_offline)
        replica.hear(effects.SignedOut, self._signed_out)
        replica.hear(effects.TokensRevoked, self._revoked)
        replica.hear(effects.UserForgotten, self._forgotten)
        replica.hear(effects.PresenceDeadline, lambda effect, _: self.arm())

    def arm(self) -> None:
        """See to the next deadline."""
        if not self._is_stopped:
            self._alarm.set(self._replica.due_s(self._presence.next_deadline_s()))

    def stop(self) -> None:
        """No deadline strikes any more, nothing is announced, and users whose sessions end keep their place in their
        room: they are told to come back."""
        self._is_stopped = True
        self._alarm.set(None)
        self._announcer.fall_silent()

    # -- sessions -------------------------------------------------------------------------------------------------

    def accepted(self, session: Session, greet: Callable[[], None]) -> None:
        """A handshake held: the session gets the greeting and hears broadcasts as soon as it has arrived, its own
        ``user_online`` first of all."""
        self._sessions.accepted(session)
        self._arrivals.come(session, greet)

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """A session that was accepted is over."""
        self._arrivals.forget(session)
        self._announcer.forget(session)
        self._sessions.gone(session)
        if self._is_stopped:
            return
        self._replica.submit(commands.Depart(session.user.id, session.id, abrupt))

    # -- what became of them --------------------------------------------------------------------------------------

    def _came_online(self, effect: effects.CameOnline, session: Session | None) -> None:
        self._arrivals.let_in(session)
        user = effect.user
        if log.isEnabledFor(logging.INFO):
            log.info(
                "Broadcasting user_online: %d (%r)",
                user.id,
                user.username,
                extra={"event": LogEvent.USER_ONLINE.value, "user": user.id},
            )
        self._announcer.user_online(user)

    def _went_offline(self, effect: effects.WentOffline, _: Session | None) -> None:
        user = effect.user
        if log.isEnabledFor(logging.INFO):
            log.info(
                "Broadcasting user_offline: %d (%r)",
                user.id,
                user.username,
                extra={"event": LogEvent.USER_OFFLINE.value, "user": user.id},
            )
        self._announcer.user_offline(user)

    def _signed_out(self, effect: effects.SignedOut, _: Session | None) -> None:
        for session in self._sessions.of_user(effect.user.id):
            if effect.token_id in (session.token_id, session.sign_in_key):
                session.close(CloseCode.SIGNED_OUT, "signed out")

    def _revoked(self, effect: effects.TokensRevoked, _: Session | None) -> None:
        for session in self._sessions.accepted_ones():
            if session.token_id in effect.keys or session.sign_in_key in effect.keys:
                session.close(CloseCode.SIGNED_OUT, "signed out")

    def _forgotten(self, effect: effects.UserForgotten, _: Session | None) -> None:
        for session in self._sessions.of_user(effect.user_id):
            if mark_of(session.user.username) == effect.mark:
                session.close(CloseCode.SIGNED_OUT, "the account is deleted")
