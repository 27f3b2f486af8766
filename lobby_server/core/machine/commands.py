"""Everything that can happen to the lobby, as values: what goes through the log between nodes.

A command carries whatever is not determined by the state: identifiers, keys, moments of the wall clock. What is due at
a time is reckoned in the time of the log, which is no field of any command.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lobby_server.core.friends import FriendRequest
from lobby_server.core.presence import User
from lobby_server.core.room_hosting import RoomSettings
from lobby_server.core.rooms import Room
from lobby_server.protocol.requests import Audience

FORMAT = 3
"""Goes up with every change of a command or of the state that an older node would read wrongly."""


class Command(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One thing that is to happen."""


# -- nodes ------------------------------------------------------------------------------------------------------------


class NodeUp(Command, frozen=True):
    """A node takes part from now on."""

    node: str
    address: str = ""
    version: str = ""


class NodeDown(Command, frozen=True):
    """A node ends in an orderly way: its users have `grace_s` to come back by way of another one."""

    node: str
    grace_s: float = 0.0


class NodeLost(Command, frozen=True):
    """A node has not been heard of for too long: all its sockets are lost."""

    node: str


# -- presence ---------------------------------------------------------------------------------------------------------


class Arrive(Command, frozen=True):
    """A socket of a user was accepted by the node that says so. `socket`: its number there."""

    user: User
    socket: int
    version: str | None = None


class Depart(Command, frozen=True):
    """A socket that had arrived is gone."""

    user_id: int
    socket: int
    abrupt: bool


class SignOut(Command, frozen=True):
    """A token was revoked. Moments are in Unix time."""

    user: User
    token_id: str
    expires_at_s: float
    now_s: float


class ExpirePresence(Command, frozen=True):
    """Some grace period is over, by the time of the log."""


# -- rooms ------------------------------------------------------------------------------------------------------------


class CreateRoom(Command, frozen=True):
    """A room that the store has."""

    room: Room


class TakeHostPlace(Command, frozen=True):
    user: User
    version: str | None


class JoinRoom(Command, frozen=True):
    user: User
    room_id: str
    version: str
    only_from_none: bool = False


class LeaveRoom(Command, frozen=True):
    user: User


class SayInRoom(Command, frozen=True):
    user: User
    text: str


class KickFromRoom(Command, frozen=True):
    user: User
    peer_id: int


class DeleteRoom(Command, frozen=True):
    """The store has it no more."""

    user: User
    room_id: str


class ExpireRooms(Command, frozen=True):
    """Some deadline of a room is over, by the time of the log."""


class ChangeRoom(Command, frozen=True):
    """A host wants other settings."""

    user: User
    room_id: str
    settings: RoomSettings


class HandOverRoom(Command, frozen=True):
    user: User
    room_id: str
    peer_id: int


class UnbanFromRoom(Command, frozen=True):
    user: User
    room_id: str
    banned_id: int


class SetReady(Command, frozen=True):
    user: User
    room_id: str
    is_ready: bool


class StartRoom(Command, frozen=True):
    user: User
    room_id: str
    is_forced: bool


class ReopenRoom(Command, frozen=True):
    user: User
    room_id: str


class UseRoomCode(Command, frozen=True):
    user: User
    code: str


class InviteToRoom(Command, frozen=True):
    user: User
    guest: User
    room_id: str
    key: str
    at: datetime


class EndMatchInvites(Command, frozen=True):
    """Invitations of some senders to a guest are over. `shuts_out`: the store lets the guest into the private room no
    more."""

    room_id: str
    guest_id: int
    sender_ids: tuple[int, ...]
    reason: str
    shuts_out: bool


# -- parties ----------------------------------------------------------------------------------------------------------


class CreateParty(Command, frozen=True):
    user: User
    party_id: str


class InviteToParty(Command, frozen=True):
    user: User
    guest: User
    party_id: str
    key: str
    at: datetime


class JoinParty(Command, frozen=True):
    user: User
    party_id: str


class DeclineParty(Command, frozen=True):
    user: User
    party_id: str


class WithdrawPartyInvite(Command, frozen=True):
    user: User
    party_id: str
    guest_id: int


class LeaveParty(Command, frozen=True):
    user: User
    party_id: str


class KickFromParty(Command, frozen=True):
    user: User
    party_id: str
    member_id: int


class HandOverParty(Command, frozen=True):
    user: User
    party_id: str
    member_id: int


class EnterRoomWithParty(Command, frozen=True):
    user: User
    room_id: str


class ExpireParties(Command, frozen=True):
    """Some deadline of a party is over, by the time of the log."""


# -- friends and blocks: the store has each of them already -----------------------------------------------------------


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
    user_id: int
    other: User
    since: datetime


class Unblock(Command, frozen=True):
    user_id: int
    other_id: int


class SetWhereabouts(Command, frozen=True):
    """Who is told in which room a user is."""

    user_id: int
    audience: Audience


# -- chat, notifications, announcements -------------------------------------------------------------------------------


class TakePart(Command, frozen=True):
    """A user has used chat: all their sockets hear the lobby's from now on."""

    user: User


class Say(Command, frozen=True):
    """A line of chat that is to be kept, and told then. `ref`: the line's number at the node where it came in."""

    ref: int
    sender: User
    channel: str
    text: str
    sent_at: datetime
    other_id: int | None = None
    party_id: str | None = None


class SaidLine(msgspec.Struct, frozen=True, array_like=True):
    """A line that is kept, and under which number it came in where."""

    node: str
    ref: int
    id: int
    sender: User
    text: str
    sent_at: datetime
    other_id: int | None = None
    party_id: str | None = None
    is_withheld: bool = False
    key: str = ""
    """Of the notification, should the other user of a direct conversation be offline."""


class Tell(Command, frozen=True):
    """Lines that the store has are told."""

    lines: tuple[SaidLine, ...]


class RefuseLines(Command, frozen=True):
    """Lines that the store has not. `refs`: node and number of each."""

    refs: tuple[tuple[str, int], ...]
    reason: str


class KeepNotice(Command, frozen=True):
    """A notification for a user is in the store, and no socket was told."""

    user_id: int
    key: str = ""


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """A notification that is kept."""

    id: int
    kind: str
    title: str
    body: str
    from_user_id: int
    ts: int


class DeliverNotices(Command, frozen=True):
    """All that was kept for a user is told now; the store counts it as told."""

    user_id: int
    notices: tuple[Notice, ...]


class ReadNotices(Command, frozen=True):
    """A user has read some notification."""

    user_id: int


class Announce(Command, frozen=True):
    id: int
    title: str
    body: str
    ts: int
    until: int | None = None


# -- administration: the store has each of them already ---------------------------------------------------------------


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


class Nothing(Command, frozen=True):
    """Whoever appends it and sees it applied has seen everything before it."""


def _all_of(kind: type[Command]) -> Any:
    union: Any = None
    for command in kind.__subclasses__():
        union = command if union is None else union | command
    return union


AnyCommand = _all_of(Command)
"""The union of all commands: what a decoder is made for."""
