"""The bodies that clients send to the HTTP API, for its description. The handlers read them field by field, so that an
answer can say which one is wrong; a test sends each without its fields and compares.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from lobby_server.protocol.resources import DEFAULT_ROOM_PLAYERS, MAX_ROOM_PLAYERS, MIN_ROOM_PLAYERS


class Registration(msgspec.Struct, frozen=True):
    username: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{3,20}$")]
    password: Annotated[str, msgspec.Meta(min_length=8)]
    email: str | None = None


class Login(msgspec.Struct, frozen=True):
    """An email works as username."""

    username: str
    password: str


class RoomWish(msgspec.Struct, frozen=True):
    gamemode: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    mapName: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    maxPlayers: Annotated[int, msgspec.Meta(ge=MIN_ROOM_PLAYERS, le=MAX_ROOM_PLAYERS)] = DEFAULT_ROOM_PLAYERS
    isPublic: bool = True


class Whom(msgspec.Struct, frozen=True):
    """One of the two."""

    to_user_id: Annotated[int, msgspec.Meta(ge=0)] | None = None
    to_username: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class OneUser(msgspec.Struct, frozen=True):
    user_id: Annotated[int, msgspec.Meta(ge=0)]


class NewAnnouncement(msgspec.Struct, frozen=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    body: Annotated[str, msgspec.Meta(max_length=2000)] = ""
