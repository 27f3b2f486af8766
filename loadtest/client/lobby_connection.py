"""What everybody who follows a connection may rely on, however its bytes travel: signals, verbs, features.

`ConnectionManager` gives each connection a thread; the swarm has thousands that share one reader. Lists and accounts
work with either, because what a message means is decided here. No I/O, no threads, no retries.
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
"""The game version of the seed's handshake."""

REFUSING_REASONS = frozenset(
    {ErrorReason.INVALID_TOKEN, ErrorReason.AUTHENTICATION_REQUIRED, ErrorReason.INVALID_HANDSHAKE}
)
"""Errors to a handshake that the same handshake would meet again."""

ABOUT_ROOMS = (messages.RoomsChanged, messages.RoomsChangedRev, messages.RoomsSnapshot, messages.RoomsDelta)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one try to connect went. Times in seconds, None where it did not get that far."""

    upgrade_s: float | None
    """TCP connection and HTTP upgrade."""
    handshake_s: float | None
    """Sending the handshake to its acceptance."""
    failure: str | None


class ErrandRunner(Protocol):
    """What takes long is handed to it, so that it is done off the reader, one errand at a time."""

    def put(self, errand: Callable[[], float | None], *, in_s: float = 0.0) -> None:
        """Have it done `in_s` from now, or earlier if it is due earlier already. Returns at once.

        It begins after this call: put while it is under way, it is done exactly once more. An errand returns None when
        it is done, or the seconds after which to do it again.
        """

    def drop(self, errand: Callable[[], float | None]) -> None:
        """Do not begin it, nor try it again. One that is under way ends by itself; it is not waited for."""


class LobbyConnection(ABC):
    """A connection as its followers see it. Signals are emitted where the messages are read."""

    side: ErrandRunner

    def __init__(
        self,
        *,
        name: str,
        version: str,
        features: Iterable[Feature | str],
        new_signal: Callable[[str], Signal[Any]] = Signal,
        join: Callable[[Sequence[messages.ServerMessage]], messages.ServerMessage] = join,
    ) -> None:
        """`features` are asked for in every handshake. `join`: makes one message of its parts. Raises `ValueError` for
        a name that is no feature."""
        self.name = name
        self.version = version
        self.features = frozenset(Feature(feature) for feature in features)
        self.accepted_features: frozenset[Feature] = frozenset()
        """Those that the server agreed to at the last acceptance."""
        self._joiner = Joiner(join)
        self.user_id: int | None = None
        self.username: str | None = None

        self.rooms_list_changed: Signal[[]] = new_signal("rooms_list_changed")
        """However the server says so: by a bare announcement, with a revision, or by the list itself."""
        self.rooms_announced: Signal[[messages.ServerMessage]] = new_signal("rooms_announced")
        """The same, with the message: `RoomsChanged`, `RoomsChangedRev`, `RoomsSnapshot` or `RoomsDelta`."""
        self.user_status_changed: Signal[[int, bool]] = new_signal("user_status_changed")
        """One user at a time, also where ``presence_batch`` brings many."""
        self.player_count_changed: Signal[[int]] = new_signal("player_count_changed")
        """Feature ``presence_friends``: how many are online."""
        self.token_expiring: Signal[[int]] = new_signal("token_expiring")
        """Feature ``refresh``: in so many seconds; answer with `renew_token`."""
        self.connection_established: Signal[[]] = new_signal("connection_established")
        self.connection_lost: Signal[[]] = new_signal("connection_lost")
        """An established connection ended without our asking. Retries follow, or `connection_refused`."""
        self.connection_refused: Signal[[str]] = new_signal("connection_refused")
        """With the reason. It is over until the next `connect_to_server`."""
        self.message_received: Signal[[messages.ServerMessage]] = new_signal("message_received")
        """Every message that the vocabulary has, replies included, in the order of arrival."""
        self.connection_attempted: Signal[[Attempt]] = new_signal("connection_attempted")
        self.heartbeat_finished: Signal[[float | None]] = new_signal("heartbeat_finished")
        """With the round trip in seconds; None: the connection was lost before the answer."""

    @abstractmethod
    def connect_to_server(self, token: str) -> None:
        """Start, and return at once. While it runs already, the token is the one of the next handshake."""

    @abstractmethod
    def disconnect_from_server(self) -> None:
        """End it in an orderly way. No signal follows."""

    @abstractmethod
    def renew_token(self, token: str, *, instead_of: str) -> None:
        """Go on with a fresher token of the same user: at the next handshake, and with feature ``refresh`` on the open
        socket too. Nothing happens where `instead_of` is not the token in use: that user is gone. Starts nothing."""

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """The handshake was accepted and nothing is known of a loss."""

    @abstractmethod
    def send(self, message: messages.ClientMessage) -> None:
        """Raises `NotConnected`. That nothing was raised does not mean that it arrived."""

    # -- rooms ----------------------------------------------------------------------------------------------------

    def create_room(self) -> None:
        """Take the host's place in the room that was made over HTTP. As all of these: the reply is a message, and
        `NotConnected` is raised when there is no connection to ask over."""
        self.send(messages.CreateRoom())

    def join_room(self, room_id: str) -> None:
        self.send(messages.JoinRoom(roomId=room_id, version=self.version, name=self.name))

    def leave_room(self) -> None:
        self.send(messages.LeaveRoom())

    def chat(self, text: str) -> None:
        self.send(messages.SendChat(text=text))

    def kick(self, peer_id: int) -> None:
        self.send(messages.Kick(peerId=peer_id))

    # -- for those who read the bytes -------------------------------------------------------------------------------

    def _handshake(self, token: str) -> messages.Handshake:
        features = sorted(feature.value for feature in self.features) or None  # None has no key on the wire
        return messages.Handshake(version=self.version, name=self.name, token=token, features=features)

    def _take_acceptance(self, accepted: messages.HandshakeAccepted) -> None:
        self._joiner.forget()
        self.user_id, self.username = accepted.user_id, accepted.username
        self.accepted_features = (known_features(accepted.features) or frozenset()) & self.features

    def _tell(self, message: messages.ServerMessage) -> None:
        """Signals for what a message of an accepted connection means, once all its parts are there; heartbeats and
        drains are the reader's own."""
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
