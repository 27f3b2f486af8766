"""One at a time within this process, in the order in which they ask: a lock for which nobody waits long, and not too
many at once.

Whoever holds it may wait many seconds for a database or for other nodes that do not answer, and so may each of those
behind, one after the other. So they wait `BEGIN_S` and are refused then; those who find `MOST_WAITING` ahead of them
are refused at once. Whoever was refused never has the turn: what was to be done behind it is not begun, and never will
be.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator

from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock

BEGIN_S = 5.0
"""How long one waits to begin; all that goes before a change in `lobby_server.service.writes.gated` keeps to it."""
LEAST_S = 1.0
"""For which whoever has the turn waits for the log and for the store, each, however long the turn itself took: they
answer within milliseconds, or not at all."""
MOST_WAITING = 2000
"""At once. One process made 1,000 choices of whereabouts, one after the other, in 1.3 to 1.5 s on a PostgreSQL beside
it: of so many, each has its turn in time."""


class Turns:
    """The lock of one process."""

    def __init__(self, clock: Clock, *, most: int = MOST_WAITING) -> None:
        self._most = most
        self._is_taken = False
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._patience: Patience[asyncio.Future[None]] = Patience(clock, delay_s=BEGIN_S, act=self._refuse)

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Raises `Refusal` (``try_again_later``)."""
        if self._is_taken:
            await self._wait()
        self._is_taken = True
        try:
            yield
        finally:
            self._hand_on()

    # -- private --------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Return when this one has been handed the turn."""
        if len(self._waiting) >= self._most:
            raise Refusal(RefusalCode.TRY_AGAIN_LATER)
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[handed] = None
        self._patience.add(handed)
        try:
            await handed
        except asyncio.CancelledError:
            if handed.done() and not handed.cancelled() and handed.exception() is None:
                self._hand_on()  # it was handed over, and cancelled before it knew
            raise
        finally:
            self._waiting.pop(handed, None)
            self._patience.discard(handed)

    def _hand_on(self) -> None:
        """To the one that has waited longest. It stays taken meanwhile, so that nobody comes in between."""
        while self._waiting:
            handed, _ = self._waiting.popitem(last=False)
            if not handed.done():
                handed.set_result(None)
                return
        self._is_taken = False

    def _refuse(self, handed: asyncio.Future[None]) -> None:
        self._waiting.pop(handed, None)
        if not handed.done():
            handed.set_exception(Refusal(RefusalCode.TRY_AGAIN_LATER))
