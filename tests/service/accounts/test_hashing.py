"""The queue before the hashing threads: turns, bounds, and clients that are gone."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from lobby_server.service.accounts.hashing import (
    MAX_WAITING,
    MAX_WAITING_PER_ADDRESS,
    Asker,
    CallerGone,
    HashingQueue,
    Overloaded,
)
from tests.fakes.clock import VirtualClock


class ManualExecutor(Executor):
    """Calls that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Any, Future[Any]]] = []

    def submit(self, call: Any, /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.begun.append((call, future))
        return future

    def finish(self) -> Any:
        """End the oldest call; what it returned."""
        call, future = self.begun.pop(0)
        future.set_result(call())
        return call()


class Crowd:
    """A queue, and calls that are named after who made them."""

    def __init__(self) -> None:
        self.executor = ManualExecutor()
        self.queue = HashingQueue(self.executor, clock=VirtualClock(), threads=2)
        self.tasks: list[asyncio.Task[Any]] = []

    async def ask(self, address: str, count: int = 1) -> list[Asker]:
        askers = []
        for number in range(count):
            asker = Asker(address)
            askers.append(asker)
            self.tasks.append(asyncio.ensure_future(self.queue.run(lambda name=f"{address}{number}": name, asker)))  # type: ignore[misc]
        await self.pass_on()
        return askers

    async def pass_on(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def drain(self) -> list[str]:
        """End all calls one after the other; their names in that order."""
        order = []
        while self.executor.begun:
            order.append(self.executor.finish())
            await self.pass_on()
        return order


@pytest.fixture
async def crowd() -> Crowd:
    return Crowd()


async def test_no_more_calls_run_than_there_are_threads(crowd: Crowd) -> None:
    await crowd.ask("a", 5)
    assert (len(crowd.executor.begun), len(crowd.queue)) == (2, 3)
    assert await crowd.drain() == [f"a{number}" for number in range(5)]
    assert [task.result() for task in crowd.tasks] == [f"a{number}" for number in range(5)]


async def test_addresses_take_turns_however_many_calls_one_of_them_sent(crowd: Crowd) -> None:
    await crowd.ask("flood", 60)
    await crowd.ask("honest")
    order = await crowd.drain()
    assert order.index("honest0") <= 3
    assert len(order) == 61


async def test_call_whose_client_is_gone_is_not_run_and_frees_its_place(crowd: Crowd) -> None:
    askers = await crowd.ask("a", 6)
    for asker in askers[2:5]:
        asker.gone()
    await crowd.pass_on()
    assert len(crowd.queue) == 1
    assert await crowd.drain() == ["a0", "a1", "a5"]
    assert [isinstance(task.exception(), CallerGone) for task in crowd.tasks] == [False, False, True, True, True, False]


async def test_call_whose_client_is_gone_as_its_turn_comes_is_not_run_and_lets_the_next_one_run(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, third, _ = await crowd.ask("a", 4)
    next_turn = crowd.queue._next

    def with_an_end() -> None:
        next_turn()
        third.gone()

    monkeypatch.setattr(crowd.queue, "_next", with_an_end)
    assert await crowd.drain() == ["a0", "a1", "a3"]
    assert isinstance(crowd.tasks[2].exception(), CallerGone)
    assert await run_one(crowd) == "a0"


async def test_client_that_is_gone_before_it_asks_is_not_served(crowd: Crowd) -> None:
    asker = Asker("a")
    asker.gone()
    with pytest.raises(CallerGone):
        await crowd.queue.run(lambda: 1, asker)
    assert crowd.executor.begun == []


async def test_calls_past_the_bound_of_an_address_are_refused_and_other_addresses_are_served(crowd: Crowd) -> None:
    await crowd.ask("a", MAX_WAITING_PER_ADDRESS + 3)
    refused = crowd.tasks[-1].exception()
    assert isinstance(refused, Overloaded)
    assert refused.retry_after_s >= 1
    await crowd.ask("b")
    assert not crowd.tasks[-1].done()
    await crowd.drain()
    assert crowd.tasks[-1].result() == "b0"


async def test_calls_past_the_bound_of_all_are_refused(crowd: Crowd) -> None:
    for address in range(2 + MAX_WAITING // 4 + 1):
        await crowd.ask(f"{address}-", 4)
    assert len(crowd.queue) == MAX_WAITING
    assert isinstance(crowd.tasks[-1].exception(), Overloaded)
    await crowd.drain()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)


async def test_task_that_is_cancelled_leaves_the_queue_and_lets_the_next_one_run(crowd: Crowd) -> None:
    await crowd.ask("a", 4)
    crowd.tasks[2].cancel()
    await crowd.pass_on()
    assert await crowd.drain() == ["a0", "a1", "a3"]
    await crowd.ask("a")
    assert await crowd.drain() == ["a0"]


async def test_call_that_fails_frees_its_thread(crowd: Crowd) -> None:
    def fail() -> None:
        raise ValueError("no")

    for _ in range(3):
        task = asyncio.ensure_future(crowd.queue.run(fail, Asker("a")))
        await crowd.pass_on()
        _, future = crowd.executor.begun.pop(0)
        future.set_exception(ValueError("no"))
        await asyncio.wait([task])
        assert isinstance(task.exception(), ValueError)
    assert await asyncio.wait_for(run_one(crowd), 1.0) == "a0"


async def run_one(crowd: Crowd) -> Any:
    await crowd.ask("a")
    await crowd.drain()
    return crowd.tasks[-1].result()
