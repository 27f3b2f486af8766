"""Which change of the room list happened when: a mark in the room's map name.

A room that the swarm makes says in its ``map_name`` at which time it was meant to be made. Whoever first sees it in
a list knows how old the news is: exactly, whatever was conflated on the way, and in other processes too, for all
processes of one machine share the monotonic clock. Marks of other machines and other swarms' clocks are not read.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from pathlib import Path

from lobby_server.protocol.resources import Room

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PREFIX = "swarm"


class Marks:
    """Writes and reads the marks of one clock. Times in seconds of `time.perf_counter`."""

    def __init__(self, clock_id: str | None = None) -> None:
        self._prefix = f"{_PREFIX}-{clock_id or clock_of_this_machine()}-"

    def write(self, intended_s: float) -> str:
        return f"{self._prefix}{int(intended_s * 1e6)}"

    def read(self, map_name: str | None) -> float | None:
        if map_name is None or not map_name.startswith(self._prefix):
            return None
        microseconds = map_name[len(self._prefix) :]
        return int(microseconds) / 1e6 if microseconds.isascii() and microseconds.isdigit() else None


class FreshnessWatch:
    """One client's view: given each list that it holds, the ages of what is new in it."""

    __slots__ = ("_held_ids", "_marks", "_since_s")

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._held_ids: frozenset[str] = frozenset()
        self._since_s = time.perf_counter()

    def restart(self, now_s: float) -> None:
        """The client was away, or is new: what was made before now is not news that came late."""
        self._since_s = now_s

    def ages_s(self, rooms: tuple[Room, ...], now_s: float) -> list[float]:
        held = frozenset(room.id for room in rooms)
        new_ids = held - self._held_ids
        self._held_ids = held
        if not new_ids:
            return []
        times_s = (self._marks.read(room.map_name) for room in rooms if room.id in new_ids)
        return [now_s - made_s for made_s in times_s if made_s is not None and made_s >= self._since_s]


def clock_of_this_machine() -> str:
    """Names this boot of this machine; where the system has no such name, this process."""
    try:
        name = _BOOT_ID.read_text(encoding="ascii")
    except OSError:
        name = uuid.uuid4().hex
    return hashlib.sha256(name.encode()).hexdigest()[:8]
