"""What the HTTP API answers about an account: where it is signed in, a link to a new password, all of its data."""

from __future__ import annotations

import msgspec

from lobby_server.protocol.authority.admin_resources import AnyRoom
from lobby_server.protocol.requests import Audience
from lobby_server.protocol.resources import User
from lobby_server.protocol.social_resources import (
    Block,
    ChatLine,
    FriendList,
    MyParty,
    Notification,
    RoomInvitation,
    SentRoomInvitation,
)


class SignIn(msgspec.Struct, frozen=True):
    """One login, on one device."""

    id: str
    client: str
    """What the client calls itself: its ``User-Agent``."""
    created_at: str
    used_at: str
    """When it got its last token."""
    is_current: bool


class SignInList(msgspec.Struct, frozen=True):
    """The one that was used last first."""

    sign_ins: list[SignIn]


class SignedOut(msgspec.Struct, frozen=True):
    """How many sign-ins were ended."""

    count: int


class ResetLink(msgspec.Struct, frozen=True):
    """For the page: its address with ``#reset=`` and the token."""

    username: str
    token: str
    expires_at: str


class AccountOverview(msgspec.Struct, frozen=True):
    """The caller's account and its settings."""

    user: User
    is_here: bool
    """False: another service holds the account."""
    email_confirmed: bool
    sends_mail: bool
    """Whether this server can send a link to another password."""
    whereabouts: Audience
    """Who is told in which room the user is."""


class AccountRole(msgspec.Struct, frozen=True):
    user_id: int
    username: str
    role: str | None


class MailInWait(msgspec.Struct, frozen=True):
    """A mail to the user that was asked for and not sent yet."""

    kind: str
    """``reset`` or ``confirmation``."""
    address: str
    until: str
    """Not sent any more after that."""


class SentReport(msgspec.Struct, frozen=True):
    """What a user has told the administrators of another player."""

    about_username: str
    text: str
    room_id: str | None
    created_at: str
    is_closed: bool


class PastBan(msgspec.Struct, frozen=True):
    """The user was kept out of the lobby, as they were told when they wanted in."""

    reason: str
    created_at: str
    until: str | None
    """None: it was lifted a moment ago."""


class AccountExport(msgspec.Struct, frozen=True):
    """All that is kept of a user. What administrators did as such is the operator's record, and not in it; nor is
    what others have said or decided of the user without telling them."""

    user: User
    role: str | None
    email_confirmed: bool
    whereabouts: Audience
    rooms_hosted: int
    """So many in all."""
    rooms: list[AnyRoom]
    """Those that the user hosts, and the one that they are in."""
    banned_from: list[str]
    """Ids of rooms whose host has kicked the user."""
    admitted_to: list[str]
    """Ids of rooms that let the user in without another invitation."""
    started_with: list[str]
    """Ids of rooms whose game has started with the user in it, who may come back."""
    invites_sent: list[SentRoomInvitation]
    """Invitations into rooms that stand."""
    invites_received: list[RoomInvitation]
    party: MyParty
    """In memory only."""
    bans: list[PastBan]
    """Those that are over and not swept away yet. A user who is banned has no export."""
    sign_ins: list[SignIn]
    friends: FriendList
    blocks: list[Block]
    chat: list[ChatLine]
    """What the user has said. ``channel`` is the name under which the server keeps it."""
    notifications: list[Notification]
    reports: list[SentReport]
    mails: list[MailInWait]
