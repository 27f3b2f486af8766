"""What users are promised to hear of friends, blocks, parties, invitations, chat, notifications and announcements."""

from __future__ import annotations

from collections.abc import Iterator

from bench.simulation.checks.promises.push import Due, Ears, Now, Promises, Push, to
from lobby_server.core.machine import commands, effects
from lobby_server.core.parties import Party
from lobby_server.core.presence import User
from lobby_server.protocol import messages
from lobby_server.protocol import social_messages as told
from lobby_server.protocol.features import Feature
from lobby_server.protocol.requests import DEFAULT_AUDIENCE

SOCIAL: Promises = Promises()


# -- presence of friends, and of members of a party --------------------------------------------------------------------


@SOCIAL.on(effects.CameOnline)
def _came_online(effect: effects.CameOnline, now: Now) -> Iterator[Push]:
    yield from _presence(effect.user, effect.party, now, is_online=True)


@SOCIAL.on(effects.WentOffline)
def _went_offline(effect: effects.WentOffline, now: Now) -> Iterator[Push]:
    yield from _presence(effect.user, effect.party, now, is_online=False)


def _presence(user: User, missed_in: Party | None, now: Now, *, is_online: bool) -> Iterator[Push]:
    kind = messages.UserOnline if is_online else messages.UserOffline
    event = kind(user_id=user.id, username=user.username)
    yield from to(now.books.friends.friend_ids(user.id), event, ears=Feature.PRESENCE_FRIENDS)
    party = now.books.parties.party_of(user.id) or missed_in  # whoever is deleted is in none by now
    if party is not None:
        status = told.PartyMemberStatus(
            party_id=party.id, user_id=user.id, username=user.username, is_online=is_online
        )  # fmt: skip
        yield from to(party.members.keys() - {user.id}, status)


# -- friends and blocks ------------------------------------------------------------------------------------------------


@SOCIAL.on(effects.FriendAsked)
def _asked(effect: effects.FriendAsked, now: Now) -> Iterator[Push]:
    request = effect.request
    sender, receiver = request.sender, request.receiver
    if not now.books.blocks.blocks(receiver.id, sender.id):
        yield from to([receiver.id], told.FriendRequested(
            request_id=request.id, from_user_id=sender.id, to_user_id=receiver.id, from_username=sender.username
        ))  # fmt: skip


@SOCIAL.on(effects.FriendRequestClosed)
def _request_closed(effect: effects.FriendRequestClosed, now: Now) -> Iterator[Push]:
    """Whoever did it hears of it. The other one does unless that would tell of a no, or is hidden by a block."""
    command, sender_id, receiver_id = now.command, effect.sender_id, effect.receiver_id
    blocks = now.books.blocks.blocks
    hearers = set()
    if isinstance(command, commands.CloseFriendRequest):
        hearers.add(command.by_id)
        if command.by_id == sender_id and not blocks(receiver_id, sender_id):
            hearers.add(receiver_id)
    elif isinstance(command, commands.Block):
        hearers.add(sender_id)
        if not blocks(receiver_id, sender_id):
            hearers.add(receiver_id)
    elif isinstance(command, commands.ForgetUser) and command.user_id == sender_id:
        yield from to([receiver_id], told.FriendRequestClosed(request_id=effect.request_id), due=Due.NONE)
    yield from to(hearers, told.FriendRequestClosed(request_id=effect.request_id))


@SOCIAL.on(effects.Befriended)
def _befriended(effect: effects.Befriended, now: Now) -> Iterator[Push]:
    for one, other in ((effect.asker, effect.user), (effect.user, effect.asker)):
        yield from to([one.id], told.FriendAccepted(user_id=other.id, username=other.username))
        if now.books.presence.is_online(other.id):
            event = messages.UserOnline(user_id=other.id, username=other.username)
            yield from to([one.id], event, ears=Feature.PRESENCE_FRIENDS)


@SOCIAL.on(effects.Parted)
def _parted(effect: effects.Parted, now: Now) -> Iterator[Push]:
    yield from to([effect.one_id], told.FriendRemoved(user_id=effect.other_id))
    yield from to([effect.other_id], told.FriendRemoved(user_id=effect.one_id))


@SOCIAL.on(effects.Blocked)
def _blocked(effect: effects.Blocked, now: Now) -> Iterator[Push]:
    event = told.UserBlocked(user_id=effect.other.id, username=effect.other.username)
    yield from to([effect.user_id], event, ears=Feature.OWN_CHANGES)


@SOCIAL.on(effects.Unblocked)
def _unblocked(effect: effects.Unblocked, now: Now) -> Iterator[Push]:
    yield from to([effect.user_id], told.UserUnblocked(user_id=effect.other_id), ears=Feature.OWN_CHANGES)


@SOCIAL.on(effects.NoticeRead)
def _notice_read(effect: effects.NoticeRead, now: Now) -> Iterator[Push]:
    yield from to([effect.user_id], told.NotificationRead(id=effect.notification_id), ears=Feature.OWN_CHANGES)


@SOCIAL.on(effects.WhereaboutsSet)
def _whereabouts_set(effect: effects.WhereaboutsSet, now: Now) -> Iterator[Push]:
    audience = now.books.whereabouts.get(effect.user_id, DEFAULT_AUDIENCE)
    yield from to([effect.user_id], told.WhereaboutsChanged(whereabouts=audience), ears=Feature.OWN_CHANGES)


