"""Chat, notifications, announcements."""

from __future__ import annotations

from datetime import datetime

import msgspec

from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User


class TakePart(Command, frozen=True):
    """A user has used chat: all their sockets hear the lobby's from now on."""

    user: User


class Say(Command, frozen=True):
    """A line of chat that is to be kept, and told then. `ref`: the line's number at the node where it came in."""

    ref: int
    sender: User
    channel: str
    text: str
    sent_at: datetime
    other_id: int | None = None
    party_id: str | None = None


class SaidLine(msgspec.Struct, frozen=True, array_like=True):
    """A line that is kept, and under which number it came in where."""

    node: str
    ref: int
    id: int
    sender: User
    text: str
    sent_at: datetime
    other_id: int | None = None
    party_id: str | None = None
    is_withheld: bool = False
    key: str = ""
    """Of the notification, should the other user of a direct conversation be offline."""


class Tell(Command, frozen=True):
    """Lines that the store has are told."""

    lines: tuple[SaidLine, ...]


class RefuseLines(Command, frozen=True):
    """Lines that the store has not. `refs`: node and number of each."""

    refs: tuple[tuple[str, int], ...]
    reason: str


class KeepNotice(Command, frozen=True):
    """A notification for a user is in the store, and no socket was told."""

    user_id: int
    key: str = ""


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """A notification that is kept."""

    id: int
    kind: str
    title: str
    body: str
    from_user_id: int
    ts: int


class DeliverNotices(Command, frozen=True):
    """All that was kept for a user is told now; the store counts it as told."""

    user_id: int
    notices: tuple[Notice, ...]


class ReadNotices(Command, frozen=True):
    """A user has read a notification."""

    user_id: int
    notification_id: int


class Announce(Command, frozen=True):
    id: int
    title: str
    body: str
    ts: int
    until: int | None = None
