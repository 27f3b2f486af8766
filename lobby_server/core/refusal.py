"""What the rules do not allow, as one tree of exceptions. After any of them nothing has changed.

    Refusal                why, as a `RefusalCode`
    ├── AlreadyHosting     the room that its host has already
    ├── LooksTaken         a sentence that says so
    ├── InvalidAccount     a sentence per field that is at fault
    └── TokenRefused       a sentence that says what is wrong with the token
        └── UserBanned     of whom it is (`lobby_server.core.bans`)

The codes are the rules' own. Each way out says them in its own words, by one table: the socket by
`lobby_server.service.errors`, HTTP by `lobby_server.web.refusals`.
"""

from __future__ import annotations

from enum import Enum


class RefusalCode(str, Enum):
    """Why something is not allowed."""

    # Accounts and tokens
    INVALID_ACCOUNT = "invalid_account"
    USERNAME_TAKEN = "username_taken"
    EMAIL_TAKEN = "email_taken"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_TOKEN = "invalid_token"
    ADMIN_REQUIRED = "admin_required"
    USER_BANNED = "user_banned"
    REPORT_NOT_FOUND = "report_not_found"
    ACCOUNT_NOT_HERE = "account_not_here"
    """Another service holds the account."""
    SIGN_IN_NOT_FOUND = "sign_in_not_found"
    RESET_LINK_INVALID = "reset_link_invalid"
    EMAIL_LINK_INVALID = "email_link_invalid"
    MAIL_OFF = "mail_off"
    """The server sends no mail."""
    # Rooms
    NO_ROOM_FOUND = "no_room_found"
    """There is no room whose host the user is."""
    ROOM_NOT_FOUND = "room_not_found"
    ROOM_FULL = "room_full"
    VERSION_MISMATCH = "version_mismatch"
    BANNED = "banned"
    INVITATION_REQUIRED = "invitation_required"
    NOT_IN_ROOM = "not_in_room"
    IN_NO_ROOM = "in_no_room"
    """The user asks for the room that they are in."""
    NOT_HOST = "not_host"
    ALREADY_HOSTING = "already_hosting"
    ALREADY_IN_ROOM = "already_in_room"
    ALREADY_STARTED = "already_started"
    NOT_STARTED = "not_started"
    NOT_ALL_READY = "not_all_ready"
    TOO_FEW_PLACES = "too_few_places"
    NOT_BANNED = "not_banned"
    # Users, friends, blocks
    USER_NOT_FOUND = "user_not_found"
    INVALID_TARGET = "invalid_target"
    LIMIT_REACHED = "limit_reached"
    ALREADY_FRIENDS = "already_friends"
    NOT_FRIENDS = "not_friends"
    REQUEST_NOT_FOUND = "request_not_found"
    BLOCKED_BY_YOU = "blocked_by_you"
    INVITATION_NOT_FOUND = "invitation_not_found"
    INVITE_OUTDATED = "invite_outdated"
    NOT_BLOCKED = "not_blocked"
    # Parties
    PARTY_NOT_FOUND = "party_not_found"
    ALREADY_IN_PARTY = "already_in_party"
    NOT_IN_PARTY = "not_in_party"
    NOT_LEADER = "not_leader"
    NOT_INVITED = "not_invited"
    PARTY_FULL = "party_full"
    MEMBER_OFFLINE = "member_offline"
    # Chat and notifications
    INVALID_CHANNEL = "invalid_channel"
    INVALID_CHAT_MESSAGE = "invalid_chat_message"
    RATE_LIMITED = "rate_limited"
    TRY_AGAIN_LATER = "try_again_later"
    NOTIFICATION_NOT_FOUND = "notification_not_found"


class Refusal(Exception):
    """A command that is not allowed."""

    sentence: str | None = None
    """For people, where the code alone does not say it."""
    fields: dict[str, str] | None = None
    """A sentence per field that is at fault."""
    room_id: str | None = None
    """The room that is in the way."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code.value)
        self.code = code

    def __str__(self) -> str:
        return self.sentence or self.code.value


class AlreadyHosting(Refusal):
    """A host wants a second room."""

    def __init__(self, room_id: str) -> None:
        super().__init__(RefusalCode.ALREADY_HOSTING)
        self.room_id = room_id


class InvalidAccount(Refusal):
    """A registration with faults."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(RefusalCode.INVALID_ACCOUNT)
        self.fields = fields
        self.sentence = " ".join(fields.values())


class LooksTaken(Refusal):
    """A username that looks like that of another account."""

    def __init__(self) -> None:
        super().__init__(RefusalCode.USERNAME_TAKEN)
        self.sentence = "This username looks like that of another player; choose another one."


class TokenRefused(Refusal):
    """A token that does not verify, has ended or is revoked."""

    def __init__(self, sentence: str) -> None:
        super().__init__(RefusalCode.INVALID_TOKEN)
        self.sentence = sentence
