"""Friendships, and friend requests.

Invariants, checked by a state machine in the tests:

* Friendship goes both ways. Two friends have no request between them, and nobody is their own friend.
* Between two users there is at most one request: a second one in the other direction makes them friends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

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
        self._friends: dict[int, dict[int, Friend]] = {}
        self._requests: dict[int, FriendRequest] = {}
        self._sent: dict[int, dict[int, FriendRequest]] = {}
        self._received: dict[int, dict[int, FriendRequest]] = {}

    # -- questions ------------------------------------------------------------------------------------------------

    def friends_of(self, user_id: int) -> list[Friend]:
        """In the order in which they became friends, as far as that is known."""
        return list(self._friends.get(user_id, {}).values())

    def friend_ids(self, user_id: int) -> Iterable[int]:
        return self._friends.get(user_id, {}).keys()

    def are_friends(self, one_id: int, other_id: int) -> bool:
        return other_id in self._friends.get(one_id, {})

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
                return self._friends[friend_id][user_id].user.username
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
        if max(len(self._friends.get(one_id, {})), len(self._friends.get(other_id, {}))) >= MAX_FRIENDS:
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
        self.restore(one.id, Friend(other, since))
        self.restore(other.id, Friend(one, since))

    def halves(self) -> Iterator[tuple[int, Friend] | None]:
        """Whom only one of two is a friend of, as an earlier life of the server may have left it; None in between."""
        for user_id, friends in self._friends.items():
            for friend in friends.values():
                yield None if self.are_friends(friend.user.id, user_id) else (user_id, friend)

    def restore(self, user_id: int, friend: Friend) -> None:
        """One direction of a friendship of an earlier life of the server."""
        self._friends.setdefault(user_id, {})[friend.user.id] = friend

    def part(self, one_id: int, other_id: int) -> bool:
        """They are friends no more; False: they were none."""
        were_friends = self.are_friends(one_id, other_id)
        _discard(self._friends, one_id, other_id)
        _discard(self._friends, other_id, one_id)
        return were_friends

    # -- as values ------------------------------------------------------------------------------------------------

    def user_ids(self) -> Iterable[int]:
        """Of everybody who has friends."""
        return self._friends.keys()

    def requests(self) -> list[FriendRequest]:
        """All that wait for an answer, oldest first."""
        return list(self._requests.values())

    def load(self, friends: Iterable[tuple[int, Friend]], requests: Iterable[FriendRequest]) -> None:
        """Be what `friends_of` and `requests` said."""
        self._friends, self._requests, self._sent, self._received = {}, {}, {}, {}
        for user_id, friend in friends:
            self.restore(user_id, friend)
        for request in requests:
            self.add_request(request)


def _discard(table: dict[int, dict[int, Friend]] | dict[int, dict[int, FriendRequest]], row: int, column: int) -> None:
    """Take an entry out, and its row when that was the last one: who has no friends costs nothing."""
    entries = table.get(row)
    if entries is not None:
        entries.pop(column, None)
        if not entries:
            del table[row]
