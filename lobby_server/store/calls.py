"""How every part of the store on SQL runs its calls: one place for closing, and for what a fault means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Table, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from lobby_server.service.ports import StoreError, StoreUnavailable
from lobby_server.store.engines import Database
from lobby_server.store.errors import as_store_error
from lobby_server.store.steps import Step

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

ROWS_PER_PAGE = 1000
"""Of a table that is read whole: a millisecond or two of the loop, with the objects made of them."""
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

    async def _pages(self, table: Table) -> AsyncIterator[Row[Any]]:
        """All rows of a table, in the order of its key, read `ROWS_PER_PAGE` at a time: in between the loop goes on.
        They are as of one moment only if nobody writes meanwhile."""
        key = tuple_(*table.primary_key.columns)
        names = [column.name for column in table.primary_key.columns]
        page = select(table).order_by(*table.primary_key.columns).limit(ROWS_PER_PAGE)
        query = page
        while True:
            rows = await self._run(partial(_all_of, query))
            for row in rows:
                yield row
            if len(rows) < ROWS_PER_PAGE:
                return
            query = page.where(key > tuple_(*(getattr(rows[-1], name) for name in names)))

    async def _answered(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await ask()
        except StoreError:
            raise
        except (SQLAlchemyError, OSError, asyncio.TimeoutError) as error:
            raise as_store_error(error) from error


def _all_of(query: Executable, connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def _insert_of(database: Database) -> Callable[[Table], sqlite.Insert | postgresql.Insert]:
    """That of the one dialect: each comes with all of its drivers."""
    if database.is_sqlite:
        from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

        return insert_on_sqlite
    from sqlalchemy.dialects.postgresql import insert as insert_on_postgres

    return insert_on_postgres
