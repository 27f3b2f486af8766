"""Friends, requests and blocks on SQL. What belongs together is one transaction, with the count of changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Row,
    Table,
    Text,
    and_,
    delete,
    exists,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.sql.dml import ReturningInsert

from lobby_server.core.friends import Direction, Friend, FriendRequest
from lobby_server.core.presence import User
from lobby_server.service.social.ports import FriendIdsPage, FriendshipsPage, StoredBlock, StoredFriendship, StoredTies
from lobby_server.store.calls import ROWS_PER_PAGE
from lobby_server.store.sql.gated import SqlGated
from lobby_server.store.tables import blocks, friend_requests, friendships

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


DIRECTIONS_PER_PAGE = 2000
"""Of friendships as they are restored: a few milliseconds, on SQLite in its thread."""


class SqlFriends(SqlGated):
    """`TieStore` and `FriendStore` of `lobby_server.service.social.ports`, but for whereabouts."""

    async def add_friend_request(self, sender: User, receiver: User, created_at: datetime) -> FriendRequest | None:
        new_request = self._insert(friend_requests).values(
            sender_id=sender.id,
            sender_username=sender.username,
            receiver_id=receiver.id,
            receiver_username=receiver.username,
            created_at=created_at,
        )
        # One that is there stays as it is and is locked: nobody takes it out before it is answered which one it is.
        standing = new_request.on_conflict_do_update(
            index_elements=["sender_id", "receiver_id"], set_={"sender_id": sender.id}
        ).returning(friend_requests)
        stands_against = or_(
            exists().where(_both_ways(sender.id, receiver.id)),
            exists().where(_asked(receiver.id, sender.id)),
            exists().where(_blocks(sender.id, receiver.id)),
        )

        def add(connection: Connection) -> FriendRequest | None:
            if connection.scalar(select(stands_against)):
                return None
            return _request(connection.execute(standing).one())

        return await self._change(add)

    async def delete_friend_request(self, request_id: int) -> None:
        await self._change_by(delete(friend_requests).where(friend_requests.c.id == request_id))

    async def add_friendship(self, asker: User, other: User, since: datetime) -> datetime | None:
        users = sorted(((asker, other), (other, asker)), key=lambda pair: pair[0].id)
        is_asked = exists().where(_asked(asker.id, other.id))
        is_blocked = or_(exists().where(_blocks(asker.id, other.id)), exists().where(_blocks(other.id, asker.id)))
        known_since = select(friendships.c.since).where(_both_ways(asker.id, other.id)).limit(1)

        def add(connection: Connection) -> Any:
            known = connection.scalar(known_since)
            if known is None and not connection.scalar(select(and_(is_asked, ~is_blocked))):
                return None
            connection.execute(delete(friend_requests).where(_between(asker.id, other.id)))
            stands = since if known is None else known
            directions = [
                {"user_id": user.id, "friend_id": friend.id, "friend_username": friend.username, "since": stands}
                for user, friend in users
            ]
            standing = _locked(self._insert(friendships).values(directions), friendships.c.since)
            return connection.scalars(standing).all()[0]

        found: datetime | None = await self._change(add)
        return found

    async def delete_friendship(self, one_id: int, other_id: int) -> None:
        await self._change_by(delete(friendships).where(_both_ways(one_id, other_id)))

    async def add_block(self, user_id: int, blocked: User, since: datetime) -> datetime:
        new_block = self._insert(blocks).values(
            user_id=user_id, blocked_id=blocked.id, blocked_username=blocked.username, since=since
        )
        standing = _locked(new_block, blocks.c.since)
        asked = _asked(user_id, blocked.id)

        def add(connection: Connection) -> Any:
            since = connection.scalars(standing).one()
            connection.execute(delete(friendships).where(_both_ways(user_id, blocked.id)))
            connection.execute(delete(friend_requests).where(asked))
            return since

        found: datetime = await self._change(add)
        return found

    async def delete_block(self, user_id: int, blocked_id: int) -> None:
        await self._change_by(delete(blocks).where(_blocks(user_id, blocked_id)))

    async def friend_requests(self) -> list[FriendRequest]:
        return [_request(row) async for row in self._pages(friend_requests)]

    async def friendships_after(self, mark: tuple[int, ...] | None) -> FriendshipsPage:
        # Rows of SQLite lie in the order in which they were written: by the key each would be looked up by itself.
        columns, is_sqlite = friendships.c, self._database.is_sqlite
        key: list[ColumnElement[Any]] = [literal_column("rowid")] if is_sqlite else [columns.user_id, columns.friend_id]
        since = type_coerce(columns.since, Text() if is_sqlite else DateTime(timezone=True))
        page = select(columns.user_id, columns.friend_id, columns.friend_username, since, *key)
        page = page.order_by(*key).limit(DIRECTIONS_PER_PAGE)
        if mark is not None:
            page = page.where(tuple_(*key) > tuple_(*mark))

        def read(connection: Connection) -> FriendshipsPage:
            rows = connection.execute(page).all()
            is_last = len(rows) < DIRECTIONS_PER_PAGE
            directions = _written_directions(rows) if is_sqlite else _directions(rows)
            return FriendshipsPage(directions, None if is_last else tuple(rows[-1][4:]))

        return await self._run(read)

    async def friend_ids_after(self, user_id: int) -> FriendIdsPage:
        user, friend = friendships.c.user_id, friendships.c.friend_id
        page = select(user, friend).order_by(user, friend)

        def read(connection: Connection) -> tuple[Any, bool]:
            rows = connection.execute(page.where(user > user_id).limit(ROWS_PER_PAGE)).all()
            if len(rows) < ROWS_PER_PAGE:
                return rows, False
            last_id = rows[-1].user_id  # of whom there may be more
            whole = [row for row in rows if row.user_id != last_id]
            return whole or connection.execute(page.where(user == last_id)).all(), True

        rows, has_more = await self._run(read)
        found: dict[int, dict[int, None]] = {}
        for row in rows:
            found.setdefault(row.user_id, {})[row.friend_id] = None
        return FriendIdsPage(found, has_more)

    async def ties_between(self, pairs: Sequence[tuple[int, int]]) -> StoredTies:
        ways = [way for one_id, other_id in pairs for way in ((one_id, other_id), (other_id, one_id))]

        def read(connection: Connection) -> StoredTies:
            def between(table: Table, *key: str) -> Sequence[Row[Any]]:
                columns = [table.c[name] for name in key]
                return connection.execute(select(table).where(tuple_(*columns).in_(ways)).order_by(*columns)).all()

            return StoredTies(
                [_friendship(row) for row in between(friendships, "user_id", "friend_id")],
                [_request(row) for row in between(friend_requests, "sender_id", "receiver_id")],
                [_block(row) for row in between(blocks, "user_id", "blocked_id")],
            )

        return await self._run(read)

    async def blocks(self) -> list[StoredBlock]:
        return [_block(row) async for row in self._pages(blocks)]


def _locked(new: sqlite.Insert | postgresql.Insert, since: Column[datetime]) -> ReturningInsert[tuple[datetime]]:
    """Rows that are there stay as they are and are locked, unlike by ``DO NOTHING``: nobody takes them out before it is
    answered since when they stand."""
    keys = list(since.table.primary_key)
    return new.on_conflict_do_update(index_elements=keys, set_={"since": since}).returning(since)


def _asked(sender_id: int, receiver_id: int) -> ColumnElement[bool]:
    return and_(friend_requests.c.sender_id == sender_id, friend_requests.c.receiver_id == receiver_id)


def _between(one_id: int, other_id: int) -> ColumnElement[bool]:
    return or_(_asked(one_id, other_id), _asked(other_id, one_id))


def _blocks(user_id: int, blocked_id: int) -> ColumnElement[bool]:
    return and_(blocks.c.user_id == user_id, blocks.c.blocked_id == blocked_id)


def _both_ways(one_id: int, other_id: int) -> ColumnElement[bool]:
    user, friend = friendships.c.user_id, friendships.c.friend_id
    return or_(and_(user == one_id, friend == other_id), and_(user == other_id, friend == one_id))


# Both make the moments themselves: a call by the column's type for each of millions of rows takes longer than the rest.


def _written_directions(rows: Sequence[Sequence[Any]]) -> list[Direction]:
    """As SQLite has them, with the UTC wall clock as text."""
    moment = datetime.fromisoformat
    return [(user_id, friend_id, name, moment(since + "+00:00")) for user_id, friend_id, name, since, _ in rows]


def _directions(rows: Sequence[Sequence[Any]]) -> list[Direction]:
    utc = timezone.utc
    return [(row[0], row[1], row[2], row[3] if row[3].tzinfo is utc else row[3].astimezone(utc)) for row in rows]


def _friendship(row: Row[Any]) -> StoredFriendship:
    return StoredFriendship(row.user_id, Friend(User(row.friend_id, row.friend_username), row.since))


def _block(row: Row[Any]) -> StoredBlock:
    return StoredBlock(row.user_id, User(row.blocked_id, row.blocked_username), row.since)


def _request(row: Row[Any]) -> FriendRequest:
    return FriendRequest(
        row.id, User(row.sender_id, row.sender_username), User(row.receiver_id, row.receiver_username), row.created_at
    )
