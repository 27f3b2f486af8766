"""Commands about parties. They are in no store: a restart of all nodes ends them, as it ends everybody's presence.

Whatever happens in a party is told to all its members on all their sockets, an invitation to its guest alone; who
blocks the one who invites hears nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.core.machine import commands, effects
from lobby_server.core.parties import Party
from lobby_server.core.presence import User
from lobby_server.protocol import social_resources
from lobby_server.protocol.requests import Whom
from lobby_server.protocol.social_messages import (
    PartyInviteClosed,
    PartyInvited,
    PartyJoined,
    PartyLeaderChanged,
    PartyLeft,
    PartyMemberStatus,
)
from lobby_server.protocol.social_resources import MyParty, NotificationKind, PartyInRoom, PartyInvitation
from lobby_server.service.announcer import Announcer
from lobby_server.service.pacing import Alarm
from lobby_server.service.ports import Clock
from lobby_server.service.replica import Replica
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.session import Session
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People


class Parties:
    """The parties of all users."""

    def __init__(
        self,
        *,
        replica: Replica,
        announcer: Announcer,
        rooms: RoomCommands,
        people: People,
        notifications: Notifications,
        clock: Clock,
        new_party_id: Callable[[], str],
    ) -> None:
        self.book = replica.books.parties
        self._blocks = replica.books.blocks
        self._replica = replica
        self._announcer = announcer
        self._rooms = rooms
        self._people = people
        self._notifications = notifications
        self._clock = clock
        self._new_party_id = new_party_id
        self._alarm = Alarm(replica.time, lambda: replica.submit(commands.ExpireParties()))
        replica.hear(effects.CameOnline, self._came_online)
        replica.hear(effects.WentOffline, self._went_offline)
        replica.hear(effects.PartyCreated, lambda effect, _: self.arm())
        replica.hear(effects.PartyInvited, self._invited)
        replica.hear(effects.PartyInvitesClosed, self._closed)
        replica.hear(effects.PartyJoined, self._joined)
        replica.hear(effects.PartyLeft, self._left)
        replica.hear(effects.PartyLed, self._led)
        replica.hear(effects.PartyDeadline, lambda effect, _: self.arm())

    def mine(self, user: User) -> MyParty:
        now_s = self._replica.time.monotonic_s()
        party = self.book.party_of(user.id)
        return MyParty(
            party=None if party is None else self._resource(party),
            invites=[
                PartyInvitation(
                    party_id=invited_to.id,
                    from_user_id=invitation.sender.id,
                    from_username=invitation.sender.username,
                    expires_in_s=round(invitation.until_s - now_s, 3),
                )
                for invited_to, invitation in self.book.invitations_of(user.id, now_s)
                if not self._blocks.blocks(user.id, invitation.sender.id)
            ],
        )

    def arm(self) -> None:
        """See to the next deadline."""
        self._alarm.set(self._replica.due_s(self.book.next_deadline_s()))

    # -- commands: each raises `Refusal` as the method of `PartyBook` does, and ``try_again_later`` -------------------

    async def create(self, user: User) -> social_resources.Party:
        party_id = self._new_party_id()
        return await self._replica.run(commands.CreateParty(user, party_id), lambda: self._party(party_id))

    async def invite(self, user: User, party_id: str, whom: Whom) -> None:
        """Raises also ``user_not_found``, ``blocked_by_you``; `StoreUnavailable`."""
        await self._replica.caught_up_in_call()
        self.book.check_member(party_id, user.id)
        guest = await self._people.find(whom)
        key = self._notifications.new_key()
        await self._replica.run(commands.InviteToParty(user, guest, party_id, key, self._clock.utc_now()))
        self.arm()

    async def join(self, user: User, party_id: str) -> social_resources.Party:
        return await self._replica.run(commands.JoinParty(user, party_id), lambda: self._party(party_id))

    async def decline(self, user: User, party_id: str) -> None:
        await self._replica.run(commands.DeclineParty(user, party_id))

    async def withdraw(self, user: User, party_id: str, guest_id: int) -> None:
        await self._replica.run(commands.WithdrawPartyInvite(user, party_id, guest_id))

    async def leave(self, user: User, party_id: str) -> None:
        await self._replica.run(commands.LeaveParty(user, party_id))

    async def kick(self, user: User, party_id: str, member_id: int) -> social_resources.Party:
        return await self._replica.run(commands.KickFromParty(user, party_id, member_id), lambda: self._party(party_id))

    async def hand_over(self, user: User, party_id: str, member_id: int) -> social_resources.Party:
        return await self._replica.run(commands.HandOverParty(user, party_id, member_id), lambda: self._party(party_id))

    async def enter_room(self, user: User, room_id: str) -> PartyInRoom:
        """All of the leader's party enter a room, or nobody does.

        Raises `Refusal`: ``not_in_party``, ``not_leader``, ``member_offline``, ``room_not_found``, ``room_full``,
        ``banned``, ``version_mismatch``, ``invitation_required``.
        """
        room, user_ids = await self._rooms.enter_together(user, room_id)
        return PartyInRoom(room=room, user_ids=user_ids)

    # -- what became of them --------------------------------------------------------------------------------------

    def _came_online(self, effect: effects.CameOnline, _: Session | None) -> None:
        if effect.party is not None:
            self._tell_status(effect.party, effect.user, is_online=True)
            self.arm()

    def _went_offline(self, effect: effects.WentOffline, _: Session | None) -> None:
        if effect.party is not None:
            self._tell_status(effect.party, effect.user, is_online=False)
            self.arm()

    def _invited(self, effect: effects.PartyInvited, _: Session | None) -> None:
        sender = effect.sender
        event = PartyInvited(party_id=effect.party_id, from_user_id=sender.id, from_username=sender.username)
        self._announcer.tell_users([effect.guest.id], event)
        self.arm()

    def _closed(self, effect: effects.PartyInvitesClosed, _: Session | None) -> None:
        """Tell the guests whose invitations have ended, on all their sockets."""
        for closed in effect.closed:
            guest_id, sender_id = closed.invitation.guest.id, closed.invitation.sender.id
            if closed.reason is not None and not self._blocks.blocks(guest_id, sender_id):
                event = PartyInviteClosed(party_id=closed.party_id, reason=closed.reason.value)
                self._announcer.tell_users([guest_id], event)
            self._notifications.close(guest_id, NotificationKind.PARTY_INVITE, sender_id)
        self.arm()

    def _joined(self, effect: effects.PartyJoined, _: Session | None) -> None:
        entry, user = effect.entry, effect.user
        if not entry.already_in:
            event = PartyJoined(party_id=entry.party.id, user_id=user.id, username=user.username)
            self._announcer.tell_users(list(entry.party.members), event)
        self.arm()

    def _left(self, effect: effects.PartyLeft, _: Session | None) -> None:
        departure = effect.departure
        party, user = departure.party, departure.user
        event = PartyLeft(party_id=party.id, user_id=user.id, username=user.username, reason=departure.reason.value)
        self._announcer.tell_users([*party.members, user.id], event)
        if departure.new_leader is not None:
            self._tell_leader(party, departure.new_leader)
        self.arm()

    def _led(self, effect: effects.PartyLed, _: Session | None) -> None:
        self._tell_leader(effect.party, effect.party.leader)

    # -- private --------------------------------------------------------------------------------------------------

    def _tell_leader(self, party: Party, leader: User) -> None:
        event = PartyLeaderChanged(party_id=party.id, user_id=leader.id, username=leader.username)
        self._announcer.tell_users(list(party.members), event)

    def _tell_status(self, party: Party, user: User, *, is_online: bool) -> None:
        event = PartyMemberStatus(party_id=party.id, user_id=user.id, username=user.username, is_online=is_online)
        self._announcer.tell_users([member_id for member_id in party.members if member_id != user.id], event)

    def _party(self, party_id: str) -> social_resources.Party:
        party = self.book.get(party_id)
        assert party is not None  # asked for in the turn in which something was done with it
        return self._resource(party)

    def _resource(self, party: Party) -> social_resources.Party:
        now_s = self._replica.time.monotonic_s()
        return social_resources.Party(
            id=party.id,
            leader_user_id=party.leader.id,
            max_members=self.book.max_members,
            members=[
                social_resources.PartyMember(
                    user_id=member.id, username=member.username, is_online=member.id not in party.offline_until_s
                )
                for member in party.members.values()
            ],
            invited=[
                social_resources.PartyGuest(
                    user_id=invitation.guest.id,
                    username=invitation.guest.username,
                    expires_in_s=round(invitation.until_s - now_s, 3),
                )
                for invitation in party.invitations.values()
                if invitation.until_s > now_s
            ],
        )
