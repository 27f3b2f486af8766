"""Whoever would wait for long is refused, and never begins."""

from __future__ import annotations

import asyncio

import pytest

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.writes.turns import BEGIN_S, Turns
from tests.fakes.clock import VirtualClock


class Queue:
    """Changes that ask for their turn, each by a name."""

    def __init__(self, *, most: int = 100) -> None:
        self.clock = VirtualClock()
        self.begun: list[str] = []
        self._turns = Turns(self.clock, most=most)
        self._goes_on: dict[str, asyncio.Event] = {}

    async def ask(self, name: str) -> asyncio.Task[None]:
        self._goes_on[name] = asyncio.Event()
        asked = asyncio.ensure_future(self._change(name))
        await settle()
        return asked

    def let_end(self, name: str) -> None:
        self._goes_on[name].set()

    async def end(self, name: str) -> None:
        self.let_end(name)
        await settle()

    async def _change(self, name: str) -> None:
        async with self._turns.take():
            self.begun.append(name)
            await self._goes_on[name].wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def is_refused(asked: asyncio.Task[None]) -> bool:
    with pytest.raises(Refusal) as refused:
        await asked
    return refused.value.code is RefusalCode.TRY_AGAIN_LATER


async def test_each_begins_when_the_one_before_is_done() -> None:
    queue = Queue()
    for name in "abc":
        await queue.ask(name)
    assert queue.begun == ["a"]
    await queue.end("a")
    assert queue.begun == ["a", "b"]
    late = await queue.ask("d")
    for name in "bcd":
        await queue.end(name)
    assert queue.begun == ["a", "b", "c", "d"]
    await late


async def test_who_waits_too_long_is_refused_and_never_begins() -> None:
    queue = Queue()
    await queue.ask("hangs")
    early = [await queue.ask(f"early {number}") for number in range(30)]
    queue.clock.advance(BEGIN_S / 2)
    later = await queue.ask("later")
    queue.clock.advance(BEGIN_S / 2)
    await settle()
    assert all([await is_refused(each) for each in early])
    assert not later.done()
    await queue.end("hangs")
    assert queue.begun == ["hangs", "later"]
    await queue.end("later")
    await later


async def test_who_has_begun_may_take_long() -> None:
    queue = Queue()
    first, second = await queue.ask("first"), await queue.ask("second")
    queue.clock.advance(BEGIN_S / 2)
    await queue.end("first")
    queue.clock.advance(BEGIN_S * 3)
    await settle()
    assert first.done()
    assert not second.done()
    await queue.end("second")
    await second


async def test_one_too_many_is_refused_at_once() -> None:
    queue = Queue(most=2)
    for name in "abc":
        await queue.ask(name)
    too_many = await queue.ask("d")
    assert await is_refused(too_many)
    await queue.end("a")
    await queue.ask("e")
    for name in "bce":
        await queue.end(name)
    assert queue.begun == ["a", "b", "c", "e"]


@pytest.mark.parametrize("is_handed", [False, True])
async def test_who_is_cancelled_leaves_the_turn_to_the_next(*, is_handed: bool) -> None:
    queue = Queue()
    first = await queue.ask("a")
    waits = await queue.ask("b")
    await queue.ask("c")
    if is_handed:  # and has not gone on since
        queue.let_end("a")
        while not first.done():
            await asyncio.sleep(0)
    waits.cancel()
    await queue.end("a")
    assert waits.cancelled()
    assert queue.begun == ["a", "c"]


async def test_turn_is_free_again_when_all_have_gone() -> None:
    queue = Queue()
    await queue.ask("a")
    waits = await queue.ask("b")
    queue.clock.advance(BEGIN_S)
    assert await is_refused(waits)
    await queue.end("a")
    await queue.ask("c")
    assert queue.begun == ["a", "c"]
