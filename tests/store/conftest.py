from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.simulation.outside.memory_store import MemoryStore
from lobby_server.service.ports import Store
from lobby_server.store import SqlStore, open_store
from tests.store.postgres import Postgres


@dataclass(frozen=True)
class Database:
    """Where a test's database is, for `open_store`."""

    url: str
    data_dir: Path

    async def open(self) -> SqlStore:
        return await open_store(self.url, self.data_dir)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind, with nothing in it."""
    if request.param == "sqlite":
        yield Database("", tmp_path)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    yield Database(postgres.url(await postgres.empty_database()), tmp_path)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Every store there is, with nothing in it."""
    if request.param == "memory":
        yield MemoryStore()
        return
    if request.param == "sqlite":
        opened = await open_store("", tmp_path)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        opened = await open_store(postgres.url(await postgres.database_without_rows()), tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def two_servers(postgres: Postgres, tmp_path: Path) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    """Their stores, on one PostgreSQL database without rows."""
    url = postgres.url(await postgres.database_without_rows())
    async with AsyncExitStack() as stack:
        one = await open_store(url, tmp_path)
        stack.push_async_callback(one.close)
        other = await open_store(url, tmp_path)
        stack.push_async_callback(other.close)
        yield one, other
