"""Invitations into rooms. A private room lets in invited users only, for as long as it exists, unless the invitation is
declined or withdrawn.

An invitation ends with what it invites to: when the guest is in the room, the sender is not any more, or the room is
gone. All sockets of the guest are told, and the notification counts as read.
"""

from __future__ import annotations

from collections.abc import Iterable

from lobby_server.core.blocks import BlockBook
from lobby_server.core.invitations import CloseReason, MatchInvitation, MatchInvitationBook
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room, RoomBook
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import MatchInviteClosed, MatchInvited
from lobby_server.protocol.social_resources import NotificationKind
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Store
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People

_KIND = NotificationKind.MATCH_INVITE


class Invitations:
    """Match invitations of all users. `lobby_server.service.rooms.commands.RoomObserver`."""

    def __init__(
        self,
        *,
        rooms: RoomBook,
        blocks: BlockBook,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        store: Store,
    ) -> None:
        self._rooms = rooms
        self._announcer = announcer
        self._blocks = blocks
        self._people = people
        self._notifications = notifications
        self._store = store
        self._book = MatchInvitationBook()

    async def restore(self) -> None:
        """Take up the invitations of an earlier life of the server into rooms that are there still. Parties ended with
        it: what invited into them counts as read. Raises `StoreUnavailable`."""
        for each in await self._notifications.open_invitations():
            kind = NotificationKind(each.kind)
            if kind is _KIND and each.room_id is not None and self._rooms.get(each.room_id) is not None:
                self._book.add(MatchInvitation(each.room_id, each.from_user_id, each.user_id))
            else:
                self._notifications.close(each.user_id, kind, each.from_user_id, room_id=each.room_id)

    # -- commands -------------------------------------------------------------------------------------------------

    async def invite(self, user: User, room_id: str, whom: Whom) -> None:
        """A member of a room invites a user. A second time changes nothing, and is not told while the first is unread.

        Raises `Refusal` as `RoomBook.check_may_invite`, and ``user_not_found``, ``blocked_by_you``;
        `StoreUnavailable`.
        """
        guest = await self._people.find(whom)
        room = self._check_may_invite(user, room_id, guest)
        lets_in = not room.admits(guest.id)
        if not room.is_public:
            await self._store.invite_to_room(room_id, [guest.id])
            room = self._check_may_invite(user, room_id, guest)  # much can happen while the database works
            room.invited_user_ids.add(guest.id)
        self._book.add(MatchInvitation(room_id, user.id, guest.id, lets_in=lets_in))
        if self._blocks.blocks(guest.id, user.id) or self._notifications.is_open(guest.id, _KIND, user.id):
            return
        event = MatchInvited(room_id=room.id, from_user_id=user.id, from_username=user.username, gamemode=room.gamemode)
        self._announcer.tell_users([guest.id], event)
        self._notifications.add(
            guest.id,
            _KIND,
            title="Match invitation",
            # The event of a notification names no room; a client that knows nothing but it finds the room in the text.
            body=f"{user.username} invites you to play {room.gamemode} in room {room.id}.",
            sender=user,
            room_id=room.id,
        )

    async def decline(self, user: User, room_id: str) -> None:
        """The guest says no to all who invited them into a room. Raises `Refusal` (``invitation_not_found``),
        `StoreUnavailable`."""
        await self._end(room_id, user.id, self._book.find(room_id, user.id), CloseReason.DECLINED)

    async def withdraw(self, user: User, room_id: str, guest_id: int) -> None:
        """The sender takes an invitation back; the host, whatever invites that guest. Raises `Refusal`
        (``invitation_not_found``), `StoreUnavailable`."""
        room = self._rooms.get(room_id)
        is_host = room is not None and room.host.id == user.id
        standing = self._book.find(room_id, guest_id, sender_id=None if is_host else user.id)
        await self._end(room_id, guest_id, standing, CloseReason.WITHDRAWN)

    # -- memberships ----------------------------------------------------------------------------------------------

    def entered_room(self, room: Room, user: User) -> None:
        taken = self._book.take(room.id, lambda each: each.guest_id == user.id)
        self._tell_closed(taken, CloseReason.ACCEPTED)

    def left_room(self, room: Room, user: User) -> None:
        taken = self._book.take(room.id, lambda each: each.sender_id == user.id)
        self._tell_closed(taken, CloseReason.WITHDRAWN)

    def room_is_gone(self, room: Room) -> None:
        self._tell_closed(self._book.take(room.id, lambda each: True), CloseReason.GONE)

    # -- private --------------------------------------------------------------------------------------------------

    def _check_may_invite(self, user: User, room_id: str, guest: User) -> Room:
        room = self._rooms.check_may_invite(room_id, user.id, guest.id)
        self._blocks.check_may_address(user.id, guest.id)
        return room

    async def _end(self, room_id: str, guest_id: int, standing: list[MatchInvitation], reason: CloseReason) -> None:
        room = self._rooms.get(room_id)
        if room is not None and not room.is_public and any(each.lets_in for each in standing):
            await self._store.uninvite_from_room(room_id, [guest_id])
            if guest_id not in room.members:  # else they have accepted while the database worked
                room.invited_user_ids.discard(guest_id)
        taken = self._book.take(room_id, lambda each: each in standing)
        self._tell_closed(taken, reason)

    def _tell_closed(self, invitations: Iterable[MatchInvitation], reason: CloseReason) -> None:
        for each in invitations:
            if not self._blocks.blocks(each.guest_id, each.sender_id):
                event = MatchInviteClosed(room_id=each.room_id, reason=reason.value)
                self._announcer.tell_users([each.guest_id], event)
            self._notifications.close(each.guest_id, _KIND, each.sender_id, room_id=each.room_id)
