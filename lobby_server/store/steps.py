"""Statements for whose results nobody asks, and how those of several writes are made at once.

Each step of SQLite lets go of the interpreter and has to get it back, from a loop that may be busy and gives it up
every 5 ms only. 64 rooms made one row after the other are 128 steps, which took 0.3 s beside such a loop; made in one
step for each statement they are two. So a statement that many writes have in common says how that is done
(`SharedStatement`); any other is made once for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Insert

Row = Mapping[str, Any]
MakeRows = Callable[[Connection, Sequence[Row]], None]


@dataclass(frozen=True, eq=False)
class SharedStatement:
    """One statement for one row, and the same for many."""

    one: Executable
    many: MakeRows


Step = tuple[Executable | SharedStatement, Row | None]
"""A statement, and its values where it names none."""
_Write = TypeVar("_Write")


def make(connection: Connection, step: Step) -> None:
    """A single one."""
    statement, row = step
    connection.execute(statement.one if isinstance(statement, SharedStatement) else statement, row).close()


def make_in_turn(connection: Connection, steps: Sequence[Step]) -> None:
    """Those of one write. Rows that follow one another into the same statement go together, on PostgreSQL in one trip:
    a room has hundreds of rows of those whom it lets in."""
    for _, run in itertools.groupby(steps, key=lambda step: (id(step[0]), step[1] is None)):
        alike = list(run)
        statement = alike[0][0]
        rows = [row for _, row in alike if row is not None]
        if isinstance(statement, SharedStatement) and len(rows) > 1:
            connection.execute(statement.one, rows).close()
        else:
            for step in alike:
                make(connection, step)


def make_all(connection: Connection, writes: Sequence[Sequence[Step]]) -> None:
    """The steps of several writes, in their order: of writes that follow one another and have the same statements,
    objects that are one, each statement is made at once for all."""
    for statement, rows in _runs(writes):
        if isinstance(statement, SharedStatement) and rows is not None and len(rows) > 1:
            statement.many(connection, rows)
        elif isinstance(statement, SharedStatement):
            connection.execute(statement.one, rows)
        else:
            connection.execute(statement, rows)


def row_by_row(statement: Executable) -> SharedStatement:
    """One that says more than its values, such as what becomes of rows that are there: the driver repeats it."""

    def many(connection: Connection, rows: Sequence[Row]) -> None:
        connection.execute(statement, rows).close()

    return SharedStatement(statement, many)


def shared_insert(statement: Insert) -> SharedStatement:
    """An insertion whose rows are all of the same columns; many are one statement with many groups of values.

    SQLAlchemy would make such a statement anew each time, in milliseconds. Here the groups are repeated as text, and
    the values go the way that SQLAlchemy has for the type of their column.
    """
    prepared: dict[Hashable, _Insertion] = {}

    def many(connection: Connection, rows: Sequence[Row]) -> None:
        columns = tuple(rows[0])
        found = prepared.get(columns)
        if found is None:
            found = prepared[columns] = _Insertion(connection, statement, columns)
        found.make(connection, rows)

    return SharedStatement(statement, many)


class _Insertion:
    """What is the same each time. SQLite only: places of values are question marks."""

    def __init__(self, connection: Connection, statement: Insert, columns: Sequence[str]) -> None:
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
        head, values, group = str(compiled).partition(" VALUES ")
        self._head, self._group = head + values, group
        self._columns: list[tuple[str, Callable[[Any], Any] | None]] = [
            (name, compiled.binds[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect))
            for name in compiled.positiontup or ()
        ]

    def make(self, connection: Connection, rows: Sequence[Row]) -> None:
        values = [
            row[name] if process is None else process(row[name]) for row in rows for name, process in self._columns
        ]
        connection.exec_driver_sql(self._head + ", ".join([self._group] * len(rows)), tuple(values)).close()


def _runs(writes: Sequence[Sequence[Step]]) -> Iterator[tuple[Executable | SharedStatement, list[Row] | None]]:
    """Statements, each with the rows of the writes that have it and follow one another."""
    for _, run in itertools.groupby(writes, key=_sort_of):
        alike = list(run)
        for place, (statement, row) in enumerate(alike[0]):
            rows = [each for write in alike if (each := write[place][1]) is not None]
            yield statement, None if row is None else rows


def _sort_of(write: Sequence[Step]) -> tuple[int, ...]:
    """The same for writes that can be made at once; one that names a value in its statement is alone."""
    if any(row is None for _, row in write):
        return (id(write),)
    return tuple(id(statement) for statement, _ in write)
