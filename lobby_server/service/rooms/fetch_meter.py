"""How many fetches of the room list the server can answer per second, measured while it answers them.

CPU time is what a fetch costs, parsing and writing included; a window with enough of them tells the price of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lobby_server.service.ports import Clock

FIRST_GUESS_US = 120.0
"""CPU of one fetch until a window was measured: a ready body through Tornado, half of the machine of ``reports/``."""
MIN_FETCHES = 100
"""In a window that counts: fewer, and other work hides them."""
WINDOW_S = 0.1
SMOOTHING = 0.3
SHARE = 0.5
"""Of the process that fetches may take: the rest is for the fan-out."""
MIN_CLIENTS = 50
"""Fewer need no window: they are answered before it would matter."""


class FetchMeter:
    """Counts fetches, and knows their price."""

    def __init__(self, *, clock: Clock, cpu_s: Callable[[], float]) -> None:
        """`cpu_s`: CPU seconds of this process until now."""
        self._clock = clock
        self._cpu_s = cpu_s
        self._window_began_s = clock.monotonic_s()
        self._cpu_began_s = cpu_s()
        self._fetches = 0
        self.cost_us = FIRST_GUESS_US

    def count(self) -> None:
        """One fetch was answered."""
        self._fetches += 1
        if self._fetches < MIN_FETCHES:
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._window_began_s <= WINDOW_S * 10:
            cpu_s = self._cpu_s()
            measured_us = (cpu_s - self._cpu_began_s) / self._fetches * 1e6
            self.cost_us += SMOOTHING * (measured_us - self.cost_us)
        self._begin(now_s)

    def rate_per_s(self) -> float:
        """Fetches per second that leave the process its other work."""
        return SHARE * 1e6 / max(self.cost_us, 1.0)

    def window_ms(self, clients: int) -> int:
        """The time over which that many clients spread their fetch so that each is answered when it asks."""
        if clients <= MIN_CLIENTS:
            return 0
        return math.ceil(clients / self.rate_per_s() * 1000)

    def _begin(self, now_s: float) -> None:
        self._window_began_s = now_s
        self._cpu_began_s = self._cpu_s()
        self._fetches = 0
