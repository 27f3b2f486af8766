"""One list of rooms for all players of a process with the same one: decoded once, changed once, stored once.

Ten thousand players with 50 rooms each would hold half a million rooms. A list is found by what was received: the
bytes of an answer, or the list held before and the very message that changed it
(`loadtest.wire.messages.memo` shares those).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from loadtest.client.lists.delta_list import HeldRooms
from lobby_server.protocol.messages import RoomsDelta, RoomsSnapshot
from lobby_server.protocol.resources import Room

MOST_KEPT = 32
"""Players who are further behind than that pay for themselves."""

T = TypeVar("T")


class SharedLists:
    def __init__(self) -> None:
        self._bodies: OrderedDict[Hashable, Any] = OrderedDict()
        self._snapshots: OrderedDict[Hashable, Any] = OrderedDict()
        self._deltas: OrderedDict[Hashable, Any] = OrderedDict()
        self._latest: tuple[HeldRooms, RoomsDelta, HeldRooms] | None = None
        """What most players ask for one after the other."""
        self.for_all = self.read_snapshot, self.apply_delta
        """Each once, for thousands of lists to hold."""

    def decode(self, body: bytes, decode: Callable[[], tuple[Room, ...]]) -> tuple[Room, ...]:
        """What `decode` makes of `body`, or made of it for another player. What it raises is not kept."""
        return _remembered(self._bodies, body, (), decode)

    def read_snapshot(self, message: RoomsSnapshot) -> HeldRooms:
        return _remembered(self._snapshots, id(message), (message,), lambda: HeldRooms.of_snapshot(message))

    def apply_delta(self, held: HeldRooms, delta: RoomsDelta) -> HeldRooms:
        latest = self._latest
        if latest is not None and latest[0] is held and latest[1] is delta:
            return latest[2]
        after = _remembered(self._deltas, (id(held), id(delta)), (held, delta), lambda: held.after(delta))
        self._latest = held, delta, after
        return after


def _remembered(kept: OrderedDict[Hashable, Any], key: Hashable, alive: tuple[object, ...], make: Callable[[], T]) -> T:
    """`alive` is held with the value: an id names an object only as long as that lives."""
    found = kept.get(key)
    if found is not None:
        value: T = found[0]
        return value
    made = make()
    kept[key] = made, alive
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    return made
