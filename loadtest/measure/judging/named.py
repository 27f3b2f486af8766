"""In which revision of the rooms a change of the swarm's own is, by the deltas that name its room.

The answer to a call that changes a room carries no revision. A delta carries one, and the rooms that are in it or gone
with it. So what one player of the process hears says for all of them from which revision on that change is told. The
first announcement after a change may be of what another player did a moment before.
"""

from __future__ import annotations

from collections import deque

from loadtest.measure.judging.entries import Change
from lobby_server.protocol.messages import RoomsDelta

_Key = tuple[str, bool]
"""A room, and whether it is gone."""


class NamedChanges:
    """Of all connections of a process. Every delta is taken once, whoever hears it. O(rooms in it)."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._in_order: deque[tuple[float, int, tuple[_Key, ...]]] = deque()
        self._by_room: dict[_Key, deque[tuple[float, int]]] = {}
        self.tells = False
        """Somebody here is told in deltas: what none of them names is not told."""

    def take(self, delta: RoomsDelta, heard_s: float) -> None:
        """`heard_s`: when one of those who got it did."""
        if delta.rev in self._known:
            return
        self.tells = True
        keys = (*((room.id, False) for room in delta.set), *((room_id, True) for room_id in delta.gone))
        self._known.add(delta.rev)
        self._in_order.append((heard_s, delta.rev, keys))
        for key in keys:
            self._by_room.setdefault(key, deque()).append((heard_s, delta.rev))

    def revision_of(self, change: Change) -> int | None:
        """The first that has that change in it; None: it was not named, or nobody can say whether it was. Each node of
        a lobby conflates by itself, so several may name it: the lowest counts, whichever was read first. Where others
        changed the same room at about the same time, it may be of theirs.

        Whoever enters a room and leaves it again between two deltas is in none of them, and so is one who enters as
        another one leaves: the list is as it was. What names that room later is of somebody else. So no delta counts
        beyond the first that the player itself heard after the answer (`Change.last_revision`)."""
        named = self._by_room.get((change.room_id, change.is_gone), ())
        found = (
            revision for heard_s, revision in named if heard_s >= change.sent_s and revision <= change.last_revision
        )
        return min(found, default=None)

    def forget(self, before_s: float) -> None:
        """What was heard earlier. O(what is forgotten)."""
        while self._in_order and self._in_order[0][0] < before_s:
            _, revision, keys = self._in_order.popleft()
            self._known.discard(revision)
            for key in keys:
                named = self._by_room[key]
                named.popleft()
                if not named:
                    del self._by_room[key]
