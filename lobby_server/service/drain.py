"""The drain: the orderly end of all sessions within a deadline, in paced groups which spare the next process a storm.

Clients that asked for it hear first when to reconnect, each in a slot of its own. Nodes that end together give slots in
turn (`slot_ms`). Clients without features, and those not accepted yet, are closed with 1001: Godot 3.2.3 takes 1012 for
a protocol error, tells the game nothing and stays "connected" for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature
from lobby_server.protocol.messages import ServerDraining
from lobby_server.service.pacing import sleep
from lobby_server.service.ports import Clock
from lobby_server.service.session import Session
from lobby_server.service.sessions import Sessions
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby.server")

GROUP = 200
"""Sessions that are closed at a time."""
PAUSE_S = 0.02
LAST_WRITES_S = 1.0
"""What the last writes get when nothing is left of the drain."""
RECONNECT_AFTER_MS = 1000
"""The first slot for reconnecting: a process starts in less."""
RECONNECTS_PER_S = 1000
"""Slots per second, of all nodes that end together: well below what one process accepts."""
REASON = "the server restarts; come back in a moment"


def slot_ms(number: int, turn: tuple[int, int] | None, *, limit_s: float) -> int:
    """How long after the first slot a session's own is. `turn`: of a node, as in `Drain.turn`; None: of a process
    alone, which has all slots and as many as it wants.

    Of nodes, no slot is later than `limit_s`, for users may count as offline 15 s later. Each has every n-th; one that
    needs more of them takes those of the next node, from the last one on: two nodes share a slot only where the slots
    of both are used up.
    """
    apart_ms = 1000 // RECONNECTS_PER_S
    if turn is None:
        return number * apart_ms
    first, every = turn
    own = max(1, int(limit_s * RECONNECTS_PER_S) // every)
    lap, place = divmod(number, own)
    if lap % 2:
        place = own - 1 - place
    return ((first + lap) % every + place * every) * apart_ms


class Drain:
    """`begin` it, then `run` it, once."""

    def __init__(self, *, sessions: Sessions, clock: Clock, limit_s: float) -> None:
        """`limit_s`: how long all of it may take."""
        self.at_begin: list[Callable[[], None]] = []
        """Called as the closing begins: each closes a socket that is no session."""
        self.turn: Callable[[], tuple[int, int] | None] = lambda: None
        """Of a node, which of the slots are its own: the first of them, and how far from one to the next. Asked for as
        the drain begins."""
        self._turn: tuple[int, int] | None = None
        self.is_begun = False
        self._is_announced = False
        self._sessions = sessions
        self._clock = clock
        self._limit_s = limit_s
        self._deadline_s = 0.0

    @property
    def last_writes_s(self) -> float:
        """How long writes may take now that no session is left."""
        return max(LAST_WRITES_S, self._deadline_s - self._clock.monotonic_s())

    @property
    def is_announced(self) -> bool:
        """Load balancers are to send nobody any more; until it is begun everything still works."""
        return self._is_announced or self.is_begun

    def announce(self) -> None:
        """Not ready for newcomers from now on, though they are still taken."""
        self._is_announced = True

    def begin(self) -> None:
        """From now on nobody is welcome, and time counts."""
        self.is_begun = True
        self._turn = self.turn()
        self._deadline_s = self._clock.monotonic_s() + self._limit_s
        log.info(
            "draining: %d sockets to close within %g s",
            len(self._sessions),
            self._limit_s,
            extra={"event": LogEvent.DRAINING.value},
        )

    async def run(self, *, is_idle: Callable[[], bool]) -> None:
        """Close all sessions, and return when their sockets are gone and nothing else is under way (`is_idle`), or the
        deadline is reached."""
        for close in self.at_begin:
            close()
        await self._close_all(list(self._sessions))
        while (len(self._sessions) or not is_idle()) and self._clock.monotonic_s() < self._deadline_s:
            await sleep(self._clock, PAUSE_S)

    # -- private --------------------------------------------------------------------------------------------------

    async def _close_all(self, sessions: list[Session]) -> None:
        for start in range(0, len(sessions), GROUP):
            for number, session in enumerate(sessions[start : start + GROUP], start):
                if Feature.DRAIN in session.features:
                    after_ms = RECONNECT_AFTER_MS + slot_ms(number, self._turn, limit_s=self._limit_s)
                    session.reply(ServerDraining(reconnect_after_ms=after_ms))
                session.close(CloseCode.SERVICE_RESTART if session.features else CloseCode.GOING_AWAY, REASON)
            await sleep(self._clock, PAUSE_S)
