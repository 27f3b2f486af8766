"""A database in which a user stands in every column where one can stand, alone or beside others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import argon2
from sqlalchemy import create_engine, insert

from lobby_server.store.tables import metadata

USER_ID, NAME = 7_654_321, "planted_ann"
PASSWORD = "correct horse battery"
_NOW = datetime.now(timezone.utc).replace(microsecond=0)
"""Of the tests: what is older than the retention, or over, would be swept away at a start."""


def ago(minutes: int) -> datetime:
    """Another moment for each use, by which it is known again."""
    return _NOW - timedelta(minutes=minutes)


def other(number: int) -> tuple[int, str]:
    return number, f"other_{number}"


def _room(room_id: str, host: tuple[int, str], **more: Any) -> dict[str, Any]:
    return {
        "id": room_id,
        "host_user_id": host[0],
        "host_username": host[1],
        "gamemode": f"{room_id} mode",
        "map_name": f"{room_id} map",
        "max_players": 7,
        "is_public": False,
        "version": "13020",
        "created_at": ago(3),
        "name": f"{room_id} name",
        **more,
    }


def _account(user_id: int, username: str, **more: Any) -> dict[str, Any]:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return {
        "id": user_id,
        "username": username,
        "username_key": username,
        "username_look": username,
        "password_hash": cheap.hash(PASSWORD),
        "created_at": ago(1),
        **more,
    }


def rows() -> dict[str, list[dict[str, Any]]]:
    """By table, in the order in which they can be written."""
    me, hour = (USER_ID, NAME), timedelta(hours=1)
    invite = {"position": 1, "lets_in": False}
    ask = ("sender_id", "sender_username", "receiver_id", "receiver_username")
    line = {"is_withheld": False}
    note = {"kind": "friend_accepted", "is_read": True, "is_delivered": True, "room_id": None}
    report = ("sender_id", "sender_username", "about_id", "about_username")
    title = {"ends_at": None}
    return {
        "users": [
            _account(*me, email="ann@planted.example", email_key="ann@planted.example", email_confirmed=True,
                     role="admin", rooms_hosted=31),
            _account(*other(22)),
        ],
        "sign_ins": [{
            "id": "planted sign-in", "user_id": USER_ID, "client": "planted client", "created_at": ago(11),
            "used_at": ago(12), "expires_at": _NOW + hour,
        }],
        "rooms": [
            _room("hosted", me),
            _room("banned", other(41), is_public=True),
            _room("guest", other(42)),
            _room("started", other(43), player_ids=json.dumps([43, USER_ID])),
        ],
        "room_bans": [{"room_id": "banned", "user_id": USER_ID}],
        "room_guests": [{"room_id": "guest", "user_id": USER_ID}],
        "room_invites": [
            {"room_id": "hosted", "sender_id": USER_ID, "guest_id": 22, **invite},
            {"room_id": "guest", "sender_id": 42, "guest_id": USER_ID, **invite},
        ],
        "friend_requests": [
            {"id": 61, **dict(zip(ask, me + other(51), strict=True)), "created_at": ago(21)},
            {"id": 62, **dict(zip(ask, other(52) + me, strict=True)), "created_at": ago(22)},
        ],
        "friendships": [
            {"user_id": USER_ID, "friend_id": 53, "friend_username": other(53)[1], "since": ago(23)},
            {"user_id": 53, "friend_id": USER_ID, "friend_username": NAME, "since": ago(23)},
        ],
        "blocks": [
            {"user_id": USER_ID, "blocked_id": 54, "blocked_username": other(54)[1], "since": ago(24)},
            {"user_id": 55, "blocked_id": USER_ID, "blocked_username": NAME, "since": ago(24)},
        ],
        "whereabouts": [{"user_id": USER_ID, "audience": "friends"}],
        "chat_lines": [
            {"id": 71, "channel": "lobby", "sender_id": USER_ID, "sender_username": NAME, "text": "planted line",
             "sent_at": ago(25), **line},
            {"id": 72, "channel": f"direct:53:{USER_ID}", "sender_id": 53, "sender_username": other(53)[1],
             "text": "of another", "sent_at": ago(26), **line},
        ],
        "notifications": [
            {"id": 81, "user_id": USER_ID, "title": "planted title", "body": "planted body", "from_user_id": 53,
             "created_at": ago(27), "key": "k1", **note},
            {"id": 82, "user_id": 53, "title": NAME, "body": "of another", "from_user_id": USER_ID,
             "created_at": ago(28), "key": "k2", **note},
        ],
        "announcements": [{
            "id": 91, "title": "word", "body": "of the operator", "author_id": USER_ID, "author_username": NAME,
            "created_at": ago(29), **title,
        }],
        "user_bans": [
            {"user_id": USER_ID, "username": NAME, "reason": "planted reason", "until": _NOW - timedelta(seconds=5),
             "created_at": ago(31), "by_id": 56, "by_username": other(56)[1]},
            {"user_id": 57, "username": other(57)[1], "reason": "of another", "until": None, "created_at": ago(32),
             "by_id": USER_ID, "by_username": NAME},
        ],
        "reports": [
            {"id": 93, **dict(zip(report, me + other(58), strict=True)), "text": "planted report",
             "room_id": "planted room", "created_at": ago(33), "is_closed": True},
            {"id": 94, **dict(zip(report, other(59) + me, strict=True)), "text": "of another", "room_id": None,
             "created_at": ago(34), "is_closed": False},
        ],
        "audit_entries": [
            {"id": 95, "at": ago(35), "by_id": USER_ID, "by_username": NAME, "deed": "role", "target": "other_57",
             "detail": "admin"},
            {"id": 96, "at": ago(36), "by_id": 56, "by_username": other(56)[1], "deed": "kick", "target": NAME,
             "detail": ""},
        ],
        "mails": [{
            "id": "planted mail", "kind": "reset", "user_id": USER_ID, "address": "planted@wait.example",
            "fingerprint": "f", "language": "de", "good_until": _NOW + hour, "held_until": _NOW + hour,
        }],
    }  # fmt: skip


def plant(database: Path) -> None:
    """Into tables that are empty."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        for table, planted in rows().items():
            for row in planted:
                connection.execute(insert(metadata.tables[table]).values(row))
    engine.dispose()


def columns_that_name(database: Path, *words: str) -> Iterator[tuple[str, str]]:
    """Tables and columns in which a row has one of these words."""
    connection = sqlite3.connect(database)
    try:
        for table in metadata.sorted_tables:
            for column in table.columns:
                values = [str(value) for (value,) in connection.execute(f'SELECT "{column.name}" FROM {table.name}')]
                if any(word in value for word in words for value in values):
                    yield table.name, column.name
    finally:
        connection.close()
