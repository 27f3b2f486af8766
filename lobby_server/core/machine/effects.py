"""What became of a command: facts, in the order in which they are to be told. Every node gets the same ones; what it
tells, it tells its own sockets.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lobby_server.core.friends import FriendRequest
from lobby_server.core.invitations import CloseReason, MatchInvitation
from lobby_server.core.machine.commands import Notice, RefuseLines, SaidLine, Say
from lobby_server.core.parties import Closed, Party, PartyDeparture, PartyEntry
from lobby_server.core.presence import User
from lobby_server.core.rooms import Departure, Entry, Member, Room


class Effect(msgspec.Struct, frozen=True, gc=False):
    """One fact."""


class NodeJoined(Effect, frozen=True):
    node: str


class NodeLeft(Effect, frozen=True):
    node: str


class CameOnline(Effect, frozen=True):
    """`party`: the one in which the user was missed."""

    user: User
    party: Party | None


class Accepted(Effect, frozen=True):
    """A socket of a user takes part."""

    user: User


class WentOffline(Effect, frozen=True):
    """`party`: the one in which the user is missed now."""

    user: User
    party: Party | None


class PresenceDeadline(Effect, frozen=True):
    """The next end of a grace period may be another one."""


class RevisionRaised(Effect, frozen=True):
    """The revision of the list went up, and the list is as it was."""


class RoomDeadline(Effect, frozen=True):
    """The next deadline of a room may be another one."""


class PartyDeadline(Effect, frozen=True):
    """The next deadline of a party may be another one."""


class SignedOut(Effect, frozen=True):
    user: User
    token_id: str


class TokensRevoked(Effect, frozen=True):
    """Keys of tokens and of sign-ins."""

    keys: frozenset[str]


class UserForgotten(Effect, frozen=True):
    """An account is deleted, or something about its user came later: nothing of them is to be kept."""

    user_id: int
    mark: str


class RoomCreated(Effect, frozen=True):
    room: Room


class HostPlaceTaken(Effect, frozen=True):
    """`had_version`: the room's version was known before."""

    entry: Entry
    had_version: bool


class RoomJoined(Effect, frozen=True):
    entry: Entry


class PartyEntered(Effect, frozen=True):
    """A party entered a room together."""

    room: Room
    entries: tuple[Entry, ...]


class RoomLeft(Effect, frozen=True):
    departure: Departure


class OwnRoomLeft(Effect, frozen=True):
    """Follows a `RoomLeft` of which the user's own sockets may know nothing yet."""

    user: User
    peer_id: int


class SaidInRoom(Effect, frozen=True):
    member: Member
    text: str
    heard_by: tuple[int, ...]


class Kicked(Effect, frozen=True):
    departure: Departure
    by: User


class RoomDeleted(Effect, frozen=True):
    room: Room
    by: User


class RoomExpired(Effect, frozen=True):
    room: Room


class HostReplaced(Effect, frozen=True):
    """Another member leads a room, whose host before is in it still or was away for too long."""

    room: Room
    host: Member


class RoomChanged(Effect, frozen=True):
    """`is_seen`: readers of the public list see the difference."""

    room: Room
    is_seen: bool


class Unbanned(Effect, frozen=True):
    room: Room
    user_id: int


class ReadinessChanged(Effect, frozen=True):
    room: Room


class RoomStarted(Effect, frozen=True):
    room: Room


class RoomReopened(Effect, frozen=True):
    room: Room


class LetIn(Effect, frozen=True):
    """A private room lets users in from now on."""

    room: Room
    user_ids: tuple[int, ...]


class ShutOut(Effect, frozen=True):
    """A private room lets a user in no more: what invited them is over."""

    room: Room
    user_id: int


class UserPutOut(Effect, frozen=True):
    """An administrator has kicked or banned a user from the lobby."""

    user: User
    reason: str
    is_banned: bool
    until_s: float | None = None
    """When a ban ends, Unix seconds; None: it has no end."""


class MatchInvitesStand(Effect, frozen=True):
    """Invitations into one room that did not stand before, or that let their guests in otherwise than before, whether
    these are told of it or not."""

    invitations: tuple[MatchInvitation, ...]


class MatchInvited(Effect, frozen=True):
    room: Room
    sender: User
    guest: User


class MatchInvitesClosed(Effect, frozen=True):
    """All are into one room. `heirs`: those that let a guest in from now on, in place of these."""

    invitations: tuple[MatchInvitation, ...]
    reason: CloseReason
    heirs: tuple[MatchInvitation, ...] = ()


class PartyCreated(Effect, frozen=True):
    party: Party


class PartyInvited(Effect, frozen=True):
    party_id: str
    sender: User
    guest: User


class PartyInvitesClosed(Effect, frozen=True):
    closed: tuple[Closed, ...]


class PartyJoined(Effect, frozen=True):
    entry: PartyEntry
    user: User


class PartyLeft(Effect, frozen=True):
    departure: PartyDeparture


class PartyLed(Effect, frozen=True):
    """Another member leads."""

    party: Party


class FriendAsked(Effect, frozen=True):
    request: FriendRequest


class Befriended(Effect, frozen=True):
    asker: User
    user: User
    since: datetime


class FriendRequestClosed(Effect, frozen=True):
    """Declined, withdrawn, or ended by a block."""

    request_id: int
    sender_id: int
    receiver_id: int
    told_ids: tuple[int, ...]


class Parted(Effect, frozen=True):
    """Two are friends no more."""

    one_id: int
    other_id: int


class Blocked(Effect, frozen=True):
    """Nobody but the user themselves is to know."""

    user_id: int
    other: User


class Unblocked(Effect, frozen=True):
    user_id: int
    other_id: int


class NoticeRead(Effect, frozen=True):
    user_id: int
    notification_id: int


class WhereaboutsSet(Effect, frozen=True):
    """Others are told where a user is as never before, or not any more."""

    user_id: int


class PartTaken(Effect, frozen=True):
    """A user takes part in the lobby's chat."""

    user: User


class LineToKeep(Effect, frozen=True):
    """`node`: where the line came in."""

    node: str
    line: Say


class LineSaid(Effect, frozen=True):
    """`heard_by`: None for the lobby's, which all hear but `deaf`."""

    line: SaidLine
    heard_by: tuple[int, ...] | None
    deaf: frozenset[int]
    is_for_other: bool = False
    """The other user of a direct conversation hears it too."""


class LinesRefused(Effect, frozen=True):
    refused: RefuseLines


class NoticeDue(Effect, frozen=True):
    """A user is to be notified: to be kept first. `room_id`: where it invites to."""

    key: str
    user_id: int
    kind: str
    title: str
    body: str
    sender: User
    at: datetime
    room_id: str | None = None


class NoticesTold(Effect, frozen=True):
    user_id: int
    notices: tuple[Notice, ...]


class Announced(Effect, frozen=True):
    id: int
    title: str
    body: str
    ts: int
    until: int | None = None
