"""Bans, reports and what administrators did, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from lobby_server.service.administration.ports import (
    NewAuditEntry,
    NewReport,
    StoredAuditEntry,
    StoredReport,
    StoredUserBan,
)


class AdminMemory:
    """`BanStore` and `AdminStore`; a part of `bench.simulation.outside.memory_store.MemoryStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._user_bans: dict[int, StoredUserBan] = {}
        self._reports: dict[int, StoredReport] = {}
        self._last_report_id = 0
        self._audit: list[StoredAuditEntry] = []

    def _check(self, *texts: str | None) -> None:
        raise NotImplementedError

    async def keep_user_ban(self, ban: StoredUserBan) -> None:
        self._check(ban.user.username, ban.reason)
        self._user_bans[ban.user.id] = replace(
            ban,
            until=None if ban.until is None else ban.until.astimezone(timezone.utc),
            created_at=ban.created_at.astimezone(timezone.utc),
        )

    async def delete_user_ban(self, user_id: int) -> None:
        self._check()
        self._user_bans.pop(user_id, None)

    async def user_bans(self) -> list[StoredUserBan]:
        self._check()
        return sorted(self._user_bans.values(), key=lambda ban: (-ban.created_at.timestamp(), ban.user.id))

    async def forget_user_bans_until(self, now: datetime) -> None:
        self._check()
        over = [each.user.id for each in self._user_bans.values() if each.until is not None and each.until <= now]
        for user_id in over:
            del self._user_bans[user_id]

    async def add_report(self, report: NewReport) -> StoredReport:
        self._check(report.text, report.room_id)
        self._last_report_id += 1
        made = StoredReport(
            id=self._last_report_id,
            sender=report.sender,
            about=report.about,
            text=report.text,
            room_id=report.room_id,
            created_at=report.created_at.astimezone(timezone.utc),
            is_closed=False,
        )
        self._reports[made.id] = made
        return made

    async def reports(self, *, before: int | None, most: int, is_open: bool = False) -> list[StoredReport]:
        self._check()
        found = [each for each in reversed(self._reports.values()) if before is None or each.id < before]
        return [each for each in found if not (is_open and each.is_closed)][:most]

    async def reports_by(self, user_id: int) -> list[StoredReport]:
        self._check()
        return [each for each in self._reports.values() if each.sender.id == user_id]

    async def open_reports(self) -> int:
        self._check()
        return sum(not each.is_closed for each in self._reports.values())

    async def close_report(self, report_id: int) -> bool:
        self._check()
        if report_id not in self._reports:
            return False
        self._reports[report_id] = replace(self._reports[report_id], is_closed=True)
        return True

    async def add_audit_entry(self, entry: NewAuditEntry) -> None:
        self._check(entry.deed, entry.target, entry.detail)
        self._audit.append(
            StoredAuditEntry(
                id=len(self._audit) + 1,
                at=entry.at.astimezone(timezone.utc),
                by=entry.by,
                deed=entry.deed,
                target=entry.target,
                detail=entry.detail,
            )
        )

    async def audit_entries(self, *, before: int | None, most: int) -> list[StoredAuditEntry]:
        self._check()
        return [each for each in reversed(self._audit) if before is None or each.id < before][:most]
