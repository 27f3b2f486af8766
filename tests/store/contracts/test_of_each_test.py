"""The databases of PostgreSQL that tests share: each finds them as every other does, whatever its worker ran before."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from lobby_server.store import open_store
from tests.store.postgres import Postgres

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)


async def test_database_without_rows_gives_the_same_ids_to_every_test(postgres: Postgres, tmp_path: Path) -> None:
    given = []
    for _ in range(2):
        store = await open_store(postgres.url(await postgres.database_without_rows()), tmp_path)
        for name in ("ada", "bob"):
            added = await store.add_account(username=name, email=None, password_hash="h", created_at=NOON)
            given.append(added.id)
        await store.close()
    assert given == [1, 2, 1, 2]


async def test_nobody_whom_an_earlier_test_has_left_holds_a_lock_there(postgres: Postgres) -> None:
    left = await asyncpg.connect(postgres.url(await postgres.empty_database()))
    try:
        await left.execute("SELECT pg_advisory_lock(1)")
        name = await postgres.empty_database()
        assert not await postgres.run(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE locktype = 'advisory' AND datname = $1",
            name,
        )
    finally:
        left.terminate()
