"""Admission: a bounded number of handshakes per turn of the loop.

A thousand handshakes that arrive together take the loop tens of milliseconds, in which those who are connected already
wait for their pongs. A session that comes when the turn has had its share is not read from until a later turn,
first come, first served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

HANDSHAKES_PER_TURN = 256
"""About 15 ms of the loop on the machine of ``reports/``."""


class Entrance:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = HANDSHAKES_PER_TURN
        self._queue: deque[Callable[[], None]] = deque()
        self._is_turning = False

    def enter(self) -> bool:
        """Whether one more is admitted now. If not: stop reading, and `queue_up`."""
        if self._left <= 0:
            return False
        self._left -= 1
        self._turn()
        return True

    def queue_up(self, go_on: Callable[[], None]) -> None:
        """Call as soon as the turns have a place for it. The callback looks whether its session is still there."""
        self._queue.append(go_on)
        self._turn()

    # -- private --------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            self._loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_turning = False
        admitted = min(len(self._queue), HANDSHAKES_PER_TURN)
        self._left = HANDSHAKES_PER_TURN - admitted
        if admitted:
            self._turn()
        for _ in range(admitted):
            self._queue.popleft()()
