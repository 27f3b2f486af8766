"""Friends, blocks and whereabouts: the store has each of them already."""

from __future__ import annotations

from datetime import datetime

from lobby_server.core.friends import FriendRequest
from lobby_server.core.machine.commands.base import Command
from lobby_server.core.presence import User
from lobby_server.protocol.requests import Audience


class AskFriend(Command, frozen=True):
    request: FriendRequest
    key: str


class Befriend(Command, frozen=True):
    """A request is answered with yes."""

    request: FriendRequest
    since: datetime
    key: str


class CloseFriendRequest(Command, frozen=True):
    request_id: int
    by_id: int


class PartFriends(Command, frozen=True):
    one_id: int
    other_id: int


class Block(Command, frozen=True):
    user: User
    other: User
    since: datetime


class Unblock(Command, frozen=True):
    user_id: int
    other_id: int


class SetWhereabouts(Command, frozen=True):
    """Who is told in which room a user is."""

    user: User
    audience: Audience
