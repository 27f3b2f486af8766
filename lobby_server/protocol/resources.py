"""The bodies of the HTTP API, typed: what comes in, what goes out. JSON names where they differ from ours are given
by ``msgspec.field(name=…)``. Source: the protocol contract, section 3.
"""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from lobby_server.protocol.codes import ApiCode

MIN_ROOM_PLAYERS = 2
MAX_ROOM_PLAYERS = 64
DEFAULT_ROOM_PLAYERS = 8


def iso_utc(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z`` and milliseconds, as every ``created_at`` is written."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class User(msgspec.Struct, frozen=True):
    """An account as its owner sees it. ``email`` and ``created_at`` are null when another service holds it."""

    id: int
    username: str
    email: str | None = None
    created_at: str | None = None


class Session(msgspec.Struct, frozen=True):
    """Answer of register and login."""

    token: str
    user: User


class Verified(msgspec.Struct, frozen=True):
    valid: bool
    user: User


class NotVerified(msgspec.Struct, frozen=True):
    valid: bool
    error: str
    code: ApiCode


class FreshToken(msgspec.Struct, frozen=True):
    token: str


class Room(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of the room list. The last fields are there only where a host made use of them."""

    id: str
    host_username: str
    gamemode: str
    map_name: str | None
    current_players: int
    max_players: int
    created_at: str
    is_full: bool
    name: str | None = None
    """One of its own."""
    is_started: bool = False
    """Closed to newcomers."""

    @property
    def place(self) -> tuple[str, str]:
        """What the list is sorted by, the greatest first: newest first, and the same for all who sort it."""
        return self.created_at, self.id


class PeerInfo(msgspec.Struct, frozen=True):
    """A member as the other members see it."""

    peerId: int
    name: str
    isHost: bool


class MyRoom(Room, frozen=True, kw_only=True):
    """The room that the caller is in, with what ``room_joined`` says of it."""

    peerId: int
    """The caller's own."""
    members: list[PeerInfo]


class RoomState(msgspec.Struct, frozen=True):
    """What a member sees of the room besides its members: in the fields of the socket's messages."""

    roomId: str
    code: str
    """To join by."""
    name: str | None
    gamemode: str
    mapName: str | None
    maxPlayers: int
    isPublic: bool
    isStarted: bool
    hostPeerId: int | None
    """None: the host is away, and the place is kept."""
    ready: list[int]
    """Peer ids."""


class BannedUser(msgspec.Struct, frozen=True):
    user_id: int
    username: str | None
    """None: nobody knows the name any more."""


class BanList(msgspec.Struct, frozen=True):
    count: int
    bans: list[BannedUser]


class RoomList(msgspec.Struct, frozen=True):
    count: int
    rooms: list[Room]


class RoomMade(msgspec.Struct, frozen=True):
    success: bool
    room: Room


class Done(msgspec.Struct, frozen=True):
    success: bool = True


class OnlineUser(msgspec.Struct, frozen=True):
    user_id: int
    username: str


class OnlineUsers(msgspec.Struct, frozen=True):
    count: int
    users: list[OnlineUser]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every HTTP error."""

    error: str
    code: ApiCode
    fields: dict[str, str] | None = None
    """What is wrong with which field, with ``invalid_request``."""
    existing_room_id: str | None = None
    """With ``already_hosting``."""
