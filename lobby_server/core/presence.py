"""Who is online. Presence is of users, not of sockets: a user is online while some node holds a socket of theirs, and
for a grace period after the last one was lost without a close frame.

Invariant: a user is online exactly from an `arrive` that returned True to the departure that `leave` or `expire`
reported; between the two no event tells of that user's other sockets.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A user with a token: what presence, rooms and events say of them."""

    id: int
    username: str


Socket = tuple[str, int, str | None]
"""The node that holds it, its number there, and the version of the game at its other end."""
FEW = 8
"""Sockets of one user that stand in a tuple, which costs 8 bytes each. Those of a user with more are in a dict, where
one that goes is not looked for: a load test, or a service behind one account, may hold thousands."""
_Few = tuple[Socket, ...]
_Many = dict[tuple[str, int], str | None]
"""Node and number: the version."""


class Presence:
    """The table of users online."""

    def __init__(self, *, grace_s: float = 0.0) -> None:
        """`grace_s`: how long a user whose last socket was lost abruptly still counts as online."""
        self.grace_s = grace_s
        self.flaps_suppressed = 0
        self._users: dict[int, User] = {}
        self._sockets: dict[int, _Few | _Many] = {}  # the oldest first
        self._held_until_s: dict[int, float] = {}
        self._lost_with_node: set[int] = set()
        """Of those who are held, or were until just now, whose last socket went with its node."""
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

    def has_socket(self, user_id: int) -> bool:
        """Whether a user has an accepted socket, on whichever node."""
        return user_id in self._sockets

    def version_of(self, user_id: int) -> str | None:
        """The version of the game that a user's oldest socket has; None: no socket."""
        sockets = self._sockets.get(user_id)
        if not sockets:
            return None
        return sockets[0][2] if isinstance(sockets, tuple) else next(iter(sockets.values()))

    def sockets_by_node(self) -> dict[str, int]:
        """How many accepted sockets each node holds. O(sockets)."""
        counts: dict[str, int] = {}
        for sockets in self._sockets.values():
            for node, *_ in _listed(sockets):
                counts[node] = counts.get(node, 0) + 1
        return counts

    def arrive(self, user: User, *, node: str = "", socket: int = 0, version: str | None = None) -> bool:
        """One more socket of a user was accepted. True: the user came online, which is to be announced."""
        user_id = user.id
        sockets = self._sockets.get(user_id)
        if sockets is None:
            self._sockets[user_id] = ((node, socket, version),)
        elif isinstance(sockets, tuple):
            self._sockets[user_id] = _kept((*sockets, (node, socket, version)))
        else:
            sockets[node, socket] = version
        if self._held_until_s and self._held_until_s.pop(user_id, None) is not None:
            self.flaps_suppressed += 1
            self._lost_with_node.discard(user_id)
        if user_id in self._users:
            return False
        self._users[user_id] = user
        return True

    def leave(self, user_id: int, *, now_s: float, abrupt: bool, node: str = "", socket: int = 0) -> User | None:
        """A socket of a user is gone. The user, when that was the last one and is to be announced at once.

        After an abrupt loss with a grace period the answer is None, and `expire` reports the user later. A socket that
        had not arrived, or is gone already: nothing happens.
        """
        sockets = self._sockets.get(user_id)
        if sockets is None:
            return None
        if isinstance(sockets, tuple):
            at = next((at for at, each in enumerate(sockets) if each[1] == socket and each[0] == node), -1)
            if at < 0:
                return None
            if len(sockets) > 1:
                self._sockets[user_id] = (*sockets[:at], *sockets[at + 1 :])
                return None
        else:
            sockets.pop((node, socket), None)
            if len(sockets) <= FEW // 2:
                self._sockets[user_id] = _listed(sockets)
            return None
        del self._sockets[user_id]
        return self._lost_last(user_id, now_s=now_s, grace_s=self.grace_s if abrupt else 0.0)

    def lose_node(self, node: str, *, now_s: float, grace_s: float) -> list[User]:
        """All sockets of a node are gone; users who had no other one are held for `grace_s`. Those who are to be
        announced at once, in the order in which they came online. O(users)."""
        gone: list[User] = []
        for user_id in list(self._users):  # in an order that an image keeps, other than that of the sockets
            sockets = _listed(self._sockets.get(user_id, ()))
            left = tuple(each for each in sockets if each[0] != node)
            if len(left) == len(sockets):
                continue
            if left:
                self._sockets[user_id] = _kept(left)
            else:
                del self._sockets[user_id]
                user = self._lost_last(user_id, now_s=now_s, grace_s=grace_s)
                if user is not None:
                    gone.append(user)
                else:
                    self._lost_with_node.add(user_id)
        return gone

    def sign_out(self, user_id: int) -> User | None:
        """End a held absence now: the user, when nothing but the grace period kept them online."""
        if self._held_until_s.pop(user_id, None) is None:
            return None
        self._lost_with_node.discard(user_id)
        return self._users.pop(user_id, None)

    def was_lost_with_node(self, user_id: int) -> bool:
        """Whether a user whose grace `expire` has just ended was held because of a node, and not of a loss of their
        own. A second time: no."""
        if user_id not in self._lost_with_node:
            return False
        self._lost_with_node.remove(user_id)
        return True

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

    # -- as values ------------------------------------------------------------------------------------------------

    def sockets(self) -> Iterable[tuple[int, tuple[Socket, ...]]]:
        """By user id, in no order; those of one user oldest first."""
        return ((user_id, _listed(sockets)) for user_id, sockets in self._sockets.items())

    def held(self) -> list[tuple[int, float]]:
        """Users who are held, and until when."""
        return sorted(self._held_until_s.items())

    def lost_with_node(self) -> list[int]:
        """Users who are held because of a node."""
        return sorted(self._lost_with_node)

    def load(
        self,
        users: Iterable[User],
        sockets: Iterable[tuple[int, Sequence[Socket]]],
        held: Iterable[tuple[int, float]],
        lost_with_node: Iterable[int],
    ) -> None:
        """Be what `online`, `sockets`, `held` and `lost_with_node` said."""
        self._users = {user.id: user for user in users}
        self._sockets = {
            user_id: _kept(tuple((node, number, version and sys.intern(version)) for node, number, version in each))
            for user_id, each in sockets
        }
        self._held_until_s = dict(held)
        self._lost_with_node = set(lost_with_node)
        self._deadlines = sorted((until_s, user_id) for user_id, until_s in self._held_until_s.items())

    # -- private --------------------------------------------------------------------------------------------------

    def _lost_last(self, user_id: int, *, now_s: float, grace_s: float) -> User | None:
        if grace_s > 0 and user_id in self._users:
            deadline_s = now_s + grace_s
            self._held_until_s[user_id] = deadline_s
            heapq.heappush(self._deadlines, (deadline_s, user_id))
            return None
        return self._users.pop(user_id, None)


def _kept(sockets: _Few) -> _Few | _Many:
    """As they are kept: in the same order."""
    return sockets if len(sockets) <= FEW else {(node, number): version for node, number, version in sockets}


def _listed(sockets: _Few | _Many) -> _Few:
    """As values: in the same order."""
    if isinstance(sockets, tuple):
        return sockets
    return tuple((node, number, version) for (node, number), version in sockets.items())
