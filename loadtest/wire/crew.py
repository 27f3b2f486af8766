"""A few greenlets that run what blocks for thousands of players: upgrades, fetches."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import gevent

from loadtest.wire.timers import Timer, Timers

FAULT_RETRY_S = 5.0

Job = Callable[[], None]
Errand = Callable[[], float | None]

log = logging.getLogger(__name__)


class Crew:
    """At most `most` jobs at a time, in the order of asking. `put` never blocks; idle greenlets end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Job] = deque()
        self._greenlets: set[gevent.Greenlet] = set()
        self._busy = 0

    def put(self, job: Job) -> None:
        self._waiting.append(job)
        if self._busy < self._most:
            self._busy += 1
            greenlet = gevent.spawn(self._work)
            self._greenlets.add(greenlet)
            greenlet.rawlink(self._greenlets.discard)

    def close(self) -> None:
        self._waiting.clear()
        gevent.killall(list(self._greenlets), block=False)

    def _work(self) -> None:
        try:
            while self._waiting:
                job = self._waiting.popleft()
                try:
                    job()
                except Exception:
                    log.exception("fault in %r; the others go on", job)
        finally:
            self._busy -= 1


class Errands:
    """The `ErrandRunner` of one connection: its errands one at a time, by the crew and the timers of all."""

    __slots__ = ("_crew", "_is_busy", "_timers", "_wanted")

    def __init__(self, *, crew: Crew, timers: Timers) -> None:
        self._crew = crew
        self._timers = timers
        self._wanted: dict[Errand, Timer | None] = {}
        """None: due, waiting for its turn."""
        self._is_busy = False

    def put(self, errand: Errand, *, in_s: float = 0.0) -> None:
        timer = self._wanted.get(errand)
        if timer is None and errand in self._wanted:
            return
        due_s = self._timers.clock() + in_s
        if timer is not None:
            if timer.at_s <= due_s:
                return
            timer.cancel()
        if in_s > 0:
            self._wanted[errand] = self._timers.put(due_s, lambda _: self._due(errand))
        else:
            self._due(errand)

    def drop(self, errand: Errand) -> None:
        timer = self._wanted.pop(errand, None)
        if timer is not None:
            timer.cancel()

    def _due(self, errand: Errand) -> None:
        self._wanted[errand] = None
        if not self._is_busy:
            self._is_busy = True
            self._crew.put(self._run_due)

    def _run_due(self) -> None:
        try:
            while (errand := next((one for one, timer in self._wanted.items() if timer is None), None)) is not None:
                del self._wanted[errand]
                try:
                    again_in_s = errand()
                except Exception:
                    log.exception("fault in %r; trying again", errand)
                    again_in_s = FAULT_RETRY_S
                if again_in_s is not None and errand not in self._wanted:
                    self.put(errand, in_s=max(again_in_s, 1e-6))
        finally:
            self._is_busy = False
