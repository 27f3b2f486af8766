"""Two nodes that both hold the lock of all nodes, as one stood still in its commit: of what they write to one database,
the later one has not been decided without the earlier one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol.requests import Audience
from lobby_server.service.ports import GatedStores, StoreUnavailable
from lobby_server.service.writes.gated import GatedStore
from lobby_server.store import SqlStore
from lobby_server.store.errors import UnstorableText
from lobby_server.store.sql import gated
from tests.patience import PATIENCE_S
from tests.store.at_once.servers import made_or_waits, standing_still
from tests.store.conftest import Database

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
ANN, BOB = User(1, "ann"), User(2, "bob")


class Node:
    """As far as it takes itself for the holder of the lock, and changes what is behind it."""

    def __init__(self, store: SqlStore) -> None:
        self.looks = 0
        replica: Any = self
        self._gated: GatedStore[GatedStores] = GatedStore(store, replica=replica, look_again=self._look_again)

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[Callable[[], bool]]:
        yield lambda: True

    async def choose(self, audience: Audience) -> None:
        async with self._gated.hold() as held:
            await held.commit(lambda store: store.set_whereabouts(ANN.id, audience))

    async def choose_twice(self, first: Audience, then: Audience) -> None:
        async with self._gated.hold() as held:
            await held.commit(lambda store: store.set_whereabouts(ANN.id, first))
            await held.commit(lambda store: store.set_whereabouts(ANN.id, then))

    async def choose_after(self, other: Node, audience: Audience) -> None:
        """It stands still as it is about to write, and another one takes over."""

        async def stand_still(store: GatedStores) -> None:
            await other.choose("everybody")
            await store.set_whereabouts(ANN.id, audience)

        async with self._gated.hold() as held:
            await held.commit(stand_still)

    async def ask(self, user: User, other: User) -> None:
        async with self._gated.hold() as held:
            await held.commit(lambda store: store.add_friend_request(user, other, NOON))

    def _look_again(self) -> None:
        self.looks += 1


async def test_write_that_is_begun_after_another_node_took_over_is_refused(database: Database) -> None:
    stores = await database.open(), await database.open()
    stalls, takes_over = Node(stores[0]), Node(stores[1])
    with pytest.raises(Refusal) as refused:
        await stalls.choose_after(takes_over, "nobody")
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    assert await stores[0].whereabouts() == {ANN.id: "everybody"}
    assert (stalls.looks, takes_over.looks) == (1, 0)
    await stalls.choose("friends")
    await takes_over.choose_twice("everybody", "nobody")
    assert await stores[0].whereabouts() == {ANN.id: "nobody"}
    for store in stores:
        await store.close()


async def test_node_that_takes_over_from_an_open_transaction_waits_for_it_and_decides_anew(
    two_servers: tuple[SqlStore, SqlStore],
) -> None:
    stalls, takes_over = Node(two_servers[0]), Node(two_servers[1])
    async with standing_still(two_servers[0], lambda _: stalls.ask(ANN, BOB)) as late:
        call = asyncio.ensure_future(takes_over.ask(BOB, ANN))
        await made_or_waits(call, two_servers[1])
    await late
    with pytest.raises(Refusal) as refused:
        await call
    assert refused.value.code is RefusalCode.TRY_AGAIN_LATER
    assert [(each.sender, each.receiver) for each in await two_servers[1].friend_requests()] == [(ANN, BOB)]
    assert takes_over.looks == 1
    await takes_over.choose("nobody")


async def test_transaction_that_is_undone_keeps_nobody_from_taking_over(two_servers: tuple[SqlStore, SqlStore]) -> None:
    with pytest.raises(UnstorableText):
        await Node(two_servers[0]).ask(ANN, User(BOB.id, "\0"))
    await Node(two_servers[1]).choose("nobody")
    assert await two_servers[0].whereabouts() == {ANN.id: "nobody"}


async def test_node_that_stands_still_in_its_transaction_holds_up_nobody_for_long(
    two_servers: tuple[SqlStore, SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gated, "IDLE_S", 0.2)
    stalls, takes_over = Node(two_servers[0]), Node(two_servers[1])
    async with standing_still(two_servers[0], lambda _: stalls.choose("nobody")) as late:
        await asyncio.wait_for(takes_over.choose("everybody"), PATIENCE_S)
    with pytest.raises(StoreUnavailable):
        await late
    assert await two_servers[0].whereabouts() == {ANN.id: "everybody"}
    assert stalls.looks == 1
    await stalls.choose("friends")


async def test_time_within_which_a_transaction_has_to_go_on_is_of_that_transaction_alone(
    two_servers: tuple[SqlStore, SqlStore],
) -> None:
    store = two_servers[0]
    query = "SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"

    async def settings() -> set[str]:
        return {await store._run(lambda connection: connection.exec_driver_sql(query).scalar_one()) for _ in range(9)}

    before = await settings()
    await Node(store).choose("nobody")
    assert await settings() == before
