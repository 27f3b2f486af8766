"""The database goes away and comes back; the store says so, and recovers by itself."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import cast

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.service.ports import StoreError, StoreUnavailable
from lobby_server.service.writes.turns import BEGIN_S
from lobby_server.store import SqlStore, engines, open_store
from lobby_server.store.errors import NotConnected
from lobby_server.store.urls import read_database_url
from tests.patience import PATIENCE_S
from tests.stopwatch import Stopwatch
from tests.store.postgres import Postgres
from tests.store.stoppable import StoppablePostgres, stoppable_postgres

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
SECRET = "s3cret"


@pytest.fixture
async def postgres_store(postgres: Postgres, postgres_name: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = await open_store(postgres.url(postgres_name), tmp_path)
    yield store
    await store.close()


@pytest.fixture
async def sqlite_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqlStore]:
    """In a file `lobby.sqlite3`, with little patience for locks."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.05)
    store = await open_store("", tmp_path)
    yield store
    await store.close()


@pytest.fixture
def other_program(tmp_path: Path, sqlite_store: SqlStore) -> Iterator[sqlite3.Connection]:
    """Somebody else in the same file."""
    with closing(sqlite3.connect(tmp_path / "lobby.sqlite3", isolation_level=None)) as connection:
        yield connection


async def answers_again(store: SqlStore) -> None:
    """It answers within the little time that it has, once this machine lets it."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert await store.account(1) is None
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline_s, "it never answers again"


async def test_cut_connections_are_replaced_unseen(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    await asyncio.gather(*(postgres_store.ping() for _ in range(5)))
    await postgres.cut_connections(postgres_name)
    await asyncio.gather(*(postgres_store.ping() for _ in range(5)))


async def test_a_connection_cut_within_a_statement_is_unavailable(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    async with postgres.connected(postgres_name) as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE revoked_tokens")
        waiting = asyncio.ensure_future(postgres_store.revoke_token("j1", NOON))
        while not await postgres.run("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not waiting.done()
        await postgres.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        with pytest.raises(StoreUnavailable):
            await waiting


async def test_a_database_that_takes_nobody_is_unavailable_until_it_does(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    await postgres.let_in(postgres_name, allowed=False)
    await postgres.cut_connections(postgres_name)
    with pytest.raises(StoreUnavailable):
        await postgres_store.ping()
    await postgres.let_in(postgres_name, allowed=True)
    await postgres_store.ping()


async def test_a_statement_that_gets_no_answer_is_unavailable(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    location = read_database_url(postgres.url(postgres_name), Path())
    hurried = SqlStore(engines.open_database(location, command_timeout_s=0.2))
    async with postgres.connected(postgres_name) as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE users")
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(hurried.account(1), PATIENCE_S)
    await answers_again(hurried)
    await hurried.close()


@pytest.mark.parametrize("parameter", ["statement_timeout", "lock_timeout"])
async def test_a_timeout_out_of_the_url_is_unavailable_when_it_is_over(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore, parameter: str
) -> None:
    url = f"{postgres.url(postgres_name)}&{parameter}=100"
    limited = SqlStore(engines.open_database(read_database_url(url, Path())))
    async with postgres.connected(postgres_name) as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE users")
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(limited.account(1), PATIENCE_S)
    await answers_again(limited)
    await limited.close()


async def test_a_call_that_finds_no_free_connection_is_unavailable_and_the_others_are_answered(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    url = f"{postgres.url(postgres_name)}&connection_limit=1&pool_timeout=1"
    limited = SqlStore(engines.open_database(read_database_url(url, Path())))
    async with postgres.connected(postgres_name) as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE users")
        first = asyncio.ensure_future(limited.account(1))
        while not await postgres.run("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not first.done()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(limited.account(2), PATIENCE_S)
    assert await first is None
    await limited.close()


@pytest.fixture(scope="module")
def freezing() -> Iterator[StoppablePostgres]:
    with stoppable_postgres() as started:
        yield started


async def test_calls_that_find_a_frozen_database_are_refused_in_time_and_are_never_made(
    freezing: StoppablePostgres, tmp_path: Path
) -> None:
    store = await open_store(freezing.url(await freezing.empty_database()), tmp_path)
    pool = cast(engines.PostgresPool, store._database)
    assert pool._begin_s == BEGIN_S < engines.COMMAND_TIMEOUT_S, "no longer than a change that waits for its turn"
    await asyncio.gather(*(store.ping() for _ in range(3)))
    pool._begin_s = 0.2
    names = [f"user{number}" for number in range(20)]  # more than there are connections
    freezing.freeze()
    try:
        calls = [
            store.add_account(username=name, email=None, password_hash="x", created_at=NOON) for name in names
        ]  # fmt: skip
        with Stopwatch() as watch:
            faults = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(fault) for fault in faults] == [NotConnected] * len(names)
        assert watch.took_s < engines.COMMAND_TIMEOUT_S / 2, "none waits for the trial of its connection"
    finally:
        freezing.thaw()
    pool._begin_s = PATIENCE_S
    await asyncio.wait(pool._running)
    assert [await store.account_by_login(name) for name in names] == [None] * len(names)
    await store.close()


async def test_a_call_that_has_begun_is_waited_for(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    pool = cast(engines.PostgresPool, postgres_store._database)
    async with postgres.connected(postgres_name) as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE users")
        pool._begin_s = 0.2
        waiting: asyncio.Future[object] = asyncio.ensure_future(postgres_store.account(1))
        while not await postgres.run("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            if waiting.done():  # its connection came too late on a busy machine
                pool._begin_s *= 2
                waiting = asyncio.ensure_future(postgres_store.account(1))
        await asyncio.sleep(1.5 * pool._begin_s)
        assert not waiting.done()
    assert await waiting is None


async def test_a_locked_sqlite_file_is_unavailable_until_it_is_free(
    sqlite_store: SqlStore, other_program: sqlite3.Connection
) -> None:
    other_program.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await sqlite_store.revoke_token("j1", NOON)
    other_program.execute("ROLLBACK")
    await sqlite_store.revoke_token("j1", NOON)


async def test_a_call_that_waited_too_long_for_its_turn_is_not_begun(
    sqlite_store: SqlStore, other_program: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "POOL_TIMEOUT_S", -1.0)
    with pytest.raises(StoreUnavailable):
        await sqlite_store.revoke_token("j1", NOON)
    assert not other_program.execute("SELECT * FROM revoked_tokens").fetchall()


async def test_a_locked_sqlite_file_can_be_read(sqlite_store: SqlStore, other_program: sqlite3.Connection) -> None:
    other_program.execute("BEGIN IMMEDIATE")
    assert await sqlite_store.account(1) is None


async def test_a_full_disk_is_unavailable_until_there_is_room(sqlite_store: SqlStore) -> None:
    await sqlite_store._run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1").close())
    with pytest.raises(StoreUnavailable):
        await sqlite_store.revoke_token("j" * 50_000, NOON)
    await sqlite_store._run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000").close())
    await sqlite_store.revoke_token("j" * 50_000, NOON)


async def test_a_fault_that_waiting_does_not_heal_is_another_error(
    postgres: Postgres, postgres_name: str, postgres_store: SqlStore
) -> None:
    await postgres.run("DROP TABLE revoked_tokens", database=postgres_name)
    with pytest.raises(StoreError) as caught:
        await postgres_store.revoked_tokens(NOON)
    assert type(caught.value) is StoreError


async def test_values_are_in_no_error_and_no_log(
    sqlite_store: SqlStore, other_program: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    other_program.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable) as caught:
        await sqlite_store.add_account(username="ada", email=None, password_hash=SECRET, created_at=NOON)
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + caplog.text


async def test_the_fake_is_away_when_told() -> None:
    store = MemoryStore()
    store.is_away = True
    with pytest.raises(StoreUnavailable):
        await store.ping()
