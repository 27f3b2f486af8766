"""The way from an empty database, or one of another version, to the tables that the code expects."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from lobby_server.store import StoreSetupError, migrate
from lobby_server.store.engines import in_transaction, open_database
from lobby_server.store.tables import metadata
from lobby_server.store.urls import read_database_url
from tests.store.conftest import Database

Result = TypeVar("Result")
TABLES = {
    "users", "revoked_tokens", "rooms", "room_bans", "room_guests", "room_invites",
    "friend_requests", "friendships", "blocks",
    "chat_lines", "notifications", "announcements", "server_life", "marks", "sign_ins",
    "user_bans", "reports", "audit_entries", "whereabouts", "mails",
    "alembic_version",
}  # fmt: skip


async def run(database: Database, call: Callable[[Connection], Result]) -> Result:
    opened = open_database(read_database_url(database.url, database.data_dir))
    result = await opened.run(call)
    await opened.close()
    return result


async def run_sql(database: Database, *statements: str) -> None:
    def execute(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await run(database, execute)


async def table_names(database: Database) -> set[str]:
    return await run(database, lambda connection: set(inspect(connection).get_table_names()))


async def test_an_empty_database_gets_the_tables(database: Database) -> None:
    await (await database.open()).close()
    assert await table_names(database) == TABLES


async def test_tables_and_migrations_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    await run(database, upgrade_to("head"))
    assert await run(database, differences) == []


async def test_new_database_is_as_the_migrations_would_leave_it(database: Database) -> None:
    """Types, defaults, keys, indexes and what counts ids up: nobody can tell which way the tables came to be."""
    await (await database.open()).close()
    created = await run(database, schema_of)
    await run(database, drop_all)
    assert await table_names(database) == set()
    await run(database, upgrade_to("head"))
    assert await run(database, schema_of) == created


def schema_of(connection: Connection) -> dict[str, object]:
    """All that can be read of each table; columns by name, as they can only be added at the end of an older table."""
    inspector = inspect(connection)
    found: dict[str, object] = {}
    for name in inspector.get_table_names():
        columns = {
            each["name"]: {key: str(value) for key, value in each.items()} for each in inspector.get_columns(name)
        }
        for column in columns.values():
            column.pop("primary_key", None)  # which only SQLite tells here, and `get_pk_constraint` for both
        found[name] = {
            "columns": columns,
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(name))),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "indexes": sorted(map(str, inspector.get_indexes(name))),
            "counts up": connection.dialect.name == "sqlite" and "AUTOINCREMENT" in sql_of(connection, name),
        }
    return found


def sql_of(connection: Connection, name: str) -> str:
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    return str(connection.exec_driver_sql(query, (name,)).scalar_one())


def drop_all(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")


@pytest.mark.parametrize("way", ["created", "migrated"])
async def test_sqlite_never_gives_an_account_id_again(tmp_path: Path, way: str) -> None:
    """What `compare_metadata` does not see."""
    database = Database("", tmp_path)
    if way == "migrated":
        await run(database, upgrade_to("head"))
    store = await database.open()
    query = "SELECT sql FROM sqlite_master WHERE name = 'users'"
    assert "AUTOINCREMENT" in await store._run(lambda connection: connection.exec_driver_sql(query).scalar_one())
    await store.close()


def test_the_revision_that_is_expected_is_the_newest_file() -> None:
    assert ScriptDirectory(str(migrate.MIGRATIONS_DIR)).get_heads() == [migrate.REVISION]


async def test_a_second_start_changes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await database.open()).close()
    monkeypatch.setattr(migrate, "_upgrade_alone", None)  # would be called otherwise
    await (await database.open()).close()


async def test_stores_opened_at_the_same_moment_all_open(database: Database) -> None:
    stores = await asyncio.gather(*(database.open() for _ in range(4)))
    await asyncio.gather(*(store.ping() for store in stores))
    for store in stores:
        await store.close()


async def test_processes_started_at_the_same_moment_all_open(database: Database) -> None:
    program = (
        "import asyncio, pathlib, sys; from lobby_server.store import open_store\n"
        "async def main(): await (await open_store(sys.argv[1], pathlib.Path(sys.argv[2]))).close()\n"
        "asyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database.url, str(database.data_dir), stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], outputs


async def test_new_database_needs_no_migration(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_upgrade", None)  # would be called otherwise
    await (await database.open()).close()
    assert await table_names(database) == TABLES


@pytest.mark.parametrize("revision", [None, "0001"])
async def test_a_migration_that_fails_leaves_no_trace(
    database: Database, monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    if revision is not None:
        await run(database, upgrade_to(revision))
    before = await table_names(database)
    step = "_create" if revision is None else "_upgrade"
    act = getattr(migrate, step)

    def act_and_fail(connection: Connection) -> None:
        act(connection)
        raise OSError("the lights went out")

    monkeypatch.setattr(migrate, step, act_and_fail)
    with pytest.raises(StoreSetupError):
        await database.open()
    assert await table_names(database) == before


async def test_a_failed_transaction_is_rolled_back(database: Database) -> None:
    store = await database.open()

    def change_tables_half_way(connection: Connection) -> None:
        with in_transaction(connection):
            connection.exec_driver_sql("CREATE TABLE half (id integer)")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await store._run(change_tables_half_way)
    await store.close()
    assert await table_names(database) == TABLES


def upgrade_to(revision: str) -> Callable[[Connection], None]:
    """Make the tables of an older version, as that one did."""

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.attributes["connection"] = connection
        scripts = ScriptDirectory(str(migrate.MIGRATIONS_DIR))
        environment = EnvironmentContext(
            config, scripts, fn=lambda found, _context: scripts._upgrade_revs(revision, found)
        )
        with in_transaction(connection), environment:
            scripts.run_env()

    return upgrade


NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
ROWS_OF_0001 = (
    "INSERT INTO users (username, username_key, email, email_key, password_hash, created_at)"
    " VALUES ('Ada', 'ada', 'Ada@example.org', 'ada@example.org', 'a hash', '{noon}')",
    "INSERT INTO rooms (id, host_user_id, host_username, gamemode, max_players, is_public, version, created_at)"
    " VALUES ('r1', 1, 'Ada', 'ctf', 8, TRUE, '13020', '{noon}')",
    "INSERT INTO room_bans (room_id, user_id) VALUES ('r1', 7)",
    "INSERT INTO revoked_tokens (jti, expires_at) VALUES ('signed out', '{noon}')",
)
ROWS_OF_0002 = (
    "INSERT INTO notifications (user_id, kind, title, body, from_user_id, created_at, is_read, is_delivered)"
    " VALUES (1, 'friend_request', 'a title', 'a body', 9, '{noon}', FALSE, FALSE)",
    "INSERT INTO friendships (user_id, friend_id, friend_username, since) VALUES (1, 9, 'bob', '{noon}')",
)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
async def test_rows_of_an_older_version_are_there_once_its_tables_are_brought_forward(
    database: Database, revision: str
) -> None:
    await run(database, upgrade_to(revision))
    noon = noon_in(database)
    has_notifications = revision >= "0002"
    rows = (*ROWS_OF_0001, *(ROWS_OF_0002 if has_notifications else ()))
    await run_sql(database, *(statement.format(noon=noon) for statement in rows))
    store = await database.open()
    ada = await store.account_by_login("ADA@example.org")
    assert ada is not None
    assert (ada.username, ada.password_hash, ada.created_at) == ("Ada", "a hash", NOON)
    (room,) = await store.rooms()
    assert (room.id, room.host_user_id, room.banned_user_ids, room.created_at) == ("r1", 1, frozenset({7}), NOON)
    assert await store.revoked_tokens(NOON - timedelta(days=1)) == {"signed out": NOON}
    kept = await store.notifications(1, before=None, most=5, hidden_sender_ids=[])
    assert [(each.title, each.room_id) for each in kept] == ([("a title", None)] if has_notifications else [])
    fresh = await store.add_account(username="Bob", email=None, password_hash="h", created_at=NOON)
    assert fresh.id > ada.id
    await store.close()
    assert await table_names(database) == TABLES


def noon_in(database: Database) -> str:
    return "2026-05-17 12:00:00.000000" + ("+00" if database.url else "")


def notification(noon: str, user_id: int, kind: str, sender_id: int, is_read: str, room_id: str) -> str:
    """The statement for a row of revision 0011."""
    return (
        "INSERT INTO notifications"
        " (user_id, kind, title, body, from_user_id, created_at, is_read, is_delivered, room_id)"
        f" VALUES ({user_id}, '{kind}', '', '', {sender_id}, '{noon}', {is_read}, FALSE, '{room_id}')"
    )


async def test_invitations_into_rooms_that_are_there_are_taken_over_from_unread_notifications(
    database: Database,
) -> None:
    await run(database, upgrade_to("0011"))
    noon = noon_in(database)
    rows = [("match_invite", 3, "FALSE", "r1"), ("match_invite", 2, "FALSE", "r1"), ("match_invite", 3, "FALSE", "r1")]
    others = [("match_invite", 4, "TRUE", "r1"), ("match_invite", 6, "FALSE", "gone"), ("x", 7, "FALSE", "r1")]
    await run_sql(
        database, ROWS_OF_0001[1].format(noon=noon), *(notification(noon, 5, *row) for row in (*rows, *others))
    )
    store = await database.open()
    (room,) = await store.rooms()
    assert [(each.sender_id, each.guest_id) for each in room.invitations] == [(3, 5), (2, 5)]
    assert not any(each.lets_in for each in room.invitations), "everybody may enter a public room"
    await store.close()


async def test_oldest_invitation_into_a_private_room_that_is_taken_over_is_the_one_that_lets_its_guest_in(
    database: Database,
) -> None:
    await run(database, upgrade_to("0011"))
    noon = noon_in(database)
    told = [(5, 2, "TRUE"), (5, 3, "FALSE"), (6, 2, "FALSE"), (5, 4, "FALSE"), (7, 2, "FALSE")]  # guest and sender
    await run_sql(
        database,
        ROWS_OF_0001[1].format(noon=noon),
        "UPDATE rooms SET is_public = FALSE",
        *(f"INSERT INTO room_guests (room_id, user_id) VALUES ('r1', {user_id})" for user_id in (2, 3, 4, 5, 6)),
        *(notification(noon, guest, "match_invite", sender, is_read, "r1") for guest, sender, is_read in told),
    )
    store = await database.open()
    (room,) = await store.rooms()
    assert [(each.guest_id, each.sender_id, each.lets_in) for each in room.invitations] == [
        (5, 3, True), (6, 2, True), (5, 4, False), (7, 2, False),
    ]  # fmt: skip
    await store.close()


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    await (await database.open()).close()
    await run_sql(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreSetupError, match=r"made by a newer version .* 9999"):
        await database.open()


async def test_tables_of_another_program_are_left_alone(database: Database) -> None:
    await run_sql(database, "CREATE TABLE rooms (number integer)", "INSERT INTO rooms VALUES (101)")
    with pytest.raises(StoreSetupError, match="tables of another program"):
        await database.open()
    assert await table_names(database) == {"rooms"}
