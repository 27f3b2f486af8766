"""What a user changes on one device, told to their other devices, so that no page shows a state of its user's own that
is over. Only to sockets that asked for it, and never to anybody else: a blocked user cannot tell.
"""

from __future__ import annotations

from lobby_server.core.machine import effects
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.requests import DEFAULT_AUDIENCE
from lobby_server.protocol.social_messages import NotificationRead, UserBlocked, UserUnblocked, WhereaboutsChanged
from lobby_server.service.announcer import Announcer
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions


class OwnChanges:
    """Hears what users change about themselves over HTTP."""

    def __init__(self, *, replica: Replica, announcer: Announcer, sessions: Sessions) -> None:
        self._audiences = replica.books.whereabouts
        self._announcer = announcer
        self._sessions = sessions
        replica.hear(effects.Blocked, self._blocked)
        replica.hear(effects.Unblocked, self._unblocked)
        replica.hear(effects.NoticeRead, self._read)
        replica.hear(effects.WhereaboutsSet, self._whereabouts_set)

    def _blocked(self, effect: effects.Blocked, _: Session | None) -> None:
        self._tell(effect.user_id, UserBlocked(user_id=effect.other.id, username=effect.other.username))

    def _unblocked(self, effect: effects.Unblocked, _: Session | None) -> None:
        self._tell(effect.user_id, UserUnblocked(user_id=effect.other_id))

    def _read(self, effect: effects.NoticeRead, _: Session | None) -> None:
        self._tell(effect.user_id, NotificationRead(id=effect.notification_id))

    def _whereabouts_set(self, effect: effects.WhereaboutsSet, _: Session | None) -> None:
        audience = self._audiences.get(effect.user_id, DEFAULT_AUDIENCE)
        self._tell(effect.user_id, WhereaboutsChanged(whereabouts=audience))

    def _tell(self, user_id: int, message: ServerMessage) -> None:
        told = [each for each in self._sessions.of_user(user_id) if Feature.OWN_CHANGES in each.features]
        if told:
            self._announcer.tell_some(told, message)
