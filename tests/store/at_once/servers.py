"""Two servers that write to one PostgreSQL at once, at the moment that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import event, text
from sqlalchemy.util import await_only

from lobby_server.store import SqlStore
from tests.patience import PATIENCE_S

Write = Callable[[SqlStore], Coroutine[Any, Any, Any]]
_Result = TypeVar("_Result")


def engine_of(store: SqlStore) -> Any:
    engine: Any = store._database._engine  # type: ignore[attr-defined]
    return getattr(engine, "sync_engine", engine)


async def locks_waited_for(store: SqlStore) -> int:
    row = await store._first(text("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted"))  # type: ignore[arg-type]
    assert row is not None
    return int(row.waiting)


async def made_or_waits(write: asyncio.Future[Any], watches: SqlStore) -> None:
    """Return when a write is made, or waits for what another one has locked."""

    async def wait() -> None:
        while not write.done() and not await locks_waited_for(watches):
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE_S)


@asynccontextmanager
async def standing_still(store: SqlStore, write: Write) -> AsyncIterator[asyncio.Future[Any]]:
    """A write of a server that has made its statements, and stands still before its commit until the block is over."""
    stands_still, goes_on = asyncio.Event(), asyncio.Event()

    def stand_still(_connection: Any) -> None:
        stands_still.set()
        await_only(goes_on.wait())

    event.listen(engine_of(store), "commit", stand_still)
    call = asyncio.ensure_future(write(store))
    try:
        await asyncio.wait_for(stands_still.wait(), PATIENCE_S)
        yield call
    finally:
        goes_on.set()  # for its later commits, too


async def as_one_stands_still(stores: tuple[SqlStore, SqlStore], first: Write, second: Write) -> None:
    """The second write of the two, each of a server of its own, is asked for before the first one's commit."""
    before, leads = stores
    async with standing_still(before, first) as late:
        newest = asyncio.ensure_future(second(leads))
        await made_or_waits(newest, leads)
    await asyncio.gather(late, newest)


async def with_one_between(
    stores: tuple[SqlStore, SqlStore],
    late: Write,
    write: Callable[[SqlStore], Awaitable[_Result]],
    *,
    place: int,
) -> tuple[_Result, bool]:
    """A write of the second server, before whose statement of that number (from 0) the first one begins another, and
    makes it unless it has to wait: what the write gives, and whether it has so many statements."""
    before, writes = stores
    begun: list[asyncio.Future[Any]] = []
    statements = 0

    def begin(*_: Any) -> None:
        nonlocal statements
        if statements == place and not begun:
            begun.append(asyncio.ensure_future(late(before)))
            await_only(made_or_waits(begun[0], before))
        statements += 1

    event.listen(engine_of(writes), "before_cursor_execute", begin)
    try:
        found = await write(writes)
    finally:
        event.remove(engine_of(writes), "before_cursor_execute", begin)
        await asyncio.gather(*begun)
    return found, bool(begun)
