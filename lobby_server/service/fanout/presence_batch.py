"""Presence for clients that asked for it in batches: who came online and went offline within a tick, in one message.

A user who was on and off within the tick, or off and on, is in neither list. That holds only while no session can know
the state in between: one that came meanwhile may (it fetches who is online), and with several nodes any session may, by
way of a node that was ahead of this one. Then the first change is told in a message of its own, and the second in the
next one of the same tick. So whatever a session knows, it ends with the truth, and it is not told the same twice in a
row.
"""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.protocol.messages import PresenceChanged
from lobby_server.protocol.parts import encode_frames
from lobby_server.protocol.resources import OnlineUser

_Changes = dict[int, tuple[User, bool, int]]
"""By user id: whether they are online now, and how many newcomers there were by then."""


class PresenceBatch:
    """The changes of one tick."""

    def __init__(self, *, is_shared: bool = False) -> None:
        """`is_shared`: whether other nodes answer who is online, too."""
        self._is_shared = is_shared
        self._changes: _Changes = {}
        self._before: list[_Changes] = []
        """What goes out ahead of them, a message each."""
        self._newcomers = 0

    def __len__(self) -> int:
        return len(self._changes) + sum(map(len, self._before))

    def newcomer(self) -> None:
        """A session came that will hear this tick."""
        self._newcomers += 1

    def note(self, user: User, *, is_online: bool) -> None:
        """A user came or went. Comings and goings of one user alternate, so a second one undoes the first, or follows
        it."""
        earlier = self._changes.get(user.id)
        if earlier is None:
            self._changes[user.id] = (user, is_online, self._newcomers)
        elif self._is_shared or earlier[2] != self._newcomers:
            self._before.append(self._changes)
            self._changes = {user.id: (user, is_online, self._newcomers)}
        else:
            del self._changes[user.id]

    def take_frames(self) -> list[bytes]:
        """The frames of the tick, one for each part of each message; none: nobody came or went. The next tick starts
        empty."""
        if not self._changes and not self._before:
            return []
        batches, self._before = [*self._before, self._changes], []
        self._changes = {}
        return [frame for changes in batches if changes for frame in _frames(changes)]


def _frames(changes: _Changes) -> list[bytes]:
    online: list[OnlineUser] = []
    offline: list[OnlineUser] = []
    for user, is_online, _ in changes.values():
        (online if is_online else offline).append(OnlineUser(user_id=user.id, username=user.username))
    return encode_frames(PresenceChanged(online=online, offline=offline))
