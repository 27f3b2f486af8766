"""Fetching when told to, without doing it twice at once and without missing the last change.

The rule (protocol contract, section 7): never two fetches at the same time; a change during one leads to exactly one
more; an older answer never replaces a newer one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lobby_server.protocol.resources import Room

FAULT_RETRY_S = 5.0

log = logging.getLogger(__name__)


class CoalescedFetch:
    """Runs `fetch` in a thread of its own whenever requested, one at a time.

    The thread lives while there is something to do and ends with it, so an idle list costs none. `fetch` returns None
    when it went well, or the seconds after which to try again; a request meanwhile does not wait for that.
    """

    __slots__ = ("_fetch", "_is_again", "_is_closed", "_is_running", "_lock", "_name", "_wake")

    def __init__(self, fetch: Callable[[], float | None], *, name: str) -> None:
        self._fetch = fetch
        self._name = name
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_running = False
        self._is_again = False
        self._is_closed = False

    def request(self) -> None:
        """What is fetched from now on is wanted. Returns at once."""
        with self._lock:
            if self._is_closed:
                return
            if self._is_running:
                self._is_again = True
                self._wake.set()
                return
            self._is_running = True
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def close(self) -> None:
        """No further fetch. One that is under way ends by itself; it is not waited for."""
        with self._lock:
            self._is_closed = True
            self._wake.set()

    def _work(self) -> None:
        wait_s: float | None = 0.0
        while wait_s is not None:
            if wait_s:
                self._wake.wait(wait_s)
            if not self._go_on():
                return
            try:
                retry_in_s = self._fetch()
            except Exception:
                log.exception("%s: fault while fetching; trying again", self._name)
                retry_in_s = FAULT_RETRY_S
            wait_s = self._next_wait_s(retry_in_s)

    def _go_on(self) -> bool:
        """The next fetch begins: it answers every request so far."""
        with self._lock:
            self._is_again = False
            self._wake.clear()
            self._is_running = not self._is_closed
            return self._is_running

    def _next_wait_s(self, retry_in_s: float | None) -> float | None:
        with self._lock:
            if self._is_again:
                return 0.0
            if retry_in_s is None or self._is_closed:
                self._is_running = False
                return None
            return retry_in_s


class RoomsHeld:
    """The list that a client holds. Fetches take a ticket when they begin; a later ticket beats an earlier one."""

    __slots__ = ("_last_ticket", "_lock", "_shown_ticket", "rooms")

    def __init__(self) -> None:
        self.rooms: tuple[Room, ...] = ()
        self._lock = threading.Lock()
        self._last_ticket = 0
        self._shown_ticket = 0

    def take_ticket(self) -> int:
        with self._lock:
            self._last_ticket += 1
            return self._last_ticket

    def show(self, ticket: int, rooms: tuple[Room, ...]) -> bool:
        """False, and nothing changes, when a fetch that began later has been shown already."""
        with self._lock:
            if ticket < self._shown_ticket:
                return False
            self._shown_ticket = ticket
            self.rooms = rooms
            return True
