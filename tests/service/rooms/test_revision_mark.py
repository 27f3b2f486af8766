"""The list goes on above what a lobby has shown that began later, from the database, and of which no node is left."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.machine import commands
from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.rooms.revision_mark import NAME, RESERVED
from tests.service.house import ANN, House


async def later(house: House) -> int:
    """Another lobby begins, and ends: the last revision of its list."""
    other = await House(store=house.store, clock=house.clock).start()
    await other.room(ANN)
    await other.stop()
    return other.app.rooms.book.revision


async def test_there_is_no_floor_while_no_other_lobby_has_begun(house: House) -> None:
    await house.room(ANN)
    assert await house.app.rooms.upkeep.floor() == 0


async def test_floor_is_above_all_that_another_lobby_has_shown_and_below_the_mark(house: House) -> None:
    shown = await later(house)
    floor = await house.app.rooms.upkeep.floor()
    assert house.app.rooms.book.revision < shown < floor
    assert await house.store.mark(NAME) >= floor + RESERVED // 2, "a stream that begins there has place"


async def test_new_stream_begins_at_the_floor_or_above_what_was_shown_before(house: House) -> None:
    book = house.app.rooms.book
    before = book.revision
    house.app.replica.submit(commands.BeginEpoch(1.0, before + 5))
    assert before + 5 < book.revision
    house.app.replica.submit(commands.BeginEpoch(1.0, before + RESERVED))
    assert book.revision == before + RESERVED


async def test_store_that_says_nothing_keeps_no_stream_waiting_and_is_asked_again_by_the_node_that_leads(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await later(house)

    async def away(*_: Any) -> int:
        raise StoreUnavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "mark", away)
        assert await house.app.rooms.upkeep.floor() == 0
    assert house.app.rooms.book.revision < shown
    house.app.rooms.upkeep.reconcile()
    await house.settle()
    raised = house.app.rooms.book.revision
    assert raised > shown
    assert await house.store.mark(NAME) > raised
    house.app.rooms.upkeep.reconcile()
    await house.settle()
    assert house.app.rooms.book.revision == raised, "once"
