"""Calls that read wait until what was answered on other nodes is applied here too.

They ask for the end of the log once, for all that want to know at the moment, and go on when this node stands there. A
question that fails says, as every other call, that Valkey is away: else this node would go on to count as one that
knows what the others do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lobby_server.backplane.errors import BackplaneAway, BackplaneRefused, EpochGone
from lobby_server.backplane.node.health import Health
from lobby_server.backplane.place.standing import Standing
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock

if TYPE_CHECKING:
    from lobby_server.backplane.valkey.stream import Stream

CATCH_UP_S = 0.5
"""How long a call waits at most, as long as the loop runs: then what there is has to do."""
PARTS = 4
"""In which it waits. One in which the loop stood still counts as one, however long that was: what has come meanwhile
lies in sockets, and is read in the next."""


class CatchingUp:
    """Of one node."""

    def __init__(self, stream: Stream, *, standing: Standing, health: Health, clock: Clock) -> None:
        self._stream = stream
        self._standing = standing
        self._health = health
        self._patience: Patience[_Call] = Patience(clock, delay_s=CATCH_UP_S / PARTS, act=self._has_waited)
        self._asking: list[asyncio.Future[None]] = []
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []
        """Calls that wait for an entry, by its number."""
        self.asker: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Return when this node has applied what stands in the log now, or soon."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._asking.append(future)
        if self.asker is None or self.asker.done():
            self.asker = loop.create_task(self._ask())
        call = _Call(future)
        self._patience.add(call)
        try:
            await future
        finally:
            self._patience.discard(call)

    def applied(self) -> None:
        """One more entry was. O(calls that wait)."""
        number, left = self._standing.number, []
        for newest, future in self.waiting:
            if newest > number:
                left.append((newest, future))
            elif not future.done():
                future.set_result(None)
        self.waiting = left

    def _has_waited(self, call: _Call) -> None:
        call.parts -= 1
        if call.parts:
            self._patience.add(call)
        elif not call.future.done():
            call.future.set_result(None)

    async def _ask(self) -> None:
        while self._asking:
            asking, self._asking = self._asking, []
            newest = await self._ask_for_newest()
            self.waiting.extend((newest, future) for future in asking)
            self.applied()

    async def _ask_for_newest(self) -> int:
        """The number of the newest entry of the log, or that of this node when it cannot be asked for."""
        standing = self._standing
        epoch, number = standing.epoch, standing.number
        try:
            newest = await self._stream.newest()
            if newest < number and standing.epoch == epoch:
                raise EpochGone  # a log never gets shorter: this is another one
        except (BackplaneAway, BackplaneRefused, EpochGone) as fault:
            self._health.lost_sight(fault)
            return standing.number
        if standing.epoch == epoch:
            standing.newest = max(standing.newest, newest)
        return newest


class _Call:
    """One that waits."""

    __slots__ = ("future", "parts")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.parts = PARTS
        """Of its time, that are left."""
