"""Notices that the machine was suspended, for what is due at a moment of the calendar, such as the end of a token.

The loop's timers stand still with the machine, so what was due meanwhile would come late by as long as that lasted.
What is due after a time, such as a heartbeat, is right by them: nobody's time went by.

Known on Linux (`lobby_server.clock`). Where a virtual machine is paused, none of its clocks goes on, and nothing is
known of it: its timers are late by the pause.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.service.ports import SharedClock

LOOK_EVERY_S = 0.5
"""By timers, and so how long after the machine goes on it is noticed at the latest. A look takes 1.5 µs."""
LEAST_S = 0.1
"""A shorter one makes no difference."""


class Suspensions:
    """One per server."""

    def __init__(self, clock: SharedClock, act: Callable[[], None]) -> None:
        """`act`: timers are behind the calendar. It may be called once too often, where the process was stopped between
        the readings of two clocks."""
        self._clock = clock
        self._act = act
        self._suspended_s = self._read_s()

    def start(self) -> None:
        """Look from now on, for as long as the process lives."""
        self._clock.call_later(LOOK_EVERY_S, self._look)

    def _read_s(self) -> float:
        """By how much the machine's clocks differ: what it was suspended for, and something that never changes."""
        return self._clock.elapsed_s() - self._clock.monotonic_s()

    def _look(self) -> None:
        self.start()
        before_s, self._suspended_s = self._suspended_s, self._read_s()
        if self._suspended_s - before_s >= LEAST_S:
            self._act()
