"""Who is online. Presence is of users, not of sockets: a reference count per user, and a grace period for users
whose last socket was lost without a close frame.

Invariant: a user is online exactly from an `arrive` that returned True to the departure that `leave` or `expire`
reported; between the two no event tells of that user's other sockets.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A user with a token: what presence, rooms and events say of them."""

    id: int
    username: str


class Presence:
    """The table of users online."""

    def __init__(self, *, grace_s: float = 0.0) -> None:
        """`grace_s`: how long a user whose last socket was lost abruptly still counts as online."""
        self.grace_s = grace_s
        self.flaps_suppressed = 0
        self._users: dict[int, User] = {}
        self._sockets: dict[int, int] = {}
        self._held_until_s: dict[int, float] = {}
        self._deadlines: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._users)

    def is_online(self, user_id: int) -> bool:
        return user_id in self._users

    def user(self, user_id: int) -> User | None:
        """Who that is, if they are online."""
        return self._users.get(user_id)

    def online(self) -> list[User]:
        """Everybody online, in the order in which they came."""
        return list(self._users.values())

    def arrive(self, user: User) -> bool:
        """One more socket of a user was accepted. True: the user came online, which is to be announced."""
        self._sockets[user.id] = self._sockets.get(user.id, 0) + 1
        if self._held_until_s.pop(user.id, None) is not None:
            self.flaps_suppressed += 1
        if user.id in self._users:
            return False
        self._users[user.id] = user
        return True

    def leave(self, user_id: int, *, now_s: float, abrupt: bool) -> User | None:
        """A socket of a user is gone. The user, when that was the last one and is to be announced at once.

        After an abrupt loss with a grace period the answer is None, and `expire` reports the user later.
        """
        left = self._sockets.get(user_id, 0) - 1
        if left > 0:
            self._sockets[user_id] = left
            return None
        self._sockets.pop(user_id, None)
        if abrupt and self.grace_s > 0 and user_id in self._users:
            deadline_s = now_s + self.grace_s
            self._held_until_s[user_id] = deadline_s
            heapq.heappush(self._deadlines, (deadline_s, user_id))
            return None
        return self._users.pop(user_id, None)

    def sign_out(self, user_id: int) -> User | None:
        """End a held absence now: the user, when nothing but the grace period kept them online."""
        if self._held_until_s.pop(user_id, None) is None:
            return None
        return self._users.pop(user_id, None)

    def expire(self, now_s: float) -> list[User]:
        """The users whose grace ended, oldest first. O(expired · log held)."""
        gone: list[User] = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            deadline_s, user_id = heapq.heappop(self._deadlines)
            if self._held_until_s.get(user_id) == deadline_s:
                del self._held_until_s[user_id]
                gone.append(self._users.pop(user_id))
        return gone

    def next_deadline_s(self) -> float | None:
        """When `expire` may have something to report; None: nobody is held."""
        return self._deadlines[0][0] if self._deadlines else None
