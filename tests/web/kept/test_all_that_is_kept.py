"""Every column of the database is told in an export or kept back on purpose, and of a deleted account goes or stays on
purpose. A new table or column fails here until that is decided.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import argon2
import pytest

from lobby_server.protocol.resources import iso_utc
from lobby_server.store.tables import metadata
from tests.web.conftest import DATABASE, Lobby, StartLobby, made_tables, put_tables
from tests.web.kept.planted import NAME, PASSWORD, USER_ID, columns_that_name, plant, rows

TOLD: dict[str, dict[str, str]] = {
    "users": {
        "id": "user.id", "username": "user.username", "email": "user.email", "created_at": "user.created_at",
        "role": "role", "rooms_hosted": "rooms_hosted", "email_confirmed": "email_confirmed",
    },
    "sign_ins": {
        "id": "sign_ins.id", "client": "sign_ins.client", "created_at": "sign_ins.created_at",
        "used_at": "sign_ins.used_at",
    },
    "rooms": {
        "id": "rooms.id", "host_username": "rooms.host_username", "gamemode": "rooms.gamemode",
        "map_name": "rooms.map_name", "max_players": "rooms.max_players", "is_public": "rooms.is_public",
        "created_at": "rooms.created_at", "name": "rooms.name",
    },
    "room_bans": {"room_id": "banned_from"},
    "room_guests": {"room_id": "admitted_to"},
    "room_invites": {"room_id": "invites_sent.room_id", "guest_id": "invites_sent.to_user_id"},
    "friend_requests": {
        "id": "friends.outgoing.request_id", "sender_id": "friends.outgoing.from_user_id",
        "sender_username": "friends.outgoing.from_username", "receiver_id": "friends.outgoing.to_user_id",
        "receiver_username": "friends.outgoing.to_username", "created_at": "friends.outgoing.created_at",
    },
    "friendships": {
        "friend_id": "friends.friends.user_id", "friend_username": "friends.friends.username",
        "since": "friends.friends.since",
    },
    "blocks": {"blocked_id": "blocks.user_id", "blocked_username": "blocks.username", "since": "blocks.since"},
    "whereabouts": {"audience": "whereabouts"},
    "chat_lines": {
        "id": "chat.id", "channel": "chat.channel", "sender_id": "chat.from_user_id",
        "sender_username": "chat.from_username", "text": "chat.text", "sent_at": "chat.ts",
    },
    "notifications": {
        "id": "notifications.id", "kind": "notifications.kind", "title": "notifications.title",
        "body": "notifications.body", "created_at": "notifications.ts", "room_id": "notifications.room_id",
        "is_read": "notifications.is_read",
    },
    "user_bans": {"reason": "bans.reason", "until": "bans.until", "created_at": "bans.created_at"},
    "reports": {
        "about_username": "reports.about_username", "text": "reports.text", "room_id": "reports.room_id",
        "created_at": "reports.created_at", "is_closed": "reports.is_closed",
    },
    "mails": {"kind": "mails.kind", "address": "mails.address", "good_until": "mails.until"},
}  # fmt: skip
"""Where in the export the value stands, of the first row that is planted in each table: that is one of the user's."""

ELSEWHERE = {
    ("room_invites", "sender_id"): ("invites_received.from_user_id", 42),
    ("friend_requests", "of others"): ("friends.incoming.request_id", 62),
    ("rooms", "player_ids"): ("started_with", "started"),
}
"""What stands in the second row, or is told in another form."""

UNTOLD = {
    "the caller": {"sign_ins.user_id", "room_bans.user_id", "room_guests.user_id", "friendships.user_id",
                   "blocks.user_id", "whereabouts.user_id", "notifications.user_id", "user_bans.user_id",
                   "user_bans.username", "reports.sender_id", "reports.sender_username", "mails.user_id",
                   "rooms.host_user_id"},
    "made of what is told": {"users.username_key", "users.username_look", "users.email_key"},
    "a secret": {"users.password_hash", "mails.fingerprint"},
    "how the server goes about it": {
        "sign_ins.expires_at", "room_invites.position", "room_invites.lets_in", "notifications.is_delivered",
        "notifications.key", "mails.id", "mails.held_until", "mails.language", "reports.id", "rooms.version",
    },
    "what another user has decided, and did not say": {"chat_lines.is_withheld"},
    "told by name": {"notifications.from_user_id", "reports.about_id"},
    "who of the operator's people": {"user_bans.by_id", "user_bans.by_username"},
}  # fmt: skip
"""Why a column is not in the export."""

OF_THE_OPERATOR = {"announcements", "audit_entries"}
OF_NOBODY = {"marks", "server_life", "revoked_tokens"}
"""`revoked_tokens`: of a user only that the account is deleted."""

STAYS = {
    ("announcements", "author_id"): "the operator's word",
    ("announcements", "author_username"): "the operator's word",
    ("audit_entries", "by_id"): "the operator's record",
    ("audit_entries", "by_username"): "the operator's record",
    ("audit_entries", "target"): "the operator's record",
    ("user_bans", "by_id"): "the operator's record",
    ("user_bans", "by_username"): "the operator's record",
    ("user_bans", "user_id"): "until a day after its end",
    ("user_bans", "username"): "until a day after its end",
    ("reports", "about_id"): "what somebody else has said",
    ("reports", "about_username"): "what somebody else has said",
    ("chat_lines", "channel"): "where somebody else has said something to the user",
    ("revoked_tokens", "jti"): "no token of the account holds any more",
}
"""What names the user of a deleted account, and why."""


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashing at a thousandth of the cost."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)


