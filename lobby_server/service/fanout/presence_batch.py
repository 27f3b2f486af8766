"""Presence for clients that asked for it in batches: who came online and went offline within a tick, in one message.

A user who was on and off within the tick, or off and on, is in neither list; unless a session came in between, which
may have seen the state in between (it fetches who is online): then the last state is told to all. With several nodes
any session may have seen it, by way of a node that was ahead of this one: then the last state is always told.
"""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.protocol.messages import PresenceChanged
from lobby_server.protocol.parts import encode_frames
from lobby_server.protocol.resources import OnlineUser


class PresenceBatch:
    """The changes of one tick."""

    def __init__(self, *, is_shared: bool = False) -> None:
        """`is_shared`: whether other nodes answer who is online, too."""
        self._is_shared = is_shared
        self._changes: dict[int, tuple[User, bool, int]] = {}
        self._newcomers = 0

    def __len__(self) -> int:
        return len(self._changes)

    def newcomer(self) -> None:
        """A session came that will hear this tick."""
        self._newcomers += 1

    def note(self, user: User, *, is_online: bool) -> None:
        """A user came or went. Comings and goings of one user alternate, so a second one undoes the first."""
        earlier = self._changes.pop(user.id, None)
        if earlier is None or self._is_shared or earlier[2] != self._newcomers:
            self._changes[user.id] = (user, is_online, self._newcomers)

    def take_frames(self) -> list[bytes]:
        """The frames of the tick, one for each part; none: nobody came or went. The next tick starts empty."""
        if not self._changes:
            return []
        changes, self._changes = self._changes, {}
        online: list[OnlineUser] = []
        offline: list[OnlineUser] = []
        for user, is_online, _ in changes.values():
            (online if is_online else offline).append(OnlineUser(user_id=user.id, username=user.username))
        return encode_frames(PresenceChanged(online=online, offline=offline))
