"""What is asked of other nodes outside of calls, and once a call is over: each time anew. For calls see
`tests.web.api.at_once.test_round_trips`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lobby_server.protocol.requests import RoomWish
from tests.service.house import ANN, House


class Asked:
    """How often it was asked where the log ends."""

    def __init__(self, log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        monkeypatch.setattr(log, "caught_up", self)

    async def __call__(self) -> None:
        self.times += 1
        await asyncio.sleep(0)  # as a round trip, it takes a turn of the loop


async def test_rule_outside_of_a_call_asks_each_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(house.app.replica.log, monkeypatch)
    made = await house.app.rooms.create_room(ANN, RoomWish(gamemode="duel"))
    await house.app.rooms.delete_room(ANN, made.id)
    assert asked.times == 2


async def test_what_a_call_leaves_behind_asks_by_itself(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a task that goes on once the answer is out, and a socket that the call became."""
    replica = house.app.replica
    asked = Asked(replica.log, monkeypatch)
    called_back: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def from_a_callback() -> None:
        await replica.caught_up_in_call()
        called_back.set_result(None)

    async def call() -> asyncio.Task[None]:
        await replica.begin_call()
        await replica.caught_up_in_call()
        assert asked.times == 1
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(from_a_callback()))
        return asyncio.ensure_future(replica.caught_up_in_call())

    await (await asyncio.ensure_future(call()))
    await called_back
    assert asked.times == 3


async def test_what_has_happened_during_a_call_is_asked_for_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = house.app.replica
    asked = Asked(replica.log, monkeypatch)

    async def call() -> None:
        await replica.begin_call()
        await replica.caught_up()

    await asyncio.ensure_future(call())
    assert asked.times == 2
