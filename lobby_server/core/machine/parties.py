"""Commands about parties: each changes the books and says what became of it, or raises `Refusal` and does nothing."""

from __future__ import annotations

from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.rooms import join_together
from lobby_server.core.refusal import Refusal, RefusalCode

PARTY_INVITE = "party_invite"
"""The kind of notification."""


def create(books: Books, command: commands.CreateParty, now_s: float) -> list[Effect]:
    user = command.user
    is_online = books.presence.is_online(user.id)
    return [effects.PartyCreated(books.parties.create(command.party_id, user, now_s=now_s, is_online=is_online))]


def invite(books: Books, command: commands.InviteToParty, now_s: float) -> list[Effect]:
    user, guest = command.user, command.guest
    books.blocks.check_may_address(user.id, guest.id)
    books.parties.invite(command.party_id, user, guest, now_s=now_s)
    told = _closed(books)
    if books.blocks.blocks(guest.id, user.id) or books.notices.is_open(guest.id, PARTY_INVITE, user.id):
        return told  # they do not want to hear of it, or have heard and not looked at it yet
    books.notices.open(guest.id, PARTY_INVITE, user.id)
    notice = effects.NoticeDue(
        key=command.key,
        user_id=guest.id,
        kind=PARTY_INVITE,
        title="Party invitation",
        body=f"{user.username} invites you to a party.",
        sender=user,
        at=command.at,
    )
    books.notices.expect(notice)
    return [*told, effects.PartyInvited(command.party_id, user, guest), notice]


def join(books: Books, command: commands.JoinParty, now_s: float) -> list[Effect]:
    user = command.user
    is_online = books.presence.is_online(user.id)
    entry = books.parties.join(command.party_id, user, now_s=now_s, is_online=is_online)
    left = [effects.PartyLeft(entry.left)] if entry.left is not None else []
    return [*left, effects.PartyJoined(entry, user), *_closed(books)]


def decline(books: Books, command: commands.DeclineParty, now_s: float) -> list[Effect]:
    books.parties.decline(command.party_id, command.user.id, now_s=now_s)
    return _closed(books)


def withdraw(books: Books, command: commands.WithdrawPartyInvite, now_s: float) -> list[Effect]:
    books.parties.withdraw(command.party_id, command.user.id, command.guest_id, now_s=now_s)
    return _closed(books)


def leave(books: Books, command: commands.LeaveParty, now_s: float) -> list[Effect]:
    return [effects.PartyLeft(books.parties.leave(command.party_id, command.user.id)), *_closed(books)]


def kick(books: Books, command: commands.KickFromParty, now_s: float) -> list[Effect]:
    departure = books.parties.kick(command.party_id, command.user.id, command.member_id)
    return [effects.PartyLeft(departure), *_closed(books)]


def hand_over(books: Books, command: commands.HandOverParty, now_s: float) -> list[Effect]:
    books.parties.hand_over(command.party_id, command.user.id, command.member_id)
    return [effects.PartyLed(books.parties.check_member(command.party_id, command.user.id))]


def enter_room(books: Books, command: commands.EnterRoomWithParty, now_s: float) -> list[Effect]:
    """All of the leader's party enter a room, or nobody does."""
    user = command.user
    party = books.parties.party_of(user.id)
    if party is None:
        raise Refusal(RefusalCode.NOT_IN_PARTY)
    books.parties.check_leader(party.id, user.id)
    if party.offline_until_s:
        raise Refusal(RefusalCode.MEMBER_OFFLINE)
    members = [user, *(member for member in party.members.values() if member.id != user.id)]
    return join_together(books, command.room_id, members, now_s)


def forget(books: Books, user_id: int, now_s: float) -> list[Effect]:
    """A user is no more."""
    told: list[Effect] = []
    party = books.parties.party_of(user_id)
    if party is not None:
        told.append(effects.PartyLeft(books.parties.leave(party.id, user_id)))
    for invited_to, _ in books.parties.invitations_of(user_id, now_s):
        books.parties.decline(invited_to.id, user_id, now_s=now_s)
    return [*told, *_closed(books)]


def expire(books: Books, command: commands.ExpireParties, now_s: float) -> list[Effect]:
    departures = books.parties.expire(now_s)
    return [*(effects.PartyLeft(departure) for departure in departures), *_closed(books), effects.PartyDeadline()]


def _closed(books: Books) -> list[Effect]:
    """The invitations that have ended by what was just done."""
    closed = books.parties.take_closed()
    for each in closed:
        books.notices.close(each.invitation.guest.id, PARTY_INVITE, each.invitation.sender.id)
    return [effects.PartyInvitesClosed(tuple(closed))] if closed else []
