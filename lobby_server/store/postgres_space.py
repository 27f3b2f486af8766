"""Whether the disk of a PostgreSQL takes more: it tells nobody how much is left, so that is found out by a try.

The try is what an insertion that needs room does, and is rolled back: a table of its own, since the pages of others may
have places left, and no temporary one, which hosting services keep on another disk than what they bound.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from lobby_server.store.errors import DISK_FULL, passes, sqlstate_of

_TABLE = "CREATE TABLE lobby_server_try (text TEXT)"
_ROWS = "INSERT INTO lobby_server_try SELECT md5(number::text) FROM generate_series(1, 4096) AS number"
"""Of 64 bytes each: as much as an SQLite file has to have left."""


def says_full(error: Exception) -> bool:
    return sqlstate_of(error) == DISK_FULL


def try_for_room(connection: Connection) -> None:
    """Raises what PostgreSQL says when there is none. Nothing is left of the try."""
    connection.execution_options(isolation_level="READ COMMITTED")
    transaction = connection.begin()
    try:
        connection.exec_driver_sql(_TABLE)
        connection.exec_driver_sql(_ROWS)
    except DBAPIError as error:
        if passes(error):  # full, away, read-only; else the try itself is not allowed, which says nothing of room
            raise
    finally:
        transaction.rollback()
