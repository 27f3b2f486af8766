"""What administrators see: the server, bans, reports of players, and what administrators have done."""

from __future__ import annotations

import msgspec

from lobby_server.protocol.resources import Room


class ServerOverview(msgspec.Struct, frozen=True):
    version: str
    started_at: str
    uptime_s: int
    online: int
    sessions: int
    rooms: int
    settings: dict[str, str]
    """In force, by name; secrets and passwords are left out."""


class AnyRoom(Room, frozen=True, kw_only=True):
    """A room, whether it is in the public list or not."""

    is_public: bool


class AnyRoomList(msgspec.Struct, frozen=True):
    """Newest first."""

    count: int
    rooms: list[AnyRoom]


class UserBan(msgspec.Struct, frozen=True):
    user_id: int
    username: str
    reason: str
    until: str | None
    """None: until it is lifted."""
    created_at: str
    by_username: str


class UserBanList(msgspec.Struct, frozen=True):
    count: int
    bans: list[UserBan]


class Report(msgspec.Struct, frozen=True):
    """What a player says of another one."""

    id: int
    from_user_id: int
    from_username: str
    about_user_id: int
    about_username: str
    text: str
    room_id: str | None
    created_at: str
    is_closed: bool


class ReportList(msgspec.Struct, frozen=True):
    """Newest first."""

    open: int
    reports: list[Report]
    has_more: bool


class AuditEntry(msgspec.Struct, frozen=True):
    """What an administrator did."""

    id: int
    at: str
    by_user_id: int
    by_username: str
    deed: str
    target: str
    detail: str


class AuditList(msgspec.Struct, frozen=True):
    """Newest first."""

    entries: list[AuditEntry]
    has_more: bool
