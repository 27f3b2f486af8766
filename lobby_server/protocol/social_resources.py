"""The bodies of the API of friends, parties, chat, notifications and announcements: the contract, section 8.

``ts`` is Unix time in milliseconds, as in the events; ``since`` and ``created_at`` are ISO 8601.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from lobby_server.protocol.resources import Room

PAGE_ITEMS = 50
"""Lines of chat, and notifications, in one answer."""


class NotificationKind(str, Enum):
    """What a notification is about."""

    FRIEND_REQUEST = "friend_request"
    FRIEND_ACCEPTED = "friend_accepted"
    PARTY_INVITE = "party_invite"
    MATCH_INVITE = "match_invite"
    DIRECT_MESSAGE = "direct_message"


class Friend(msgspec.Struct, frozen=True):
    user_id: int
    username: str
    is_online: bool
    since: str


class Profile(msgspec.Struct, frozen=True):
    """A user as another one sees them."""

    user_id: int
    username: str
    is_online: bool
    since: str | None
    """When the account was made; None: another service holds it."""
    rooms_hosted: int | None
    mutual_friends: list[str]
    """Friends of both, by name: the first ones of them."""
    mutual_friends_count: int
    room_id: str | None
    """The public room that the user is in, where they let the reader know."""


class FriendsRoom(msgspec.Struct, frozen=True):
    user_id: int
    room_id: str


class FriendRooms(msgspec.Struct, frozen=True):
    """Friends who are in a public room."""

    rooms: list[FriendsRoom]


class FriendRequest(msgspec.Struct, frozen=True):
    request_id: int
    from_user_id: int
    from_username: str
    to_user_id: int
    to_username: str
    created_at: str


class FriendList(msgspec.Struct, frozen=True):
    """``incoming`` waits for an answer of the caller, ``outgoing`` for one of the other user."""

    count: int
    friends: list[Friend]
    incoming: list[FriendRequest]
    outgoing: list[FriendRequest]


class FriendAsked(msgspec.Struct, frozen=True):
    """``status`` is ``sent``, with the request, or ``accepted``, with the friend: they had asked already."""

    status: str
    request: FriendRequest | None
    friend: Friend | None


class FriendMade(msgspec.Struct, frozen=True):
    friend: Friend


class Block(msgspec.Struct, frozen=True):
    user_id: int
    username: str
    since: str


class BlockList(msgspec.Struct, frozen=True):
    count: int
    blocks: list[Block]


class PartyMember(msgspec.Struct, frozen=True):
    user_id: int
    username: str
    is_online: bool


class PartyGuest(msgspec.Struct, frozen=True):
    """A user who was invited and has not joined yet."""

    user_id: int
    username: str
    expires_in_s: float


class Party(msgspec.Struct, frozen=True):
    """``members``: the one longest in the party first."""

    id: str
    leader_user_id: int
    max_members: int
    members: list[PartyMember]
    invited: list[PartyGuest]


class PartyAnswer(msgspec.Struct, frozen=True):
    party: Party


class PartyInvitation(msgspec.Struct, frozen=True):
    party_id: str
    from_user_id: int
    from_username: str
    expires_in_s: float


class MyParty(msgspec.Struct, frozen=True):
    """The caller's party, if they are in one, and where they are invited."""

    party: Party | None
    invites: list[PartyInvitation]


class RoomInvitation(msgspec.Struct, frozen=True):
    """An invitation of the caller into a room. ``gamemode``: as the room has it now."""

    room_id: str
    from_user_id: int
    from_username: str
    gamemode: str


class RoomInvitations(msgspec.Struct, frozen=True):
    """Those of the caller that stand."""

    invites: list[RoomInvitation]


class SentRoomInvitation(msgspec.Struct, frozen=True):
    """An invitation by the caller into a room."""

    room_id: str
    to_user_id: int
    to_username: str | None
    """None: another service holds the account, and its user is away."""


class PartyInRoom(msgspec.Struct, frozen=True):
    """All of a party are in a room."""

    room: Room
    user_ids: list[int]


class ChatLine(msgspec.Struct, frozen=True):
    id: int
    channel: str
    from_user_id: int
    from_username: str
    text: str
    ts: int


class ChatHistory(msgspec.Struct, frozen=True):
    """``messages``: oldest first. ``has_more``: there are older ones, before the first of these."""

    channel: str
    messages: list[ChatLine]
    has_more: bool


class Notification(msgspec.Struct, frozen=True):
    id: int
    kind: str
    title: str
    body: str
    ts: int
    is_read: bool
    room_id: str | None
    """Where a match invitation leads; null for every other kind. The event has no such field."""


class NotificationList(msgspec.Struct, frozen=True):
    """Newest first. ``unread`` counts all, not those of this page."""

    unread: int
    notifications: list[Notification]
    has_more: bool


class Announcement(msgspec.Struct, frozen=True, omit_defaults=True):
    id: int
    title: str
    body: str
    ts: int
    until: int | None = None


class AnnouncementList(msgspec.Struct, frozen=True):
    """Newest first."""

    announcements: list[Announcement]


class Stats(msgspec.Struct, frozen=True):
    """How much is going on; for everybody."""

    online: int
    rooms: int
    players_in_rooms: int
