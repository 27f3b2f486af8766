"""Roles that are told to do nothing for a while.

The players of a paused role stay where they are: connected, with heartbeats, and in the ledger. They do nothing of
what their plan has, and none of them begins a session. When the role goes on, the rest of each plan comes later by as
long as the pause took: what was due meanwhile is not made up for in one burst. In an open workload, arrivals of a
paused role are counted and dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from loadtest.measure.attendance import Attendance

ARRIVALS_PAUSED = "arrivals of a paused role"


class Seated(Protocol):
    """A seat of this process: what is used of it."""

    @property
    def role_name(self) -> str:
        """Empty while nobody has the seat."""

    @property
    def state(self) -> str:
        """One of `loadtest.measure.attendance.STATES`."""

    def go_on(self, paused_s: float) -> None:
        """Its role goes on after so long."""


class RolePauses:
    """Of one run in one process."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since_s: dict[str, float] = {}
        self.seats: set[Seated] = set()
        """All of this process."""

    @property
    def paused(self) -> tuple[str, ...]:
        """By name."""
        return tuple(sorted(self._since_s))

    def is_paused(self, role: str) -> bool:
        return role in self._since_s

    def set_to(self, roles: Iterable[str]) -> None:
        """These are paused from now on, and no others. O(seats) where one goes on."""
        wanted, now_s = frozenset(roles), self._clock()
        ended = {role: now_s - self._since_s.pop(role) for role in self.paused if role not in wanted}
        for role in wanted:
            self._since_s.setdefault(role, now_s)
        if ended:
            for seat in tuple(self.seats):
                if seat.role_name in ended:
                    seat.go_on(ended[seat.role_name])

    def count(self) -> Attendance:
        """Who does what, of this process. O(seats)."""
        found: Attendance = {}
        for seat in self.seats:
            if seat.role_name:
                states = found.setdefault(seat.role_name, {})
                states[seat.state] = states.get(seat.state, 0) + 1
        return found
