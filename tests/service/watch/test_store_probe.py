"""Probes are answered in their time, whatever the store does, and do not pile up at it."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.watch.store_probe import StoreProbe


class Store:
    """Answers once it may."""

    def __init__(self) -> None:
        self.pings = 0
        self.may_answer = asyncio.Event()
        self.fault: Exception | None = None

    async def ping(self) -> None:
        self.pings += 1
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault


async def test_many_probes_of_a_store_that_does_not_answer_are_told_so_and_ask_it_once() -> None:
    store = Store()
    probe = StoreProbe(store.ping, within_s=0.01)
    told = await asyncio.gather(*(probe.ask() for _ in range(5)), return_exceptions=True)
    with pytest.raises(StoreUnavailable, match=r"within 0\.01 s"):
        await probe.ask()
    assert [type(each) for each in told] == [StoreUnavailable] * 5
    assert store.pings == 1


async def test_store_that_answers_again_is_well_again() -> None:
    store = Store()
    probe = StoreProbe(store.ping, within_s=0.01)
    with pytest.raises(StoreUnavailable):
        await probe.ask()
    store.may_answer.set()
    patient = StoreProbe(store.ping, within_s=60.0)
    await patient.ask()
    await asyncio.sleep(0)  # the first ping ends, too
    await probe.ask()
    assert store.pings == 3


async def test_each_who_asks_is_told_what_the_store_said() -> None:
    store = Store()
    store.fault = StoreUnavailable("The database takes no writes.")
    store.may_answer.set()
    probe = StoreProbe(store.ping)
    told = await asyncio.gather(*(probe.ask() for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in told] == ["The database takes no writes."] * 3


async def test_whoever_goes_away_takes_nobodys_answer_along() -> None:
    store = Store()
    probe = StoreProbe(store.ping, within_s=60.0)
    gone, stays = asyncio.ensure_future(probe.ask()), asyncio.ensure_future(probe.ask())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    store.may_answer.set()
    await stays
    assert gone.cancelled()
