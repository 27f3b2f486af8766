"""The messages of friends, parties, chat, invitations, notifications and announcements: the contract, section 8.

What concerns a user goes to all sockets of that user, whatever was asked for in the handshake: it comes only if
somebody addressed them, or they began with it. What is said in the lobby goes to clients that asked for features, and
to others once their user takes part in chat. An announcement goes to everybody: so an administrator means it. A client
of the base protocol that uses none of this therefore hears what it always heard, byte for byte, until then.
"""

from __future__ import annotations

from typing import ClassVar

from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.features import Feature
from lobby_server.protocol.message import ClientMessage, ServerMessage
from lobby_server.protocol.requests import Audience


class SendChatMessage(ClientMessage, frozen=True):
    """Say something in a channel: ``lobby``, ``party`` or ``user:<id>``."""

    TYPE: ClassVar[str] = "chat_message"
    INVALID: ClassVar[ErrorReason] = ErrorReason.INVALID_CHAT_MESSAGE

    channel: str
    text: str


class FriendRequested(ServerMessage, frozen=True):
    """To the user who is asked."""

    TYPE: ClassVar[str] = "friend_request"

    request_id: int
    from_user_id: int
    to_user_id: int
    from_username: str


class FriendRequestClosed(ServerMessage, frozen=True):
    """A request is answered with no, or withdrawn. The sender is not told of a no."""

    TYPE: ClassVar[str] = "friend_request_closed"

    request_id: int


class FriendAccepted(ServerMessage, frozen=True):
    """To both: the other one is a friend now."""

    TYPE: ClassVar[str] = "friend_accepted"

    user_id: int
    username: str


class FriendRemoved(ServerMessage, frozen=True):
    """To both: the friendship has ended."""

    TYPE: ClassVar[str] = "friend_removed"

    user_id: int


class FriendRoom(ServerMessage, frozen=True):
    """Where a friend is now; null: in no room that is public."""

    TYPE: ClassVar[str] = "friend_room"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.FRIEND_ROOMS})

    user_id: int
    room_id: str | None


class UserBlocked(ServerMessage, frozen=True):
    """The user has blocked another one, on whichever device."""

    TYPE: ClassVar[str] = "user_blocked"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.OWN_CHANGES})

    user_id: int
    username: str


class UserUnblocked(ServerMessage, frozen=True):
    """The user does not block another one any more."""

    TYPE: ClassVar[str] = "user_unblocked"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.OWN_CHANGES})

    user_id: int


class NotificationRead(ServerMessage, frozen=True):
    """The user has read a notification, on whichever device."""

    TYPE: ClassVar[str] = "notification_read"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.OWN_CHANGES})

    id: int


class WhereaboutsChanged(ServerMessage, frozen=True):
    """The user has chosen who is told in which room they are."""

    TYPE: ClassVar[str] = "whereabouts_changed"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.OWN_CHANGES})

    whereabouts: Audience


class PartyInvited(ServerMessage, frozen=True):
    """To the guest."""

    TYPE: ClassVar[str] = "party_invite"

    party_id: str
    from_user_id: int
    from_username: str


class PartyInviteClosed(ServerMessage, frozen=True):
    """To all sockets of the guest: an invitation has ended. ``reason``: ``accepted``, ``declined``, ``withdrawn``,
    ``expired`` or ``gone``."""

    TYPE: ClassVar[str] = "party_invite_closed"

    party_id: str
    reason: str


class PartyJoined(ServerMessage, frozen=True):
    """To all members, the new one included."""

    TYPE: ClassVar[str] = "party_joined"

    party_id: str
    user_id: int
    username: str


class PartyLeft(ServerMessage, frozen=True):
    """To all members, and to the user who left. ``reason``: ``left``, ``kicked`` or ``offline``."""

    TYPE: ClassVar[str] = "party_left"

    party_id: str
    user_id: int
    username: str
    reason: str


class PartyLeaderChanged(ServerMessage, frozen=True):
    """To all members: the party has another leader."""

    TYPE: ClassVar[str] = "party_leader_changed"

    party_id: str
    user_id: int
    username: str


class PartyMemberStatus(ServerMessage, frozen=True):
    """To the other members: a member went offline, or is back."""

    TYPE: ClassVar[str] = "party_member_status"

    party_id: str
    user_id: int
    username: str
    is_online: bool


class MatchInvited(ServerMessage, frozen=True):
    """To the user who is invited into a room."""

    TYPE: ClassVar[str] = "match_invite"

    room_id: str
    from_user_id: int
    from_username: str
    gamemode: str


class MatchInviteClosed(ServerMessage, frozen=True):
    """To all sockets of the guest: an invitation has ended. ``reason``: as of ``party_invite_closed``."""

    TYPE: ClassVar[str] = "match_invite_closed"

    room_id: str
    reason: str


class ChatMessage(ServerMessage, frozen=True):
    """A line of chat. ``channel`` is where its reader would answer; ``ts`` is Unix time in milliseconds."""

    TYPE: ClassVar[str] = "chat_message"

    id: int
    channel: str
    from_user_id: int
    from_username: str
    text: str
    ts: int


class Notification(ServerMessage, frozen=True):
    """Something that is kept until it is read. ``ts`` is Unix time in milliseconds."""

    TYPE: ClassVar[str] = "notification"

    id: int
    kind: str
    title: str
    body: str
    ts: int


class Announcement(ServerMessage, frozen=True, omit_defaults=True):
    """A message from an administrator to all clients. ``ts`` is Unix time in milliseconds."""

    TYPE: ClassVar[str] = "announcement"

    id: int
    title: str
    body: str
    ts: int
    until: int | None = None
    """When it has no meaning any more, in the same time; left out where it has no end."""


SOCIAL_MESSAGES: dict[str, type[ServerMessage]] = {
    message.TYPE: message
    for message in (
        FriendRequested, FriendRequestClosed, FriendAccepted, FriendRemoved, FriendRoom,
        UserBlocked, UserUnblocked, NotificationRead, WhereaboutsChanged,
        PartyInvited, PartyInviteClosed, PartyJoined, PartyLeft,
        PartyLeaderChanged, PartyMemberStatus, MatchInvited, MatchInviteClosed, ChatMessage, Notification, Announcement,
    )
}  # fmt: skip
