"""The interface of a connection, however its bytes travel: signals, requests, features.

`ConnectionManager` gives each connection a thread; the swarm has thousands that share one reader. Lists and accounts
work with either, because the meaning of each message is decided here. No I/O, no threads, no retries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loadtest.client.signals import Signal
from lobby_server.protocol import messages
from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.features import Feature, known_features
from lobby_server.protocol.parts import Joiner, join

DEFAULT_VERSION = "13020"
"""The game version in the handshake of the specification."""

REFUSING_REASONS = frozenset(
    {ErrorReason.INVALID_TOKEN, ErrorReason.AUTHENTICATION_REQUIRED, ErrorReason.INVALID_HANDSHAKE}
)
"""Errors to a handshake that the same handshake would meet again."""

ABOUT_ROOMS = (messages.RoomsChanged, messages.RoomsChangedRev, messages.RoomsSnapshot, messages.RoomsDelta)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The result of one try to connect. Times in seconds, None where the try did not get that far."""

    upgrade_s: float | None
    """From connecting to the answer of the HTTP upgrade."""
    handshake_s: float | None
    """From sending the handshake to its acceptance."""
    failure: str | None
    """Why it failed, in a few words; None: it is established."""


class ErrandRunner(Protocol):
    """Runs what blocks off the reader, one errand at a time."""

    def put(self, errand: Callable[[], float | None], *, in_s: float = 0.0) -> None:
        """Have it done `in_s` from now, or earlier if it is due earlier already. Returns at once.

        It begins after this call: put while it is under way, it is done exactly once more. An errand returns None when
        it is done, or the seconds after which to do it again.
        """

    def drop(self, errand: Callable[[], float | None]) -> None:
        """Do not begin it, nor try it again. One that is under way ends by itself; it is not waited for."""


