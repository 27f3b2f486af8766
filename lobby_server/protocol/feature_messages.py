"""What the server says to clients that asked for it, and to no other. Source: the contract, section 5."""

from __future__ import annotations

from typing import ClassVar

from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.resources import OnlineUser, Room, RoomState


class RoomsChangedRev(ServerMessage, frozen=True):
    """The list has changed; for a client that knows the revision of its own."""

    TYPE: ClassVar[str] = "rooms_changed"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.REV})

    rev: int
    fetch_within_ms: int
    """The window over which clients spread their fetch."""


class RoomsSnapshot(ServerMessage, frozen=True, omit_defaults=True):
    """The whole list, newest first."""

    TYPE: ClassVar[str] = "rooms_snapshot"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOMS_DELTA})

    rev: int
    rooms: list[Room]
    part: int | None = None
    """Of a message that comes in parts, from 1; left out where it comes in one."""
    of: int | None = None
    """How many parts."""


class RoomsDelta(ServerMessage, frozen=True, omit_defaults=True):
    """Rooms that are new in the list or changed, oldest first, and ids of those that are not in it any more. One that
    is new in the list need not be the newest: its place is `Room.place`."""

    TYPE: ClassVar[str] = "rooms_delta"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOMS_DELTA})

    base: int
    rev: int
    set: list[Room]
    gone: list[str]
    part: int | None = None
    """Of a message that comes in parts, from 1; left out where it comes in one."""
    of: int | None = None
    """How many parts."""


class PresenceChanged(ServerMessage, frozen=True, omit_defaults=True):
    """The users who came online and went offline in one tick."""

    TYPE: ClassVar[str] = "presence_changed"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.PRESENCE_BATCH})

    online: list[OnlineUser]
    offline: list[OnlineUser]
    part: int | None = None
    """Of a message that comes in parts, from 1; left out where it comes in one."""
    of: int | None = None
    """How many parts."""


class RoomClosed(ServerMessage, frozen=True):
    """The room that the user is in was deleted; base clients hear ``kicked``."""

    TYPE: ClassVar[str] = "room_closed"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset(Feature)

    roomId: str


class RoomStateTold(RoomState, ServerMessage, frozen=True):
    """The user's own room as it is now: after they entered it, and with every change."""

    TYPE: ClassVar[str] = "room_state"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOM_STATE})


class RoomStarted(ServerMessage, frozen=True):
    """The host has started the game: the room is closed to newcomers."""

    TYPE: ClassVar[str] = "room_started"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOM_STATE})

    roomId: str


class RoomUnbanned(ServerMessage, frozen=True):
    """The host of a room lets the user in again."""

    TYPE: ClassVar[str] = "room_unbanned"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOM_STATE})

    roomId: str


class PlayerCount(ServerMessage, frozen=True):
    """How many users are online."""

    TYPE: ClassVar[str] = "player_count"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.PRESENCE_FRIENDS, Feature.PLAYER_COUNT})

    online: int


class ServerDraining(ServerMessage, frozen=True):
    """The close follows; reconnect after that time, which is a slot of the client's own."""

    TYPE: ClassVar[str] = "server_draining"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.DRAIN})

    reconnect_after_ms: int


class TokenExpiring(ServerMessage, frozen=True):
    """The token ends soon."""

    TYPE: ClassVar[str] = "token_expiring"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.REFRESH})

    in_s: int


class Refreshed(ServerMessage, frozen=True):
    """The fresher token is accepted."""

    TYPE: ClassVar[str] = "refreshed"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.REFRESH})

    token_ttl_s: int


FEATURE_MESSAGES: dict[str, type[ServerMessage]] = {
    message.TYPE: message
    for message in (
        RoomsSnapshot, RoomsDelta, PresenceChanged, RoomClosed, RoomStateTold, RoomStarted, RoomUnbanned,
        PlayerCount, ServerDraining, TokenExpiring, Refreshed,
    )
}  # fmt: skip
"""What only clients hear that asked for it. ``rooms_changed`` has the fields of `RoomsChangedRev` for some."""
