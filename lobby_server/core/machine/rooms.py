"""Commands about rooms: each changes the books and says what became of it, or raises `Refusal` and changes nothing."""

from __future__ import annotations

from lobby_server.core.invitations import CloseReason, MatchInvitation
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.core.room_hosting import check_host_of
from lobby_server.core.rooms import Departure, Room

MATCH_INVITE = "match_invite"
"""The kind of notification."""
REVISIONS_PER_S, MOST_REVISIONS_LOST = 1000, 400_000_000
"""More than a list changes, and less than the mark in the store is ahead
(`lobby_server.service.rooms.revision_mark`): those of four and a half days, in which nothing happened or Valkey was
away."""


def create(books: Books, command: commands.CreateRoom, now_s: float) -> list[Effect]:
    room = command.room
    host = room.host
    left = books.rooms.add(room, now_s=now_s, creator_has_socket=books.presence.is_online(host.id))
    books.partings.forget(host.id)
    return [*left_room(books, left), effects.RoomCreated(room), *_entered(books, room, host)]


def take_host_place(books: Books, command: commands.TakeHostPlace, now_s: float) -> list[Effect]:
    user = command.user
    hosted = books.rooms.hosted_by(user.id)
    had_version = hosted is not None and hosted.version is not None
    entry = books.rooms.take_host_place(user, version=command.version, now_s=now_s)
    books.partings.forget(user.id)
    taken = effects.HostPlaceTaken(entry, had_version)
    return [*left_room(books, entry.left), taken, *_entered(books, entry.room, user)]


def join(books: Books, command: commands.JoinRoom, now_s: float) -> list[Effect]:
    user = command.user
    if command.only_from_none and books.rooms.room_of(user.id) is not None:
        raise Refusal(RefusalCode.ALREADY_IN_ROOM)
    entry = books.rooms.join(command.room_id, user, version=command.version, now_s=now_s)
    books.partings.forget(user.id)
    return [*left_room(books, entry.left), effects.RoomJoined(entry), *_entered(books, entry.room, user)]


def join_together(books: Books, room_id: str, party: list[User], now_s: float) -> list[Effect]:
    """All of a party enter a room, or nobody does; the first of them leads."""
    versions = {user: books.presence.version_of(user.id) for user in party}
    entries = books.rooms.join_together(room_id, versions, led_by=party[0], now_s=now_s)
    room, told = entries[0].room, list[Effect]()
    for entry in entries:
        books.partings.forget(entry.member.user.id)
        told += left_room(books, entry.left)
    told.append(effects.PartyEntered(room, tuple(entries)))
    for entry in entries:
        told += _entered(books, room, entry.member.user)
    return told


def leave(books: Books, command: commands.LeaveRoom, now_s: float) -> list[Effect]:
    departure = books.rooms.leave(command.user.id, now_s=now_s)
    if departure is None:
        raise Refusal(RefusalCode.NOT_IN_ROOM)
    return [*left_room(books, departure), effects.OwnRoomLeft(command.user, departure.member.peer_id)]


def say(books: Books, command: commands.SayInRoom, now_s: float) -> list[Effect]:
    user_id = command.user.id
    room = books.rooms.room_of(user_id)
    if room is None:
        raise Refusal(RefusalCode.NOT_IN_ROOM)
    heard_by = tuple(member_id for member_id in room.members if not books.blocks.blocks(member_id, user_id))
    return [effects.SaidInRoom(room.members[user_id], command.text, heard_by)]


def kick(books: Books, command: commands.KickFromRoom, now_s: float) -> list[Effect]:
    departure = books.rooms.kick(command.user.id, command.peer_id, now_s=now_s)
    books.partings.note([departure.member.user.id], "", now_s=now_s)
    return [effects.Kicked(departure, command.user), *left_room(books, departure)]


def delete(books: Books, command: commands.DeleteRoom, now_s: float) -> list[Effect]:
    return delete_room(books, check_may_delete(books, command.user, command.room_id), command.user, now_s)


