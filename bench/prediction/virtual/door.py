"""The way into a process: connections wait in the system's queue, and a few are taken per turn of the loop, first come,
first served, as `lobby_server.web.websocket.listener` takes them. In between, clients that are connected get what they
wait for. So in a herd a connection that is opened for the list waits behind all that were opened before it.

The queue has an end. Whoever finds it full gets no answer, and the client's system tries again by itself, after 1 s,
3 s, 7 s and so on (`TRY_AGAIN_S`). Connections that are opened together are never parted by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bench.prediction.cold import Chill
from bench.prediction.virtual.core import Process

ACCEPTS_PER_TURN, ACCEPTS_IN_A_RUSH = 8, 256
"""As the listener has them."""
BACKLOG = 4_096
"""Connections that the queue has room for; a rush is when it is half full."""
TRY_AGAIN_S = 1.0
"""After which Linux asks again for a connection that nobody answered; each time twice as long (RFC 6298, section 2;
``TCP_TIMEOUT_INIT``)."""
_Waiting = tuple[int, Callable[..., None], tuple[object, ...]]


class Door:
    """Of one process. `turn`: what waking costs it, where it had nothing to do."""

    def __init__(self, process: Process, turn: Chill) -> None:
        self._process, self._wakes = process, turn
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        """Connections."""
        self._is_due = False

    def knock_at(self, at_s: float, number: int, let_in: Callable[..., None], *args: object) -> None:
        """So many connections are opened then. `let_in` is called in the process's own time when it has taken them."""
        self._process.core.world.call_at(at_s, self._knock, (number, let_in, args), TRY_AGAIN_S)

    def _knock(self, waiting: _Waiting, again_s: float) -> None:
        """In the system's time, whatever the process does. `again_s`: after which it is tried again if it is full."""
        if self._queue and self._waiting + waiting[0] > BACKLOG:
            self._process.core.world.call_later(again_s, self._knock, waiting, 2 * again_s)
            return
        self._queue.append(waiting)
        self._waiting += waiting[0]
        if not self._is_due:
            self._is_due = True
            self._process.call_at(self._process.core.world.now_s, self._turn)

    def _turn(self) -> None:
        most = ACCEPTS_IN_A_RUSH if 2 * self._waiting > BACKLOG else ACCEPTS_PER_TURN
        taken = 0
        self._process.spend_turns(self._wakes, 1)
        while self._queue and taken < most:
            number, let_in, args = self._queue.popleft()
            taken += number
            self._waiting -= number
            let_in(*args)
        self._is_due = bool(self._queue)
        if self._is_due:
            self._process.call_later(0.0, self._turn)
