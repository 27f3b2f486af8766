"""What a player believes, from what their client heard and fetched; and a record of what one connection heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.simulation.outside.wire import Wire
from lobby_server.protocol import messages, social_messages
from lobby_server.protocol.feature_messages import RoomStarted, RoomStateTold, RoomUnbanned
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.resources import MyRoom, PeerInfo
from lobby_server.protocol.social_messages import ChatMessage

ABOUT_ROOM = (
    messages.RoomJoined, messages.RoomCreated, messages.PeerJoined, messages.PeerLeft, messages.HostChanged,
    messages.Kicked, messages.RoomClosed,
)  # fmt: skip
OF_NO_CONCERN = frozenset({
    messages.RoomsChanged, messages.RoomsChangedRev, messages.RoomsSnapshot, messages.RoomsDelta, messages.Pong,
})  # fmt: skip
"""To the player: the list and the heartbeat are the library's business. Most messages are of these."""
ONE_BY_ONE = frozenset({
    *ABOUT_ROOM, messages.Chat, RoomStateTold, RoomStarted, RoomUnbanned, social_messages.FriendRoom,
    social_messages.FriendRequested, social_messages.FriendRequestClosed, social_messages.FriendAccepted,
    social_messages.FriendRemoved, social_messages.UserBlocked, social_messages.UserUnblocked,
    social_messages.NotificationRead, social_messages.WhereaboutsChanged, social_messages.PartyInvited,
    social_messages.PartyInviteClosed, social_messages.PartyJoined, social_messages.PartyLeft,
    social_messages.PartyLeaderChanged, social_messages.PartyMemberStatus, social_messages.MatchInvited,
    social_messages.MatchInviteClosed, social_messages.Notification, social_messages.ChatMessage,
    social_messages.Announcement,
})  # fmt: skip
"""Messages that the contract promises one by one; to clients that follow friends, those of who is online as well."""
ABOUT_FRIENDS = (
    social_messages.FriendRequested, social_messages.FriendRequestClosed, social_messages.FriendAccepted,
    social_messages.FriendRemoved,
)  # fmt: skip
OF_TOKEN = (messages.TokenExpiring, messages.Refreshed)
ABOUT_PARTY = (
    social_messages.PartyInvited, social_messages.PartyInviteClosed, social_messages.PartyJoined,
    social_messages.PartyLeft, social_messages.PartyLeaderChanged, social_messages.PartyMemberStatus,
)  # fmt: skip


@dataclass
class Heard:
    """On one connection, from its acceptance to its end."""

    user_id: int
    features: frozenset[str]
    accepted_at: tuple[str, int]
    """Epoch and number of the entry by which it takes part: it hears what comes after."""
    is_live: bool = True
    presence: list[tuple[int, bool]] = field(default_factory=list)
    """Single events, in their order; none where they come in batches."""
    batches: dict[int, list[bool]] = field(default_factory=dict)
    """By user id, what batches said of them, one after the other."""
    room_lines: list[str] = field(default_factory=list)
    chat: list[ChatMessage] = field(default_factory=list)
    announcements: list[int] = field(default_factory=list)
    """By their ids."""
    invitations: dict[str, set[int]] = field(default_factory=dict)
    """Into rooms, by the ids of these: who has sent those of whose end nothing was heard."""
    pushes: list[ServerMessage] = field(default_factory=list)
    """What the contract promises one by one, in its order."""
    kinds: set[type[ServerMessage]] = field(default_factory=set)
    """Of all messages that were heard."""
    of_token: list[ServerMessage] = field(default_factory=list)
    """That the own token ends, and that a fresh one is taken."""
    names: set[tuple[int, str]] = field(default_factory=set)
    """By user id, what those were called who came and went."""
    online: int | None = None
    """How many users are, as it was told last."""
    reconnect_after_ms: int | None = None
    """When to come back, of a node that ends."""
    has_left: bool = False
    """The client has ended it, and reads nothing more."""
    greeting: messages.HandshakeAccepted | None = None
    wire: Wire | None = None

    @property
    def arrived_at(self) -> tuple[str, int] | None:
        """The entry by which its user's socket is in the log; None: it never came there."""
        return None if self.wire is None else self.wire.arrived_at

    @property
    def silent_at(self) -> tuple[str, int] | None:
        """The last entry that its node told of before it ended; None: it did not end in an orderly way."""
        return None if self.wire is None else self.wire.silent_at


@dataclass
class RoomView:
    """The room that a player believes to be in."""

    room_id: str
    peer_id: int
    members: dict[int, str]
    """Names by peer id."""
    host_peer_id: int | None

    @classmethod
    def of(cls, told: messages.RoomJoined | MyRoom) -> RoomView:
        members: list[PeerInfo] = told.members
        host = next((each.peerId for each in members if each.isHost), None)
        room_id = told.id if isinstance(told, MyRoom) else told.roomId
        return cls(room_id, told.peerId, {each.peerId: each.name for each in members}, host)

    def hear(self, message: messages.ServerMessage) -> bool:
        """Take a message about the room. False: one is not in it any more."""
        if isinstance(message, messages.PeerJoined):
            self.members[message.peerId] = message.name
        elif isinstance(message, messages.PeerLeft):
            self.members.pop(message.peerId, None)
            return message.peerId != self.peer_id
        elif isinstance(message, messages.HostChanged):
            self.host_peer_id = message.newHostPeerId
        elif isinstance(message, messages.Kicked):
            return False
        elif isinstance(message, messages.RoomClosed):
            return message.roomId != self.room_id
        return True


class PresenceView:
    """Who is online: what was fetched, and what was told since the fetch began."""

    def __init__(self) -> None:
        self.online: set[int] | None = None
        """None: not fetched yet."""
        self._told: dict[int, bool] = {}

    def begin(self) -> None:
        """A new connection, or a fetch: from now on events count."""
        self._told.clear()

    def fetched(self, online: frozenset[int]) -> None:
        self.online = set(online)
        for user_id, is_online in self._told.items():
            self.tell(user_id, is_online=is_online)

    def tell(self, user_id: int, *, is_online: bool) -> None:
        self._told[user_id] = is_online
        if self.online is not None:
            (self.online.add if is_online else self.online.discard)(user_id)


class FriendRoomsView:
    """In which public room each friend is: what was fetched, and what was told since the fetch began."""

    def __init__(self) -> None:
        self.rooms: dict[int, str] | None = None
        """By friend; None: not fetched yet."""
        self._told: dict[int, str | None] = {}

    def begin(self) -> None:
        """As `PresenceView.begin`."""
        self._told.clear()

    def fetched(self, rooms: dict[int, str]) -> None:
        self.rooms = rooms
        for friend_id, room_id in self._told.items():
            self.tell(friend_id, room_id)

    def tell(self, friend_id: int, room_id: str | None) -> None:
        self._told[friend_id] = room_id
        if self.rooms is None:
            return
        if room_id is None:
            self.rooms.pop(friend_id, None)
        else:
            self.rooms[friend_id] = room_id
