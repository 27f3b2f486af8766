"""The lock of a lobby on PostgreSQL and which database it is of, straight and through a real pgbouncer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lobby_server.store import LobbyLock, StoreSetupError, database_identity, lock_lobby
from lobby_server.store.locks.postgres import PostgresLock
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.urls import read_database_url
from tests.store.pgbouncer import PgBouncer, running_pgbouncer
from tests.store.postgres import Postgres

READER = "knows_no_control_file"
"""A role."""


@pytest.fixture(params=["session", "transaction"])
def pgbouncer(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[PgBouncer]:
    with running_pgbouncer(postgres, pool_mode=request.param) as started:
        yield started


async def lock(url: str) -> LobbyLock:
    return await lock_lobby(url, Path(), wait_s=0.0)


async def is_free(url: str) -> bool:
    try:
        await (await lock(url)).release()
    except StoreSetupError as refused:
        assert str(refused).startswith("Another server runs on database empty of PostgreSQL at ")
        assert str(refused).endswith("another database, or both servers the same --backplane-url.")
        return False
    return True


async def test_lock_through_a_pooler_excludes_others_there_and_straight_until_it_is_released(
    postgres: Postgres, postgres_name: str, pgbouncer: PgBouncer
) -> None:
    pooled, straight = pgbouncer.url(postgres_name), postgres.url(postgres_name)
    held = await lock(pooled)
    assert [await is_free(url) for url in (pooled, straight) * 3] == [False] * 6
    await held.release()
    while not await is_free(straight):  # pgbouncer ends the transaction in its own time
        await asyncio.sleep(0.01)
    held = await lock(straight)
    assert not await is_free(pooled)
    await held.release()


async def test_lock_through_a_pooler_that_cannot_keep_a_transaction_is_refused(
    postgres: Postgres, postgres_name: str
) -> None:
    with (
        running_pgbouncer(postgres, pool_mode="statement") as pgbouncer,
        pytest.raises(StoreSetupError, match="statement pooling"),
    ):
        await lock(pgbouncer.url(postgres_name))


async def test_lock_of_another_schema_of_the_database_is_another_lock(postgres: Postgres, postgres_name: str) -> None:
    await postgres.run("CREATE SCHEMA second", database=postgres_name)
    held = await lock(postgres.url(postgres_name))
    assert await is_free(postgres.url(postgres_name) + "&search_path=second")
    await held.release()
    await postgres.run("DROP SCHEMA second", database=postgres_name)


@pytest.fixture
async def postgres_lock(postgres: Postgres, postgres_name: str) -> AsyncIterator[PostgresLock]:
    location = read_database_url(postgres.url(postgres_name), Path())
    assert isinstance(location, PostgresDatabase)
    held = PostgresLock(location)
    assert await held.try_lock()
    yield held
    await held.release()


async def test_lock_is_taken_from_what_is_left_of_an_own_lost_connection(
    postgres: Postgres, postgres_lock: PostgresLock
) -> None:
    remnant = postgres_lock._connection  # PostgreSQL has not noticed that nobody is there any more
    pid = remnant.get_server_pid()
    assert await postgres_lock.try_lock()
    assert postgres_lock._connection.get_server_pid() != pid
    while await postgres.run("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid):
        await asyncio.sleep(0.01)
    remnant.terminate()


async def test_lock_is_not_taken_from_another_server(
    postgres: Postgres, postgres_name: str, postgres_lock: PostgresLock
) -> None:
    for _ in range(3):
        assert not await is_free(postgres.url(postgres_name))
    assert await postgres_lock._connection.fetchval("SELECT 1") == 1


async def test_identity_is_of_the_database_and_its_schema_whatever_way_leads_there(
    postgres: Postgres, postgres_name: str, tmp_path: Path
) -> None:
    url = postgres.url(postgres_name)
    own = await database_identity(url, tmp_path)
    assert own
    assert own == await database_identity(url, tmp_path)
    async with postgres.connected(postgres_name) as connection:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS another")
    others = [postgres.url("postgres"), f"{url}&options=-csearch_path%3Danother"]
    assert len({own, *[await database_identity(other, tmp_path) for other in others]}) == 3
    with running_pgbouncer(postgres, pool_mode="transaction") as pgbouncer:
        assert await database_identity(pgbouncer.url(postgres_name), tmp_path) == own


async def test_identity_of_sqlite_is_none(tmp_path: Path) -> None:
    assert await database_identity("", tmp_path) == ""


async def test_database_that_does_not_say_which_it_is_is_logged(
    postgres: Postgres, postgres_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with postgres.connected(postgres_name) as connection:
        await connection.execute(f"DROP ROLE IF EXISTS {READER}; CREATE ROLE {READER} LOGIN")
        await connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        try:
            assert await database_identity(postgres.url(postgres_name, user=READER), tmp_path) == ""
        finally:
            await connection.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
            await connection.execute(f"DROP ROLE {READER}")
    assert "does not say which it is" in caplog.text
    caplog.clear()
