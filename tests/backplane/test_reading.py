"""A read that waits for entries, and what ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.reading import Reader
from lobby_server.backplane.place.standing import Standing
from lobby_server.backplane.wire import Entry
from tests.fakes.clock import VirtualClock
from tests.patience import PATIENCE_S


class Silent:
    """A server of which nothing comes, not even that it is gone."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.is_asked_for_its_epoch = asyncio.Event()

    async def read(self, epoch: str, after: str) -> None:
        self.is_asked.set()
        await asyncio.Event().wait()

    async def come_back(self) -> None:
        self.is_asked_for_its_epoch.set()
        await asyncio.Event().wait()


def reader_of(
    stream: Any, health: Health, *, clock: VirtualClock | None = None, take: Callable[[Entry], None] | None = None
) -> Reader:
    unused: Any = SimpleNamespace()
    clock = clock or VirtualClock()
    return Reader(
        stream, standing=Standing(clock.monotonic_s), health=health, outbox=unused, epochs=stream, catching_up=unused,
        state=unused, apply=unused, take=take or unused, is_back=unused, is_up=unused, given_up=unused, fatal=unused,
        monotonic_s=clock.monotonic_s,
    )  # fmt: skip


async def test_read_that_waits_is_called_off_once_another_call_finds_the_server_gone() -> None:
    stream, health = Silent(), Health(VirtualClock().monotonic_s)
    running = asyncio.ensure_future(reader_of(stream, health).run())
    await stream.is_asked.wait()
    health.lost_sight(BackplaneAway("gone"))
    await asyncio.wait_for(stream.is_asked_for_its_epoch.wait(), PATIENCE_S)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_reader_that_is_ended_while_it_waits_ends() -> None:
    stream, health = Silent(), Health(VirtualClock().monotonic_s)
    running = asyncio.ensure_future(reader_of(stream, health).run())
    await stream.is_asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


class Trickling:
    """Entries come so many at a time, a second of the clock after those before; then nothing."""

    def __init__(self, clock: VirtualClock, count: int, *, at_once: int = 1) -> None:
        self._clock = clock
        self._left = [(f"{number}-0", Entry(number, number * 1000, b"")) for number in range(1, count + 1)]
        self._at_once = at_once

    async def read(self, epoch: str, after: str) -> list[tuple[str, Entry]]:
        if not self._left:
            await asyncio.Event().wait()
        self._clock.advance(1.0)
        come, self._left = self._left[: self._at_once], self._left[self._at_once :]
        return come


async def test_entries_that_come_after_a_quiet_spell_wait_for_no_other_turn_of_the_loop() -> None:
    clock = VirtualClock()
    seen: list[int | str] = []

    def take(entry: Entry) -> None:
        reader._standing.take(entry)
        seen.append(entry.number)

    reader = reader_of(Trickling(clock, 3), Health(clock.monotonic_s), clock=clock, take=take)
    running = asyncio.ensure_future(reader.run())
    asyncio.get_running_loop().call_soon(seen.append, "another turn")
    while "another turn" not in seen:
        await asyncio.sleep(0)
    running.cancel()
    assert seen == [1, 2, 3, "another turn"]


async def test_entries_that_take_long_to_apply_let_the_loop_have_its_turn_between_them() -> None:
    clock = VirtualClock()
    seen: list[int | str] = []

    def take(entry: Entry) -> None:
        reader._standing.take(entry)
        clock.advance(0.015)
        seen.append(entry.number)
        asyncio.get_running_loop().call_soon(seen.append, "turn")

    reader = reader_of(Trickling(clock, 3, at_once=3), Health(clock.monotonic_s), clock=clock, take=take)
    running = asyncio.ensure_future(reader.run())
    while len(seen) < 6:
        await asyncio.sleep(0)
    running.cancel()
    assert seen == [1, 2, "turn", "turn", 3, "turn"]