# -- parties -----------------------------------------------------------------------------------------------------------


@SOCIAL.on(effects.PartyInvited)
def _party_invited(effect: effects.PartyInvited, now: Now) -> Iterator[Push]:
    sender, guest_id = effect.sender, effect.guest.id
    if not now.books.blocks.blocks(guest_id, sender.id):
        yield from to([guest_id], told.PartyInvited(
            party_id=effect.party_id, from_user_id=sender.id, from_username=sender.username
        ))  # fmt: skip


@SOCIAL.on(effects.PartyInvitesClosed)
def _party_invites_closed(effect: effects.PartyInvitesClosed, now: Now) -> Iterator[Push]:
    for closed in effect.closed:
        guest_id, sender_id = closed.invitation.guest.id, closed.invitation.sender.id
        if closed.reason is not None and not now.books.blocks.blocks(guest_id, sender_id):
            yield from to([guest_id], told.PartyInviteClosed(party_id=closed.party_id, reason=closed.reason.value))


@SOCIAL.on(effects.PartyJoined)
def _party_joined(effect: effects.PartyJoined, now: Now) -> Iterator[Push]:
    party, user = effect.entry.party, effect.user
    if not effect.entry.already_in:
        event = told.PartyJoined(party_id=party.id, user_id=user.id, username=user.username)
        yield from to(party.members, event)


@SOCIAL.on(effects.PartyLeft)
def _party_left(effect: effects.PartyLeft, now: Now) -> Iterator[Push]:
    departure = effect.departure
    party, user = departure.party, departure.user
    event = told.PartyLeft(
        party_id=party.id, user_id=user.id, username=user.username, reason=departure.reason.value
    )  # fmt: skip
    yield from to([*party.members, user.id], event)
    if departure.new_leader is not None:
        leader = departure.new_leader
        changed = told.PartyLeaderChanged(party_id=party.id, user_id=leader.id, username=leader.username)
        yield from to(party.members, changed)


@SOCIAL.on(effects.PartyLed)
def _party_led(effect: effects.PartyLed, now: Now) -> Iterator[Push]:
    party = effect.party
    leader = party.leader
    changed = told.PartyLeaderChanged(party_id=party.id, user_id=leader.id, username=leader.username)
    yield from to(party.members, changed)


# -- invitations into rooms, notifications, announcements --------------------------------------------------------------


@SOCIAL.on(effects.MatchInvited)
def _match_invited(effect: effects.MatchInvited, now: Now) -> Iterator[Push]:
    room, sender, guest_id = effect.room, effect.sender, effect.guest.id
    if not now.books.blocks.blocks(guest_id, sender.id):
        yield from to([guest_id], told.MatchInvited(
            room_id=room.id, from_user_id=sender.id, from_username=sender.username, gamemode=room.gamemode
        ))  # fmt: skip


@SOCIAL.on(effects.MatchInvitesClosed)
def _match_invites_closed(effect: effects.MatchInvitesClosed, now: Now) -> Iterator[Push]:
    for each in effect.invitations:
        if not now.books.blocks.blocks(each.guest_id, each.sender_id):
            event = told.MatchInviteClosed(room_id=each.room_id, reason=effect.reason.value)
            yield from to([each.guest_id], event)


@SOCIAL.on(effects.NoticesTold)
def _notices_told(effect: effects.NoticesTold, now: Now) -> Iterator[Push]:
    """All that the leader has from the store, but those of users who are blocked by now."""
    command = now.command
    if isinstance(command, commands.DeliverNotices):
        for each in command.notices:
            if not now.books.blocks.blocks(command.user_id, each.from_user_id):
                yield from to([command.user_id], told.Notification(
                    id=each.id, kind=each.kind, title=each.title, body=each.body, ts=each.ts
                ))  # fmt: skip


@SOCIAL.on(effects.Announced)
def _announced(effect: effects.Announced, now: Now) -> Iterator[Push]:
    yield Push(
        told.Announcement(id=effect.id, title=effect.title, body=effect.body, ts=effect.ts, until=effect.until), None
    )


# -- chat --------------------------------------------------------------------------------------------------------------


@SOCIAL.on(effects.LineSaid)
def _line_said(effect: effects.LineSaid, now: Now) -> Iterator[Push]:
    line, books = effect.line, now.books
    sender_id, other_id = line.sender.id, line.other_id
    deaf = books.blocks.blockers_of(sender_id)

    def event(channel: str) -> told.ChatMessage:
        return told.ChatMessage(
            id=line.id, channel=channel, from_user_id=sender_id, from_username=line.sender.username, text=line.text,
            ts=int(line.sent_at.timestamp() * 1000),
        )  # fmt: skip

    if line.party_id is not None:
        party = books.parties.get(line.party_id)
        yield from to((party.members.keys() if party is not None else set()) - deaf, event("party"))
    elif other_id is not None:
        yield from to([sender_id], event(f"user:{other_id}"))
        if not line.is_withheld and other_id not in deaf and books.presence.has_socket(other_id):
            yield from to([other_id], event(f"user:{sender_id}"))
    else:
        yield Push(event("lobby"), None, Ears.FEATURED, deaf=deaf)
        yield from to(books.chatters - deaf, event("lobby"), ears=Ears.BASE, due=Due.ARRIVED)
        yield from to(now.chatted - books.chatters - deaf, event("lobby"), ears=Ears.BASE, due=Due.NONE)
