"""Engines: how the server is connected to each database.

Both run in autocommit, because nearly every call of the store is one statement: that is one round trip to PostgreSQL
in place of three, and one to SQLite's thread. What needs more says `in_transaction`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from lobby_server.store.urls import Location, PostgresDatabase, SqliteFile

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 10.0
"""After this a statement of PostgreSQL counts as lost: the host may have vanished without a word."""
BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits for a lock of another process, a backup say."""
POOL_TIMEOUT_S = 10.0
"""How long a call waits for a free connection."""
POSTGRES_CONNECTIONS = 8
"""Most connections of one server process; PostgreSQL allows 100 in all by default."""

_SQLITE_PRAGMAS = (
    # In WAL mode a commit is in the kernel's hands when it returns, so it survives any end of the process, kill -9
    # too. NORMAL leaves out the wait for the disk: only a crash of the machine can take the last commits back, and
    # never damages the file (sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)


def create_engine(location: Location, *, command_timeout_s: float = COMMAND_TIMEOUT_S) -> AsyncEngine:
    """An engine, not connected yet. Raises `ModuleNotFoundError` where the driver is not installed."""
    if isinstance(location, SqliteFile):
        return _sqlite_engine(location)
    return _postgres_engine(location, command_timeout_s)


@asynccontextmanager
async def in_transaction(connection: AsyncConnection) -> AsyncIterator[None]:
    """One transaction around the block: committed at its end, rolled back by an exception, changes of tables too.

    On SQLite it holds the write lock from the start, so that it cannot fail half-way for want of it.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    if not on_sqlite:
        await connection.execution_options(isolation_level="READ COMMITTED")
    async with connection.begin():
        if on_sqlite:  # the driver is in autocommit and begins nothing; commit and rollback do end this
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


def _sqlite_engine(location: SqliteFile) -> AsyncEngine:
    # aiosqlite would write every statement with its values, hashes of passwords among them, to a log at level debug.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(location.path)),
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        poolclass=AsyncAdaptedQueuePool,  # the default since SQLAlchemy 2.0.38
        # One connection, that is one thread: calls take tens of microseconds in SQLite, writers exclude each other
        # anyway, and a queue in the pool is fairer than SQLite's polling for locks.
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: DBAPIConnection, _record: Any) -> None:
    try:
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except Exception:
        connection.close()  # the pool does not know it yet and would leave its thread running
        raise


def _postgres_engine(location: PostgresDatabase, command_timeout_s: float) -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://",
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        pool_size=POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        # A connection is tried before each use. Repeating a statement that failed would be cheaper, but it may have
        # been carried out: a second registration would find its own name taken.
        pool_pre_ping=True,
        connect_args={"dsn": location.dsn, "timeout": CONNECT_TIMEOUT_S, "command_timeout": command_timeout_s},
    )
