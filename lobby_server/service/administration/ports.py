"""What administration needs from the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lobby_server.core.presence import User


@dataclass(frozen=True, kw_only=True)
class StoredUserBan:
    """A user who is kept out of the lobby."""

    user: User
    reason: str
    until: datetime | None
    created_at: datetime
    by: User


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """What a player says of another one."""

    sender: User
    about: User
    text: str
    room_id: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class StoredReport(NewReport):
    id: int
    is_closed: bool


@dataclass(frozen=True, kw_only=True)
class NewAuditEntry:
    """What an administrator did."""

    at: datetime
    by: User
    deed: str
    target: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class StoredAuditEntry(NewAuditEntry):
    id: int


class BanStore(Protocol):
    """Changes of bans: `lobby_server.service.writes.gated.GatedStore` hands them out."""

    async def keep_user_ban(self, ban: StoredUserBan) -> None:
        """In place of the one that there is."""

    async def delete_user_ban(self, user_id: int) -> None:
        """No such ban: nothing happens."""


class AdminStore(Protocol):
    """Bans as they are, reports, and what administrators did."""

    async def user_bans(self) -> list[StoredUserBan]:
        """All of them, the newest first."""

    async def forget_user_bans_until(self, now: datetime) -> None:
        """Those that ended by then keep nobody out: they go."""

    async def add_report(self, report: NewReport) -> StoredReport: ...

    async def reports(self, *, before: int | None, most: int, is_open: bool = False) -> list[StoredReport]:
        """The last `most` before an id, newest first. `is_open`: only of those that are not closed."""

    async def reports_by(self, user_id: int) -> list[StoredReport]:
        """All that a user has sent, oldest first."""

    async def open_reports(self) -> int:
        """How many are not closed."""

    async def close_report(self, report_id: int) -> bool:
        """Whether there is such a one. A second time changes nothing."""

    async def add_audit_entry(self, entry: NewAuditEntry) -> None: ...

    async def audit_entries(self, *, before: int | None, most: int) -> list[StoredAuditEntry]:
        """The last `most` before an id, newest first."""
