"""Tables brought to the newest revision, at every start.

Revisions are Alembic's, under ``migrations/``. A database that is at the newest one costs a single query. An empty one
gets the tables as `lobby_server.store.tables` has them, without the way that led there: a test holds the two against
each other. Only one that is behind needs Alembic, whose import alone takes longer than all of this. Either is done in
one transaction under a lock, so that of several servers that start together one does it and the others find the work
done; a server killed within it leaves no trace.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    column,
    func,
    inspect,
    select,
    text,
    values,
)
from sqlalchemy.exc import OperationalError

from lobby_server.store import engines
from lobby_server.store.engines import Database, in_transaction, open_database
from lobby_server.store.errors import NotConnected, StoreSetupError, chain_of
from lobby_server.store.tables import metadata
from lobby_server.store.urls import Location

REVISION = "0012"
"""The newest one. A test compares it with the files."""
MIGRATIONS_DIR = Path(__file__).with_name("migrations")
MIGRATION_TIMEOUT_S = 60.0
"""For one statement of a migration."""
LOCK_TIMEOUT_S = 50.0
"""For the migration of another server; less than the above, so that PostgreSQL says what it was."""
_LOCK_KEY = int.from_bytes(b"lobby", "big")
_WAL_RETRY_S = 0.02
_VERSIONS = Table(  # Alembic's own, as it makes it
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


async def migrate(location: Location) -> None:
    """Bring a database to `REVISION`.

    Raises `StoreSetupError` when a newer version of the server made its tables, and whatever SQLAlchemy and the
    drivers raise when it cannot be done.
    """
    database = open_database(location, command_timeout_s=MIGRATION_TIMEOUT_S)
    try:
        if database.is_sqlite:
            await _switch_to_wal(database)
        if await database.run(_revision_of) != REVISION:
            await database.run(_upgrade_alone)
        if not database.is_sqlite and (table := await database.run(_unusable)) is not None:
            raise StoreSetupError(
                f"The user of --database-url may not write the table {table}: grant them SELECT, INSERT, UPDATE and "
                "DELETE on all tables of the schema, and USAGE on its sequences."
            )
    finally:
        await database.close()


async def _switch_to_wal(database: Database) -> None:
    """Write-ahead logging. The file remembers it.

    SQLite does not wait for locks here as it does elsewhere, so a second server at the same moment has to try again.
    A file system that cannot share memory keeps the rollback journal, which is as safe.
    """
    tries_left = int(engines.BUSY_TIMEOUT_S / _WAL_RETRY_S)
    while True:
        try:
            await database.run(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode=WAL").close())
            return
        except (OperationalError, NotConnected) as error:
            tries_left -= 1
            if tries_left <= 0 or not any("locked" in str(link) for link in chain_of(error)):
                raise
            await asyncio.sleep(_WAL_RETRY_S)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    revision: str | None = connection.scalar(select(_VERSIONS.c.version_num))
    return revision


def _unusable(connection: Connection) -> str | None:
    """The first table that this user cannot use; None: all can be. Raises `DBAPIError` on a standby."""
    if connection.scalar(select(func.current_setting("transaction_read_only"))) == "on":
        connection.execute(text("CREATE TEMPORARY TABLE tried (id integer)"))  # PostgreSQL says why that cannot be
    allowed = [func.has_table_privilege(column("name"), right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    names = values(column("name", Text), name="tables").data([(each,) for each in metadata.tables])
    unusable: str | None = connection.scalar(select(names.c.name).where(~and_(*allowed)).limit(1))
    return unusable


def _upgrade_alone(connection: Connection) -> None:
    """All revisions in one transaction, while other servers wait. On SQLite its beginning excludes them."""
    with in_transaction(connection):
        if connection.dialect.name == "postgresql":
            lock_timeout = func.set_config(
                "lock_timeout", f"{LOCK_TIMEOUT_S * 1000:.0f}ms", True
            )  # in this transaction
            connection.execute(select(lock_timeout))
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
        if _has_none_of_ours(connection):
            _create(connection)
        elif _revision_of(connection) != REVISION:  # else another server has done it meanwhile
            _upgrade(connection)


def _has_none_of_ours(connection: Connection) -> bool:
    return not {_VERSIONS.name, *metadata.tables}.intersection(inspect(connection).get_table_names())


def _create(connection: Connection) -> None:
    """The tables of the newest revision, in an empty database or beside the tables of other programs."""
    metadata.create_all(connection, checkfirst=False)
    _VERSIONS.create(connection)
    connection.execute(_VERSIONS.insert().values(version_num=REVISION))


def _upgrade(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.attributes["connection"] = connection
    scripts = ScriptDirectory(str(MIGRATIONS_DIR))
    found = _revision_of(connection)
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreSetupError(
            f"The database was made by a newer version of lobby-server (its revision is {found}, this one knows "
            f"{REVISION}): install that version, or give another database with --database-url."
        )
    environment = EnvironmentContext(
        config, scripts, fn=lambda revision, _context: scripts._upgrade_revs("head", revision)
    )
    with environment:
        scripts.run_env()
