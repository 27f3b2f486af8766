"""What the handlers work with, handed to them by the composition root."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lobby_server.core.ratelimit import KeyedLimit
from lobby_server.service.accounts import Accounts
from lobby_server.service.auth import Tokens
from lobby_server.service.heartbeat import Heartbeat
from lobby_server.service.lobby import Lobby
from lobby_server.service.ports import Clock, Store, Transport
from lobby_server.service.rooms.fetch_meter import FetchMeter
from lobby_server.service.rooms.list import RoomListView
from lobby_server.service.session import Rules, Session
from lobby_server.service.social.assembly import Social
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.ops_history import OpsHistory
from lobby_server.settings import Settings


@dataclass(kw_only=True)
class WebContext:
    """One a server."""

    settings: Settings
    accounts: Accounts
    tokens: Tokens
    lobby: Lobby
    social: Social
    rules: Rules
    heartbeat: Heartbeat
    room_list: RoomListView
    fetch_meter: FetchMeter
    auth_limit: KeyedLimit
    """By address."""
    social_limit: KeyedLimit
    """By user: calls that somebody else hears of."""
    metrics: Metrics
    ops_history: OpsHistory
    store: Store
    clock: Clock
    sessions: set[Session] = field(default_factory=set)
    """Every open socket, accepted or not."""
    at_drain: set[Callable[[], None]] = field(default_factory=set)
    """Called once as a drain begins: each closes a socket that is no session."""
    calls: set[object] = field(default_factory=set)
    """HTTP calls that are being answered by a handler."""
    is_draining: bool = False
    session_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def has_room(self) -> bool:
        """Whether one more socket is welcome."""
        return not self.is_draining and len(self.sessions) < self.settings.max_connections

    def open_session(self, transport: Transport) -> Session:
        """A socket was upgraded."""
        session = Session(self.rules, transport, session_id=next(self.session_ids))
        self.sessions.add(session)
        self.heartbeat.watch(session)
        return session

    def end_session(self, session: Session, *, abrupt: bool) -> None:
        """Its socket is gone, `abrupt` without a close frame from either side: nothing holds the session any more."""
        self.sessions.discard(session)
        self.heartbeat.unwatch(session)
        session.closed(abrupt=abrupt)
        session.let_go()

    def origin_is_allowed(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may use the lobby. No origin: not a browser, always allowed."""
        if not origin:
            return True
        allowed = self.settings.origins
        if not allowed:
            return origin.partition("://")[2].lower() == host.lower()
        return "*" in allowed or origin.rstrip("/") in allowed