def delete_room(books: Books, room: Room, by: User, now_s: float) -> list[Effect]:
    books.rooms.remove(room.id)
    books.partings.note(room.members, room.id, now_s=now_s)
    return [effects.RoomDeleted(room, by), *_gone(books, room)]


def expire(books: Books, command: commands.ExpireRooms, now_s: float) -> list[Effect]:
    expired = books.rooms.expire(now_s)
    told: list[Effect] = []
    for room in expired.deleted:
        told += [effects.RoomExpired(room), *_gone(books, room)]
    for departure in expired.departures:
        told += left_room(books, departure)
    told += [effects.HostReplaced(room, room.members[room.host.id]) for room in expired.handed_over]
    for room in expired.given_up:
        told += _invites_of_the_absent(books, room)
    return [*told, effects.RoomDeadline()]


def begin_epoch(books: Books, command: commands.BeginEpoch, now_s: float) -> list[Effect]:
    """What others have read of the log since the last entry that is known here is not so any more, and may have been
    shown: its revisions are given to no other list. There are as many as that time allows, so that no two streams
    that go on from one place have revisions in common, however often a new one was opened in either. Those that a lobby
    has shown which began later than this one, and is gone, are below the floor."""
    lost = min(int(command.silence_s * REVISIONS_PER_S), MOST_REVISIONS_LOST)
    books.rooms.continue_from(max(books.rooms.revision + 1 + lost, command.floor))
    return []


def raise_revision(books: Books, command: commands.RaiseRevision, now_s: float) -> list[Effect]:
    """Others of the lobby that is gone may have shown higher revisions than the node that says so."""
    books.rooms.continue_from(command.shown + 1 + MOST_REVISIONS_LOST)
    return [effects.RevisionRaised()]


def invite(books: Books, command: commands.InviteToRoom, now_s: float) -> list[Effect]:
    user, guest = command.user, command.guest
    room = check_may_invite(books, user, command.room_id, guest)
    lets_in = not room.admits(guest.id)
    told: list[Effect] = []
    if not room.is_public and guest.id not in room.invited_user_ids:
        room.invited_user_ids.add(guest.id)
        told.append(effects.LetIn(room, (guest.id,)))
    invitation = MatchInvitation(room.id, user.id, guest.id, lets_in=lets_in)
    if books.matches.add(invitation):
        told.append(effects.MatchInvitesStand((invitation,)))
    if books.blocks.blocks(guest.id, user.id) or books.notices.is_open(guest.id, MATCH_INVITE, user.id):
        return told
    books.notices.open(guest.id, MATCH_INVITE, user.id)
    notice = effects.NoticeDue(
        key=command.key,
        user_id=guest.id,
        kind=MATCH_INVITE,
        title="Match invitation",
        # The event of a notification names no room; a client that knows nothing but it finds the room in the text.
        body=f"{user.username} invites you to play {room.gamemode} in room {room.id}.",
        sender=user,
        at=command.at,
        room_id=room.id,
    )
    books.notices.expect(notice)
    return [*told, effects.MatchInvited(room, user, guest), notice]


def end_invites(books: Books, command: commands.EndMatchInvites, now_s: float) -> list[Effect]:
    room, guest_id = books.rooms.get(command.room_id), command.guest_id
    taken = books.matches.take(
        command.room_id, lambda each: each.guest_id == guest_id and each.sender_id in command.sender_ids
    )
    if not taken:  # it was accepted meanwhile, or has ended by another call
        raise Refusal(RefusalCode.INVITATION_NOT_FOUND)
    return [*_closed(books, taken, CloseReason(command.reason)), *_shut_out(books, room, taken)]


def forget(books: Books, user_id: int) -> list[Effect]:
    """A user who is in no room any more is no more. O(rooms)."""
    told: list[Effect] = []
    for room_id in books.matches.rooms_of(user_id):
        taken = books.matches.take(room_id, lambda each: user_id in (each.guest_id, each.sender_id))
        told += _closed(books, taken, CloseReason.WITHDRAWN)
        told += _shut_out(books, books.rooms.get(room_id), [each for each in taken if each.guest_id != user_id])
    forgotten = books.rooms.forget(user_id)
    for room in forgotten.deleted:
        told += [effects.RoomDeleted(room, room.host), *_gone(books, room)]
    for room in forgotten.handed_over:
        told += [effects.HostReplaced(room, room.members[room.host.id]), *_invites_of_the_absent(books, room)]
    told += [effects.RoomChanged(room, is_seen=False) for room in forgotten.changed]
    return told


