"""Notifications and announcements on SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from lobby_server.core.presence import User
from lobby_server.service.social.ports import StoredAnnouncement, StoredNotification
from lobby_server.store.calls import SqlCalls
from lobby_server.store.engines import in_transaction
from lobby_server.store.tables import announcements, notifications

_columns = notifications.c
_IS_WAITING = (_columns.is_delivered.is_(False), _columns.is_read.is_(False))


class SqlNotifications(SqlCalls):
    """`lobby_server.service.social.ports.NotificationStore`."""

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
        values: dict[str, Any] = {
            "user_id": user_id,
            "kind": kind,
            "title": title,
            "body": body,
            "from_user_id": from_user_id,
            "created_at": created_at.astimezone(timezone.utc),
            "is_read": False,
            "is_delivered": is_delivered,
            "room_id": room_id,
        }

        # In one statement: one that is there may be deleted before another one reads which it is.
        new = self._insert(notifications).values(**values, key=key)
        known = new.on_conflict_do_update(index_elements=["key"], set_={"key": key}).returning(_columns.id)
        found = await self._run(lambda connection: int(connection.execute(known).scalar_one()))
        return StoredNotification(id=found, **values)

    async def has_unread_notification(self, user_id: int, *, kind: str, from_user_id: int) -> bool:
        like = (_columns.user_id == user_id, _columns.kind == kind, _columns.from_user_id == from_user_id)
        query = select(_columns.id).where(*like, _columns.is_read.is_(False)).limit(1)
        return await self._first(query) is not None

    async def notifications(
        self, user_id: int, *, before: int | None, most: int, hidden_sender_ids: Sequence[int] = ()
    ) -> list[StoredNotification]:
        wanted: list[ColumnElement[bool]] = [_columns.user_id == user_id, *_without(hidden_sender_ids)]
        if before is not None:
            wanted.append(_columns.id < before)
        return await self._notifications(select(notifications).where(*wanted).order_by(_columns.id.desc()).limit(most))

    async def unread_notifications(self, user_id: int, *, hidden_sender_ids: Sequence[int] = ()) -> int:
        unread = (_columns.user_id == user_id, _columns.is_read.is_(False), *_without(hidden_sender_ids))
        query = select(func.count()).where(*unread)
        row = await self._first(query)
        return int(row[0]) if row is not None else 0

    async def read_notification(self, user_id: int, notification_id: int) -> bool | None:
        of_it = (_columns.id == notification_id, _columns.user_id == user_id)
        read = update(notifications).where(*of_it, _columns.is_read.is_(False)).values(is_read=True, is_delivered=True)
        if await self._run(lambda connection: connection.execute(read).rowcount > 0):
            return True
        return False if await self._first(select(_columns.id).where(*of_it)) is not None else None

    async def read_invitation(self, user_id: int, *, kind: str, from_user_id: int, room_id: str | None) -> None:
        of_it = [_columns.user_id == user_id, _columns.kind == kind, _columns.from_user_id == from_user_id]
        if room_id is not None:
            of_it.append(_columns.room_id == room_id)
        unread = (*of_it, _columns.is_read.is_(False))
        await self._do(update(notifications).where(*unread).values(is_read=True, is_delivered=True))

    async def unread_of_kinds(self, kinds: Sequence[str]) -> list[StoredNotification]:
        unread = (_columns.kind.in_(kinds), _columns.is_read.is_(False))
        return await self._notifications(select(notifications).where(*unread).order_by(_columns.id))

    async def undelivered_notifications(self, user_id: int, *, most: int) -> list[StoredNotification]:
        query = select(notifications).where(_columns.user_id == user_id, *_IS_WAITING)
        return await self._notifications(query.order_by(_columns.id).limit(most))

    async def set_delivered(self, user_id: int, *, up_to: int) -> set[int]:
        new = (_columns.user_id == user_id, _columns.id <= up_to, _columns.is_delivered.is_(False))
        told = update(notifications).where(*new).values(is_delivered=True).returning(_columns.id)

        def tell(connection: Connection) -> set[int]:
            with in_transaction(connection):
                return set(connection.scalars(told))

        return await self._run(tell)

    async def users_with_undelivered_notifications(self) -> set[int]:
        query = select(_columns.user_id).where(*_IS_WAITING).distinct()
        return {row.user_id for row in await self._run(lambda connection: connection.execute(query).all())}

    async def delete_notifications_before(self, moment: datetime) -> None:
        await self._do(delete(notifications).where(_columns.created_at < moment))

    async def add_announcement(
        self, *, title: str, body: str, author: User, created_at: datetime, ends_at: datetime | None = None
    ) -> StoredAnnouncement:
        statement = insert(announcements).values(
            title=title,
            body=body,
            author_id=author.id,
            author_username=author.username,
            created_at=created_at,
            ends_at=ends_at,
        )

        def add(connection: Connection) -> int:
            key: Any = connection.execute(statement).inserted_primary_key
            return int(key.id)

        return StoredAnnouncement(
            id=await self._run(add),
            title=title,
            body=body,
            author=author,
            created_at=created_at.astimezone(timezone.utc),
            ends_at=None if ends_at is None else ends_at.astimezone(timezone.utc),
        )

    async def delete_announcement(self, announcement_id: int) -> None:
        await self._do(delete(announcements).where(announcements.c.id == announcement_id))

    async def announcements(self, *, most: int) -> list[StoredAnnouncement]:
        query = select(announcements).order_by(announcements.c.id.desc()).limit(most)
        return [
            StoredAnnouncement(
                id=row.id,
                title=row.title,
                body=row.body,
                author=User(row.author_id, row.author_username),
                created_at=row.created_at,
                ends_at=row.ends_at,
            )
            for row in await self._run(lambda connection: connection.execute(query).all())
        ]

    async def _notifications(self, query: Select[Any]) -> list[StoredNotification]:
        return [_notification(row) for row in await self._run(lambda connection: connection.execute(query).all())]


def _without(sender_ids: Sequence[int]) -> list[ColumnElement[bool]]:
    return [_columns.from_user_id.not_in(sender_ids)] if sender_ids else []


def _notification(row: Row[Any]) -> StoredNotification:
    return StoredNotification(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        title=row.title,
        body=row.body,
        from_user_id=row.from_user_id,
        created_at=row.created_at,
        is_read=row.is_read,
        is_delivered=row.is_delivered,
        room_id=row.room_id,
    )
