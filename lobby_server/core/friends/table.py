"""Who is whose friend since when, and what each friend is called: of all that a lobby holds there may be most of this.

Not the rules of friendship, which are those of `book`. One direction of a friendship is an entry of a dict, from an id
to a moment: no object of its own, and nothing that the garbage collector has to look through. What a user is called is
kept once, and the two directions of a friendship share their moment.

A row of the store says what the friend was called when the two became friends. Where rows of one user differ, as an
outside account service may have given out an id or a name anew, each friendship keeps what its own row says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from lobby_server.core.presence import User

Direction = tuple[int, int, str, datetime]
"""A friendship as a user has it: the user's id, the friend's, what the friend is called, since when."""
_BY_SINCE = itemgetter(1, 0)
"""Of an entry; friends since the same moment by their ids."""


@dataclass(slots=True)
class _Known:
    """What most call a friend: the name by which they were met first."""

    user: User
    times: int
    """Directions that mean it."""


class Friendships:
    """A table of directions. It asks for no symmetry: rows are taken up one by one."""

    def __init__(self) -> None:
        self._since: dict[int, dict[int, datetime]] = {}
        self._known: dict[int, _Known] = {}
        self._otherwise: dict[tuple[int, int], User] = {}
        """What a user's own row calls a friend whom others call something else."""
        self._lone = 0
        """Directions without the other one."""

    # -- questions ------------------------------------------------------------------------------------------------

    def user_ids(self) -> Iterable[int]:
        """Of everybody who has friends."""
        return self._since.keys()

    def ids(self, user_id: int) -> Iterable[int]:
        return self._since.get(user_id, {}).keys()

    def count(self, user_id: int) -> int:
        return len(self._since.get(user_id, ()))

    def has(self, user_id: int, friend_id: int) -> bool:
        return friend_id in self._since.get(user_id, ())

    def of(self, user_id: int) -> Iterator[tuple[User, datetime]]:
        """The friends of a user and since when, in the order in which they were added."""
        for friend_id, since in self._since.get(user_id, {}).items():
            yield self.friend(user_id, friend_id), since

    def friend(self, user_id: int, friend_id: int) -> User:
        """What a user's friend is called. They have to be one."""
        return self._otherwise.get((user_id, friend_id)) or self._known[friend_id].user

    def halves(self) -> Iterator[tuple[int, User, datetime] | None]:
        """Directions without the other one; None after each user. O(friendships), or O(1) where there are none."""
        for user_id, friends in self._since.items() if self._lone else ():
            for friend_id in friends:
                if not self.has(friend_id, user_id):
                    yield user_id, self.friend(user_id, friend_id), friends[friend_id]
            yield None

    # -- changes --------------------------------------------------------------------------------------------------

    def add(self, rows: Iterable[Direction]) -> None:
        """A direction that is there already keeps its place and takes the rest."""
        by_user, known_of = self._since, self._known
        for user_id, friend_id, username, since in rows:
            friends = by_user.get(user_id)
            if friends is None:
                friends = by_user[user_id] = {}
            is_new = friend_id not in friends
            if not is_new:
                self._forget_name(user_id, friend_id)
            known = known_of.get(friend_id)
            if known is None:
                known = known_of[friend_id] = _Known(User(friend_id, username), 0)
            user = known.user
            if user.username == username:
                known.times += 1
            else:
                user = self._otherwise[user_id, friend_id] = User(friend_id, username)
            theirs = by_user.get(friend_id)
            other_way = None if theirs is None else theirs.get(user_id)
            if is_new:
                self._lone += 1 if other_way is None else -1
            if other_way == since:
                since = other_way
            friends[user.id] = since

    def discard(self, user_id: int, friend_id: int) -> None:
        """One direction; and who has no friends costs nothing. None there: nothing happens."""
        friends = self._since.get(user_id, {})
        if friends.pop(friend_id, None) is not None:
            self._forget_name(user_id, friend_id)
            self._lone += 1 if self.has(friend_id, user_id) else -1
            if not friends:
                del self._since[user_id]

    def in_order(self) -> Iterator[None]:
        """Have each user's friends stand in the order in which they became friends; comes back after each user.
        O(friendships), if they were added nearly so."""
        for user_id, friends in self._since.items():
            entries = list(friends.items())
            ordered = sorted(entries, key=_BY_SINCE)
            if ordered != entries:
                self._since[user_id] = dict(ordered)
            yield

    def clear(self) -> None:
        self._since.clear()
        self._known.clear()
        self._otherwise.clear()
        self._lone = 0

    # -- private --------------------------------------------------------------------------------------------------

    def _forget_name(self, user_id: int, friend_id: int) -> None:
        if self._otherwise.pop((user_id, friend_id), None) is None:
            known = self._known[friend_id]
            known.times -= 1
            if not known.times:
                del self._known[friend_id]
