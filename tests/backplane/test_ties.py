"""A look at what is between users that outlives the gate undoes nothing that another node has done since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lobby_server.backplane.node import gate
from lobby_server.core.machine import effects
from lobby_server.protocol.requests import Whom
from tests.backplane.engine import Engine
from tests.backplane.nodes import until
from tests.backplane.test_sign_outs import Houses
from tests.patience import PATIENCE_S
from tests.service.house import ANN, BOB, CLEO, House

pytestmark = pytest.mark.system


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine("valkey", tmp_path)
    engine.start()
    yield engine
    engine.kill()


@pytest.fixture
async def houses(engine: Engine) -> AsyncIterator[Houses]:
    houses = Houses(engine.url)
    yield houses
    await houses.end()


def are_friends(house: House) -> bool:
    return house.app.replica.books.friends.are_friends(ANN.id, BOB.id)


async def test_look_that_outlives_the_gate_undoes_nothing(houses: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = await houses.start(), await houses.start()
    await slow.app.social.friends.ask(ANN, Whom(BOB.id))
    await until(lambda: quick.app.social.friends.overview(BOB).incoming)
    [request] = quick.app.social.friends.overview(BOB).incoming
    await slow.store.add_block(CLEO.id, BOB, slow.app.clock.utc_now())  # what the look finds
    reads, read, goes_on = 0, slow.store.ties_between, asyncio.Event()

    async def ties_between(pairs: Any) -> Any:
        nonlocal reads
        reads += 1
        found = await read(pairs)
        if reads == 1:  # behind the gate
            await goes_on.wait()
        return found

    monkeypatch.setattr(slow.store, "ties_between", ties_between)
    with monkeypatch.context() as patch:
        patch.setattr(gate, "HELD_S", 0.2)
        slow.app.social.ties.look_again()
        await until(lambda: reads == 1)
    await quick.app.social.friends.accept(BOB, request.request_id)
    await until(lambda: are_friends(slow) and are_friends(quick))
    parted = _parted(slow)
    goes_on.set()
    await until(lambda: quick.app.replica.books.blocks.blocks(CLEO.id, BOB.id))
    await asyncio.wait_for(slow.app.social.ties.idle(), PATIENCE_S)
    assert are_friends(slow)
    assert are_friends(quick)
    assert parted == []


def _parted(house: House) -> list[Any]:
    """What that house hears from now on of friendships that end."""
    heard: list[Any] = []
    house.app.replica.hear(effects.Parted, lambda effect, _: heard.append(effect))
    return heard
