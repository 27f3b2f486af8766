"""Invitations: how they end, and those into rooms. The ones into parties are kept by `lobby_server.core.parties`.

Invariant: a match invitation stands from its sending until its sender is out of the room, its guest is in it, one of
the two has taken it back, or the room is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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
    """A private room lets the guest in because members invite them, and this is the invitation that says so: the oldest
    one that stands, so that the last one that is taken back shuts the guest out."""


class MatchInvitationBook:
    """All invitations into rooms that stand."""

    def __init__(self) -> None:
        self._by_room: dict[str, dict[tuple[int, int], MatchInvitation]] = {}
        self._by_guest: dict[int, dict[tuple[str, int], MatchInvitation]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_room.values()))

    def add(self, invitation: MatchInvitation) -> None:
        """A second one of the same sender to the same guest changes nothing, unless that one lets the guest in: the
        room has become private since the first."""
        key = (invitation.sender_id, invitation.guest_id)
        kept = self._by_room.setdefault(invitation.room_id, {}).setdefault(key, invitation)
        self._keep(replace(kept, lets_in=True) if invitation.lets_in else kept)

    def of_guest(self, guest_id: int) -> list[MatchInvitation]:
        """Those of a user into any room, in no order that holds on every node. O(what is returned)."""
        return list(self._by_guest.get(guest_id, {}).values())

    def of_room(self, room_id: str) -> list[MatchInvitation]:
        """Those into a room, the oldest first. O(what is returned)."""
        return list(self._by_room.get(room_id, {}).values())

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
        """Those into a room that are over now: they stand no more. Where another one to the same guest does, that is
        the one from now on that lets the guest in. O(invitations into the room)."""
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
        for guest_id in dict.fromkeys(each.guest_id for each in taken if each.lets_in):
            heir = next((each for each in standing.values() if each.guest_id == guest_id), None)
            if heir is not None:
                self._keep(replace(heir, lets_in=True))
        return taken

    def has_guest(self, room_id: str, guest_id: int) -> bool:
        """Whether an invitation of a guest into a room stands. O(invitations into the room)."""
        return any(each.guest_id == guest_id for each in self._by_room.get(room_id, {}).values())

    def all(self) -> list[MatchInvitation]:
        """In the order of their rooms, each room's oldest first."""
        return [each for room_id in sorted(self._by_room) for each in self._by_room[room_id].values()]

    def load(self, invitations: Iterable[MatchInvitation]) -> None:
        """Be what `all` said."""
        self._by_room, self._by_guest = {}, {}
        for each in invitations:
            self.add(each)

    def _keep(self, invitation: MatchInvitation) -> None:
        """In the place of the one that stood."""
        self._by_room[invitation.room_id][invitation.sender_id, invitation.guest_id] = invitation
        self._by_guest.setdefault(invitation.guest_id, {})[invitation.room_id, invitation.sender_id] = invitation
