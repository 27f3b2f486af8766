"""A database that does not answer: changes that are made one at a time do not wait for each other's time-outs, and
what was refused is not made when it answers again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lobby_server.clock import LoopClock
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Audience
from lobby_server.service.ports import GatedStores, StoreUnavailable
from lobby_server.service.replica import LocalLog
from lobby_server.service.writes import gated, turns
from lobby_server.service.writes.gated import GatedStore
from lobby_server.store import SqlStore, engines, open_store
from lobby_server.store.sql import gated as sql_gated
from tests.patience import PATIENCE_S
from tests.stopwatch import Stopwatch
from tests.store.at_once.servers import standing_still
from tests.store.stoppable import StoppablePostgres, stoppable_postgres

CHANGES = 30
BEGIN_S = 0.4
"""In place of 5 s."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (turns, gated):
        monkeypatch.setattr(module, "BEGIN_S", BEGIN_S)
    monkeypatch.setattr(gated, "LEAST_S", 0.1)


@pytest.fixture(scope="module")
def stoppable() -> Iterator[StoppablePostgres]:
    with stoppable_postgres() as started:
        yield started


class Node:
    """One process."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        replica: Any = LocalLog(LoopClock(asyncio.get_running_loop()))
        self._gated: GatedStore[GatedStores] = GatedStore(store, replica=replica, look_again=lambda: None)

    async def choose(self, user_id: int, audience: Audience) -> None:
        async with self._gated.hold() as held:
            await held.commit(lambda store: store.set_whereabouts(user_id, audience))

    async def faults_of_many(self) -> list[BaseException | None]:
        """What becomes of changes that are asked for at once."""
        asked = (self.choose(user_id, "nobody") for user_id in range(1, CHANGES + 1))
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), PATIENCE_S)


def says_try_again(fault: BaseException | None) -> bool:
    """As the caller hears it: 503, ``try_again_later``."""
    return isinstance(fault, StoreUnavailable) or (
        isinstance(fault, Refusal) and fault.code is RefusalCode.TRY_AGAIN_LATER
    )


async def test_changes_on_a_frozen_database_are_refused_soon_and_not_made_when_it_goes_on(
    stoppable: StoppablePostgres, tmp_path: Path
) -> None:
    store = await open_store(stoppable.url(await stoppable.empty_database()), tmp_path)
    node = Node(store)
    await node.choose(100, "friends")
    changes = await store.changes()
    stoppable.freeze()
    try:
        with Stopwatch() as watch:
            faults = await node.faults_of_many()
    finally:
        stoppable.thaw()
    assert all(map(says_try_again, faults)), faults
    assert watch.took_s < engines.COMMAND_TIMEOUT_S, "they have waited for each other's time-outs"
    await node.choose(101, "friends")
    assert await store.whereabouts() == {100: "friends", 101: "friends"}
    assert await store.changes() == changes + 1
    await store.close()


async def test_change_that_had_begun_is_made_when_a_frozen_database_goes_on_and_those_behind_it_are_not(
    stoppable: StoppablePostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_gated, "IDLE_S", PATIENCE_S)
    store = await open_store(stoppable.url(await stoppable.empty_database()), tmp_path)
    node = Node(store)
    changes = await store.changes()
    async with standing_still(store, lambda _: node.choose(100, "friends")) as begun:
        stoppable.freeze()
        try:
            faults = await node.faults_of_many()
        finally:
            stoppable.thaw()
        assert not begun.done()
    await begun
    assert all(map(says_try_again, faults)), faults
    assert (await store.whereabouts(), await store.changes()) == ({100: "friends"}, changes + 1)
    await node.choose(101, "friends")
    await store.close()


async def test_changes_of_a_locked_sqlite_file_are_refused_soon_and_not_made_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_s = 2 * BEGIN_S
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", busy_s)
    store = await open_store("", tmp_path)
    node = Node(store)
    await node.choose(100, "friends")
    with closing(sqlite3.connect(tmp_path / "lobby.sqlite3", isolation_level=None)) as other_program:
        other_program.execute("BEGIN IMMEDIATE")
        with Stopwatch() as watch:
            faults = await node.faults_of_many()
    assert all(map(says_try_again, faults)), faults
    assert watch.took_s < CHANGES / 3 * busy_s, "they have waited for each other's time-outs"
    assert await store.whereabouts() == {100: "friends"}
    await node.choose(101, "friends")
    await store.close()
