"""What can go wrong between the store and its database, in the words of the service's port.

StoreError                 (lobby_server.service.ports)
├── StoreUnavailable       the same
│   ├── NotConnected       no connection, or none in time; the cause is its `__cause__`
│   └── StoreFull          the same
│       └── DiskFull       that of the SQLite file
├── StoreSetupError        the database cannot be used; somebody has to put something right
│   └── StoreNotReady      or it will be in a while: it is starting, or not there yet
├── UnstorableText         a caller's fault
└── RowConflict            caught inside this package wherever the port gives it a meaning
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from lobby_server.service.ports import StoreError, StoreFull, StoreUnavailable


class StoreSetupError(StoreError):
    """A database that cannot be used. The text is one sentence that says what to do, without the password."""


class StoreNotReady(StoreSetupError):
    """A database that cannot be used at the moment: the same settings may do in a while."""


class UnstorableText(StoreError):
    """A text with a NUL character or half of a surrogate pair, which PostgreSQL cannot hold.

    SQLite refuses it too, so that nothing works on a developer's machine that fails later.
    """

    def __init__(self) -> None:
        super().__init__("A text with a NUL character or half of a surrogate pair cannot be stored.")


class RowConflict(StoreError):
    """A row that is there already, or that belongs to one that is not."""

    def __init__(self) -> None:
        super().__init__("The database has that row already, or lacks the one that it belongs to.")


DATABASE_AWAY = "The database cannot be reached."


class NotConnected(StoreUnavailable):
    """There is no connection to be had: the database is away, or all connections are taken for too long."""

    def __init__(self) -> None:
        super().__init__(DATABASE_AWAY)


class DiskFull(StoreFull):
    """The disk of the SQLite file takes no more."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"The disk that holds {path} is full.")


# Classes of SQLSTATE (PostgreSQL manual, appendix A) that time can heal: connection lost, out of connections, disk or
# memory, deadlock, shut down or not up yet, input/output. A class is the first two characters.
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
DISK_FULL = "53100"
_PASSING_STATES = frozenset({"25006", "55P03"})  # a standby before its promotion; a lock that was not free in time


def as_store_error(error: Exception) -> StoreError:
    """What a fault of a statement means to the service. The caller raises it ``from`` the original."""
    if isinstance(error, StatementError) and isinstance(error.orig, StoreError):
        return error.orig  # raised by a column type, wrapped by SQLAlchemy
    if isinstance(error, IntegrityError):
        return RowConflict()
    if passes(error):
        return (
            StoreFull("The disk of the database is full.")
            if sqlstate_of(error) == DISK_FULL
            else StoreUnavailable(DATABASE_AWAY)
        )
    return StoreError("The database refused a statement.")


def passes(error: Exception) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error, OSError | asyncio.TimeoutError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = sqlstate_of(error)
    if state is not None:
        return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
    if _comes_from_sqlite(error):  # it has no states: locked, full and unreadable are all OperationalError
        return not isinstance(error, ProgrammingError | DataError)
    return False


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE of whatever PostgreSQL said, or None."""
    for link in chain_of(error):
        state = getattr(link, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was made from, the driver's own last."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = getattr(link, "orig", None) or link.__cause__


def _comes_from_sqlite(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("sqlite3")
