"""Error reasons, close codes and what a client does on each. Source: the protocol contract, sections 2, 3 and 6."""

from __future__ import annotations

from enum import Enum, IntEnum


class ErrorReason(str, Enum):
    """The ``reason`` of an ``error`` message. An error never closes the socket by itself."""

    BAD_JSON = "bad_json"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_HANDSHAKE = "invalid_handshake"
    INVALID_TOKEN = "invalid_token"
    AUTHENTICATION_REQUIRED = "authentication_required"
    RATE_LIMITED = "rate_limited"
    NO_ROOM_FOUND = "no_room_found"
    ROOM_NOT_FOUND = "room_not_found"
    ROOM_FULL = "room_full"
    VERSION_MISMATCH = "version_mismatch"
    NOT_IN_ROOM = "not_in_room"
    NOT_HOST = "not_host"
    INVALID_TARGET = "invalid_target"
    INVALID_JOIN_ROOM = "invalid_join_room"
    ALREADY_IN_ROOM = "already_in_room"
    ALREADY_STARTED = "already_started"
    BANNED = "banned"
    INVITATION_REQUIRED = "invitation_required"
    INVALID_CHAT_MESSAGE = "invalid_chat_message"
    INVALID_CHANNEL = "invalid_channel"
    USER_NOT_FOUND = "user_not_found"
    NOT_IN_PARTY = "not_in_party"
    BLOCKED_BY_YOU = "blocked_by_you"
    TRY_AGAIN_LATER = "try_again_later"
    USER_BANNED = "user_banned"


class ApiCode(str, Enum):
    """The ``code`` of an HTTP error body: stable, for programs; the sentence beside it is for people."""

    AUTHENTICATION_REQUIRED = "authentication_required"
    INVALID_TOKEN = "invalid_token"
    INVALID_REQUEST = "invalid_request"
    INVALID_CREDENTIALS = "invalid_credentials"
    USERNAME_TAKEN = "username_taken"
    EMAIL_TAKEN = "email_taken"
    USER_BANNED = "user_banned"
    REPORT_NOT_FOUND = "report_not_found"
    ACCOUNT_NOT_HERE = "account_not_here"
    SIGN_IN_NOT_FOUND = "sign_in_not_found"
    RESET_LINK_INVALID = "reset_link_invalid"
    EMAIL_LINK_INVALID = "email_link_invalid"
    MAIL_OFF = "mail_off"
    GAMEMODE_REQUIRED = "gamemode_required"
    ALREADY_HOSTING = "already_hosting"
    ROOM_NOT_FOUND = "room_not_found"
    NOT_HOST = "not_host"
    USER_NOT_FOUND = "user_not_found"
    INVALID_TARGET = "invalid_target"
    LIMIT_REACHED = "limit_reached"
    BLOCKED_BY_YOU = "blocked_by_you"
    NOT_BLOCKED = "not_blocked"
    ALREADY_FRIENDS = "already_friends"
    NOT_FRIENDS = "not_friends"
    REQUEST_NOT_FOUND = "request_not_found"
    PARTY_NOT_FOUND = "party_not_found"
    ALREADY_IN_PARTY = "already_in_party"
    NOT_IN_PARTY = "not_in_party"
    NOT_LEADER = "not_leader"
    NOT_INVITED = "not_invited"
    INVITATION_NOT_FOUND = "invitation_not_found"
    INVITE_OUTDATED = "invite_outdated"
    PARTY_FULL = "party_full"
    MEMBER_OFFLINE = "member_offline"
    NOT_IN_ROOM = "not_in_room"
    ALREADY_IN_ROOM = "already_in_room"
    ALREADY_STARTED = "already_started"
    NOT_STARTED = "not_started"
    NOT_ALL_READY = "not_all_ready"
    TOO_FEW_PLACES = "too_few_places"
    NOT_BANNED = "not_banned"
    ROOM_FULL = "room_full"
    VERSION_MISMATCH = "version_mismatch"
    BANNED = "banned"
    INVITATION_REQUIRED = "invitation_required"
    INVALID_CHANNEL = "invalid_channel"
    NOTIFICATION_NOT_FOUND = "notification_not_found"
    ADMIN_REQUIRED = "admin_required"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RATE_LIMITED = "rate_limited"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    UPGRADE_REQUIRED = "upgrade_required"
    TRY_AGAIN_LATER = "try_again_later"
    NOT_READY = "not_ready"
    INTERNAL_ERROR = "internal_error"


class CloseCode(IntEnum):
    """WebSocket close codes that the server sends (RFC 6455 section 7.4 and the private range)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_TEXT = 1007
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    HANDSHAKE_TIMEOUT = 4001
    SLOW_CONSUMER = 4002
    RATE_LIMITED = 4003
    HEARTBEAT_TIMEOUT = 4004
    PROTOCOL_ABUSE = 4501
    SIGNED_OUT = 4502
    BANNED = 4503


FIRST_TERMINAL_CLOSE_CODE = 4500
"""Codes from here to 4999 mean: do not come back unchanged."""

MAX_CLOSE_REASON_BYTES = 123
"""RFC 6455 section 5.5: a control frame carries 125 bytes, two of them the code."""


def may_reconnect(close_code: int | None) -> bool:
    """Whether a client that was closed with this code retries after a back-off (``None``: no close frame came)."""
    return close_code is None or not FIRST_TERMINAL_CLOSE_CODE <= close_code <= 4999
