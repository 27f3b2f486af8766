"""Whether a herd comes: so many at once that each of them, and the lobby, is better off if all are in before anybody is
told of them.

N who come at once make N² / 2 events. While they are written, and read, nobody is let in; told together, they cost one
write per session instead of one per session and tick.
"""

from __future__ import annotations

from lobby_server.service.ports import Clock

WINDOW_S = 0.05
ALL_IN_S = 0.03
"""Without a newcomer: then the herd is in."""
HERD_SHARE = 0.02
"""Of all subscribers, who come within a window: at that pace a lobby is twice as large after 1.8 s."""
LEAST_OF_A_HERD = 32
"""Within a window: fewer are let in within milliseconds."""


class Arrivals:
    """Counts who come, by windows that begin with the first who comes in them. O(1)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_s = self._last_s = 0.0
        """Of the window that was begun last; when the last one came."""
        self._came = self._came_before = 0
        """In that window, and in the one right before it."""

    def note(self) -> None:
        """Somebody comes now."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._ends_s:
            self._came_before = self._came if now_s < self._ends_s + WINDOW_S else 0
            self._came, self._ends_s = 0, now_s + WINDOW_S
        self._came += 1
        self._last_s = now_s

    def are_a_herd(self, *, among: int) -> bool:
        """Whether more than the share of these came within this window, or within the one before, and still come."""
        if self._clock.monotonic_s() >= self._last_s + ALL_IN_S:
            return False
        return max(self._came, self._came_before) > max(LEAST_OF_A_HERD, HERD_SHARE * among)
