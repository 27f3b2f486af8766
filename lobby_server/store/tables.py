"""The tables, as the newest migration leaves them. A test compares the two.

Users of rooms and bans are no foreign keys: a token may come from an outside account service, so its user need not be
in the local table. Lengths are the service's business; the columns take any.
"""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
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
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


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

users = Table(
    "users",
    metadata,
    # SQLite counts only in a column that is exactly INTEGER; it has 64 bits there.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("username", StoredText, nullable=False),
    Column("username_key", StoredText, nullable=False),
    Column("email", StoredText),
    Column("email_key", StoredText),
    Column("password_hash", StoredText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("username_key"),
    UniqueConstraint("email_key"),
    sqlite_autoincrement=True,  # an id is never used again: old tokens name it
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
)

room_bans = Table(
    "room_bans",
    metadata,
    Column("room_id", StoredText, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
)
