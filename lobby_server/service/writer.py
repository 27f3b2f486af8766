"""Writes that no answer waits for, one after the other in the order in which they were asked for.

For what no answer depends on: a host who changed, a room whose time was over. A crash loses at most the last of them,
and the rules at start put such leftovers right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lobby_server.service.ports import StoreError

log = logging.getLogger("lobby.store")


class StoreWriter:
    """A queue of writes and the task that works it off."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_writing = False

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work())

    def write(self, write: Callable[[], Awaitable[None]]) -> None:
        self._queue.put_nowait(write)

    async def idle(self) -> None:
        """Return when everything asked for until now is done."""
        await self._queue.join()

    async def stop(self, *, patience_s: float) -> int:
        """Return when everything asked for is written, or the patience is over: how many writes were lost then."""
        if self._task is None:
            return 0
        try:
            await asyncio.wait_for(self._queue.join(), patience_s)
        except asyncio.TimeoutError:
            pass  # what is left is the answer
        lost = self._queue.qsize() + self._is_writing
        self._task.cancel()
        self._task = None
        return lost

    async def _work(self) -> None:
        while True:
            write = await self._queue.get()
            self._is_writing = True
            try:
                await write()
            except StoreError as fault:
                log.error("a write was lost: %s", fault)
            except Exception:
                log.exception("a write was lost")
            finally:
                self._is_writing = False
                self._queue.task_done()
