"""Friends, requests and blocks on SQL. What belongs together is one transaction."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select

from lobby_server.core.friends import Friend, FriendRequest
from lobby_server.core.presence import User
from lobby_server.service.ports import StoreError
from lobby_server.service.social.ports import StoredBlock, StoredFriendship
from lobby_server.store.calls import SqlCalls
from lobby_server.store.engines import in_transaction
from lobby_server.store.errors import RowConflict
from lobby_server.store.tables import blocks, friend_requests, friendships


class SqlFriends(SqlCalls):
    """`TieStore` and `FriendStore` of `lobby_server.service.social.ports`, but for whereabouts."""

    async def add_friend_request(self, sender: User, receiver: User, created_at: datetime) -> FriendRequest:
        new_request = insert(friend_requests).values(
            sender_id=sender.id,
            sender_username=sender.username,
            receiver_id=receiver.id,
            receiver_username=receiver.username,
            created_at=created_at,
        )

        def add(connection: Connection) -> int:
            key: Any = connection.execute(new_request).inserted_primary_key
            return int(key.id)

        try:
            request_id = await self._run(add)
        except RowConflict as conflict:
            there = and_(friend_requests.c.sender_id == sender.id, friend_requests.c.receiver_id == receiver.id)
            row = await self._first(select(friend_requests).where(there))
            if row is None:
                raise StoreError("A friend request came and went at once.") from conflict
            return _request(row)
        return FriendRequest(request_id, sender, receiver, created_at.astimezone(timezone.utc))

    async def delete_friend_request(self, request_id: int) -> None:
        await self._do(delete(friend_requests).where(friend_requests.c.id == request_id))

    async def add_friendship(self, one: User, other: User, since: datetime) -> None:
        directions = [
            {"user_id": user.id, "friend_id": friend.id, "friend_username": friend.username, "since": since}
            for user, friend in ((one, other), (other, one))
        ]

        def add(connection: Connection) -> None:
            with in_transaction(connection):
                connection.execute(delete(friend_requests).where(_between(one.id, other.id)))
                connection.execute(self._insert(friendships).on_conflict_do_nothing(), directions)

        await self._run(add)

    async def delete_friendship(self, one_id: int, other_id: int) -> None:
        await self._do(delete(friendships).where(_both_ways(one_id, other_id)))

    async def add_block(self, user_id: int, blocked: User, since: datetime) -> None:
        new_block = self._insert(blocks).values(
            user_id=user_id, blocked_id=blocked.id, blocked_username=blocked.username, since=since
        )
        asked = and_(friend_requests.c.sender_id == user_id, friend_requests.c.receiver_id == blocked.id)

        def add(connection: Connection) -> None:
            with in_transaction(connection):
                connection.execute(new_block.on_conflict_do_nothing())
                connection.execute(delete(friendships).where(_both_ways(user_id, blocked.id)))
                connection.execute(delete(friend_requests).where(asked))

        await self._run(add)

    async def delete_block(self, user_id: int, blocked_id: int) -> None:
        await self._do(delete(blocks).where(blocks.c.user_id == user_id, blocks.c.blocked_id == blocked_id))

    async def friend_requests(self) -> list[FriendRequest]:
        return [_request(row) async for row in self._pages(friend_requests)]

    async def friendships(self) -> list[StoredFriendship]:
        return [
            StoredFriendship(row.user_id, Friend(User(row.friend_id, row.friend_username), row.since))
            async for row in self._pages(friendships)
        ]

    async def blocks(self) -> list[StoredBlock]:
        return [
            StoredBlock(row.user_id, User(row.blocked_id, row.blocked_username), row.since)
            async for row in self._pages(blocks)
        ]


def _between(one_id: int, other_id: int) -> ColumnElement[bool]:
    sender, receiver = friend_requests.c.sender_id, friend_requests.c.receiver_id
    return or_(and_(sender == one_id, receiver == other_id), and_(sender == other_id, receiver == one_id))


def _both_ways(one_id: int, other_id: int) -> ColumnElement[bool]:
    user, friend = friendships.c.user_id, friendships.c.friend_id
    return or_(and_(user == one_id, friend == other_id), and_(user == other_id, friend == one_id))


def _request(row: Row[Any]) -> FriendRequest:
    return FriendRequest(
        row.id, User(row.sender_id, row.sender_username), User(row.receiver_id, row.receiver_username), row.created_at
    )
