"""The bodies that clients send to the HTTP API: what the handlers decode is what the description shows. A registration
is looked at by the rules of accounts instead (`lobby_server.core.accounts`), which say more than a type can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

from lobby_server.protocol.resources import DEFAULT_ROOM_PLAYERS, MAX_ROOM_PLAYERS, MIN_ROOM_PLAYERS

MAX_END_S = 10 * 365 * 86400
"""Of a ban or an announcement: ten years."""
MAX_NAME_CHARACTERS = 64
"""Of a game mode, a map, and a username."""
MAX_BODY_BYTES = 64 * 1024
"""Of a request."""
MAX_USER_ID = 2**53 - 1
"""The largest integer that every JSON client reads exactly (RFC 8259 section 6)."""
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
"""Longer ones would only let a client occupy the hashing threads."""

# Patterns are written without classes like \\s, which mean other characters to every validator of JSON Schema.
_BLANK = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL has no NUL in its text."""
VISIBLE = rf"^[^\x00]*[^{_BLANK}][^\x00]*$"
"""With something to see in it."""
USERNAME = "^[A-Za-z0-9_]{3,20}$"
PASSWORD = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Without control characters (RFC 8265 section 4.2.1)."""
EMAIL = rf"^([^@{_BLANK}]{{1,64}}@[^@{_BLANK}]{{1,189}})?$"
"""Nothing is the same as no email."""

UserId = Annotated[int, msgspec.Meta(ge=0, le=MAX_USER_ID)]
PeerId = Annotated[int, msgspec.Meta(ge=0, le=MAX_USER_ID)]
"""Bounded, because it goes from node to node, where integers have 64 bits."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=VISIBLE)]
OptionalName = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARACTERS, pattern=NO_NUL)]


class Body(msgspec.Struct, frozen=True):
    """What all bodies share."""

    FAULTS: ClassVar[Mapping[str, str]] = {}
    """The sentence that a client reads when that field is wrong."""
    ONE_OF: ClassVar[tuple[str, ...]] = ()
    """Fields of which one at least is needed."""


Password = Annotated[
    str, msgspec.Meta(min_length=MIN_PASSWORD_CHARACTERS, max_length=MAX_PASSWORD_CHARACTERS, pattern=PASSWORD)
]
_PASSWORD_FAULT = (
    f"A password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters, none of them a control "
    "character."
)


class Registration(Body, frozen=True):
    username: Annotated[str, msgspec.Meta(pattern=USERNAME)]
    password: Password
    email: Annotated[str, msgspec.Meta(pattern=EMAIL)] | None = None


class Login(Body, frozen=True):
    """An email works as username."""

    username: Annotated[str, msgspec.Meta(min_length=1)]
    password: Annotated[str, msgspec.Meta(min_length=1)]

    FAULTS: ClassVar = {
        "username": "A username is needed, as text.",
        "password": "A password is needed, as text.",
    }


class PasswordProof(Body, frozen=True):
    """Whoever holds the token knows the password too."""

    password: Annotated[str, msgspec.Meta(min_length=1)]

    FAULTS: ClassVar = {"password": "Your password is needed, as text."}


class PasswordChange(Body, frozen=True):
    current_password: Annotated[str, msgspec.Meta(min_length=1)]
    new_password: Password

    FAULTS: ClassVar = {
        "current_password": "Your password as it is now is needed, as text.",
        "new_password": _PASSWORD_FAULT,
    }


class PasswordReset(Body, frozen=True):
    token: Annotated[str, msgspec.Meta(min_length=1)]
    new_password: Password

    FAULTS: ClassVar = {"token": "The token of a reset link is needed, as text.", "new_password": _PASSWORD_FAULT}


Language = Literal["en", "de"]
"""In which a mail is written."""
_LANGUAGE_FAULT = "language is en or de."