@pytest.fixture
async def planted(start_lobby: StartLobby, tmp_path: Any) -> tuple[Lobby, str]:
    """A server on the planted database, and a token of its user."""
    folder = tmp_path / "planted"
    put_tables(await made_tables(), folder)
    plant(folder / DATABASE)
    lobby: Lobby = await start_lobby(auth_rate_per_min=0.0, data_dir=folder)
    session = await lobby.call("POST", "/api/auth/login", {"username": NAME, "password": PASSWORD})
    assert session.status == 200, session.body
    return lobby, session.body["token"]


def found(document: Any, path: str) -> Iterator[Any]:
    """All values at a path, in every element of the lists on it."""
    if isinstance(document, list):
        for each in document:
            yield from found(each, path)
    elif not path:
        yield document
    elif document is not None:
        name, _, rest = path.partition(".")
        yield from found(document[name], rest)


def as_told(value: Any, path: str) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000) if path.endswith(".ts") else iso_utc(value)
    return value


def test_every_column_is_told_or_kept_back_on_purpose() -> None:
    there = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.columns}
    exempt = {name for name in there if name.partition(".")[0] in OF_THE_OPERATOR | OF_NOBODY}
    told = {f"{table}.{column}" for table, columns in TOLD.items() for column in columns}
    told |= {f"{table}.{column}" for table, column in ELSEWHERE} & there
    reasons = [told, exempt, *UNTOLD.values()]
    assert set().union(*reasons) == there
    assert sum(map(len, reasons)) == len(there), "one reason each"


def test_user_is_planted_in_every_table_that_can_name_one() -> None:
    assert rows().keys() == {table.name for table in metadata.sorted_tables} - OF_NOBODY


async def test_export_tells_every_column_of_the_rows_of_its_user(planted: tuple[Lobby, str]) -> None:
    lobby, token = planted
    exported = (await lobby.call("GET", "/api/account/export", token=token)).body
    first = {table: each[0] for table, each in rows().items()}
    expected = {
        path: as_told(first[table].get(column), path)
        for table, columns in TOLD.items()
        for column, path in columns.items()
    }
    expected.update(ELSEWHERE.values())
    assert {path: value for path, value in expected.items() if value not in found(exported, path)} == {}


async def test_export_tells_nothing_that_its_user_was_not_told(planted: tuple[Lobby, str]) -> None:
    lobby, token = planted
    answer = await lobby.call("GET", "/api/account/export", token=token)
    for hidden in ("of another", "other_55", "other_56", "other_57", "other_59", "argon2", '"f"'):
        assert hidden not in str(answer.body), hidden


async def test_deleted_account_leaves_only_what_stays_on_purpose(planted: tuple[Lobby, str]) -> None:
    lobby, token = planted
    database = lobby.server.settings.data_dir / DATABASE
    before = set(columns_that_name(database, str(USER_ID), NAME))
    assert (await lobby.call("POST", "/api/account/delete", {"password": PASSWORD}, token=token)).status == 200
    await lobby.written()
    await lobby.server.drain()
    assert set(columns_that_name(database, str(USER_ID), NAME)) == STAYS.keys()
    assert before > STAYS.keys() - {("revoked_tokens", "jti")}
    planted_texts = set(columns_that_name(database, "planted ", "planted."))
    assert planted_texts == {("user_bans", "reason")}


async def test_ban_that_is_over_for_a_day_names_nobody_any_more(start_lobby: StartLobby, tmp_path: Any) -> None:
    folder = tmp_path / "planted"
    put_tables(await made_tables(), folder)
    plant(folder / DATABASE)
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("UPDATE user_bans SET until = '2026-01-01 00:00:00.000000' WHERE until IS NOT NULL")
    connection.close()
    lobby: Lobby = await start_lobby(data_dir=folder)
    await lobby.written()
    assert [ban.user.id for ban in await lobby.server.app.store.user_bans()] == [57], "that has no end"


async def test_export_tells_the_party_that_its_user_is_in(planted: tuple[Lobby, str]) -> None:
    lobby, token = planted
    made = await lobby.call("POST", "/api/parties", token=token)
    assert made.status == 201, made.body
    exported = (await lobby.call("GET", "/api/account/export", token=token)).body
    assert exported["party"] == {"party": made.body["party"], "invites": []}
    assert [each["user_id"] for each in exported["party"]["party"]["members"]] == [USER_ID]


async def test_invitation_of_a_sender_whom_the_user_blocks_is_not_told(planted: tuple[Lobby, str]) -> None:
    lobby, token = planted
    host = lobby.token(42, "other_42")
    await lobby.connect(host)
    assert (await lobby.call("POST", "/api/blocks", {"user_id": 42}, token=token)).status in (200, 201)
    exported = (await lobby.call("GET", "/api/account/export", token=token)).body
    assert (exported["invites_received"], [each["to_username"] for each in exported["invites_sent"]]) == (
        [],
        ["other_22"],
    )
