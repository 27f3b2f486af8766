"""What the social side of the lobby needs from a store, as protocols: friends and blocks, chat, notifications and
announcements. `lobby_server.service.ports.Store` is all of them together, and its promises hold here too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lobby_server.core.friends import Direction, Friend, FriendRequest
from lobby_server.core.presence import User
from lobby_server.protocol.requests import Audience


@dataclass(frozen=True)
class StoredFriendship:
    """A friendship, as one of its two directions."""

    user_id: int
    friend: Friend


@dataclass(frozen=True)
class StoredBlock:
    """`user_id` wants to hear nothing of `blocked`."""

    user_id: int
    blocked: User
    since: datetime


@dataclass(frozen=True)
class FriendshipsPage:
    """Some directions of friendships, of however many there are."""

    rows: Sequence[Direction]
    mark: tuple[int, ...] | None
    """Where the next one begins, for `FriendStore.friendships_after`; None: there is none."""


@dataclass(frozen=True)
class FriendIdsPage:
    """Who has whom as a friend, one direction each."""

    by_user: dict[int, dict[int, None]]
    """In the order of their ids, as the friends of each."""
    has_more: bool
    """Of users with higher ids."""


@dataclass(frozen=True)
class StoredTies:
    """What is between some users."""

    friendships: list[StoredFriendship]
    requests: list[FriendRequest]
    blocks: list[StoredBlock]


@dataclass(frozen=True, kw_only=True)
class NewLine:
    """A line of chat before it has its number. `channel` is the store's key, the same for both ends of a direct one."""

    channel: str
    sender: User
    text: str
    sent_at: datetime
    is_withheld: bool = False
    """Only its sender reads it: the other one had blocked them when it was said."""


@dataclass(frozen=True, kw_only=True)
class ChatLine(NewLine):
    """A line of chat that is kept. Ids go up in the order in which lines were said."""

    id: int


@dataclass(frozen=True, kw_only=True)
class StoredNotification:
    """Something that its user should know, also when they were not there."""

    id: int
    user_id: int
    kind: str
    title: str
    body: str
    from_user_id: int
    created_at: datetime
    is_read: bool
    is_delivered: bool
    """Told over a socket; if not, the next login tells it."""
    room_id: str | None = None
    """Where it invites to. The room may be gone by the time that it is read."""


@dataclass(frozen=True, kw_only=True)
class StoredAnnouncement:
    """A message from an administrator to all clients."""

    id: int
    title: str
    body: str
    author: User
    created_at: datetime
    ends_at: datetime | None = None


class TieStore(Protocol):
    """Changes of requests, friendships, blocks, and of who lets whom know where they are:
    `lobby_server.service.writes.gated.GatedStore` hands them out."""

    async def add_friend_request(self, sender: User, receiver: User, created_at: datetime) -> FriendRequest | None:
        """A request with the next free id; the one that is there already, if there is one. None, and nothing is
        written: they are friends, the receiver has asked the sender, or the sender blocks the receiver."""

    async def delete_friend_request(self, request_id: int) -> None:
        """No such request: nothing happens."""

    async def add_friendship(self, asker: User, other: User, since: datetime) -> datetime | None:
        """Both directions, and the requests between the two are gone. Since when they are friends: a second time
        changes nothing. None, and nothing is written: the asker has not asked, or does no more, or one of them blocks
        the other."""

    async def delete_friendship(self, one_id: int, other_id: int) -> None:
        """Both directions. No friends: nothing happens."""

    async def add_block(self, user_id: int, blocked: User, since: datetime) -> datetime:
        """Together with it goes a friendship of the two, and what the one who blocks had asked of the other. Since when
        it stands: a second time changes nothing."""

    async def delete_block(self, user_id: int, blocked_id: int) -> None:
        """No such block: nothing happens."""

    async def set_whereabouts(self, user_id: int, audience: Audience) -> None:
        """Keep whom a user lets know in which room they are. It need be no user of the local table."""


