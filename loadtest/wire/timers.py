"""One heap of times for a whole process, instead of a sleeping greenlet for each.

Callbacks run in the timers' own greenlet, one after the other; they must not block. What takes long goes to the crew.
Heartbeats, which are most of what a swarm waits for, share the turns of a `loadtest.wire.heartbeats.wheel`.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable

import gevent

from loadtest.wire.alarm import Alarm, Waiter

log = logging.getLogger(__name__)


class Timer:
    """An entry of the heap. A cancelled one stays there, empty, until its time comes."""

    __slots__ = ("_callback", "at_s")

    def __init__(self, at_s: float, callback: Callable[[float], None]) -> None:
        self.at_s = at_s
        self._callback: Callable[[float], None] | None = callback

    @property
    def is_cancelled(self) -> bool:
        return self._callback is None

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
        self._waiter = Waiter()
        self._alarm = Alarm()
        self.greenlet: gevent.Greenlet | None = None

    def put(self, at_s: float, callback: Callable[[float], None]) -> Timer:
        """Have `callback` called at `at_s`, with that intended time; at once if it is past, but never from here."""
        timer = Timer(at_s, callback)
        heapq.heappush(self._heap, timer)
        if self.greenlet is None:
            self.greenlet = gevent.spawn(self._run)
        elif self._heap[0] is timer and self._waiter.is_waiting:
            self._set_alarm()
        return timer

    def close(self) -> None:
        self._heap.clear()
        self._alarm.stop()
        if self.greenlet is not None:
            self.greenlet.kill(block=False)
            self.greenlet = None

    def _run(self) -> None:
        heap = self._heap
        while True:
            now_s = self.clock()
            while heap and heap[0].at_s <= now_s:
                try:
                    heapq.heappop(heap).fire()
                except Exception:
                    log.exception("fault in a timer; the others go on")
            self._set_alarm()
            self._waiter.wait()

    def _set_alarm(self) -> None:
        heap = self._heap
        while heap and heap[0].is_cancelled:
            heapq.heappop(heap)
        if heap:
            self._alarm.set(heap[0].at_s - self.clock(), self._waiter.wake)
        else:
            self._alarm.stop()
