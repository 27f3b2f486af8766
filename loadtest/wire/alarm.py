"""How a shared greenlet of this package waits: until something wakes it, at the price of one switch.

gevent's own ways to wait make a watcher, a waiter and an exception per turn, which is most of the CPU of a process that
wakes hundreds of times per second and does little each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gevent
from gevent.hub import get_hub

LONGEST_S = 3600.0
"""libev takes no infinite times; whoever waits for longer looks in between."""


class Waiter:
    """Of one greenlet. It may block elsewhere, too: a wake meanwhile is remembered, and no switch."""

    __slots__ = ("_greenlet", "_is_waiting", "_is_woken")

    def __init__(self) -> None:
        self._greenlet: Any = None
        self._is_waiting = False
        self._is_woken = False

    @property
    def is_waiting(self) -> bool:
        return self._is_waiting

    def wait(self) -> None:
        """In the greenlet: until `wake`, which may have been before."""
        self._greenlet = gevent.getcurrent()
        if not self._is_woken:
            self._is_waiting = True
            try:
                get_hub().switch()
            finally:
                self._is_waiting = False
        self._is_woken = False

    def wake(self) -> None:
        """From the hub, as the callback of a watcher."""
        self._is_woken = True
        if self._is_waiting:
            self._greenlet.switch()


class Metronome:
    """Something that is called again and again, from the hub, by one timer of the loop that repeats itself. An `Alarm`
    set anew for each time makes a wake of the process half as dear again (80 instead of 50 µs)."""

    __slots__ = ("_timer",)

    def __init__(self) -> None:
        self._timer: Any = None

    def start(self, in_s: float, every_s: float, callback: Callable[[], object]) -> None:
        """First in so many seconds, and never before. It keeps its time, whatever holds a call up; where one is held up
        for longer than `every_s` it does not, and has to be started anew."""
        self.stop()
        self._timer = get_hub().loop.timer(max(in_s, 0.0), every_s)
        self._timer.start(callback, update=True)

    def stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
            timer.close()


class Alarm:
    """One time at which something is called, from the hub, and never before. Setting it anew replaces it."""

    __slots__ = ("_timer",)

    def __init__(self) -> None:
        self._timer: Any = None

    def set(self, in_s: float, callback: Callable[[], object]) -> None:
        self.stop()
        self._timer = get_hub().loop.timer(min(max(in_s, 0.0), LONGEST_S) if in_s < math.inf else LONGEST_S)
        self._timer.start(callback, update=True)  # the loop's own time is that of its last wake

    def stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
            timer.close()
