"""Calls that read ask for the end of the log, and what it says of Valkey that they cannot."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused
from lobby_server.backplane.node import catching_up
from lobby_server.backplane.node.catching_up import CATCH_UP_S, CatchingUp
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Entry
from lobby_server.clock import LoopClock
from lobby_server.service.ports import Clock
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S


class Asked:
    """A server that says where the log ends, or what is wrong; meanwhile the node may come to stand elsewhere."""

    def __init__(self, newest: int | Exception) -> None:
        self.says = newest
        self.goes_to: tuple[Standing, str, int] | None = None

    async def newest(self) -> int:
        if self.goes_to is not None:
            standing, epoch, number = self.goes_to
            standing.go_to(epoch, number, "0-0")
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Node:
    """One that takes part, and has applied seven entries."""

    def __init__(self, newest: int | Exception, *, clock: Clock | None = None) -> None:
        clock = clock or VirtualClock()
        self.stream, self.health, self.standing = Asked(newest), Health(clock.monotonic_s), Standing(clock.monotonic_s)
        stream: Any = self.stream
        self.health.is_up = True
        self.standing.go_to("e1", 7, "7-0")
        self.catching_up = CatchingUp(stream, standing=self.standing, health=self.health, clock=clock)

    async def wait(self) -> None:
        await asyncio.wait_for(self.catching_up.wait(), PATIENCE_S)


async def test_node_that_stands_at_the_end_of_the_log_waits_for_nothing() -> None:
    node = Node(7)
    await node.wait()
    assert (node.health.takes_part, node.health.outages) == (True, 0)


async def test_node_that_is_behind_waits_for_the_entry_that_was_the_newest() -> None:
    node = Node(8)
    waiting = asyncio.ensure_future(node.wait())
    while not node.catching_up.waiting:
        await asyncio.sleep(0)
    assert not waiting.done()
    node.standing.take(Entry(8, 0, b""))
    node.catching_up.applied()
    await waiting
    assert node.health.takes_part


@pytest.mark.parametrize("turns", range(5))
async def test_entry_that_came_while_the_loop_stood_still_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(catching_up, "CATCH_UP_S", 0.1)
    node = Node(8, clock=LoopClock(asyncio.get_running_loop()))

    async def read() -> None:
        await asyncio.sleep(0.002)  # the entry is in a socket
        for _ in range(5):
            await asyncio.sleep(0)
        node.standing.take(Entry(8, 0, b""))
        node.catching_up.applied()

    reading, waiting = asyncio.ensure_future(read()), asyncio.ensure_future(node.wait())
    for _ in range(turns):
        await asyncio.sleep(0)
    time.sleep(0.15)  # noqa: ASYNC251 - nothing else may go on
    await waiting
    assert node.standing.number == 8
    await reading


async def test_call_goes_on_when_nothing_comes_in_time() -> None:
    clock = VirtualClock()
    node = Node(8, clock=clock)
    waiting = asyncio.ensure_future(node.wait())
    while not node.catching_up.waiting:
        await asyncio.sleep(0)
    clock.advance(CATCH_UP_S - 0.01)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(0.01)
    await waiting
    assert node.standing.number == 7


@pytest.mark.parametrize("fault", [BackplaneAway("gone"), BackplaneRefused("no")], ids=["away", "refused"])
async def test_node_whose_question_fails_knows_that_it_may_be_behind(fault: Exception) -> None:
    node = Node(fault)
    await node.wait()
    assert (node.health.takes_part, node.health.outages) == (False, 1)


async def test_log_that_is_shorter_than_it_was_is_another_one() -> None:
    node = Node(3)
    await node.wait()
    assert (node.health.takes_part, node.health.outages) == (False, 1)


async def test_end_of_a_log_that_the_node_has_left_meanwhile_is_not_that_of_the_next() -> None:
    node = Node(900)
    node.stream.goes_to = (node.standing, "e2", 2)
    waiting = asyncio.ensure_future(node.wait())
    while not node.catching_up.waiting:
        await asyncio.sleep(0)
    assert node.standing.newest < 900
    assert node.health.takes_part
    waiting.cancel()