# -- what several of them need ----------------------------------------------------------------------------------------


def existing_room(books: Books, room_id: str) -> Room:
    """Raises `Refusal` (``room_not_found``)."""
    room = books.rooms.get(room_id)
    if room is None:
        raise Refusal(RefusalCode.ROOM_NOT_FOUND)
    return room


def check_may_delete(books: Books, user: User, room_id: str) -> Room:
    """Raises `Refusal`: ``room_not_found``, ``not_host``."""
    return check_host_of(books.rooms, user.id, room_id)


def check_may_invite(books: Books, user: User, room_id: str, guest: User) -> Room:
    """Raises `Refusal` as `RoomBook.check_may_invite`, and ``blocked_by_you``, ``limit_reached``."""
    room = books.rooms.check_may_invite(room_id, user.id, guest.id)
    books.blocks.check_may_address(user.id, guest.id)
    books.matches.check_may_send(room_id, user.id, guest.id)
    return room


def left_room(books: Books, departure: Departure | None) -> list[Effect]:
    """What follows when a user has left a room; None: they were in none."""
    if departure is None:
        return []
    room, user_id = departure.room, departure.member.user.id
    if room.host.id == user_id and room.host_until_s is not None:  # their place is kept, and so is whom they invited
        return [effects.RoomLeft(departure)]
    taken = books.matches.take(room.id, lambda each: each.sender_id == user_id)
    ended = [*_closed(books, taken, CloseReason.WITHDRAWN), *_shut_out(books, books.rooms.get(room.id), taken)]
    return [effects.RoomLeft(departure), *ended]


def _entered(books: Books, room: Room, user: User) -> list[Effect]:
    taken = books.matches.take(room.id, lambda each: each.guest_id == user.id)
    return _closed(books, taken, CloseReason.ACCEPTED)


def _gone(books: Books, room: Room) -> list[Effect]:
    return _closed(books, books.matches.take(room.id, lambda each: True), CloseReason.GONE)


def _invites_of_the_absent(books: Books, room: Room) -> list[Effect]:
    """A host's place is kept no more, or the members of before a restart are not waited for any more: whoever has not
    come back by now has left, but for a host whose place is kept yet, since a node was lost later."""
    if room.absent_until_s is not None:
        return []  # they may come back yet
    awaited_id = None if room.host_until_s is None else room.host.id
    taken = books.matches.take(
        room.id, lambda each: each.sender_id not in room.members and each.sender_id != awaited_id
    )
    return [*_closed(books, taken, CloseReason.WITHDRAWN), *_shut_out(books, room, taken)]


def _closed(books: Books, taken: list[MatchInvitation], reason: CloseReason) -> list[Effect]:
    for each in taken:
        books.notices.close(each.guest_id, MATCH_INVITE, each.sender_id)
    heirs = books.matches.letting_in(taken)
    return [effects.MatchInvitesClosed(tuple(taken), reason, tuple(heirs))] if taken else []


def _shut_out(books: Books, room: Room | None, ended: list[MatchInvitation]) -> list[Effect]:
    """Guests whom invitations had let in, which have ended, and whom no other invitation lets in. None: the room is
    gone."""
    if room is None:
        return []
    guest_ids = [
        each.guest_id
        for each in ended
        if each.lets_in and each.guest_id in room.invited_user_ids and each.guest_id not in room.members
    ]
    shut_out = [guest_id for guest_id in guest_ids if not books.matches.has_guest(room.id, guest_id)]
    room.invited_user_ids.difference_update(shut_out)
    return [effects.ShutOut(room, guest_id) for guest_id in shut_out]
