"""Bans of users, reports of players, and what administrators did, on SQL."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from lobby_server.core.presence import User
from lobby_server.service.administration.ports import (
    NewAuditEntry,
    NewReport,
    StoredAuditEntry,
    StoredReport,
    StoredUserBan,
)
from lobby_server.store.sql.gated import SqlGated
from lobby_server.store.tables import audit_entries, reports, user_bans


class SqlAdministration(SqlGated):
    """`BanStore` and `AdminStore` of `lobby_server.service.administration.ports`."""

    async def keep_user_ban(self, ban: StoredUserBan) -> None:
        values = {
            "username": ban.user.username,
            "reason": ban.reason,
            "until": ban.until,
            "created_at": ban.created_at,
            "by_id": ban.by.id,
            "by_username": ban.by.username,
        }
        new = self._insert(user_bans).values(user_id=ban.user.id, **values)
        await self._change_by(new.on_conflict_do_update(index_elements=["user_id"], set_=values))

    async def delete_user_ban(self, user_id: int) -> None:
        await self._change_by(delete(user_bans).where(user_bans.c.user_id == user_id))

    async def user_bans(self) -> list[StoredUserBan]:
        query = select(user_bans).order_by(user_bans.c.created_at.desc(), user_bans.c.user_id)
        return [
            StoredUserBan(
                user=User(row.user_id, row.username),
                reason=row.reason,
                until=row.until,
                created_at=row.created_at,
                by=User(row.by_id, row.by_username),
            )
            for row in await self._run(lambda connection: connection.execute(query).all())
        ]

    async def forget_user_bans_until(self, now: datetime) -> None:
        await self._do(delete(user_bans).where(user_bans.c.until <= now))

    async def add_report(self, report: NewReport) -> StoredReport:
        new = insert(reports).values(
            sender_id=report.sender.id,
            sender_username=report.sender.username,
            about_id=report.about.id,
            about_username=report.about.username,
            text=report.text,
            room_id=report.room_id,
            created_at=report.created_at,
            is_closed=False,
        )

        def add(connection: Connection) -> int:
            key: Any = connection.execute(new).inserted_primary_key
            return int(key.id)

        return StoredReport(
            id=await self._run(add),
            sender=report.sender,
            about=report.about,
            text=report.text,
            room_id=report.room_id,
            created_at=report.created_at.astimezone(timezone.utc),
            is_closed=False,
        )

    async def reports(self, *, before: int | None, most: int, is_open: bool = False) -> list[StoredReport]:
        query = select(reports).order_by(reports.c.id.desc()).limit(most)
        if is_open:
            query = query.where(reports.c.is_closed.is_(False))
        if before is not None:
            query = query.where(reports.c.id < before)
        return [_report(row) for row in await self._run(lambda connection: connection.execute(query).all())]

    async def reports_by(self, user_id: int) -> list[StoredReport]:
        query = select(reports).where(reports.c.sender_id == user_id).order_by(reports.c.id)
        return [_report(row) for row in await self._run(lambda connection: connection.execute(query).all())]

    async def open_reports(self) -> int:
        row = await self._first(select(func.count()).where(reports.c.is_closed.is_(False)))
        return int(row[0]) if row is not None else 0

    async def close_report(self, report_id: int) -> bool:
        statement = update(reports).where(reports.c.id == report_id).values(is_closed=True)
        return await self._run(lambda connection: connection.execute(statement).rowcount > 0)

    async def add_audit_entry(self, entry: NewAuditEntry) -> None:
        await self._do(
            insert(audit_entries).values(
                at=entry.at,
                by_id=entry.by.id,
                by_username=entry.by.username,
                deed=entry.deed,
                target=entry.target,
                detail=entry.detail,
            )
        )

    async def audit_entries(self, *, before: int | None, most: int) -> list[StoredAuditEntry]:
        query = select(audit_entries).order_by(audit_entries.c.id.desc()).limit(most)
        if before is not None:
            query = query.where(audit_entries.c.id < before)
        return [
            StoredAuditEntry(
                id=row.id,
                at=row.at,
                by=User(row.by_id, row.by_username),
                deed=row.deed,
                target=row.target,
                detail=row.detail,
            )
            for row in await self._run(lambda connection: connection.execute(query).all())
        ]


def _report(row: Row[Any]) -> StoredReport:
    return StoredReport(
        id=row.id,
        sender=User(row.sender_id, row.sender_username),
        about=User(row.about_id, row.about_username),
        text=row.text,
        room_id=row.room_id,
        created_at=row.created_at,
        is_closed=row.is_closed,
    )