class FriendStore(Protocol):
    """Requests, friendships, blocks and whereabouts as they are."""

    async def friend_requests(self) -> list[FriendRequest]:
        """All of them, oldest first."""

    async def friendships_after(self, mark: tuple[int, ...] | None) -> FriendshipsPage:
        """Up to two thousand directions, in an order of the store's own. `mark`: that of the page before; None: the
        first page. Over all pages each direction once, if nobody writes meanwhile."""

    async def friend_ids_after(self, user_id: int) -> FriendIdsPage:
        """About a thousand rows, of the users with the lowest ids above `user_id`, and of each of these all."""

    async def ties_between(self, pairs: Sequence[tuple[int, int]]) -> StoredTies:
        """All directions and both ways, between the two of each pair of ids and nobody else. O(pairs)."""

    async def whereabouts_of(self, user_ids: Sequence[int]) -> dict[int, Audience]:
        """As `whereabouts`, of some users. O(those)."""

    async def blocks(self) -> list[StoredBlock]:
        """All of them, in no order."""

    async def whereabouts(self) -> dict[int, Audience]:
        """What each user has chosen who has chosen at all."""


async def pages_of_friendships(store: FriendStore) -> AsyncIterator[Sequence[Direction]]:
    """All directions, page by page: whoever asks need not hold them all. Raises `StoreUnavailable`."""
    page = await store.friendships_after(None)
    yield page.rows
    while page.mark is not None:
        page = await store.friendships_after(page.mark)
        yield page.rows


class ChatStore(Protocol):
    """What was said."""

    async def add_chat_lines(self, lines: Sequence[NewLine]) -> list[ChatLine]:
        """The same lines, numbered in their order. All are kept, or none."""

    async def chat_lines(
        self, channel: str, *, reader_id: int, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[ChatLine]:
        """The last `most` lines before an id that a user may read, oldest first, without those of some senders."""

    async def delete_chat_before(self, moment: datetime) -> None: ...


class NotificationStore(Protocol):
    """Notifications and announcements."""

    async def add_notification(
        self,
        *,
        user_id: int,
        kind: str,
        title: str,
        body: str,
        from_user_id: int,
        created_at: datetime,
        is_delivered: bool,
        room_id: str | None = None,
        key: str | None = None,
    ) -> StoredNotification:
        """One more, or the one that was added with the same `key`; None is a key of its own each time."""

    async def has_unread_notification(self, user_id: int, *, kind: str, from_user_id: int) -> bool: ...

    async def notifications(
        self, user_id: int, *, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[StoredNotification]:
        """The last `most` before an id, newest first, without those of some senders."""

    async def unread_notifications(self, user_id: int, *, hidden_sender_ids: Sequence[int] = ()) -> int: ...

    async def read_notification(self, user_id: int, notification_id: int) -> bool | None:
        """True: it is read from now on. False: it was before, and nothing has changed. None: they have no such one."""

    async def read_invitation(self, user_id: int, *, kind: str, from_user_id: int, room_id: str | None) -> None:
        """Whatever of that kind is unread of a sender counts as read; `room_id`: only what invites into that room."""

    async def unread_of_kinds(self, kinds: Sequence[str]) -> list[StoredNotification]:
        """What is unread of some kinds, of all users, oldest first."""

    async def undelivered_notifications(self, user_id: int, *, most: int) -> list[StoredNotification]:
        """The first `most` unread ones that were not told yet, oldest first."""

    async def set_delivered(self, user_id: int, *, up_to: int) -> set[int]:
        """Everything of a user up to that id counts as told. The ids of those that did not until now: of several calls
        at once each is given to one."""

    async def users_with_undelivered_notifications(self) -> set[int]: ...

    async def delete_notifications_before(self, moment: datetime) -> None: ...

    async def add_announcement(
        self, *, title: str, body: str, author: User, created_at: datetime, ends_at: datetime | None = None
    ) -> StoredAnnouncement: ...

    async def delete_announcement(self, announcement_id: int) -> None:
        """No such announcement: nothing happens."""

    async def announcements(self, *, most: int) -> list[StoredAnnouncement]:
        """The last ones, newest first."""
