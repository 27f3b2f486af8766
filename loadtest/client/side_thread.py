"""The second thread of a connection: it runs blocking calls off the reader, one errand at a time.

With it a connection has at most two threads, however many things it fetches. The thread lives while there is an errand
and ends with the last one, so an idle connection has only one thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

FAULT_RETRY_S = 5.0

Errand = Callable[[], float | None]
"""Returns None when it is done, or the seconds after which to do it again."""

log = logging.getLogger(__name__)


class SideThread:
    """Runs errands at their times, never two at once. All methods may be called from any thread."""

    __slots__ = ("_clock", "_due_s", "_is_running", "_lock", "_name", "_under_way", "_wake")

    def __init__(self, *, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._due_s: dict[Errand, float] = {}
        self._under_way: Errand | None = None
        self._is_running = False

    def put(self, errand: Errand, *, in_s: float = 0.0) -> None:
        """Have it done `in_s` from now, or earlier if it is due earlier already. Returns at once.

        It begins after this call: put while it is under way, it is done exactly once more.
        """
        with self._lock:
            due_s = self._clock() + in_s
            self._due_s[errand] = min(due_s, self._due_s.get(errand, due_s))
            self._wake.set()
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def drop(self, errand: Errand) -> None:
        """Do not begin it, nor try it again. One that is under way ends by itself; it is not waited for."""
        with self._lock:
            self._due_s.pop(errand, None)
            if self._under_way == errand:
                self._under_way = None
            self._wake.set()

    def _work(self) -> None:
        errand = self._next()
        while errand is not None:
            try:
                again_in_s = errand()
            except Exception:
                log.exception("%s: fault in %r; trying again", self._name, errand)
                again_in_s = FAULT_RETRY_S
            self._finish(again_in_s)
            errand = self._next()

    def _next(self) -> Errand | None:
        """Waits for the earliest errand and begins it, which answers every `put` so far; None: there is none."""
        while True:
            with self._lock:
                self._wake.clear()
                if not self._due_s:
                    self._is_running = False
                    return None
                errand = min(self._due_s, key=self._due_s.__getitem__)
                wait_s = self._due_s[errand] - self._clock()
                if wait_s <= 0:
                    del self._due_s[errand]
                    self._under_way = errand
                    return errand
            self._wake.wait(wait_s)

    def _finish(self, again_in_s: float | None) -> None:
        with self._lock:
            errand, self._under_way = self._under_way, None
            if errand is not None and again_in_s is not None:
                self._due_s.setdefault(errand, self._clock() + again_in_s)  # what was put meanwhile does not wait
