"""Invitations: how they end, and those into rooms. The ones into parties are kept by `lobby_server.core.parties`.

Invariants: a match invitation stands from its sending until its sender is out of the room and no place is kept there
for them, its guest is in it, one of the two has taken it back, or the room is gone. Of one sender into one room at most
`MAX_STANDING` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from lobby_server.core.refusal import Refusal, RefusalCode

MAX_STANDING = 100
"""Per sender and room. With the places of a room it bounds what stands into one."""


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
        self._by_guest: dict[int, dict[str, dict[int, MatchInvitation]]] = {}
        """By guest, room and sender; those into one room the oldest first."""
        self._sent: dict[int, dict[str, int]] = {}
        """By sender and room: how many."""

    def __len__(self) -> int:
        return sum(map(len, self._by_room.values()))

    def check_may_send(self, room_id: str, sender_id: int, guest_id: int) -> None:
        """Raises `Refusal` (``limit_reached``), unless the invitation stands already."""
        if (
            self._sent.get(sender_id, {}).get(room_id, 0) >= MAX_STANDING
            and (sender_id, guest_id) not in self._by_room[room_id]
        ):
            raise Refusal(RefusalCode.LIMIT_REACHED)

    def add(self, invitation: MatchInvitation) -> bool:
        """Whether that changed anything. A second one of the same sender to the same guest does not, unless that one
        lets the guest in: the room has become private since the first."""
        room_id, sender_id, guest_id = invitation.room_id, invitation.sender_id, invitation.guest_id
        kept = self._by_room.setdefault(room_id, {}).get((sender_id, guest_id))
        if kept is not None and (kept.lets_in or not invitation.lets_in):
            return False
        if kept is None:
            of_sender = self._sent.setdefault(sender_id, {})
            of_sender[room_id] = of_sender.get(room_id, 0) + 1
        self._keep(invitation)
        return True

    def of_guest(self, guest_id: int) -> list[MatchInvitation]:
        """Those of a user into any room, in no order that holds on every node. O(what is returned)."""
        return [each for into_room in self._by_guest.get(guest_id, {}).values() for each in into_room.values()]

    def of_sender(self, sender_id: int) -> list[MatchInvitation]:
        """Those by a user into any room, in the order of their rooms, each room's oldest first. O(invitations into
        those rooms)."""
        rooms = sorted(self._sent.get(sender_id, ()))
        return [each for room_id in rooms for each in self.of_room(room_id) if each.sender_id == sender_id]

    def of_room(self, room_id: str) -> list[MatchInvitation]:
        """Those into a room, the oldest first. O(what is returned)."""
        return list(self._by_room.get(room_id, {}).values())

    def find(self, room_id: str, guest_id: int, *, sender_id: int | None = None) -> list[MatchInvitation]:
        """Those of a guest into a room, of one sender or of all, the oldest first. Raises `Refusal`
        (``invitation_not_found``)."""
        standing = self._by_guest.get(guest_id, {}).get(room_id, {}).values()
        found = [each for each in standing if sender_id in (None, each.sender_id)]
        if not found:
            raise Refusal(RefusalCode.INVITATION_NOT_FOUND)
        return found

    def take(self, room_id: str, is_over: Callable[[MatchInvitation], bool]) -> list[MatchInvitation]:
        """Those into a room that are over now: they stand no more. Where another one to the same guest does, that is
        the one from now on that lets the guest in (`letting_in`). O(invitations into the room)."""
        standing = self._by_room.get(room_id)
        if standing is None:
            return []  # as of nearly every room that is made, entered or gone
        taken = [each for each in standing.values() if is_over(each)]
        for each in taken:
            self._remove(each)
        for each in taken:
            if each.lets_in and (heir := self._oldest(room_id, each.guest_id)) is not None:
                self._keep(replace(heir, lets_in=True))
        return taken

    def let_in_anyway(self, room_id: str, guest_id: int) -> list[MatchInvitation]:
        """The room admits a guest from now on, whether members invite them or not: what changes by that."""
        standing = self._by_guest.get(guest_id, {}).get(room_id, {}).values()
        changed = [replace(each, lets_in=False) for each in standing if each.lets_in]
        for each in changed:
            self._keep(each)
        return changed

    def has_guest(self, room_id: str, guest_id: int) -> bool:
        """Whether an invitation of a guest into a room stands. O(1)."""
        return room_id in self._by_guest.get(guest_id, {})

    def letting_in(self, taken: Iterable[MatchInvitation]) -> list[MatchInvitation]:
        """Those that let a guest in now, in place of some that `take` has said. O(those)."""
        heirs = [self._oldest(each.room_id, each.guest_id) for each in taken if each.lets_in]
        return [heir for heir in heirs if heir is not None]

    def rooms_of(self, user_id: int) -> list[str]:
        """Rooms into which a user invites somebody or is invited, in an order that holds on every node. O(those)."""
        return sorted({*self._by_guest.get(user_id, {}), *self._sent.get(user_id, {})})

    def all(self) -> list[MatchInvitation]:
        """In the order of their rooms, each room's oldest first."""
        return [each for room_id in sorted(self._by_room) for each in self._by_room[room_id].values()]

    def load(self, invitations: Iterable[MatchInvitation]) -> None:
        """Be what `all` said."""
        self._by_room, self._by_guest, self._sent = {}, {}, {}
        for each in invitations:
            self.add(each)

    def _oldest(self, room_id: str, guest_id: int) -> MatchInvitation | None:
        return next(iter(self._by_guest.get(guest_id, {}).get(room_id, {}).values()), None)

    def _keep(self, invitation: MatchInvitation) -> None:
        """In the place of the one that stood."""
        room_id, sender_id, guest_id = invitation.room_id, invitation.sender_id, invitation.guest_id
        self._by_room[room_id][sender_id, guest_id] = invitation
        self._by_guest.setdefault(guest_id, {}).setdefault(room_id, {})[sender_id] = invitation

    def _remove(self, invitation: MatchInvitation) -> None:
        room_id, sender_id, guest_id = invitation.room_id, invitation.sender_id, invitation.guest_id
        into_room, of_guest, of_sender = self._by_room[room_id], self._by_guest[guest_id], self._sent[sender_id]
        del into_room[sender_id, guest_id], of_guest[room_id][sender_id]
        of_sender[room_id] -= 1
        if not into_room:
            del self._by_room[room_id]
        if not of_guest[room_id]:
            del of_guest[room_id]
        if not of_guest:
            del self._by_guest[guest_id]
        if not of_sender[room_id]:
            del of_sender[room_id]
        if not of_sender:
            del self._sent[sender_id]