class ResetRequest(Body, frozen=True):
    """An email address works as username."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=NO_NUL)]
    language: Language = "en"

    FAULTS: ClassVar = {"username": Login.FAULTS["username"], "language": _LANGUAGE_FAULT}


class EmailChange(Body, frozen=True):
    """Without an address the account has none any more."""

    password: Annotated[str, msgspec.Meta(min_length=1)]
    email: Annotated[str, msgspec.Meta(pattern=EMAIL)] | None = None
    language: Language = "en"

    FAULTS: ClassVar = {
        **PasswordProof.FAULTS,
        "email": "An email address looks like name@example.org.",
        "language": _LANGUAGE_FAULT,
    }


class EmailConfirmation(Body, frozen=True):
    token: Annotated[str, msgspec.Meta(min_length=1)]

    FAULTS: ClassVar = {"token": "The token of the link in the mail is needed, as text."}


Audience = Literal["everybody", "friends", "nobody"]
"""Who is told in which room a user is."""
DEFAULT_AUDIENCE: Audience = "friends"


class AccountChange(Body, frozen=True):
    whereabouts: Audience

    FAULTS: ClassVar = {"whereabouts": "whereabouts is everybody, friends or nobody."}


class OneUsername(Body, frozen=True):
    username: Name

    FAULTS: ClassVar = {"username": f"username is text of at most {MAX_NAME_CHARACTERS} characters."}


class RoleChange(Body, frozen=True):
    """Without a role the user is one like any other again."""

    username: Name
    role: Literal["admin"] | None = None

    FAULTS: ClassVar = {**OneUsername.FAULTS, "role": "role is admin, or null."}


class RoomWish(Body, frozen=True):
    gamemode: Name
    mapName: OptionalName | None = None
    maxPlayers: Annotated[int, msgspec.Meta(ge=MIN_ROOM_PLAYERS, le=MAX_ROOM_PLAYERS)] = DEFAULT_ROOM_PLAYERS
    isPublic: bool = True
    name: OptionalName | None = None

    FAULTS: ClassVar = {
        "name": f"A name is text of at most {MAX_NAME_CHARACTERS} characters.",
        "gamemode": f"A gamemode has at most {MAX_NAME_CHARACTERS} characters.",
        "mapName": f"A mapName is text of at most {MAX_NAME_CHARACTERS} characters.",
        "maxPlayers": f"maxPlayers is a whole number from {MIN_ROOM_PLAYERS} to {MAX_ROOM_PLAYERS}.",
        "isPublic": "isPublic is true or false.",
    }


class RoomSettings(Body, frozen=True):
    """What is left out stays as it is; an empty name or map is none."""

    name: OptionalName | None = None
    gamemode: Name | None = None
    mapName: OptionalName | None = None
    maxPlayers: Annotated[int, msgspec.Meta(ge=MIN_ROOM_PLAYERS, le=MAX_ROOM_PLAYERS)] | None = None
    isPublic: bool | None = None

    FAULTS: ClassVar = RoomWish.FAULTS


class PeerChoice(Body, frozen=True):
    peerId: PeerId

    FAULTS: ClassVar = {"peerId": "peerId is a whole number, that of a member of the room."}


class Readiness(Body, frozen=True):
    ready: bool

    FAULTS: ClassVar = {"ready": "ready is true or false."}


class StartWish(Body, frozen=True):
    force: bool = False

    FAULTS: ClassVar = {"force": "force is true or false."}


class Whom(Body, frozen=True):
    """One of the two."""

    to_user_id: UserId | None = None
    to_username: Name | None = None

    ONE_OF: ClassVar = ("to_user_id", "to_username")
    FAULTS: ClassVar = {
        "to_user_id": "to_user_id is a whole number, the id of a user.",
        "to_username": f"to_username is text of at most {MAX_NAME_CHARACTERS} characters.",
    }


class OneUser(Body, frozen=True):
    user_id: UserId

    FAULTS: ClassVar = {"user_id": "user_id is a whole number, the id of a user."}


EndsInS = Annotated[int, msgspec.Meta(ge=1, le=MAX_END_S)]
_ENDS_FAULT = f"ends_in_s is a whole number of seconds, from 1 to {MAX_END_S}."


class NewAnnouncement(Body, frozen=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=VISIBLE)]
    body: Annotated[str, msgspec.Meta(max_length=2000, pattern=NO_NUL)] = ""
    ends_in_s: EndsInS | None = None

    FAULTS: ClassVar = {
        "ends_in_s": _ENDS_FAULT,
        "title": "title is text of at most 100 characters.",
        "body": "body is text of at most 2000 characters.",
    }


ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=VISIBLE)]
_REASON_FAULT = "A reason is needed, as text of at most 200 characters."


class Reason(Body, frozen=True):
    reason: ReasonText

    FAULTS: ClassVar = {"reason": _REASON_FAULT}


class UserKick(Body, frozen=True):
    username: Name
    reason: ReasonText

    FAULTS: ClassVar = {**OneUsername.FAULTS, "reason": _REASON_FAULT}


class NewUserBan(Body, frozen=True):
    """Without an end it holds until it is lifted."""

    username: Name
    reason: ReasonText
    ends_in_s: EndsInS | None = None

    FAULTS: ClassVar = {**UserKick.FAULTS, "ends_in_s": _ENDS_FAULT}


class NewReport(Body, frozen=True):
    username: Name
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=VISIBLE)]
    room_id: OptionalName | None = None

    FAULTS: ClassVar = {
        **OneUsername.FAULTS,
        "text": "Say what happened, in at most 500 characters.",
        "room_id": "room_id is text, the id of a room.",
    }
