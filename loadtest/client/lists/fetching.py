"""Fetches on request, never two at once, and never misses the last change.

The rule (protocol contract, section 7): never two fetches at the same time; a change during one leads to exactly one
more; an older answer never replaces a newer one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from loadtest.client.sockets.lobby_connection import ErrandRunner
from lobby_server.protocol.resources import Room


class Fetching(Protocol):
    """Makes fetches on request, one at a time."""

    def request(self, *, in_s: float = 0.0) -> None:
        """What is fetched from then on is wanted; one that is due earlier will do. Returns at once."""

    def close(self) -> None:
        """No further fetch. One that is under way ends by itself; it is not waited for."""


class CoalescedFetch:
    """Runs `fetch` off the reader whenever requested, one at a time.

    `fetch` returns None when it went well, or the seconds after which to try again; a request meanwhile does not wait
    for that.
    """

    __slots__ = ("_fetch", "_is_closed", "_side")

    def __init__(self, fetch: Callable[[], float | None], *, side: ErrandRunner) -> None:
        self._fetch = fetch
        self._side = side
        self._is_closed = False

    def request(self, *, in_s: float = 0.0) -> None:
        if not self._is_closed:
            self._side.put(self._run, in_s=in_s)

    def close(self) -> None:
        self._is_closed = True
        self._side.drop(self._run)

    def _run(self) -> float | None:
        return None if self._is_closed else self._fetch()


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
