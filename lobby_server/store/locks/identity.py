"""Which database a lobby has, among all that there are. Nodes that have different ones are no lobby: an id of a user
would mean another user to each.

It is not a name, which hosts give twice, nor a row, which a copy has too. A standby that takes over is the same one; a
copy that was loaded elsewhere by dump is another one; a physical copy cannot be told apart. `pg_upgrade` makes another
one of it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from lobby_server.service.watch.events import LogEvent
from lobby_server.store import engines
from lobby_server.store.connecting import CONNECT_TIMEOUT_S, Connector
from lobby_server.store.diagnosis import diagnose
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.urls import read_database_url

log = logging.getLogger("lobby.store")

_IDENTITY = """
    SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
           || '/' || coalesce(current_schema(), '')
    FROM pg_control_system()
"""
"""With the schema, because one database may hold a lobby in each of its schemas."""


async def database_identity(database_url: str, data_dir: Path) -> str:
    """Of the database that `open_store` opens with these arguments. Empty: of SQLite, which nodes do not share, and of
    a PostgreSQL that does not say, which is logged."""
    location = read_database_url(database_url, data_dir)
    if not isinstance(location, PostgresDatabase):
        return ""
    try:
        connection = await Connector(location, command_timeout_s=engines.COMMAND_TIMEOUT_S).connect()
        try:
            return str(await connection.fetchval(_IDENTITY))
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
    except Exception as error:  # asyncpg has its own tree of errors, and the system another one
        log.warning(
            "nodes that have another database would not be noticed, for this one does not say which it is: %s",
            diagnose(error, location),
            extra={"event": LogEvent.CAUTION.value},
        )
        return ""
