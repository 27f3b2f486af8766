"""Writes that nobody waits for: in order, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lobby_server.service.ports import StoreUnavailable
from lobby_server.service.writer import StoreWriter


class Journal:
    """Writes that take turns of the loop, or fail, and what came of them."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.running = 0

    def write(self, number: int, *, turns: int = 1, fault: Exception | None = None) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self.running += 1
            assert self.running == 1, "two writes at once"
            for _ in range(turns):
                await asyncio.sleep(0)
            self.running -= 1
            if fault is not None:
                raise fault
            self.written.append(number)

        return work


async def test_writes_happen_one_after_the_other_in_the_order_asked_for() -> None:
    journal, writer = Journal(), StoreWriter()
    writer.start()
    for number in range(20):
        writer.write(journal.write(number, turns=20 - number))
    await writer.stop(patience_s=5.0)
    assert journal.written == list(range(20))


async def test_write_asked_for_before_the_start_is_not_lost() -> None:
    journal, writer = Journal(), StoreWriter()
    writer.write(journal.write(1))
    writer.start()
    await writer.stop(patience_s=5.0)
    assert journal.written == [1]


@pytest.mark.parametrize("fault", [StoreUnavailable("The database cannot be reached."), RuntimeError("a bug")])
async def test_write_that_fails_is_logged_once_and_the_next_ones_happen(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    journal, writer = Journal(), StoreWriter()
    writer.start()
    writer.write(journal.write(1))
    writer.write(journal.write(2, fault=fault))
    writer.write(journal.write(3))
    await writer.stop(patience_s=5.0)
    assert journal.written == [1, 3]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert bool(record.exc_info) is isinstance(fault, RuntimeError)


async def test_stop_waits_for_writes_that_others_ask_for_meanwhile() -> None:
    journal, writer = Journal(), StoreWriter()
    writer.start()

    async def asks_for_more() -> None:
        writer.write(journal.write(2))
        await journal.write(1)()

    writer.write(asks_for_more)
    await writer.stop(patience_s=5.0)
    assert journal.written == [1, 2]


async def test_stop_twice_or_without_a_start_returns() -> None:
    writer = StoreWriter()
    await writer.stop(patience_s=5.0)
    writer.start()
    await writer.stop(patience_s=5.0)
    await writer.stop(patience_s=5.0)


async def test_write_that_never_ends_is_given_up_and_counted() -> None:
    writer = StoreWriter()
    writer.start()
    writer.write(lambda: asyncio.sleep(3600))
    writer.write(lambda: asyncio.sleep(0))
    assert await writer.stop(patience_s=0.05) == 2
