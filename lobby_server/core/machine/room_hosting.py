"""Commands of a room's host, readiness, and codes: each changes the books and says what became of it, or raises
`Refusal` and changes nothing."""

from __future__ import annotations

from dataclasses import replace

from lobby_server.core import room_hosting
from lobby_server.core.invitations import MatchInvitation
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.rooms import Room


def change(books: Books, command: commands.ChangeRoom, now_s: float) -> list[Effect]:
    room, is_seen = room_hosting.change(books.rooms, command.user.id, command.room_id, command.settings)
    return [effects.RoomChanged(room, is_seen), *_let_guests_in(books, room)]


def hand_over(books: Books, command: commands.HandOverRoom, now_s: float) -> list[Effect]:
    return [
        effects.HostReplaced(*room_hosting.hand_over(books.rooms, command.user.id, command.room_id, command.peer_id))
    ]


def unban(books: Books, command: commands.UnbanFromRoom, now_s: float) -> list[Effect]:
    room = room_hosting.unban(books.rooms, command.user.id, command.room_id, command.banned_id)
    return [effects.Unbanned(room, command.banned_id)]


def set_ready(books: Books, command: commands.SetReady, now_s: float) -> list[Effect]:
    room = room_hosting.set_ready(books.rooms, command.user.id, command.room_id, is_ready=command.is_ready)
    return [effects.ReadinessChanged(room)]


def start(books: Books, command: commands.StartRoom, now_s: float) -> list[Effect]:
    room = room_hosting.start(books.rooms, command.user.id, command.room_id, is_forced=command.is_forced)
    return [effects.RoomStarted(room)]


def reopen(books: Books, command: commands.ReopenRoom, now_s: float) -> list[Effect]:
    return [effects.RoomReopened(room_hosting.reopen(books.rooms, command.user.id, command.room_id))]


def use_code(books: Books, command: commands.UseRoomCode, now_s: float) -> list[Effect]:
    room, is_new = room_hosting.use_code(books.rooms, command.user.id, command.code)
    told: list[Effect] = [effects.LetIn(room, (command.user.id,))] if is_new else []
    otherwise = books.matches.let_in_anyway(room.id, command.user.id)
    return [*told, effects.MatchInvitesStand(tuple(otherwise))] if otherwise else told


def _let_guests_in(books: Books, room: Room) -> list[Effect]:
    """A room that is private now admits those whom members invited while it was public. O(invitations into it)."""
    if room.is_public:
        return []
    oldest: dict[int, MatchInvitation] = {}
    for each in books.matches.of_room(room.id):
        oldest.setdefault(each.guest_id, each)
    let_in = [replace(each, lets_in=True) for each in oldest.values() if each.guest_id not in room.invited_user_ids]
    if not let_in:
        return []
    room.invited_user_ids.update(each.guest_id for each in let_in)
    for each in let_in:
        books.matches.add(each)
    return [effects.LetIn(room, tuple(each.guest_id for each in let_in)), effects.MatchInvitesStand(tuple(let_in))]
