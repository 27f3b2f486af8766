"""The social side of the store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone

from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.presence import User
from lobby_server.service.social.ports import (
    ChatLine,
    FriendIdsPage,
    FriendshipsPage,
    NewLine,
    StoredAnnouncement,
    StoredBlock,
    StoredFriendship,
    StoredNotification,
    StoredTies,
)

ROWS_PER_PAGE = 1000
DIRECTIONS_PER_PAGE = 2000


class SocialMemory:
    """`TieStore` and `FriendStore` but for whereabouts, `ChatStore`, `NotificationStore`: a part of `MemoryStore` in
    the module beside."""

    def __init__(self) -> None:
        self._requests: dict[int, FriendRequest] = {}
        self._friendships: dict[tuple[int, int], StoredFriendship] = {}
        self._blocks: dict[tuple[int, int], StoredBlock] = {}
        self._lines: dict[int, ChatLine] = {}
        self._notifications: dict[int, StoredNotification] = {}
        self._keys: dict[str, int] = {}
        self._announcements: list[StoredAnnouncement] = []
        self._last_id = 0

    def _check(self, *texts: str | None) -> None:
        raise NotImplementedError

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    # -- friends and blocks ---------------------------------------------------------------------------------------

    async def add_friend_request(self, sender: User, receiver: User, created_at: datetime) -> FriendRequest | None:
        self._check(sender.username, receiver.username)
        pair, other_way = (sender.id, receiver.id), (receiver.id, sender.id)
        if self._friends_since(pair) or pair in self._blocks or self._asked(*other_way) is not None:
            return None
        known = self._asked(*pair)
        if known is not None:
            return known
        made = FriendRequest(self._next_id(), sender, receiver, created_at.astimezone(timezone.utc))
        self._requests[made.id] = made
        return made

    async def delete_friend_request(self, request_id: int) -> None:
        self._check()
        self._requests.pop(request_id, None)

    async def add_friendship(self, asker: User, other: User, since: datetime) -> datetime | None:
        self._check(asker.username, other.username)
        pair, other_way = (asker.id, other.id), (other.id, asker.id)
        known = self._friends_since(pair)
        if known is None:
            is_blocked = pair in self._blocks or other_way in self._blocks
            if is_blocked or self._asked(*pair) is None:
                return None
        self._forget_requests(pair, other_way)
        for user, friend in ((asker, other), (other, asker)):
            made = StoredFriendship(user.id, Friend(friend, known or since.astimezone(timezone.utc)))
            self._friendships.setdefault((user.id, friend.id), made)
        return self._friendships[pair].friend.since

    async def delete_friendship(self, one_id: int, other_id: int) -> None:
        self._check()
        self._friendships.pop((one_id, other_id), None)
        self._friendships.pop((other_id, one_id), None)

    async def add_block(self, user_id: int, blocked: User, since: datetime) -> datetime:
        self._check(blocked.username)
        made = StoredBlock(user_id, blocked, since.astimezone(timezone.utc))
        known = self._blocks.setdefault((user_id, blocked.id), made)
        self._forget_requests((user_id, blocked.id))
        await self.delete_friendship(user_id, blocked.id)
        return known.since

    async def delete_block(self, user_id: int, blocked_id: int) -> None:
        self._check()
        self._blocks.pop((user_id, blocked_id), None)

    async def friend_requests(self) -> list[FriendRequest]:
        self._check()
        return list(self._requests.values())

    async def friendships_after(self, mark: tuple[int, ...] | None) -> FriendshipsPage:
        self._check()
        after = sorted(way for way in self._friendships if mark is None or way > mark)
        ways = after[:DIRECTIONS_PER_PAGE]
        friends = [self._friendships[way].friend for way in ways]
        rows = [(*way, friend.user.username, friend.since) for way, friend in zip(ways, friends, strict=True)]
        return FriendshipsPage(rows, None if len(ways) == len(after) else ways[-1])

    async def friend_ids_after(self, user_id: int) -> FriendIdsPage:
        self._check()
        by_user: dict[int, dict[int, None]] = {}
        for one_id, other_id in sorted(self._friendships):
            if one_id > user_id:
                by_user.setdefault(one_id, {})[other_id] = None
        page: dict[int, dict[int, None]] = {}
        rows = 0
        for one_id in by_user:
            rows += len(by_user[one_id])
            if page and rows > ROWS_PER_PAGE:
                return FriendIdsPage(page, has_more=True)
            page[one_id] = by_user[one_id]
        return FriendIdsPage(page, has_more=False)

    async def ties_between(self, pairs: Sequence[tuple[int, int]]) -> StoredTies:
        self._check()
        ways = {way for pair in pairs for way in (pair, pair[::-1])}
        return StoredTies(
            [each for way, each in sorted(self._friendships.items()) if way in ways],
            [each for each in self._requests.values() if (each.sender.id, each.receiver.id) in ways],
            [each for way, each in sorted(self._blocks.items()) if way in ways],
        )

    async def blocks(self) -> list[StoredBlock]:
        self._check()
        return list(self._blocks.values())

    def _friends_since(self, pair: tuple[int, int]) -> datetime | None:
        """By either of the two rows."""
        row = self._friendships.get(pair) or self._friendships.get(pair[::-1])
        return None if row is None else row.friend.since

    def _asked(self, sender_id: int, receiver_id: int) -> FriendRequest | None:
        for request in self._requests.values():
            if (request.sender.id, request.receiver.id) == (sender_id, receiver_id):
                return request
        return None

    def _forget_requests(self, *directions: tuple[int, int]) -> None:
        for request in list(self._requests.values()):
            if (request.sender.id, request.receiver.id) in directions:
                del self._requests[request.id]

    # -- chat -----------------------------------------------------------------------------------------------------

    async def add_chat_lines(self, lines: Sequence[NewLine]) -> list[ChatLine]:
        for line in lines:
            self._check(line.channel, line.sender.username, line.text)
        self._check()
        made = []
        for line in lines:
            values = {**asdict(line), "sender": line.sender, "sent_at": line.sent_at.astimezone(timezone.utc)}
            made.append(ChatLine(id=self._next_id(), **values))
        self._lines.update({line.id: line for line in made})
        return made

    async def chat_lines(
        self, channel: str, *, reader_id: int, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[ChatLine]:
        self._check(channel)
        found = [
            line
            for line in self._lines.values()
            if line.channel == channel
            and (not line.is_withheld or line.sender.id == reader_id)
            and (before is None or line.id < before)
            and line.sender.id not in hidden_sender_ids
        ]
        return found[-most:]

    async def delete_chat_before(self, moment: datetime) -> None:
        self._check()
        self._lines = {line_id: line for line_id, line in self._lines.items() if line.sent_at >= moment}

    # -- notifications and announcements --------------------------------------------------------------------------

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
        self._check(kind, title, body, room_id or "")
        if key is not None and (known := self._notifications.get(self._keys.get(key, 0))) is not None:
            return known
        made = StoredNotification(
            id=self._next_id(),
            user_id=user_id,
            kind=kind,
            title=title,
            body=body,
            from_user_id=from_user_id,
            created_at=created_at.astimezone(timezone.utc),
            is_read=False,
            is_delivered=is_delivered,
            room_id=room_id,
        )
        self._notifications[made.id] = made
        if key is not None:
            self._keys[key] = made.id
        return made

    async def has_unread_notification(self, user_id: int, *, kind: str, from_user_id: int) -> bool:
        self._check(kind)
        return any(
            (each.kind, each.from_user_id, each.is_read) == (kind, from_user_id, False) for each in self._of(user_id)
        )

    async def notifications(
        self, user_id: int, *, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[StoredNotification]:
        self._check()
        shown = [each for each in self._of(user_id) if each.from_user_id not in hidden_sender_ids]
        found = [each for each in shown if before is None or each.id < before]
        return found[::-1][:most]

    async def unread_notifications(self, user_id: int, *, hidden_sender_ids: Sequence[int] = ()) -> int:
        self._check()
        return sum(not each.is_read and each.from_user_id not in hidden_sender_ids for each in self._of(user_id))

    async def read_notification(self, user_id: int, notification_id: int) -> bool | None:
        self._check()
        found = self._notifications.get(notification_id)
        if found is None or found.user_id != user_id:
            return None
        self._notifications[notification_id] = replace(found, is_read=True, is_delivered=True)
        return not found.is_read

    async def read_invitation(self, user_id: int, *, kind: str, from_user_id: int, room_id: str | None) -> None:
        self._check(kind)
        for each in self._of(user_id):
            if (each.kind, each.from_user_id) == (kind, from_user_id) and room_id in (None, each.room_id):
                self._notifications[each.id] = replace(each, is_read=True, is_delivered=True)

    async def unread_of_kinds(self, kinds: Sequence[str]) -> list[StoredNotification]:
        self._check()
        return [each for each in self._notifications.values() if each.kind in kinds and not each.is_read]

    async def undelivered_notifications(self, user_id: int, *, most: int) -> list[StoredNotification]:
        self._check()
        return [each for each in self._of(user_id) if not each.is_delivered and not each.is_read][:most]

    async def set_delivered(self, user_id: int, *, up_to: int) -> set[int]:
        self._check()
        new = [each for each in self._of(user_id) if each.id <= up_to and not each.is_delivered]
        self._notifications.update({each.id: replace(each, is_delivered=True) for each in new})
        return {each.id for each in new}

    async def users_with_undelivered_notifications(self) -> set[int]:
        self._check()
        return {each.user_id for each in self._notifications.values() if not each.is_delivered and not each.is_read}

    async def delete_notifications_before(self, moment: datetime) -> None:
        self._check()
        for each in list(self._notifications.values()):
            if each.created_at < moment:
                del self._notifications[each.id]

    async def add_announcement(
        self, *, title: str, body: str, author: User, created_at: datetime, ends_at: datetime | None = None
    ) -> StoredAnnouncement:
        self._check(title, body, author.username)
        made = StoredAnnouncement(
            id=self._next_id(),
            title=title,
            body=body,
            author=author,
            created_at=created_at.astimezone(timezone.utc),
            ends_at=None if ends_at is None else ends_at.astimezone(timezone.utc),
        )
        self._announcements.append(made)
        return made

    async def delete_announcement(self, announcement_id: int) -> None:
        self._check()
        self._announcements = [each for each in self._announcements if each.id != announcement_id]

    async def announcements(self, *, most: int) -> list[StoredAnnouncement]:
        self._check()
        return self._announcements[::-1][:most]

    def _of(self, user_id: int) -> list[StoredNotification]:
        return [each for each in self._notifications.values() if each.user_id == user_id]
