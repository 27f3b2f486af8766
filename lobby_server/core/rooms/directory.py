"""Which rooms there are, which user is in which, and the revision of the public list: what can be asked without
changing anything. `lobby_server.core.rooms.book` keeps it true.
"""

from __future__ import annotations

from lobby_server.core.room_codes import code_of
from lobby_server.core.rooms.room import Room


class RoomDirectory:
    """All rooms, found by id, by member, by host and by code."""

    def __init__(self, *, first_revision: int) -> None:
        self.revision = first_revision
        self._rooms: dict[str, Room] = {}
        self._room_of_user: dict[int, Room] = {}
        self._by_code: dict[str, Room] = {}
        self._away_of: dict[int, list[Room]] = {}
        """By their host, rooms that the host is not in."""

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def players(self) -> int:
        """How many users are in a room."""
        return len(self._room_of_user)

    def get(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    def room_of(self, user_id: int) -> Room | None:
        """The room that a user is in."""
        return self._room_of_user.get(user_id)

    def hosted_by(self, user_id: int) -> Room | None:
        """The room whose host a user is, also one that they are not in for the moment. O(1)."""
        room = self._room_of_user.get(user_id)
        if room is not None and room.host.id == user_id:
            return room
        away = self._away_of.get(user_id)
        return away[0] if away else None

    def by_code(self, code: str) -> Room | None:
        """The room to which a code leads."""
        return self._by_code.get(code)

    def public(self) -> list[Room]:
        """The rooms that the list shows, newest first."""
        return [room for room in reversed(self._rooms.values()) if room.is_public]

    def all(self) -> list[Room]:
        """Oldest first."""
        return list(self._rooms.values())

    def continue_from(self, revision: int) -> None:
        """An earlier life of the server may have handed out revisions below that one."""
        self.revision = max(self.revision, revision)

    def list_changed(self) -> None:
        """What readers of the public list see has changed."""
        self.revision += 1

    # -- for the book ---------------------------------------------------------------------------------------------

    def _keep(self, room: Room) -> None:
        self._rooms[room.id] = room
        self._by_code.setdefault(code_of(room.id), room)

    def _forget_away(self, room: Room) -> None:
        """Its host is in a room again, or it has another one; most are none that their host is away from."""
        left = [each for each in self._away_of.pop(room.host.id, ()) if each is not room]
        if left:
            self._away_of[room.host.id] = left

    def _touch(self, room: Room) -> None:
        if room.is_public:
            self.list_changed()
