"""A user whose account is deleted: nothing in the books is theirs any more, by one entry of the log; and what is said
of them by entries behind it is refused.

A session is closed when its node hears of the entry, so its last messages may stand behind it. Calls of others that
looked before may do so too, and the store may have what they are about: so the refusal says of whom it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lobby_server.core.machine import commands, effects, parties, rooms, social
from lobby_server.core.machine.books import Books
from lobby_server.core.machine.commands import Command
from lobby_server.core.machine.deleted import NamesDeletedUser, mark_of
from lobby_server.core.machine.effects import Effect
from lobby_server.core.machine.presence import went_offline
from lobby_server.core.presence import User

_USERS: dict[type[Command], Callable[[Any], tuple[User, ...]]] = {
    commands.CreateRoom: lambda command: (command.room.host,),
    commands.TakeHostPlace: lambda command: (command.user,),
    commands.JoinRoom: lambda command: (command.user,),
    commands.UseRoomCode: lambda command: (command.user,),
    commands.InviteToRoom: lambda command: (command.user, command.guest),
    commands.CreateParty: lambda command: (command.user,),
    commands.InviteToParty: lambda command: (command.user, command.guest),
    commands.JoinParty: lambda command: (command.user,),
    commands.AskFriend: lambda command: (command.request.sender, command.request.receiver),
    commands.Befriend: lambda command: (command.request.sender, command.request.receiver),
    commands.Block: lambda command: (command.user, command.other),
    commands.SetWhereabouts: lambda command: (command.user,),
    commands.Say: lambda command: (command.sender,),
    commands.TakePart: lambda command: (command.user,),
}
"""Of whom a command would leave something."""
_USER_IDS: dict[type[Command], Callable[[Any], int]] = {
    commands.KeepNotice: lambda command: command.user_id,
}
"""Those that do not say what their user is called."""


def check_names_nobody_deleted(books: Books, command: Command) -> None:
    """Raises `NamesDeletedUser`. O(1)."""
    marks, kind = books.deleted.marks, type(command)
    users = _USERS.get(kind)
    if users is not None:
        for user in users(command):
            if user.id in marks and _is_deleted(books, user):
                raise NamesDeletedUser(user.id, marks[user.id])
    of_id = _USER_IDS.get(kind)
    if of_id is not None and books.is_deleted(user_id := of_id(command)):
        raise NamesDeletedUser(user_id, marks[user_id])


def _is_deleted(books: Books, user: User) -> bool:
    """One without a name is who is deleted, unless another one with that id is known."""
    return books.deleted.has(user) if user.username else books.is_deleted(user.id)


def forget_user(books: Books, command: commands.ForgetUser, now_s: float) -> list[Effect]:
    """A second time nothing happens. O(rooms + users online + notifications that are due)."""
    user_id = command.user_id
    if not books.deleted.add(user_id, command.mark):
        return []
    told: list[Effect] = [effects.UserForgotten(user_id, command.mark)]
    online = books.presence.user(user_id)
    if online is None or mark_of(online.username) == command.mark:
        held = books.presence.sign_out(user_id)
        if held is not None:
            told += went_offline(books, [held], now_s)
        told += rooms.left_room(books, books.rooms.leave(user_id, now_s=now_s))
        told += parties.forget(books, user_id, now_s)
        books.chatters.discard(user_id)
        books.partings.forget(user_id)
    told += rooms.forget(books, user_id)
    told += social.forget(books, user_id)
    return told
