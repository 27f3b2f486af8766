"""A read that waits for entries, and what ends it."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from lobby_server.backplane.errors import BackplaneAway
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.node.reading import Reader
from lobby_server.backplane.place.standing import Standing
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


def reader_of(stream: Any, health: Health) -> Reader:
    unused: Any = SimpleNamespace()
    clock = VirtualClock()
    return Reader(
        stream, standing=Standing(clock.monotonic_s), health=health, outbox=unused, epochs=stream, catching_up=unused,
        state=unused, apply=unused, take=unused, is_back=unused, given_up=unused, fatal=unused,
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
