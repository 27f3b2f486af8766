"""The tables, as the newest migration leaves them. A test compares the two.

Only rooms are pointed at by foreign keys, users are not: a token may come from an outside account service, so its user
need not be in the local table, and their name is kept where it is shown. Lengths are the service's business; the
columns take any.
"""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from lobby_server.store.errors import UnstorableText


class StoredText(TypeDecorator[str]):
    """Text that every database can hold. Raises `UnstorableText` for any other."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and not is_storable(value):
            raise UnstorableText
        return value


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, to the microsecond. It goes in with any time zone and comes out in UTC.

    SQLite has no time zones: it keeps the UTC wall clock as text, which sorts like the moments do.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A datetime without a time zone is no moment.")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def is_storable(text: str) -> bool:
    """Whether both databases can hold a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def key_of(name: str) -> str:
    """What a username or an email is compared by: Unicode's caseless form."""
    return name.casefold()


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _counted_id() -> Column[int]:
    """A key that the database counts up. SQLite does so only in a column that is exactly INTEGER, of 64 bits there."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


users = Table(
    "users",
    metadata,
    _counted_id(),
    Column("username", StoredText, nullable=False),
    Column("username_key", StoredText, nullable=False),
    Column("email", StoredText),
    Column("email_key", StoredText),
    Column("password_hash", StoredText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("role", StoredText),
    Column("username_look", StoredText),
    Column("rooms_hosted", Integer, nullable=False, server_default="0"),
    Column("email_confirmed", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("username_key"),
    UniqueConstraint("email_key"),
    Index("ix_users_username_look", "username_look", unique=True),
    sqlite_autoincrement=True,  # an id is never used again: old tokens name it
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("client", StoredText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", StoredText, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("host_user_id", BigInteger, nullable=False),
    Column("host_username", StoredText, nullable=False),
    Column("gamemode", StoredText, nullable=False),
    Column("map_name", StoredText),
    Column("max_players", Integer, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("version", StoredText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("name", StoredText),
    Column("player_ids", StoredText),
)
"""`player_ids`: of a game that has started, as a JSON array."""

room_bans = Table(
    "room_bans",
    metadata,
    Column("room_id", StoredText, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
)

room_guests = Table(
    "room_guests",
    metadata,
    Column("room_id", StoredText, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
)
"""Whom a private room lets in."""

room_invites = Table(
    "room_invites",
    metadata,
    Column("room_id", StoredText, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True),
    Column("sender_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guest_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("lets_in", Boolean, nullable=False),
)
"""Invitations that stand. `position`: of those into one room the oldest has the lowest."""

friend_requests = Table(
    "friend_requests",
    metadata,
    _counted_id(),
    Column("sender_id", BigInteger, nullable=False),
    Column("sender_username", StoredText, nullable=False),
    Column("receiver_id", BigInteger, nullable=False),
    Column("receiver_username", StoredText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("sender_id", "receiver_id"),
    sqlite_autoincrement=True,  # ids of these and of all below go up and are never used again: clients know them
)

friendships = Table(
    "friendships",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("friend_id", BigInteger, primary_key=True, autoincrement=False),
    Column("friend_username", StoredText, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
"""Both directions of each."""

blocks = Table(
    "blocks",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_id", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_username", StoredText, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

whereabouts = Table(
    "whereabouts",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("audience", StoredText, nullable=False),
)
"""Who is told in which room a user is, of those who have chosen."""

chat_lines = Table(
    "chat_lines",
    metadata,
    _counted_id(),
    Column("channel", StoredText, nullable=False),
    Column("sender_id", BigInteger, nullable=False),
    Column("sender_username", StoredText, nullable=False),
    Column("text", StoredText, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False, index=True),
    Column("is_withheld", Boolean, nullable=False),
    Index("ix_chat_lines_channel", "channel", "id"),
    sqlite_autoincrement=True,
)

notifications = Table(
    "notifications",
    metadata,
    _counted_id(),
    Column("user_id", BigInteger, nullable=False),
    Column("kind", StoredText, nullable=False),
    Column("title", StoredText, nullable=False),
    Column("body", StoredText, nullable=False),
    Column("from_user_id", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("room_id", StoredText),
    Column("is_read", Boolean, nullable=False),
    Column("is_delivered", Boolean, nullable=False),
    Column("key", StoredText),
    Index("ix_notifications_user_id", "user_id", "id"),
    Index("ix_notifications_key", "key", unique=True),
    sqlite_autoincrement=True,
)

announcements = Table(
    "announcements",
    metadata,
    _counted_id(),
    Column("title", StoredText, nullable=False),
    Column("body", StoredText, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Column("author_username", StoredText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime),
    sqlite_autoincrement=True,
)

user_bans = Table(
    "user_bans",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("username", StoredText, nullable=False),
    Column("reason", StoredText, nullable=False),
    Column("until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("by_id", BigInteger, nullable=False),
    Column("by_username", StoredText, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    _counted_id(),
    Column("sender_id", BigInteger, nullable=False),
    Column("sender_username", StoredText, nullable=False),
    Column("about_id", BigInteger, nullable=False),
    Column("about_username", StoredText, nullable=False),
    Column("text", StoredText, nullable=False),
    Column("room_id", StoredText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("is_closed", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

audit_entries = Table(
    "audit_entries",
    metadata,
    _counted_id(),
    Column("at", UtcDateTime, nullable=False),
    Column("by_id", BigInteger, nullable=False),
    Column("by_username", StoredText, nullable=False),
    Column("deed", StoredText, nullable=False),
    Column("target", StoredText, nullable=False),
    Column("detail", StoredText, nullable=False),
    sqlite_autoincrement=True,
)

mails = Table(
    "mails",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("kind", StoredText, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("address", StoredText, nullable=False),
    Column("fingerprint", StoredText, nullable=False),
    Column("language", StoredText, nullable=False),
    Column("good_until", UtcDateTime, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
)
"""Those that wait to be sent, without their text; `held_until`: another server may take it over."""

server_life = Table(
    "server_life",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", StoredText, nullable=False),
    Column("checks", BigInteger, nullable=False),
)
"""One row: the life of a server that used the database last, and how often it tried whether writes are taken."""

marks = Table(
    "marks",
    metadata,
    Column("name", StoredText, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers that only go up, over restarts too."""
