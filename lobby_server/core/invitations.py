"""Invitations: how they end, and those into rooms. The ones into parties are kept by `lobby_server.core.parties`.

Invariant: a match invitation stands from its sending until its sender is out of the room, its guest is in it, one of
the two has taken it back, or the room is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from lobby_server.core.refusal import Refusal, RefusalCode


class CloseReason(str, Enum):
    """How an invitation ended."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """Taken back, or its sender has left or was put out."""
    EXPIRED = "expired"
    GONE = "gone"
    """There is no such room or party any more."""


@dataclass(frozen=True)
class MatchInvitation:
    """Ids of a room and two users."""

    room_id: str
    sender_id: int
    guest_id: int
    lets_in: bool = False
    """It alone lets the guest into a private room."""


class MatchInvitationBook:
    """All invitations into rooms that stand."""

    def __init__(self) -> None:
        self._by_room: dict[str, dict[tuple[int, int], MatchInvitation]] = {}
        self._by_guest: dict[int, dict[tuple[str, int], MatchInvitation]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_room.values()))

    def add(self, invitation: MatchInvitation) -> None:
        """A second one of the same sender to the same guest changes nothing."""
        key = (invitation.sender_id, invitation.guest_id)
        kept = self._by_room.setdefault(invitation.room_id, {}).setdefault(key, invitation)
        self._by_guest.setdefault(kept.guest_id, {})[kept.room_id, kept.sender_id] = kept

    def of_guest(self, guest_id: int) -> list[MatchInvitation]:
        """Those of a user into any room, in no order that holds on every node. O(what is returned)."""
        return list(self._by_guest.get(guest_id, {}).values())

    def find(self, room_id: str, guest_id: int, *, sender_id: int | None = None) -> list[MatchInvitation]:
        """Those of a guest into a room, of one sender or of all. Raises `Refusal` (``invitation_not_found``)."""
        found = [
            each
            for each in self._by_room.get(room_id, {}).values()
            if each.guest_id == guest_id and sender_id in (None, each.sender_id)
        ]
        if not found:
            raise Refusal(RefusalCode.INVITATION_NOT_FOUND)
        return found

    def take(self, room_id: str, is_over: Callable[[MatchInvitation], bool]) -> list[MatchInvitation]:
        """Those into a room that are over now: they stand no more. O(invitations into the room)."""
        standing = self._by_room.get(room_id)
        if standing is None:
            return []  # as of nearly every room that is made, entered or gone
        taken = [each for each in standing.values() if is_over(each)]
        for each in taken:
            del standing[each.sender_id, each.guest_id]
            of_guest = self._by_guest[each.guest_id]
            del of_guest[each.room_id, each.sender_id]
            if not of_guest:
                del self._by_guest[each.guest_id]
        if not standing:
            del self._by_room[room_id]
        return taken

    def all(self) -> list[MatchInvitation]:
        """In the order of their rooms, each room's oldest first."""
        return [each for room_id in sorted(self._by_room) for each in self._by_room[room_id].values()]

    def load(self, invitations: Iterable[MatchInvitation]) -> None:
        """Be what `all` said."""
        self._by_room, self._by_guest = {}, {}
        for each in invitations:
            self.add(each)
