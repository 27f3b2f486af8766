"""Which rooms wait for something to be over, and which of them is due.

Deadlines are called off all the time: somebody enters the room that would be deleted. A deadline that holds no more
stays in the heap until it comes up, or until there are too many of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from lobby_server.core.rooms.room import Room

SPARE_DEADLINES = 64
"""Deadlines that hold no more and are kept all the same, besides as many as there are rooms that wait."""


class Deadlines:
    """Of all rooms. The rooms know their own deadlines; this says where to look."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, Room]] = {}
        """Rooms with a deadline, and the place of each in the order in which they began to wait."""
        self._places = 0
        self._heap: list[tuple[float, str]] = []
        """The earliest first; among them some that hold no more."""

    def __len__(self) -> int:
        """Deadlines that are kept, those that hold no more among them."""
        return len(self._heap)

    def rooms(self) -> list[Room]:
        """Those with a deadline, the one that has waited longest first."""
        return [room for _, room in self._waiting.values()]

    def wait(self, room: Room, until_s: float) -> None:
        """A room has one more deadline. O(log deadlines)."""
        if room.id not in self._waiting:
            self._waiting[room.id] = (self._places, room)
            self._places += 1
        heapq.heappush(self._heap, (until_s, room.id))
        if len(self._heap) > 2 * len(self._waiting) + SPARE_DEADLINES:
            self._rebuild()

    def called_off(self, room: Room) -> None:
        """One of its deadlines is over; the others hold."""
        if not room.deadlines_s:
            del self._waiting[room.id]

    def forget(self, room_id: str) -> None:
        """There is no such room any more."""
        self._waiting.pop(room_id, None)

    def next_s(self) -> float | None:
        """The earliest one that holds; None: nothing is waited for. O(log deadlines)."""
        while self._heap:
            deadline_s, room_id = self._heap[0]
            if self._holds(deadline_s, room_id):
                return deadline_s
            heapq.heappop(self._heap)
        return None

    def due(self, now_s: float) -> list[Room]:
        """The rooms of which some deadline has come, the one that has waited longest first. Each is told of once.
        O(due · log deadlines)."""
        found: dict[str, tuple[int, Room]] = {}
        while self._heap and self._heap[0][0] <= now_s:
            deadline_s, room_id = heapq.heappop(self._heap)
            if self._holds(deadline_s, room_id):
                found[room_id] = self._waiting[room_id]
        return [room for _, room in sorted(found.values(), key=lambda each: each[0])]

    def load(self, waiting: Iterable[Room]) -> None:
        """Be what `rooms` said."""
        self._waiting = {room.id: (place, room) for place, room in enumerate(waiting)}
        self._places = len(self._waiting)
        self._rebuild()

    # -- private --------------------------------------------------------------------------------------------------

    def _holds(self, deadline_s: float, room_id: str) -> bool:
        waiting = self._waiting.get(room_id)
        return waiting is not None and deadline_s in waiting[1].deadlines_s

    def _rebuild(self) -> None:
        """Without those that hold no more."""
        self._heap = sorted((until_s, room.id) for _, room in self._waiting.values() for until_s in room.deadlines_s)
