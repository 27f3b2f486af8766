"""One node's way to Valkey: `lobby_server.backplane.valkey.stream.Stream`, over a network that is slow, loses, and
breaks.

A call whose answer does not come in time fails, as with the real client; whether it was done is not known, and a batch
that is sent again then stands in the log twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from bench.simulation.outside.loop import ProcessLoop
from bench.simulation.outside.valkey import StreamId, Valkey, stream_id
from lobby_server.backplane.errors import BackplaneAway, BackplaneError
from lobby_server.backplane.wire import Entry, Renewal

CALL_TIMEOUT_S = 2.0
"""As in `lobby_server.backplane.valkey.stream`, which cannot be loaded without the client library of Valkey."""
LEAST_S, SPREAD_S = 0.0002, 0.0013
"""Latency of one way, on most occasions: from the least on, and so much more."""


class SimulatedStream:
    """Of one life of a node. Every call raises `BackplaneAway` when it cannot be done now."""

    def __init__(self, valkey: Valkey, loop: ProcessLoop, random: Random) -> None:
        self.is_cut = False
        """Nothing arrives, either way."""
        self.loses_answers = 0
        """Of so many calls from now on: they are done, and nobody hears of it."""
        self.late_s = 0.0
        """How much longer each way takes."""
        self._valkey = valkey
        self._loop = loop
        self._world = loop.world
        self._draw = random.random
        self._life = valkey.life
        """Of the server to which calls go."""
        self._last_at_s = [0.0, 0.0]
        """When the last message of each way arrives, of calls and of reads: they do not overtake each other."""

    # -- the interface --------------------------------------------------------------------------------------------

    async def close(self) -> None:
        pass

    async def time_s(self) -> float:
        return float(await self._call(self._valkey.time_s))

    async def append(self, epoch: str, batch: bytes) -> None:
        await self._call(self._valkey.append, epoch, batch)

    async def read(self, epoch: str, after: str) -> list[tuple[str, Entry]]:
        found: list[tuple[str, Entry]] = await self._send(_Read(self, epoch, stream_id(after)))
        return found

    async def epoch(self) -> str | None:
        found: str | None = await self._call(lambda: self._valkey.epoch)
        return found

    async def newest(self) -> int:
        return int(await self._call(lambda: self._valkey.data.number))

    async def first_after(self, epoch: str, after: str) -> int | None:
        found: int | None = await self._call(self._valkey.first_after, epoch, stream_id(after))
        return found

    async def snapshot(self) -> bytes | None:
        found: bytes | None = await self._call(lambda: self._valkey.data.snapshot)
        return found

    async def put_snapshot(self, epoch: str, snapshot: bytes, *, keep_from: str) -> None:
        await self._call(self._valkey.put_snapshot, epoch, snapshot, stream_id(keep_from))

    async def renew(self, epoch: str, node: str, *, ttl_s: float, report: bytes, others: Sequence[str]) -> Renewal:
        found: Renewal = await self._call(self._valkey.renew, epoch, node, ttl_s, report, others)
        return found

    async def forget(self, node: str) -> None:
        await self._call(self._valkey.forget, node)

    async def reports(self, nodes: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = await self._call(self._valkey.reports, nodes) if nodes else {}
        return found

    async def take(self, key: str, *, interval_us: int, tolerance_us: int) -> float:
        return float(await self._call(self._valkey.take, key, interval_us, tolerance_us))

    async def stand(self, node: str, number: int) -> None:
        await self._call(self._valkey.stand, node, number)

    async def best_candidate(self) -> str | None:
        found: str | None = await self._call(self._valkey.best_candidate)
        return found

    async def withdraw(self, node: str) -> None:
        await self._call(self._valkey.withdraw, node)

    async def may_seed(self, node: str, *, for_s: float) -> bool:
        return bool(await self._call(self._valkey.may_seed, node, for_s))

    async def seed(self, node: str, *, epoch: str, number: int, snapshot: bytes) -> bool:
        return bool(await self._call(self._valkey.seed, node, epoch, number, snapshot))

    async def take_gate(self, token: str, *, for_s: float) -> bool:
        return bool(await self._call(self._valkey.take_gate, token, for_s))

    async def release_gate(self, token: str) -> None:
        await self._call(self._valkey.release_gate, token)

    # -- the way there and back -----------------------------------------------------------------------------------

    def _call(self, act: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return self._send(_Call(self, act, arguments))

    def _send(self, sent: _Sent) -> asyncio.Future[Any]:
        """What comes of it. There is nothing around the future that waits for it: a fault that is raised holds what it
        passes through, and so nothing that holds the fault."""
        if not self._valkey.is_up or self._loop.is_buried:
            raise BackplaneAway("Valkey is not there.")
        world = self._world
        at_s = world.now_s + LEAST_S + SPREAD_S * self._draw() + self.late_s
        if at_s < self._last_at_s[sent.way]:
            at_s = self._last_at_s[sent.way]
        self._last_at_s[sent.way] = at_s
        world.call_at(at_s, sent.arrive)
        return sent.future

    def _check_connection(self) -> None:
        """A connection to a server that has died is opened anew by the call after the one that finds out."""
        if self._life != self._valkey.life:
            self._life = self._valkey.life
            raise BackplaneAway("The connection to Valkey was reset.")


class _Sent:
    """One call, from when it is sent. It is timed where it is lost: the others are answered in time, or found late."""

    __slots__ = ("_began_s", "_stream", "future")

    way = 0
    """0 for calls, 1 for reads; none overtakes another of its way."""

    def __init__(self, stream: SimulatedStream) -> None:
        self._stream = stream
        self._began_s = stream._world.now_s
        self.future: asyncio.Future[Any] = stream._loop.create_future()

    def reach(self) -> None:
        """Valkey does it."""
        raise NotImplementedError

    def arrive(self) -> None:
        stream = self._stream
        valkey = stream._valkey
        if stream.is_cut or not valkey.is_up:
            self.lose()
        elif valkey.is_hanging:
            self.lose()  # unless it goes on in time
            valkey.do(self.reach)
        else:
            self.reach()

    def answer(self, found: Any) -> None:
        """`found`: or a `BackplaneError`."""
        stream = self._stream
        if stream.loses_answers and self.way == 0:
            stream.loses_answers -= 1
            self.lose()
        elif stream.is_cut:
            self.lose()
        else:
            delay_s = LEAST_S + SPREAD_S * stream._draw() + stream.late_s
            if stream._world.now_s + delay_s - self._began_s >= CALL_TIMEOUT_S:
                self.lose()
            if stream._loop.is_standing:  # the answer comes in from outside, whatever clock stands still
                stream._world.call_later(delay_s, stream._loop.do, _settle, self.future, found)
            else:
                stream._loop.call_later(delay_s, _settle, self.future, found)

    def lose(self) -> None:
        """No answer comes, or too late."""
        self._stream._loop.call_later(
            max(0.0, self._began_s + CALL_TIMEOUT_S - self._stream._world.now_s), _time_out, self.future
        )  # fmt: skip


class _Call(_Sent):
    """Answered as it arrives."""

    __slots__ = ("_act", "_arguments")

    def __init__(self, stream: SimulatedStream, act: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        super().__init__(stream)
        self._act = act
        self._arguments = arguments

    def reach(self) -> None:
        try:
            self._stream._check_connection()
            found = self._act(*self._arguments)
        except BackplaneError as fault:
            found = fault.with_traceback(None)
        self.answer(found)


class _Read(_Sent):
    """Answered when there is something to be read, or after a while."""

    __slots__ = ("_after", "_epoch")

    way = 1

    def __init__(self, stream: SimulatedStream, epoch: str, after: StreamId) -> None:
        super().__init__(stream)
        self._epoch = epoch
        self._after = after

    def reach(self) -> None:
        self._stream._valkey.read(self._epoch, self._after, self)


def _settle(future: asyncio.Future[Any], found: Any) -> None:
    if future.done():
        return
    if isinstance(found, BackplaneError):
        future.set_exception(found)
    else:
        future.set_result(found)


def _time_out(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(BackplaneAway("Valkey does not answer."))
