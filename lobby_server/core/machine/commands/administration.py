"""What administrators do: the store has each of them already."""

from __future__ import annotations

from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User


class BanUser(Command, frozen=True):
    """`until_s`: in Unix time; None: until it is lifted."""

    user: User
    reason: str
    until_s: float | None


class UnbanUser(Command, frozen=True):
    user_id: int


class KickUser(Command, frozen=True):
    user: User
    reason: str


class CloseRoom(Command, frozen=True):
    by: User
    room_id: str
