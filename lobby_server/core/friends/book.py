"""Friendships, and friend requests.

Invariants, checked by a state machine in the tests:

* Friendship goes both ways. Two friends have no request between them, and nobody is their own friend.
* Between two users there is at most one request: a second one in the other direction makes them friends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lobby_server.core.friends.table import Direction, Friendships
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode

MAX_FRIENDS = 500
"""Per user: a user who comes online is announced to that many friends."""
MAX_OPEN_REQUESTS = 100
"""Per user: requests that wait for an answer."""


@dataclass(frozen=True)
class Friend:
    """A friend as the other one sees them."""

    user: User
    since: datetime


@dataclass(frozen=True)
class FriendRequest:
    """`sender` would like to be a friend of `receiver`."""

    id: int
    sender: User
    receiver: User
    created_at: datetime


class FriendBook:
    """All friendships and all open requests."""

    def __init__(self) -> None:
        self._friends = Friendships()
        self._requests: dict[int, FriendRequest] = {}
        self._sent: dict[int, dict[int, FriendRequest]] = {}
        self._received: dict[int, dict[int, FriendRequest]] = {}

    # -- questions ------------------------------------------------------------------------------------------------

    def friends_of(self, user_id: int) -> list[Friend]:
        """In the order in which they became friends, as far as that is known."""
        return [Friend(user, since) for user, since in self._friends.of(user_id)]

    def friend_ids(self, user_id: int) -> Iterable[int]:
        return self._friends.ids(user_id)

    def are_friends(self, one_id: int, other_id: int) -> bool:
        return self._friends.has(one_id, other_id)

    def request(self, request_id: int) -> FriendRequest | None:
        return self._requests.get(request_id)

    def request_between(self, sender_id: int, receiver_id: int) -> FriendRequest | None:
        return self._sent.get(sender_id, {}).get(receiver_id)

    def sent_by(self, user_id: int) -> list[FriendRequest]:
        return list(self._sent.get(user_id, {}).values())

    def received_by(self, user_id: int) -> list[FriendRequest]:
        return list(self._received.get(user_id, {}).values())

    def name_of(self, user_id: int) -> str | None:
        """What a user is called, as far as their friends and requests know."""
        for request in (*self.sent_by(user_id), *self.received_by(user_id)):
            return (request.sender if request.sender.id == user_id else request.receiver).username
        for friend_id in self.friend_ids(user_id):
            if self.are_friends(friend_id, user_id):
                return self._friends.friend(friend_id, user_id).username
        return None

    def check_may_ask(self, sender_id: int, receiver_id: int) -> None:
        """Raise `Refusal`: ``invalid_target``, ``already_friends``, ``limit_reached``."""
        if sender_id == receiver_id:
            raise Refusal(RefusalCode.INVALID_TARGET)
        if self.are_friends(sender_id, receiver_id):
            raise Refusal(RefusalCode.ALREADY_FRIENDS)
        if len(self._sent.get(sender_id, {})) >= MAX_OPEN_REQUESTS:
            raise Refusal(RefusalCode.LIMIT_REACHED)

    def check_may_befriend(self, one_id: int, other_id: int) -> None:
        """Raise `Refusal`: ``limit_reached``, when either has as many friends as one may have."""
        if max(self._friends.count(one_id), self._friends.count(other_id)) >= MAX_FRIENDS:
            raise Refusal(RefusalCode.LIMIT_REACHED)

    # -- changes --------------------------------------------------------------------------------------------------

    def add_request(self, request: FriendRequest) -> None:
        self._requests[request.id] = request
        self._sent.setdefault(request.sender.id, {})[request.receiver.id] = request
        self._received.setdefault(request.receiver.id, {})[request.sender.id] = request

    def remove_request(self, request: FriendRequest) -> None:
        """A second time does nothing."""
        if self._requests.pop(request.id, None) is not None:
            _discard(self._sent, request.sender.id, request.receiver.id)
            _discard(self._received, request.receiver.id, request.sender.id)

    def befriend(self, one: User, other: User, since: datetime) -> None:
        """From now on they are friends, and nobody has to be asked any more."""
        for sender, receiver in ((one, other), (other, one)):
            request = self.request_between(sender.id, receiver.id)
            if request is not None:
                self.remove_request(request)
        self.restore([(one.id, other.id, other.username, since), (other.id, one.id, one.username, since)])

    def halves(self) -> Iterator[tuple[int, User, datetime] | None]:
        """Whom only one of two is a friend of, as an earlier life of the server may have left it; None after each
        user. O(friendships)."""
        return self._friends.halves()

    def restore(self, rows: Iterable[Direction]) -> None:
        """Single directions of friendships of an earlier life of the server, in any order."""
        self._friends.add(rows)

    def in_order(self) -> Iterator[None]:
        """Order what was restored as `friends_of` says; comes back after each user. O(friendships)."""
        return self._friends.in_order()

    def part(self, one_id: int, other_id: int) -> bool:
        """They are friends no more; False: they were none."""
        were_friends = self.are_friends(one_id, other_id)
        self._friends.discard(one_id, other_id)
        self._friends.discard(other_id, one_id)
        return were_friends

    # -- as values ------------------------------------------------------------------------------------------------

    def user_ids(self) -> Iterable[int]:
        """Of everybody who has friends."""
        return self._friends.user_ids()

    def requests(self) -> list[FriendRequest]:
        """All that wait for an answer, oldest first."""
        return list(self._requests.values())

    def friendships(self) -> Iterator[tuple[int, User, datetime]]:
        """All directions: by the ids of their users, of each in the order of `friends_of`."""
        for user_id in sorted(self._friends.user_ids()):
            for user, since in self._friends.of(user_id):
                yield user_id, user, since

    def load(self, friends: Iterable[tuple[int, User, datetime]], requests: Iterable[FriendRequest]) -> None:
        """Be what `friendships` and `requests` said."""
        self._friends.clear()
        self._requests, self._sent, self._received = {}, {}, {}
        self.restore((user_id, user.id, user.username, since) for user_id, user, since in friends)
        for request in requests:
            self.add_request(request)


def _discard(table: dict[int, dict[int, FriendRequest]], row: int, column: int) -> None:
    """Take an entry out, and its row when that was the last one: who has no requests costs nothing."""
    entries = table.get(row)
    if entries is not None:
        entries.pop(column, None)
        if not entries:
            del table[row]
