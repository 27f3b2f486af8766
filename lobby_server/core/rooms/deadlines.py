"""Which rooms wait for something to be over, and which of them is due.

Deadlines are called off all the time: somebody enters the room that would be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.deadline_heap import DeadlineHeap
from lobby_server.core.rooms.room import Room

SPARE_DEADLINES = 64
"""Deadlines that hold no more and are kept all the same, besides as many as there are rooms that wait."""


class Deadlines:
    """Of all rooms. The rooms know their own deadlines; this says where to look."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, Room]] = {}
        """Rooms with a deadline, and the place of each in the order in which they began to wait."""
        self._places = 0
        self._heap: DeadlineHeap[str] = DeadlineHeap(self._holds)

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
        self._heap.add(until_s, room.id)
        if len(self._heap) > 2 * len(self._waiting) + SPARE_DEADLINES:
            self._heap.shrink()

    def called_off(self, room: Room) -> None:
        """One of its deadlines is over; the others hold."""
        if not room.deadlines_s:
            del self._waiting[room.id]

    def forget(self, room_id: str) -> None:
        """There is no such room any more."""
        self._waiting.pop(room_id, None)

    def next_s(self) -> float | None:
        """The earliest one that holds; None: nothing is waited for. O(log deadlines)."""
        return self._heap.next_s()

    def due(self, now_s: float) -> list[Room]:
        """The rooms of which some deadline has come, the one that has waited longest first. Each is told of once.
        O(due · log deadlines)."""
        found = [self._waiting[room_id] for room_id in self._heap.due(now_s)]
        return [room for _, room in sorted(found, key=lambda each: each[0])]

    def load(self, waiting: Iterable[Room]) -> None:
        """Be what `rooms` said."""
        self._waiting = {room.id: (place, room) for place, room in enumerate(waiting)}
        self._places = len(self._waiting)
        self._heap.clear()
        for _, room in self._waiting.values():
            for until_s in room.deadlines_s:
                self._heap.add(until_s, room.id)

    # -- private --------------------------------------------------------------------------------------------------

    def _holds(self, deadline_s: float, room_id: str) -> bool:
        waiting = self._waiting.get(room_id)
        return waiting is not None and deadline_s in waiting[1].deadlines_s
