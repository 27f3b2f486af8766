"""Commands about parties. They are kept nowhere but here: a restart ends them, as it ends everybody's presence.

Whatever happens in a party is told to all its members on all their sockets, an invitation to its guest alone; who
blocks the one who invites hears nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.core.blocks import BlockBook
from lobby_server.core.parties import Party, PartyBook, PartyDeparture
from lobby_server.core.presence import Presence, User
from lobby_server.core.refusal import Refusal, RefusalCode
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
from lobby_server.service.rooms.commands import RoomCommands
from lobby_server.service.social.notifications import Notifications
from lobby_server.service.social.people import People


class Parties:
    """The parties of all users."""

    def __init__(
        self,
        *,
        book: PartyBook,
        blocks: BlockBook,
        presence: Presence,
        announcer: Announcer,
        rooms: RoomCommands,
        people: People,
        notifications: Notifications,
        clock: Clock,
        new_party_id: Callable[[], str],
    ) -> None:
        self.book = book
        self._blocks = blocks
        self._presence = presence
        self._announcer = announcer
        self._rooms = rooms
        self._people = people
        self._notifications = notifications
        self._clock = clock
        self._new_party_id = new_party_id
        self._alarm = Alarm(clock, self._expire)

    def mine(self, user: User) -> MyParty:
        now_s = self._clock.monotonic_s()
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

    # -- commands: each raises `Refusal` as the method of `PartyBook` does -------------------------------------

    def create(self, user: User) -> social_resources.Party:
        party = self.book.create(
            self._new_party_id(),
            user,
            now_s=self._clock.monotonic_s(),
            is_online=self._presence.is_online(user.id),
        )
        self._arm()
        return self._resource(party)

    async def invite(self, user: User, party_id: str, whom: Whom) -> None:
        """Raises also ``user_not_found``, ``blocked_by_you``; `StoreUnavailable`."""
        self.book.check_member(party_id, user.id)
        guest = await self._people.find(whom)
        self._blocks.check_may_address(user.id, guest.id)
        self.book.invite(party_id, user, guest, now_s=self._clock.monotonic_s())
        self._tell_closed()
        self._arm()
        kind = NotificationKind.PARTY_INVITE
        if self._blocks.blocks(guest.id, user.id) or self._notifications.is_open(guest.id, kind, user.id):
            return  # they do not want to hear of it, or have heard and not looked at it yet
        event = PartyInvited(party_id=party_id, from_user_id=user.id, from_username=user.username)
        self._announcer.tell_users([guest.id], event)
        self._notifications.add(
            guest.id,
            kind,
            title="Party invitation",
            body=f"{user.username} invites you to a party.",
            sender=user,
        )

    def join(self, user: User, party_id: str) -> social_resources.Party:
        entry = self.book.join(
            party_id,
            user,
            now_s=self._clock.monotonic_s(),
            is_online=self._presence.is_online(user.id),
        )
        if entry.left is not None:
            self._tell_departure(entry.left)
        if not entry.already_in:
            event = PartyJoined(party_id=party_id, user_id=user.id, username=user.username)
            self._announcer.tell_users(list(entry.party.members), event)
        self._tell_closed()
        self._arm()
        return self._resource(entry.party)

    def decline(self, user: User, party_id: str) -> None:
        self.book.decline(party_id, user.id, now_s=self._clock.monotonic_s())
        self._tell_closed()
        self._arm()

    def withdraw(self, user: User, party_id: str, guest_id: int) -> None:
        self.book.withdraw(party_id, user.id, guest_id, now_s=self._clock.monotonic_s())
        self._tell_closed()
        self._arm()

    def leave(self, user: User, party_id: str) -> None:
        self._tell_departure(self.book.leave(party_id, user.id))
        self._tell_closed()
        self._arm()

    def kick(self, user: User, party_id: str, member_id: int) -> social_resources.Party:
        departure = self.book.kick(party_id, user.id, member_id)
        self._tell_departure(departure)
        self._tell_closed()
        self._arm()
        return self._resource(departure.party)

    def hand_over(self, user: User, party_id: str, member_id: int) -> social_resources.Party:
        leader = self.book.hand_over(party_id, user.id, member_id)
        party = self.book.check_member(party_id, user.id)
        self._tell_leader(party, leader)
        return self._resource(party)

    def enter_room(self, user: User, room_id: str) -> PartyInRoom:
        """All of the leader's party enter a room, or nobody does.

        Raises `Refusal`: ``not_in_party``, ``not_leader``, ``member_offline``, ``room_not_found``, ``room_full``,
        ``banned``, ``version_mismatch``, ``invitation_required``.
        """
        party = self.book.party_of(user.id)
        if party is None:
            raise Refusal(RefusalCode.NOT_IN_PARTY)
        self.book.check_leader(party.id, user.id)
        if party.offline_until_s:
            raise Refusal(RefusalCode.MEMBER_OFFLINE)
        members = [user, *(member for member in party.members.values() if member.id != user.id)]
        room = self._rooms.enter_together(room_id, members, led_by=user)
        return PartyInRoom(room=room, user_ids=[member.id for member in members])

    # -- presence and deadlines -----------------------------------------------------------------------------------

    def came_online(self, user: User) -> None:
        party = self.book.came_online(user.id)
        if party is not None:
            self._tell_status(party, user, is_online=True)
            self._arm()

    def went_offline(self, user: User) -> None:
        party = self.book.went_offline(user.id, now_s=self._clock.monotonic_s())
        if party is not None:
            self._tell_status(party, user, is_online=False)
            self._arm()

    def _expire(self) -> None:
        for departure in self.book.expire(self._clock.monotonic_s()):
            self._tell_departure(departure)
        self._tell_closed()
        self._arm()

    def _arm(self) -> None:
        self._alarm.set(self.book.next_deadline_s())

    # -- private --------------------------------------------------------------------------------------------------

    def _tell_departure(self, departure: PartyDeparture) -> None:
        party, user = departure.party, departure.user
        event = PartyLeft(party_id=party.id, user_id=user.id, username=user.username, reason=departure.reason.value)
        self._announcer.tell_users([*party.members, user.id], event)
        if departure.new_leader is not None:
            self._tell_leader(party, departure.new_leader)

    def _tell_closed(self) -> None:
        """Tell the guests whose invitations have ended, on all their sockets."""
        for closed in self.book.take_closed():
            guest_id, sender_id = closed.invitation.guest.id, closed.invitation.sender.id
            if closed.reason is not None and not self._blocks.blocks(guest_id, sender_id):
                event = PartyInviteClosed(party_id=closed.party_id, reason=closed.reason.value)
                self._announcer.tell_users([guest_id], event)
            self._notifications.close(guest_id, NotificationKind.PARTY_INVITE, sender_id)

    def _tell_leader(self, party: Party, leader: User) -> None:
        event = PartyLeaderChanged(party_id=party.id, user_id=leader.id, username=leader.username)
        self._announcer.tell_users(list(party.members), event)

    def _tell_status(self, party: Party, user: User, *, is_online: bool) -> None:
        event = PartyMemberStatus(party_id=party.id, user_id=user.id, username=user.username, is_online=is_online)
        self._announcer.tell_users([member_id for member_id in party.members if member_id != user.id], event)

    def _resource(self, party: Party) -> social_resources.Party:
        now_s = self._clock.monotonic_s()
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
