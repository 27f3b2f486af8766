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
from bench.simulation.outside.valkey import Valkey, stream_id
from lobby_server.backplane.errors import BackplaneAway, BackplaneError
from lobby_server.backplane.wire import Entry

CALL_TIMEOUT_S = 2.0
BLOCK_S = 1.0
MOST_ENTRIES = 500
"""As in `lobby_server.backplane.valkey.stream`, which cannot be loaded without the client library of Valkey."""
LATENCY_S = (0.0002, 0.0015)
"""Of one way, on most occasions."""


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
        self._random = random
        self._uniform = random.uniform
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
        future = self._loop.create_future()
        place = stream_id(after)

        def arrive() -> None:
            self._valkey.read(
                epoch, place, block_s=BLOCK_S, most=MOST_ENTRIES, answer=lambda found: self._answer(future, found, 1)
            )

        self._send(arrive, 1)
        found: list[tuple[str, Entry]] = await self._outcome(future)
        return found

    async def epoch(self) -> str | None:
        found: str | None = await self._call(lambda: self._valkey.data.epoch)
        return found

    async def newest(self) -> int:
        return int(await self._call(lambda: self._valkey.data.number))

    async def first_after(self, epoch: str, after: str) -> int | None:
        found: int | None = await self._call(self._valkey.first_after, epoch, stream_id(after))
        return found

    async def abandon(self, epoch: str, number: int) -> bool:
        return bool(await self._call(self._valkey.abandon, epoch, number))

    async def snapshot(self) -> bytes | None:
        found: bytes | None = await self._call(lambda: self._valkey.data.snapshot)
        return found

    async def put_snapshot(self, epoch: str, snapshot: bytes, *, keep_from: str) -> None:
        await self._call(self._valkey.put_snapshot, epoch, snapshot, stream_id(keep_from))

    async def renew(
        self, epoch: str, node: str, *, ttl_s: float, report: bytes, others: Sequence[str]
    ) -> tuple[int, dict[str, bytes]]:
        found: tuple[int, dict[str, bytes]] = await self._call(self._valkey.renew, epoch, node, ttl_s, report, others)
        return found

    async def forget(self, node: str) -> None:
        await self._call(self._valkey.forget, node)

    async def reports(self, nodes: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = await self._call(self._valkey.reports, nodes) if nodes else {}
        return found

    async def take(self, key: str, *, interval_us: int, tolerance_us: int) -> float:
        """Nobody is limited here."""
        return 0.0

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

    async def _call(self, act: Callable[..., Any], *arguments: Any) -> Any:
        future = self._loop.create_future()

        def arrive() -> None:
            try:
                self._check_connection()
                found = act(*arguments)
            except BackplaneError as fault:
                found = fault
            self._answer(future, found, 0)

        self._send(arrive, 0)
        return await self._outcome(future)

    async def _outcome(self, future: asyncio.Future[Any]) -> Any:
        if not self._valkey.is_up or self._loop.is_buried:
            raise BackplaneAway("Valkey is not there.")
        timer = self._loop.call_later(CALL_TIMEOUT_S, _time_out, future)
        try:
            found = await future
        finally:
            timer.cancel()
        if isinstance(found, BackplaneError):
            raise found
        return found

    def _check_connection(self) -> None:
        """A connection to a server that has died is opened anew by the call after the one that finds out."""
        if self._life != self._valkey.life:
            self._life = self._valkey.life
            raise BackplaneAway("The connection to Valkey was reset.")

    def _send(self, arrive: Callable[[], None], way: int) -> None:
        self._world.call_at(self._arrival_s(way), self._reach, arrive)

    def _reach(self, arrive: Callable[[], None]) -> None:
        if not self.is_cut:
            self._valkey.do(arrive)

    def _answer(self, future: asyncio.Future[Any], found: Any, way: int) -> None:
        if self.loses_answers and way == 0:
            self.loses_answers -= 1
            return
        if not self.is_cut:
            self._loop.call_later(self._uniform(*LATENCY_S) + self.late_s, _settle, future, found)

    def _arrival_s(self, way: int) -> float:
        at_s = self._world.now_s + self._uniform(*LATENCY_S) + self.late_s
        at_s = self._last_at_s[way] = max(at_s, self._last_at_s[way])
        return at_s


def _settle(future: asyncio.Future[Any], found: Any) -> None:
    if not future.done():
        future.set_result(found)


def _time_out(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(BackplaneAway("Valkey does not answer."))
