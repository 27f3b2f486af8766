"""The bodies that clients send to the HTTP API: what the handlers decode is what the description shows. A registration
is looked at by the rules of accounts instead (`lobby_server.core.accounts`), which say more than a type can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from lobby_server.protocol.resources import DEFAULT_ROOM_PLAYERS, MAX_ROOM_PLAYERS, MIN_ROOM_PLAYERS

MAX_NAME_CHARACTERS = 64
"""Of a game mode, a map, and a username."""


class Body(msgspec.Struct, frozen=True):
    """What all bodies share."""

    FAULTS: ClassVar[Mapping[str, str]] = {}
    """The sentence that a client reads when that field is wrong."""
    IS_KEPT: ClassVar[bool] = True
    """A database keeps its text, which may hold no NUL then."""


class Registration(Body, frozen=True):
    username: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{3,20}$")]
    password: Annotated[str, msgspec.Meta(min_length=8)]
    email: str | None = None


class Login(Body, frozen=True):
    """An email works as username."""

    username: str
    password: str

    IS_KEPT: ClassVar = False
    FAULTS: ClassVar = {
        "username": "A username is needed, as text.",
        "password": "A password is needed, as text.",
    }


class RoomWish(Body, frozen=True):
    gamemode: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    mapName: Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARACTERS)] | None = None
    maxPlayers: Annotated[int, msgspec.Meta(ge=MIN_ROOM_PLAYERS, le=MAX_ROOM_PLAYERS)] = DEFAULT_ROOM_PLAYERS
    isPublic: bool = True

    FAULTS: ClassVar = {
        "gamemode": f"A gamemode has at most {MAX_NAME_CHARACTERS} characters.",
        "mapName": f"A mapName is text of at most {MAX_NAME_CHARACTERS} characters.",
        "maxPlayers": f"maxPlayers is a whole number from {MIN_ROOM_PLAYERS} to {MAX_ROOM_PLAYERS}.",
        "isPublic": "isPublic is true or false.",
    }


class Whom(Body, frozen=True):
    """One of the two."""

    to_user_id: Annotated[int, msgspec.Meta(ge=0)] | None = None
    to_username: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)] | None = None

    FAULTS: ClassVar = {
        "to_user_id": "to_user_id is a whole number, the id of a user.",
        "to_username": f"to_username is text of at most {MAX_NAME_CHARACTERS} characters.",
    }


class OneUser(Body, frozen=True):
    user_id: Annotated[int, msgspec.Meta(ge=0)]

    FAULTS: ClassVar = {"user_id": "user_id is a whole number, the id of a user."}


class NewAnnouncement(Body, frozen=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    body: Annotated[str, msgspec.Meta(max_length=2000)] = ""

    FAULTS: ClassVar = {
        "title": "title is text of at most 100 characters.",
        "body": "body is text of at most 2000 characters.",
    }
