"""In which revision of the rooms a change of the swarm's own is, by the deltas that name its room.

The answer to a call that changes a room carries no revision. A delta carries one, and the rooms that are in it or gone
with it. So what one player of the process hears says for all of them from which revision on that change is told. The
first announcement after a change may be of what another player did a moment before.
"""

from __future__ import annotations

from collections import deque

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

    def revision_of(self, room_id: str, *, is_gone: bool, since_s: float) -> int | None:
        """The first that has a change of that room which was asked for at `since_s`; None: it was not named. Each node
        of a lobby conflates by itself, so several may name it: the lowest counts, whichever was read first. Where
        others changed the same room at about the same time, it may be of theirs."""
        named = self._by_room.get((room_id, is_gone), ())
        return min((revision for heard_s, revision in named if heard_s >= since_s), default=None)

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
