"""The books are made equal to what the store has, by a task of its own: whatever it waits for, no write waits for it.

One look at a time. It is made anew when something may have been stored meanwhile, and later again while the log or the
database is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lobby_server.core.refusal import Refusal
from lobby_server.service.ports import Clock, StoreUnavailable
from lobby_server.service.replica import Replica
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.writes.writer import StoreWriter

log = logging.getLogger("lobby.store")

AGAIN_S = 1.0
"""Between two looks that found the log or the database away."""


class StoreLook:
    """One per kind of thing that is looked at."""

    def __init__(
        self,
        make_up: Callable[[], Awaitable[None]],
        *,
        replica: Replica,
        writer: StoreWriter,
        clock: Clock,
        after_s: float,
    ) -> None:
        """`make_up`: reads the store and makes the books equal to it; it raises `Refusal` or `StoreUnavailable` when
        that has to be tried again. `after_s`: from when a look is asked for until it begins; 0.0: at once."""
        self._make_up = make_up
        self._replica = replica
        self._writer = writer
        self._clock = clock
        self._after_s = after_s
        self._is_looking = False
        self._is_stale = False
        """Something may have been stored since the store was read last."""
        self._is_over = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way, or will be."""
        return self._is_looking

    def again(self) -> None:
        """The books may not be as the store is: soon they are."""
        self._is_stale = True
        if not self._is_looking:
            self._is_looking = True
            if self._after_s:
                self._clock.call_later(self._after_s, self._look)
            else:
                self._look()

    async def idle(self) -> None:
        """Return when no look is under way; one that waits for its time is none yet."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def stop(self) -> None:
        """The server ends: look no more. Whoever leads, or the next start, looks at all of it."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    # -- private --------------------------------------------------------------------------------------------------

    def _later(self) -> None:
        self._clock.call_later(AGAIN_S, self._look)

    def _look(self) -> None:
        if self._is_over:
            return
        try:
            self._replica.check()
        except Refusal:
            self._later()
            return
        if self._writer.is_away:
            self._later()
        else:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        self._is_stale = False  # what is stored from now on may not be in what is read here
        try:
            await self._make_up()
        except (Refusal, StoreUnavailable):
            self._task = None
            self._later()
            return
        except Exception:
            log.exception("a look at the store failed", extra={"event": LogEvent.WRITE_LOST.value})
            self._task, self._is_looking = None, False
            return
        except BaseException:
            self._task, self._is_looking = None, False
            raise
        self._task, self._is_looking = None, False
        if self._is_stale:
            self.again()
