"""Invitations into rooms. A private room lets in invited users only, for as long as it exists, unless all their
invitations are declined or withdrawn.

An invitation ends with what it invites to: when the guest is in the room, the sender is not any more, or the room is
gone. All sockets of the guest are told, and the notification counts as read.

Whom a private room lets in is written as all that becomes of rooms is: by one node, in the order of the log
(`lobby_server.service.rooms.hosting`). So the store has it as the books do, whichever of two calls comes first.
"""

from __future__ import annotations

from lobby_server.core.invitations import CloseReason, MatchInvitation
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.rooms import check_may_invite
from lobby_server.core.presence import User
from lobby_server.core.rooms import Room
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import MatchInviteClosed, MatchInvited
from lobby_server.protocol.social_resources import (
    NotificationKind,
    RoomInvitation,
    RoomInvitations,
    SentRoomInvitation,
)
from lobby_server.service.announcer import Announcer
from lobby_server.service.ports import Clock, Store
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.stored import stored_invitations
from lobby_server.service.session import Session
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People
from lobby_server.service.social.ports import StoredNotification
from lobby_server.service.writes.writer import StoreWriter

_KIND = NotificationKind.MATCH_INVITE


class Invitations:
    """Match invitations of all users."""

    def __init__(
        self,
        *,
        replica: Replica,
        people: People,
        notifications: Notifications,
        announcer: Announcer,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
    ) -> None:
        books = replica.books
        self._rooms, self._blocks, self._book = books.rooms, books.blocks, books.matches
        self._replica = replica
        self._announcer = announcer
        self._people = people
        self._notifications = notifications
        self._store = store
        self._writer = writer
        self._clock = clock
        replica.hear(effects.MatchInvited, self._invited)
        replica.hear(effects.MatchInvitesClosed, self._closed)

    async def restore(self) -> None:
        """Invitations into rooms of an earlier life of the server stand as their rooms do
        (`lobby_server.service.rooms.upkeep`). What told of others, and of parties, which ended with it, counts as read.

        A version before revision 0012 of the database kept of an invitation only what told of it, perhaps in its
        journal, which is made up after the tables are brought forward. What is unread of a room that is there is such
        an invitation, as far as the store knows its sender and guest, and stands from now on. Raises
        `StoreUnavailable`.
        """
        stand = {(each.room_id, each.sender_id, each.guest_id) for each in self._book.all()}
        taken_over: dict[str, None] = {}

        def stands(told: StoredNotification) -> bool:
            room = None if told.kind != _KIND.value or told.room_id is None else self._rooms.get(told.room_id)
            if room is None:
                return False
            sender_id, guest_id = told.from_user_id, told.user_id
            if (room.id, sender_id, guest_id) not in stand:
                if not _may_have_invited(room, sender_id, guest_id):
                    return False
                # Where no other one does, it is the one that lets in: whoever takes it back shuts the guest out.
                lets_in = not room.is_public and not self._book.has_guest(room.id, guest_id)
                self._book.add(MatchInvitation(room.id, sender_id, guest_id, lets_in=lets_in))
                taken_over[room.id] = None
            return True

        await self._notifications.restore_invitations(stands)
        for room_id in taken_over:
            await self._store.keep_invitations(room_id, stored_invitations(self._book.of_room(room_id)))

    async def mine(self, user: User) -> RoomInvitations:
        """Those of a guest that stand, without those of senders whom the guest blocks. Raises `StoreUnavailable`."""
        await self._replica.caught_up_in_call()
        told = []
        senders = [await self._sender(each) for each in self._book.of_guest(user.id)]
        known = {sender.id: sender for sender in senders if sender is not None}
        for each in self._book.of_guest(user.id):  # much can happen while the database works
            sender, room = known.get(each.sender_id), self._rooms.get(each.room_id)
            if sender is not None and room is not None and not self._blocks.blocks(user.id, sender.id):
                told.append(RoomInvitation(room.id, sender.id, sender.username, room.gamemode))
        return RoomInvitations(invites=told)

    async def sent(self, user: User) -> list[SentRoomInvitation]:
        """Those by a user that stand. Raises `StoreUnavailable`."""
        await self._replica.caught_up_in_call()
        guests = [await self._people.by_id(each.guest_id) for each in self._book.of_sender(user.id)]
        names = {guest.id: guest.username for guest in guests if guest is not None}
        return [
            SentRoomInvitation(each.room_id, each.guest_id, names.get(each.guest_id))
            for each in self._book.of_sender(user.id)  # much can happen while the database works
        ]

    # -- commands -------------------------------------------------------------------------------------------------

    async def invite(self, user: User, room_id: str, whom: Whom) -> None:
        """A member of a room invites a user. A second time changes nothing, and is not told while the first is unread.

        Raises `Refusal` as `RoomBook.check_may_invite`, and ``user_not_found``, ``blocked_by_you``,
        ``limit_reached``, ``try_again_later``; `StoreUnavailable`.
        """
        await self._replica.caught_up_in_call()
        guest = await self._people.find(whom)
        check_may_invite(self._replica.books, user, room_id, guest)
        self._writer.check()
        await self._replica.run(
            commands.InviteToRoom(user, guest, room_id, self._notifications.new_key(), self._clock.utc_now())
        )

    async def decline(self, user: User, room_id: str) -> None:
        """The guest says no to all who invited them into a room. Raises `Refusal` (``invitation_not_found``,
        ``try_again_later``)."""
        await self._replica.caught_up_in_call()
        await self._end(room_id, user.id, self._book.find(room_id, user.id), CloseReason.DECLINED)

    async def withdraw(self, user: User, room_id: str, guest_id: int) -> None:
        """The sender takes an invitation back; the host, whatever invites that guest. Raises `Refusal`
        (``invitation_not_found``, ``try_again_later``)."""
        await self._replica.caught_up_in_call()
        room = self._rooms.get(room_id)
        is_host = room is not None and room.host.id == user.id
        standing = self._book.find(room_id, guest_id, sender_id=None if is_host else user.id)
        await self._end(room_id, guest_id, standing, CloseReason.WITHDRAWN)

    # -- what became of them --------------------------------------------------------------------------------------

    def _invited(self, effect: effects.MatchInvited, _: Session | None) -> None:
        room, sender = effect.room, effect.sender
        event = MatchInvited(
            room_id=room.id, from_user_id=sender.id, from_username=sender.username, gamemode=room.gamemode
        )
        self._announcer.tell_users([effect.guest.id], event)

    def _closed(self, effect: effects.MatchInvitesClosed, _: Session | None) -> None:
        for each in effect.invitations:
            if not self._blocks.blocks(each.guest_id, each.sender_id):
                event = MatchInviteClosed(room_id=each.room_id, reason=effect.reason.value)
                self._announcer.tell_users([each.guest_id], event)
            self._notifications.close(each.guest_id, _KIND, each.sender_id, room_id=each.room_id)

    # -- private --------------------------------------------------------------------------------------------------

    async def _sender(self, invitation: MatchInvitation) -> User | None:
        """A member, who is known; after a restart of the server, perhaps one who has not come back yet. None: there is
        no such account any more, or another service holds it. Raises `StoreUnavailable`."""
        room, sender_id = self._rooms.get(invitation.room_id), invitation.sender_id
        members = [] if room is None else [room.host, *(each.user for each in room.members.values())]
        member = next((user for user in members if user.id == sender_id), None)
        return member or await self._people.by_id(sender_id)

    async def _end(self, room_id: str, guest_id: int, standing: list[MatchInvitation], reason: CloseReason) -> None:
        """Of several calls at once one ends them, and the others find none."""
        self._writer.check()
        senders = tuple(each.sender_id for each in standing)
        await self._replica.run(commands.EndMatchInvites(room_id, guest_id, senders, reason.value))


def _may_have_invited(room: Room, sender_id: int, guest_id: int) -> bool:
    """Whether a member of a room may have invited a guest who is not in it, as far as is known once its members are
    gone: a private room lets in all who were in it, whoever was put out is banned, and of a game that has started
    nobody else is a member."""
    if not {sender_id, guest_id}.isdisjoint(room.banned_user_ids):
        return False
    return room.admits(sender_id) and room.admits(guest_id) and (room.players is None or sender_id in room.players)
