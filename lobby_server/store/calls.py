"""How every part of the store on SQL runs its calls: one place for closing, and for what a fault means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Table
from sqlalchemy.exc import SQLAlchemyError

from lobby_server.service.ports import StoreError, StoreUnavailable
from lobby_server.store.engines import Database
from lobby_server.store.errors import as_store_error
from lobby_server.store.steps import Step

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_Result = TypeVar("_Result")


class SqlCalls:
    """A database, and calls on it. The parts of the store build on this."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = _insert_of(database)
        self._is_closed = False

    async def _run(self, call: Callable[[Connection], _Result]) -> _Result:
        """A call in autocommit; faults leave as `StoreError`."""
        return await self._answered(lambda: self._database.run(call))

    async def _do(self, statement: Executable, row: Mapping[str, Any] | None = None) -> None:
        """One statement, for whose result nobody asks. `row`: its values, where it names none."""
        await self._do_all((statement, row))

    async def _do_all(self, *steps: Step) -> None:
        """The same for statements of which all are made or none."""
        await self._answered(lambda: self._database.write(*steps))

    async def _first(self, query: Executable) -> Row[Any] | None:
        return await self._run(lambda connection: connection.execute(query).first())

    async def _answered(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await ask()
        except StoreError:
            raise
        except (SQLAlchemyError, OSError, asyncio.TimeoutError) as error:
            raise as_store_error(error) from error


def _insert_of(database: Database) -> Callable[[Table], sqlite.Insert | postgresql.Insert]:
    """That of the one dialect: each comes with all of its drivers."""
    if database.is_sqlite:
        from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

        return insert_on_sqlite
    from sqlalchemy.dialects.postgresql import insert as insert_on_postgres

    return insert_on_postgres
