"""The queue before the threads that hash passwords: bounded, fair between addresses, and without calls that nobody
waits for any more.

A hash takes tens of milliseconds of a core on purpose, so the threads are the first thing that a crowd, or an attacker,
can use up. Addresses take turns: a log-in waits for one hash of each other address at most, however many calls one of
them has sent. A call whose client is gone leaves the queue.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from lobby_server.service.ports import Clock

_Result = TypeVar("_Result")

MAX_WAITING = 256
"""Of all addresses; some 10 s of work for two threads."""
MAX_WAITING_PER_ADDRESS = 64
"""As many as one address may send in a burst by default."""
_FIRST_GUESS_S = 0.1
_SMOOTHING = 0.2


class Overloaded(Exception):
    """Too many calls wait; this one was not taken."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too many passwords wait to be hashed; try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class CallerGone(Exception):
    """The client that asked is gone; nothing was done."""


class Asker:
    """Who waits for a hash. Tell it when the client is gone."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_gone = False
        self._give_up: Callable[[], None] | None = None

    def gone(self) -> None:
        self.is_gone = True
        if self._give_up is not None:
            self._give_up()

    def waits(self, give_up: Callable[[], None] | None) -> None:
        """`give_up` is called when the client is gone; None: nothing waits for it any more."""
        self._give_up = give_up


class HashingQueue:
    """Calls for an executor's threads, address by address in turn."""

    def __init__(self, executor: Executor, *, clock: Clock, threads: int = 2) -> None:
        self._executor = executor
        self._clock = clock
        self._threads = threads
        self._running = 0
        self._waiting = 0
        self._turns: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Waiting calls by address, the address whose turn is next first."""
        self._call_s = _FIRST_GUESS_S

    def __len__(self) -> int:
        """Calls that wait."""
        return self._waiting

    async def run(self, call: Callable[[], _Result], asker: Asker) -> _Result:
        """What `call` returns, run on a thread in its turn. Raises `Overloaded`, `CallerGone`."""
        await self._turn(asker)
        if asker.is_gone:  # between its turn and now
            self._running -= 1
            self._next()
            raise CallerGone
        began_s = self._clock.monotonic_s()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._call_s += _SMOOTHING * (self._clock.monotonic_s() - began_s - self._call_s)
            self._running -= 1
            self._next()

    # -- private --------------------------------------------------------------------------------------------------

    async def _turn(self, asker: Asker) -> None:
        """Return when a thread is free for this call, which counts as running from then on."""
        if asker.is_gone:
            raise CallerGone
        if self._running < self._threads and not self._waiting:
            self._running += 1
            return
        own = self._turns.get(asker.address, ())
        if self._waiting >= MAX_WAITING or len(own) >= MAX_WAITING_PER_ADDRESS:
            raise Overloaded(max(1.0, math.ceil(self._waiting * self._call_s / self._threads)))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.setdefault(asker.address, deque()).append(turn)
        self._waiting += 1
        asker.waits(lambda: self._leave(asker.address, turn))
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # cancelled in its very turn
                self._running -= 1
                self._next()
            else:
                self._leave(asker.address, turn)
            raise
        finally:
            asker.waits(None)

    def _leave(self, address: str, turn: asyncio.Future[Any]) -> None:
        own = self._turns.get(address)
        if own is None or turn not in own:
            return
        own.remove(turn)
        self._waiting -= 1
        if not own:
            del self._turns[address]
        if not turn.done():
            turn.set_exception(CallerGone())

    def _next(self) -> None:
        while self._turns and self._running < self._threads:
            address, own = next(iter(self._turns.items()))
            turn = own.popleft()
            self._waiting -= 1
            self._turns.move_to_end(address)
            if not own:
                del self._turns[address]
            if not turn.done():
                self._running += 1
                turn.set_result(None)
