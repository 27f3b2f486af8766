"""Whether anybody else needs the loop: asked before a rest is cut short that is there for others.

A loop that has something to do for others takes milliseconds for a turn, as what it does for them per turn is bounded;
one that has nothing takes microseconds. So a few turns in a row are timed, again and again over a span.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.service.ports import Clock, Timer

LOOKS = 5
"""In a row, all over the span, that have to find the loop quiet."""
TURNS_OF_A_LOOK = 3
"""Turns of the loop; the first may end before the loop asks what is ready."""
QUIET_S = 0.0005
"""All turns of a look together at most: in a storm one takes half a millisecond."""


class QuietLoop:
    """Calls `act` once the loop was quiet for a span, each time that it was told to `wait`. A virtual loop, whose turns
    take no time, is quiet. Costs four calls per look."""

    def __init__(self, clock: Clock, *, span_s: float, act: Callable[[], None]) -> None:
        self._clock = clock
        self._span_s = span_s
        self._act = act
        self._timer: Timer | None = None
        self._began_s = self._look_began_s = 0.0
        self._looks_to_come = 0

    def wait(self) -> None:
        """Wait for a quiet span, which begins now at the earliest."""
        self.cancel()
        self._begin()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- private --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._began_s = self._clock.monotonic_s()
        self._looks_to_come = LOOKS
        self._look_later()

    def _look_later(self) -> None:
        self._timer = self._clock.call_later(self._span_s / LOOKS, self._look, TURNS_OF_A_LOOK)

    def _look(self, turns: int) -> None:
        """`turns`: of this look, still to come."""
        self._timer = None
        now_s = self._clock.monotonic_s()
        if turns == TURNS_OF_A_LOOK:
            self._look_began_s = now_s
        if now_s - self._look_began_s > QUIET_S:
            self._begin()
        elif turns:
            self._timer = self._clock.call_later(0.0, self._look, turns - 1)
        else:
            self._looks_to_come -= 1
            if self._looks_to_come > 0 or now_s < self._began_s + self._span_s:
                self._look_later()
            else:
                self._act()
