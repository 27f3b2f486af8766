"""Commands of administrators: each changes the books and says what became of it, or raises `Refusal`."""

from __future__ import annotations

from lobby_server.core.bans import UserBan
from lobby_server.core.machine import commands, effects
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.rooms import delete_room, existing_room
from lobby_server.core.refusal import Refusal, RefusalCode


def ban(books: Books, command: commands.BanUser, now_s: float) -> list[Effect]:
    ban = UserBan(command.user, command.reason, command.until_s)
    books.user_bans[command.user.id] = ban
    return [effects.UserPutOut(command.user, command.reason, is_banned=True, until_s=command.until_s)]


def unban(books: Books, command: commands.UnbanUser, now_s: float) -> list[Effect]:
    if books.user_bans.pop(command.user_id, None) is None:
        raise Refusal(RefusalCode.NOT_BANNED)
    return []


def kick(books: Books, command: commands.KickUser, now_s: float) -> list[Effect]:
    return [effects.UserPutOut(command.user, command.reason, is_banned=False)]


def close_room(books: Books, command: commands.CloseRoom, now_s: float) -> list[Effect]:
    return delete_room(books, existing_room(books, command.room_id), command.by, now_s)
