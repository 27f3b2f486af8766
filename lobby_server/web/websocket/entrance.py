"""Admission: a bounded number of newcomers per turn of the loop, before their first request and at their handshake.

A thousand handshakes that arrive together take the loop tens of milliseconds, in which those who are connected already
wait for their pongs. A connection that comes when the turn has had its share is not read from until a later turn,
first come, first served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

HANDSHAKES_PER_TURN = 256
"""About 15 ms of the loop on the machine of ``reports/``."""


class Entrance:
    def __init__(self, loop: asyncio.AbstractEventLoop, *, per_turn: int = HANDSHAKES_PER_TURN) -> None:
        self._loop = loop
        self._per_turn = self._left = per_turn
        self._queue: deque[Callable[[], None]] = deque()
        self._is_turning = False

    def enter(self) -> bool:
        """Whether one more is admitted now. If not: do not read, and `queue_up`."""
        if self._left <= 0:
            return False
        self._left -= 1
        if not self._is_turning:
            self._turn()
        return True

    @property
    def has_place(self) -> bool:
        """Whether `enter` would admit one more."""
        return self._left > 0

    @property
    def turns_ahead(self) -> int:
        """How many turns those who are in the queue take, as far as is known."""
        return len(self._queue) // self._per_turn

    def charge(self, extra: int) -> None:
        """One who was admitted takes the place of `extra` more."""
        self._left -= extra
        if not self._is_turning:
            self._turn()

    def queue_up(self, go_on: Callable[[], None]) -> None:
        """Call as soon as the turns have a place for it. The callback looks whether its session is still there."""
        self._queue.append(go_on)
        if not self._is_turning:
            self._turn()

    # -- private --------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._is_turning = True
        self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_turning = False
        self._left = self._per_turn
        if self._queue:
            self._turn()
        while self._queue and self._left > 0:
            self._left -= 1
            self._queue.popleft()()
