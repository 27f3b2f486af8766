"""One heap of times for a whole process, instead of a sleeping greenlet for each.

Callbacks run in the timers' own greenlet, one after the other; they must not block. What takes long goes to the crew.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable

import gevent
from gevent.event import Event

log = logging.getLogger(__name__)


class Timer:
    """An entry of the heap. A cancelled one stays there, empty, until its time comes."""

    __slots__ = ("_callback", "at_s")

    def __init__(self, at_s: float, callback: Callable[[float], None]) -> None:
        self.at_s = at_s
        self._callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self.at_s)

    def __lt__(self, other: Timer) -> bool:
        return self.at_s < other.at_s


class Timers:
    """Times are those of `clock`, in seconds. The greenlet lives from the first `put` to `close`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._heap: list[Timer] = []
        self._earlier = Event()
        """Something was put before what is waited for."""
        self.greenlet: gevent.Greenlet | None = None

    def put(self, at_s: float, callback: Callable[[float], None]) -> Timer:
        """Have `callback` called at `at_s`, with that intended time; at once if it is past, but never from here."""
        timer = Timer(at_s, callback)
        heapq.heappush(self._heap, timer)
        if self.greenlet is None:
            self.greenlet = gevent.spawn(self._run)
        elif self._heap[0] is timer:
            self._earlier.set()
        return timer

    def close(self) -> None:
        self._heap.clear()
        if self.greenlet is not None:
            self.greenlet.kill(block=False)
            self.greenlet = None

    def _run(self) -> None:
        heap = self._heap
        while True:
            self._earlier.clear()
            now_s = self.clock()
            while heap and heap[0].at_s <= now_s:
                try:
                    heapq.heappop(heap).fire()
                except Exception:
                    log.exception("fault in a timer; the others go on")
            self._earlier.wait(max(0.0, heap[0].at_s - self.clock()) if heap else None)
