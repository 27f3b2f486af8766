"""Rooms and invitations into them, as several servers write them, and how often the database is asked for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.util import await_only

from lobby_server.core.invitations import MAX_STANDING
from lobby_server.service.ports import StoredInvitation
from lobby_server.service.writes.kept import KeepRoom
from lobby_server.store import SqlStore, open_store
from tests.patience import PATIENCE_S
from tests.store.conftest import Database
from tests.store.contracts.test_contract import ROOM
from tests.store.postgres import Postgres

OLD, OTHER = StoredInvitation(2, 5, lets_in=False), StoredInvitation(3, 5, lets_in=False)
MANY = [StoredInvitation(2, 1000 + number, lets_in=True) for number in range(MAX_STANDING)]


def engine_of(store: SqlStore) -> Any:
    engine: Any = store._database._engine  # type: ignore[attr-defined]
    return getattr(engine, "sync_engine", engine)


@pytest.fixture
async def stores(postgres: Postgres, tmp_path: Path) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    """Two servers on one database, with a room."""
    url = postgres.url(await postgres.database_without_rows())
    async with AsyncExitStack() as stack:
        one = await open_store(url, tmp_path)
        stack.push_async_callback(one.close)
        other = await open_store(url, tmp_path)
        stack.push_async_callback(other.close)
        await one.add_room(ROOM)
        yield one, other


async def locks_waited_for(store: SqlStore) -> int:
    row = await store._first(text("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted"))  # type: ignore[arg-type]
    assert row is not None
    return int(row.waiting)


@pytest.mark.parametrize(
    ("held", "next_write", "left"),
    [
        ([OLD], {"ended": [(2, 5)], "stand": [OTHER]}, (OTHER,)),
        ([OLD], {"stand": [OTHER, replace(OLD, lets_in=True)]}, (replace(OLD, lets_in=True), OTHER)),
    ],
    ids=["withdrawn", "told otherwise"],
)
async def test_write_of_a_server_that_leads_no_more_and_stood_still_in_it_is_not_the_last_one(
    stores: tuple[SqlStore, SqlStore],
    held: list[StoredInvitation],
    next_write: dict[str, Any],
    left: tuple[StoredInvitation, ...],
) -> None:
    await as_one_stands_still(
        stores,
        lambda before: before.keep_invitations("r1", stand=held),
        lambda leads: leads.keep_invitations("r1", **next_write),
    )
    (room,) = await stores[1].rooms()
    assert room.invitations == left


async def test_room_that_two_servers_keep_at_once_is_as_the_later_one_has_it(
    stores: tuple[SqlStore, SqlStore],
) -> None:
    await stores[0].delete_room("r1")
    older = replace(ROOM, name="older", invitations=(OLD,), banned_user_ids=frozenset({3}))
    newer = replace(ROOM, name="newer", invitations=(OTHER,), invited_user_ids=frozenset({4}))
    await as_one_stands_still(
        stores, lambda before: KeepRoom(room=older).make(before), lambda leads: KeepRoom(room=newer).make(leads)
    )
    assert await stores[1].rooms() == [newer]


async def as_one_stands_still(
    stores: tuple[SqlStore, SqlStore],
    first: Callable[[SqlStore], Coroutine[Any, Any, None]],
    second: Callable[[SqlStore], Coroutine[Any, Any, None]],
) -> None:
    """The second write of the two, each of a server of its own, is asked for before the first one's commit."""
    before, leads = stores
    stands_still, goes_on = asyncio.Event(), asyncio.Event()

    def stand_still(_connection: Any) -> None:
        stands_still.set()
        await_only(goes_on.wait())

    async def is_made_or_waits() -> None:
        while not newest.done() and not await locks_waited_for(leads):
            await asyncio.sleep(0.01)

    event.listen(engine_of(before), "commit", stand_still)
    late = asyncio.ensure_future(first(before))
    try:
        await asyncio.wait_for(stands_still.wait(), PATIENCE_S)
        newest = asyncio.ensure_future(second(leads))
        await asyncio.wait_for(is_made_or_waits(), PATIENCE_S)
    finally:
        goes_on.set()
    await asyncio.gather(late, newest)


async def test_hundreds_of_rows_of_a_room_are_written_in_a_few_statements(database: Database) -> None:
    store = await database.open()
    told: list[str] = []
    event.listen(engine_of(store), "before_cursor_execute", lambda *arguments: told.append(arguments[2]))
    private = replace(
        ROOM, is_public=False, invitations=tuple(MANY), invited_user_ids=frozenset(each.guest_id for each in MANY)
    )
    await store.add_room(private)
    assert len(told) < 8
    told.clear()
    await store.keep_invitations("r1", ended=[(each.sender_id, each.guest_id) for each in MANY], stand=[OLD, OTHER])
    assert len(told) < 8
    assert await store.rooms() == [replace(private, invitations=(OLD, OTHER))]
    await store.close()
