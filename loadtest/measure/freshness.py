"""Time to fresh: the age of each room when a client first holds it, read from a mark in its map name.

A room of the swarm carries in its ``map_name`` the time at which its creation was intended. A client that first sees it
in a list so knows its age exactly, whatever was conflated on the way, and in other processes too: all processes of one
machine share the monotonic clock. Marks from other machines are ignored.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lobby_server.protocol.resources import Room

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PREFIX = "swarm"
_LISTS_REMEMBERED = 8


class Marks:
    """Writes and reads the marks of one clock. Times in seconds of `time.perf_counter`."""

    def __init__(self, clock_id: str | None = None) -> None:
        self._prefix = f"{_PREFIX}-{clock_id or clock_of_this_machine()}-"
        self._lists: deque[MarkedList] = deque(maxlen=_LISTS_REMEMBERED)

    def write(self, intended_s: float) -> str:
        return f"{self._prefix}{int(intended_s * 1e6)}"

    def read(self, map_name: str | None) -> float | None:
        if map_name is None or not map_name.startswith(self._prefix):
            return None
        microseconds = map_name[len(self._prefix) :]
        return int(microseconds) / 1e6 if microseconds.isascii() and microseconds.isdigit() else None

    def read_list(self, rooms: tuple[Room, ...]) -> MarkedList:
        """Read once for all players who hold the same object."""
        if self._lists and self._lists[-1].rooms is rooms:
            return self._lists[-1]
        for known in reversed(self._lists):
            if known.rooms is rooms:
                return known
        times_s = {room.id: self.read(room.map_name) for room in rooms}
        marked = MarkedList(rooms, {room_id: at_s for room_id, at_s in times_s.items() if at_s is not None})
        self._lists.append(marked)
        return marked


@dataclass(frozen=True, eq=False)
class MarkedList:
    """A list of rooms and, by id, the intended creation times of those of this swarm. Immutable and shared."""

    rooms: tuple[Room, ...]
    made_s: Mapping[str, float]


class FreshnessWatch:
    """One client: given each list that it holds, the ages of the rooms that are new in it.

    It costs nothing for a list that it holds already, and O(rooms of the swarm) for another one.
    """

    __slots__ = ("_marks", "held", "since_s")

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self.held = _NO_LIST
        self.since_s = time.perf_counter()

    def restart(self, now_s: float) -> None:
        """The client was away, or is new: rooms created before now do not count as late."""
        self.since_s = now_s

    def ages_s(self, rooms: tuple[Room, ...], now_s: float) -> list[float]:
        held, self.held = self.held, self._marks.read_list(rooms)
        if self.held is held or not self.held.made_s:
            return []
        return [
            now_s - made_s
            for room_id, made_s in self.held.made_s.items()
            if made_s >= self.since_s and room_id not in held.made_s
        ]


_NO_LIST = MarkedList((), MappingProxyType({}))


def clock_of_this_machine() -> str:
    """Identifies this boot of this machine; where the system has no boot id, this process."""
    try:
        name = _BOOT_ID.read_text(encoding="ascii")
    except OSError:
        name = uuid.uuid4().hex
    return hashlib.sha256(name.encode()).hexdigest()[:8]
