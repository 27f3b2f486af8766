"""Changes that one node at a time makes, on SQL: each is counted in its own transaction, and is made only if none was
counted since its maker looked.

The count is a row of `marks`, which a change locks until its commit. So of two nodes that both take themselves for the
one whose turn it is, the second waits for the commit of the first, and is refused then: what it has decided by is old.
Whoever stands still in such a transaction would have all others wait: PostgreSQL ends it after `IDLE_S`, and rolls it
back. On SQLite they wait as they do for any writer.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, func, select

from lobby_server.service.ports import Overtaken
from lobby_server.store.calls import SqlCalls
from lobby_server.store.engines import in_transaction
from lobby_server.store.tables import marks

IDLE_S = 5.0
"""Between two statements of one transaction, which take the loop a millisecond: after that its process stands still.
Shorter than others wait for a statement (`lobby_server.store.engines.COMMAND_TIMEOUT_S`)."""
_COUNT = "gated_changes"
_Result = TypeVar("_Result")
_Store = TypeVar("_Store", bound="SqlGated")


class SqlGated(SqlCalls):
    """What of `lobby_server.service.ports.Store` is about the count; the changes are the business of those that build
    on this."""

    _after: int | None = None
    """The count after which alone a change is made; None: whatever it is, and it is not counted."""

    async def changes(self) -> int:
        row = await self._first(select(marks.c.value).where(marks.c.name == _COUNT))
        return 0 if row is None else int(row.value)

    def fenced(self: _Store, after: int) -> _Store:
        fenced = copy(self)
        fenced._after = after
        return fenced

    async def _change(self, call: Callable[[Connection], _Result]) -> _Result:
        """The statements of a change, as one transaction."""
        counted = None if self._after is None else self._counted(self._after)

        def change(connection: Connection) -> _Result:
            with in_transaction(connection):
                if counted is not None and connection.execute(counted).first() is None:
                    raise Overtaken
                return call(connection)

        return await self._run(change)

    async def _change_by(self, statement: Executable) -> None:
        await self._change(lambda connection: connection.execute(statement).close())

    def _counted(self, after: int) -> Executable:
        """One row, or none where the count is another one."""
        new = self._insert(marks).values(name=_COUNT, value=after + 1)
        told: list[Any] = [marks.c.value]
        if not self._database.is_sqlite:  # for this transaction, in the same round trip
            told.append(func.set_config("idle_in_transaction_session_timeout", f"{IDLE_S * 1000:.0f}ms", True))
        return new.on_conflict_do_update(
            index_elements=[marks.c.name], set_={"value": after + 1}, where=marks.c.value == after
        ).returning(*told)
