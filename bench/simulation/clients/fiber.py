"""Code that blocks, in virtual time: each piece runs in a greenlet, and waits by going back to the world.

So the client library runs as it is: where it would block a thread, it parks a fiber.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from bench.simulation.outside.loop import Call, GoesRound, World

SHORTEST_S = 1e-6
"""Time passes for whoever waits, however short: a deadline may be reached but for a rounding."""
MOST_IN_VAIN = 10_000
"""So often code may wait for the shortest time, one after the other: above it, it waits for nothing."""


class Fiber:
    """One piece of code. The greenlet in which one has ended is taken for another: a new one costs several times what
    going into it and back does."""

    def __init__(self, world: World, run: Callable[[], object], *, at_once: bool = False) -> None:
        """It begins with the next call of the world; `at_once`: now, where the world waits for no other code."""
        self.hub = world.hub
        self._world = world
        self._begin: Callable[[], object] | None = run
        self._greenlet: Any = world.spare.pop() if world.spare else greenlet(_one_after_another, world.hub)
        self._greenlet.fiber = self
        self._timer: Call | None = None
        """At the latest when it has to go on: what waits again and again has one, not one for each time."""
        self._until_s = inf
        self._in_vain = 0
        """How often it has waited for the shortest time, since it last waited longer."""
        self._is_parked = False
        world.fibers[self] = None
        if at_once and getcurrent() is world.hub and not world.is_standing:
            self._go_on(False)
        else:
            world.call_soon(self._go_on, False)

    @staticmethod
    def current() -> Fiber:
        """The one that runs."""
        fiber = getattr(getcurrent(), "fiber", None)
        assert isinstance(fiber, Fiber), "only a fiber can block"
        return fiber

    def park(self, timeout_s: float | None) -> bool:
        """Let others run until `wake`, or for that long. Whether it was woken. The world meets `GoesRound` where code
        does nothing but wait for the shortest time."""
        self._is_parked = True
        if timeout_s is None:
            self._until_s = inf
        else:
            if timeout_s > SHORTEST_S:
                self._in_vain = 0
            else:
                timeout_s = SHORTEST_S
                self._in_vain += 1
            self._until_s = until_s = self._world.now_s + timeout_s
            timer = self._timer
            if timer is None or timer.at_s > until_s:
                if timer is not None:
                    timer.cancel()
                self._timer = self._world.call_at(until_s, self._time_out)
        return bool(self.hub.switch())

    def sleep(self, delay_s: float) -> None:
        """Return after that time."""
        at_s = self._world.now_s + delay_s
        while self._world.now_s < at_s:
            self.park(at_s - self._world.now_s)

    def wake(self) -> None:
        """Let it go on if it is parked: at once, or after the code that blocks and wakes it."""
        if self._is_parked:
            self._is_parked = False
            if getcurrent() is self.hub and not self._world.is_standing:
                self._go_on(True)
            else:
                self._world.call_soon(self._go_on, True)

    def end(self) -> None:
        """Let it end where it is parked."""
        if self._greenlet is not None:
            self._greenlet.throw(GreenletExit)
            self._ended()

    def _time_out(self) -> None:
        self._timer = None
        if not self._is_parked:
            return
        if self._until_s <= self._world.now_s:
            if self._in_vain > MOST_IN_VAIN:
                raise GoesRound("a client goes round in circles: it waits again and again for no time at all")
            self._is_parked = False
            self._go_on(False)
        elif self._until_s < inf:
            self._timer = self._world.call_at(self._until_s, self._time_out)

    def _go_on(self, is_woken: bool) -> None:
        begin, self._begin = self._begin, None
        if self._greenlet.switch(is_woken if begin is None else begin) is _ENDED:
            self._world.spare.append(self._greenlet)
            self._ended()

    def _ended(self) -> None:
        self._greenlet.fiber = self._greenlet = None
        self._world.fibers.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_ENDED = object()
"""What a greenlet says whose code has ended."""


def _one_after_another(run: Callable[[], object]) -> None:
    """In a greenlet: code, and what comes after it, for ever."""
    while True:
        run()
        run = getcurrent().parent.switch(_ENDED)
