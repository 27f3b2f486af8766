"""Sessions whose handshake held, between that and their arrival in the log.

A session is let in, with its greeting, as the log hands back its arrival: it hears what comes after that in the order
of the log, its own ``user_online`` first of all, and nothing that came before. With one process all of it is one turn.
With several nodes it takes a round trip to Valkey; what the client says meanwhile waits. Nobody waits long: while the
log is away sessions are let in at once, where it is slow after `PATIENCE_S`, and they arrive later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lobby_server.protocol.codes import CloseCode
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Timer
from lobby_server.service.replica import Replica
from lobby_server.service.session import Session
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby.session")

LOOK_EVERY_S = 0.1
"""Whether the log still answers, while sessions wait for it."""
PATIENCE_S = 1.0
"""How long a session waits at most: a node that is behind must not keep clients out, which give up and come again."""
MOST_HELD = 64
"""Messages of one session. One that says more is let in for it."""


class Arrivals:
    """One per process."""

    def __init__(self, *, replica: Replica, announcer: Announcer, clock: Clock) -> None:
        self._replica = replica
        self._announcer = announcer
        self._clock = clock
        self._waiting: dict[Session, tuple[Callable[[], None], float]] = {}  # the oldest first
        """What greets the session, and until when it waits for that."""
        self._held: dict[Session, list[bytes]] = {}
        self._timer: Timer | None = None

    def come(self, session: Session, greet: Callable[[], None]) -> None:
        """A handshake held."""
        self._waiting[session] = greet, self._clock.monotonic_s() + PATIENCE_S
        self._replica.arrive(session, self._has_arrived)
        if session not in self._waiting:
            return
        if not self._replica.log.takes_part:
            self._let_in_early(session)
        elif self._timer is None:
            self._timer = self._clock.call_later(LOOK_EVERY_S, self._look)

    def holds(self, session: Session, raw: bytes) -> bool:
        """A message of a session that no feed has: whether it waits until the session is let in."""
        if session not in self._waiting:
            return False
        held = self._held.setdefault(session, [])
        if len(held) >= MOST_HELD:
            self._let_in_early(session)
            return False
        held.append(raw)
        return True

    def let_in(self, session: Session | None) -> None:
        """The arrival of a session is in the log; None: that of another node's. A second call does nothing."""
        waiting = None if session is None else self._waiting.pop(session, None)
        if session is not None and waiting is not None:
            waiting[0]()
            self._announcer.welcome(session)

    def forget(self, session: Session) -> None:
        """A session is over. A second call does nothing."""
        self._waiting.pop(session, None)
        self._held.pop(session, None)

    # -- private --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Let nobody wait for a log that does not answer, or not soon."""
        self._timer = None
        is_there, now_s = self._replica.log.takes_part, self._clock.monotonic_s()
        for session, (_, until_s) in list(self._waiting.items()):
            if is_there and now_s < until_s:
                break
            self._let_in_early(session)
        if self._waiting:
            self._timer = self._clock.call_later(LOOK_EVERY_S, self._look)

    def _let_in_early(self, session: Session) -> None:
        self.let_in(session)
        self._has_arrived(session)

    def _has_arrived(self, session: Session) -> None:
        """All that follows from its arrival is told: answer what it has said meanwhile."""
        for raw in self._held.pop(session, ()):
            if not session.is_accepted:
                return
            try:
                session.answer(raw)
            except Exception:  # as where messages are read: it must not reach the log, which was only passing by
                log.exception("session %d failed", session.id, extra={"event": LogEvent.SESSION_FAILED.value})
                session.close(CloseCode.INTERNAL_ERROR, "a fault of the server")
