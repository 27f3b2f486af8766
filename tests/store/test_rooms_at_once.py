"""Rooms and invitations into them, as several servers write them, and how often the database is asked for that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from lobby_server.core.invitations import MAX_STANDING
from lobby_server.service.ports import StoredInvitation, StoreUnavailable
from lobby_server.service.writes.kept import KeepRoom
from lobby_server.store import SqlStore
from tests.store.at_once.servers import (
    Write,
    as_one_stands_still,
    engine_of,
    locks_waited_for,
    made_or_waits,
    standing_still,
    with_one_between,
)
from tests.store.conftest import Database
from tests.store.contracts.test_contract import ROOM
from tests.store.postgres import Postgres

OLD, OTHER = StoredInvitation(2, 5, lets_in=False), StoredInvitation(3, 5, lets_in=False)
END_OPEN_TRANSACTIONS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE state = 'idle in transaction' AND datname = current_database()"""
MANY = [StoredInvitation(2, 1000 + number, lets_in=True) for number in range(MAX_STANDING)]


@pytest.fixture
async def stores(two_servers: tuple[SqlStore, SqlStore]) -> tuple[SqlStore, SqlStore]:
    """Two servers on one database, with a room."""
    await two_servers[0].add_room(ROOM)
    return two_servers


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


@pytest.mark.parametrize(
    "late",
    [
        lambda before: before.ban("r1", 3),
        lambda before: before.unban("r1", 6),
        lambda before: before.invite_to_room("r1", [4]),
        lambda before: before.invite_to_room("r1", [4, 8]),
        lambda before: before.uninvite_from_room("r1", [8]),
        lambda before: before.keep_invitations("r1", stand=[OTHER]),
        lambda before: before.delete_account(6),
    ],
    ids=["ban", "unban", "guest", "guests", "guest no more", "invitation", "account"],
)
async def test_room_that_is_kept_is_kept_whatever_another_server_writes_of_it_between_two_statements(
    stores: tuple[SqlStore, SqlStore], late: Write
) -> None:
    older = replace(ROOM, banned_user_ids=frozenset({6}), invited_user_ids=frozenset({8}))
    newer = replace(
        ROOM,
        name="newer",
        banned_user_ids=frozenset({3, 6}),
        invited_user_ids=frozenset({4, 8}),
        invitations=(OTHER, StoredInvitation(3, 8, lets_in=True)),
    )
    place, is_between = 0, True
    while is_between:
        await KeepRoom(room=older).make(stores[1])
        _, is_between = await with_one_between(stores, late, KeepRoom(room=newer).make, place=place)
        assert await stores[1].rooms() == [newer], f"before statement {place}"
        place += 1
    assert place > 6


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


async def test_room_whose_deletion_nobody_was_told_of_and_is_under_way_as_it_is_kept_after_all_is_there(
    stores: tuple[SqlStore, SqlStore], postgres: Postgres
) -> None:
    deletes, keeps = stores
    kept = replace(ROOM, invitations=(OLD,), banned_user_ids=frozenset({3}))
    name = await keeps._run(lambda connection: connection.exec_driver_sql("SELECT current_database()").scalar_one())
    async with postgres.connected(name) as blocker, blocker.transaction():
        await blocker.execute("SELECT FROM rooms FOR UPDATE")
        late = asyncio.ensure_future(deletes.delete_room("r1"))
        await made_or_waits(late, keeps)
        after_all = asyncio.ensure_future(KeepRoom(room=kept, only_if_missing=True).make(keeps))
        while not after_all.done() and await locks_waited_for(keeps) < 2:
            await asyncio.sleep(0.01)
    await asyncio.gather(late, after_all)
    assert await keeps.rooms() == [kept]


async def test_room_that_is_kept_after_all_stays_where_its_deletion_is_not_committed(
    stores: tuple[SqlStore, SqlStore],
) -> None:
    deletes, keeps = stores
    async with standing_still(deletes, lambda store: store.delete_room("r1")) as late:
        after_all = asyncio.ensure_future(KeepRoom(room=ROOM, only_if_missing=True).make(keeps))
        await made_or_waits(after_all, keeps)
        await keeps._run(lambda connection: connection.exec_driver_sql(END_OPEN_TRANSACTIONS).close())
    with pytest.raises(StoreUnavailable):
        await late
    await after_all
    assert await keeps.rooms() == [ROOM]


async def test_room_that_is_made_late_is_deleted_by_what_undoes_it(two_servers: tuple[SqlStore, SqlStore]) -> None:
    await as_one_stands_still(two_servers, lambda makes: makes.add_room(ROOM), lambda undoes: undoes.delete_room("r1"))
    assert await two_servers[1].rooms() == []
