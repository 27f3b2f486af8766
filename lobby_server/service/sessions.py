"""The directory of sessions: every open socket, and the accepted ones by user.

Rules ask it which sockets a user has and which version of the game; it writes nothing and decides nothing but whether
there is place for one more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from lobby_server.core.presence import FEW
from lobby_server.service.ports import Transport
from lobby_server.service.session import Rules, Session


class Sessions:
    """From `open` to `discard` a session is open; from `accepted` to `gone` it belongs to its user's."""

    def __init__(self, *, limit: int) -> None:
        """`limit`: open sockets."""
        self.limit = limit
        self._open: dict[Session, None] = {}  # in the order of their coming, the same in every run
        self._by_user: dict[int, list[Session] | dict[Session, None]] = {}  # the oldest first
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """Open sockets, accepted or not."""
        return len(self._open)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._open)

    @property
    def is_full(self) -> bool:
        return len(self._open) >= self.limit

    def open(
        self,
        rules: Rules,
        transport: Transport,
        *,
        address: str = "",
        deflates: bool = False,
        waited_s: float = 0.0,
    ) -> Session:
        """A socket was upgraded: its session. The caller looks at `is_full` first. `address`: of the client, for the
        log. `deflates`: the client takes compressed frames. `waited_s`: what is gone of the time for a handshake."""
        session = Session(
            rules,
            transport,
            session_id=next(self._numbers),
            address=address,
            deflates=deflates,
            waited_s=waited_s,
        )
        self._open[session] = None
        return session

    def discard(self, session: Session) -> None:
        """A socket is gone. A second call does nothing."""
        self._open.pop(session, None)

    def accepted_ones(self) -> list[Session]:
        """Those of all users, guests left out."""
        return [session for sessions in self._by_user.values() for session in sessions]

    def timers_stood_still(self) -> None:
        """The machine was suspended. O(open sockets)."""
        for session in self._open:
            session.timers_stood_still()

    # -- by user --------------------------------------------------------------------------------------------------

    def accepted(self, session: Session) -> None:
        """A handshake held: the session is one of its user's."""
        own = self._by_user.get(session.user.id)
        if own is None:
            self._by_user[session.user.id] = [session]  # one that began empty would have place for four
            return
        if isinstance(own, dict):
            own[session] = None
            return
        own.append(session)
        if len(own) > FEW:
            self._by_user[session.user.id] = dict.fromkeys(own)

    def gone(self, session: Session) -> None:
        """A session that was accepted is over. A second call does nothing."""
        own = self._by_user.get(session.user.id, [])
        if session not in own:
            return
        if isinstance(own, dict):
            del own[session]
        else:
            own.remove(session)
        if not own:
            del self._by_user[session.user.id]

    def of_user(self, user_id: int) -> tuple[Session, ...]:
        """The accepted sessions of one user, oldest first: tabs, devices."""
        return tuple(self._by_user.get(user_id, ()))

    def of_users(self, user_ids: Iterable[int]) -> list[Session]:
        """The accepted sessions of some users. No call per user: what is told to a room asks for all at once."""
        by_user = self._by_user
        return [session for user_id in user_ids for session in by_user.get(user_id, ())]

    def has_any(self, user_id: int) -> bool:
        """Whether a user has an accepted session."""
        return user_id in self._by_user

    def version_of(self, user_id: int) -> str | None:
        """The version of the game that a user's oldest session runs; None: no session."""
        return next((session.version for session in self._by_user.get(user_id, ())), None)