class LobbyConnection(ABC):
    """A connection as applications see it.

    Signals are emitted where messages are read (the connection's thread, or the shared reader's greenlet), in the order
    of arrival. A listener may call anything here and must not block: nothing is read meanwhile.
    """

    __slots__ = (
        "_joiner", "accepted_features", "connection_attempted", "connection_established", "connection_lost",
        "connection_refused", "features", "heartbeat_finished", "message_received", "name", "player_count_changed",
        "rooms_announced", "rooms_list_changed", "side", "token_expiring", "user_id", "user_status_changed", "username",
        "version",
    )  # fmt: skip

    side: ErrandRunner
    """For calls that block, such as a fetch."""

    def __init__(
        self,
        *,
        name: str,
        version: str,
        features: Iterable[Feature | str],
        new_signal: Callable[[str], Signal[Any]] = Signal,
        join: Callable[[Sequence[messages.ServerMessage]], messages.ServerMessage] = join,
    ) -> None:
        """`name` is the player's display name, `version` that of the game: rooms are joined by clients of one version.
        `features` are requested in every handshake. `join` makes one message of its parts. Raises `ValueError` for an
        unknown feature."""
        self.name = name
        self.version = version
        self.features = _as_features(features)
        self.accepted_features: frozenset[Feature] = frozenset()
        """Those of `features` that the server granted at the last acceptance."""
        self._joiner = Joiner(join)
        self.user_id: int | None = None
        """From the last acceptance; None before it, and for a guest."""
        self.username: str | None = None
        """From the last acceptance."""

        self.rooms_list_changed: Signal[[]] = new_signal("rooms_list_changed")
        """The list of rooms changed, whichever message said so: an announcement, one with a revision, or the list."""
        self.rooms_announced: Signal[[messages.ServerMessage]] = new_signal("rooms_announced")
        """The same event, with its message: `RoomsChanged`, `RoomsChangedRev`, `RoomsSnapshot` or `RoomsDelta`."""
        self.user_status_changed: Signal[[int, bool]] = new_signal("user_status_changed")
        """User id and whether that user is online; one user per call, also with ``presence_batch``."""
        self.player_count_changed: Signal[[int]] = new_signal("player_count_changed")
        """How many users are online. Features ``presence_friends`` and ``player_count`` only."""
        self.token_expiring: Signal[[int]] = new_signal("token_expiring")
        """Seconds until the token expires; answer with `renew_token`. Feature ``refresh`` only."""
        self.connection_established: Signal[[]] = new_signal("connection_established")
        """The handshake was accepted."""
        self.connection_lost: Signal[[]] = new_signal("connection_lost")
        """An established connection ended without `disconnect_from_server`. Retries or `connection_refused` follow."""
        self.connection_refused: Signal[[str]] = new_signal("connection_refused")
        """The reason, as ``invalid_token``: trying again is pointless. Nothing happens until the next
        `connect_to_server`."""
        self.message_received: Signal[[messages.ServerMessage]] = new_signal("message_received")
        """Every message of a known type, replies included."""
        self.connection_attempted: Signal[[Attempt]] = new_signal("connection_attempted")
        """A try to connect ended, with success or without."""
        self.heartbeat_finished: Signal[[float | None]] = new_signal("heartbeat_finished")
        """The round trip of a heartbeat in seconds; None: the connection was lost before the answer."""

    @abstractmethod
    def connect_to_server(self, token: str) -> None:
        """Start to connect and return at once; the result is a signal. Where it runs already, `token` is used from the
        next handshake on."""

    @abstractmethod
    def disconnect_from_server(self) -> None:
        """Close the connection, or stop trying, in an orderly way. No signal follows. No error when not running."""

    @abstractmethod
    def renew_token(self, token: str, *, instead_of: str) -> None:
        """Continue with a newer token of the same user: from the next handshake on, and with feature ``refresh`` on the
        open socket. No effect unless `instead_of` is the token in use, so that a log-in meanwhile is not undone."""

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """The handshake was accepted and no loss has been noticed; a dead connection is noticed after
        `Timing.silence_limit_s` at the latest."""

    @abstractmethod
    def send(self, message: messages.ClientMessage) -> None:
        """Send a message at most once. Raises `NotConnected` without an accepted connection. Returning does not mean
        that it arrived; what the server answers is a message."""

    # -- rooms ----------------------------------------------------------------------------------------------------

    def create_room(self) -> None:
        """Enter the room that `LobbyApi.create_room` made, as its host. As for the four below, the reply is a message
        (`message_received`), and `NotConnected` is raised without an accepted connection."""
        self.send(messages.CreateRoom())

    def join_room(self, room_id: str) -> None:
        """Enter a room and leave the one before. Reply: `RoomJoined`, or `Error` with the reason."""
        self.send(messages.JoinRoom(roomId=room_id, version=self.version, name=self.name))

    def leave_room(self) -> None:
        """Leave the room."""
        self.send(messages.LeaveRoom())

    def chat(self, text: str) -> None:
        """Say something to the room. Longer texts are cut at 500 characters; it comes back as `Chat`."""
        self.send(messages.SendChat(text=text))

    def kick(self, peer_id: int) -> None:
        """As the host, remove a member from the room."""
        self.send(messages.Kick(peerId=peer_id))

    # -- for implementations ----------------------------------------------------------------------------------------

    def _handshake(self, token: str) -> messages.Handshake:
        features = sorted(feature.value for feature in self.features) or None  # None has no key on the wire
        return messages.Handshake(version=self.version, name=self.name, token=token, features=features)

    def _take_acceptance(self, accepted: messages.HandshakeAccepted) -> None:
        self._joiner.forget()
        self.user_id, self.username = accepted.user_id, accepted.username
        granted = (known_features(accepted.features) or frozenset()) & self.features
        self.accepted_features = self.features if granted == self.features else granted  # one set for thousands

    def _tell(self, message: messages.ServerMessage) -> None:
        """Emit the signals of a message on an accepted connection, once all its parts are there; heartbeats and drains
        are left to the reader."""
        whole = self._joiner.take(message)
        if whole is None:
            return
        message = whole
        if isinstance(message, ABOUT_ROOMS):
            self.rooms_list_changed.emit()
            self.rooms_announced.emit(message)
        elif isinstance(message, (messages.UserOnline, messages.UserOffline)):
            self.user_status_changed.emit(message.user_id, isinstance(message, messages.UserOnline))
        elif isinstance(message, messages.PresenceChanged):
            for user in message.online:
                self.user_status_changed.emit(user.user_id, True)
            for user in message.offline:
                self.user_status_changed.emit(user.user_id, False)
        elif isinstance(message, messages.PlayerCount):
            self.player_count_changed.emit(message.online)
        elif isinstance(message, messages.TokenExpiring):
            self.token_expiring.emit(message.in_s)
        self.message_received.emit(message)


def _as_features(features: Iterable[Feature | str]) -> frozenset[Feature]:
    """The caller's own set where it is one: thousands of connections may share it."""
    wanted = frozenset(Feature(feature) for feature in features) if not isinstance(features, frozenset) else features
    if all(isinstance(feature, Feature) for feature in wanted):
        return wanted
    return frozenset(Feature(feature) for feature in wanted)
