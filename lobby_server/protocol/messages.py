"""The messages of the socket, typed. One class per message; ``TYPE`` is its name on the wire.

Both directions look the same: ``{"type": <string>, "data": <object>}``, compact JSON, keys in that order. What a
client sends is decoded in two steps, the envelope and then the data, because the error differs: an envelope that does
not hold is ``bad_json``, data that do not fit have the error that their message names.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.decoding import FAULTS, decoder_of, what_is_wrong
from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.feature_messages import FEATURE_MESSAGES as FEATURE_MESSAGES
from lobby_server.protocol.feature_messages import PlayerCount as PlayerCount
from lobby_server.protocol.feature_messages import PresenceChanged as PresenceChanged
from lobby_server.protocol.feature_messages import Refreshed as Refreshed
from lobby_server.protocol.feature_messages import RoomClosed as RoomClosed
from lobby_server.protocol.feature_messages import RoomsChangedRev as RoomsChangedRev
from lobby_server.protocol.feature_messages import RoomsDelta as RoomsDelta
from lobby_server.protocol.feature_messages import RoomsSnapshot as RoomsSnapshot
from lobby_server.protocol.feature_messages import ServerDraining as ServerDraining
from lobby_server.protocol.feature_messages import TokenExpiring as TokenExpiring
from lobby_server.protocol.features import Feature
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.message import ClientMessage as ClientMessage
from lobby_server.protocol.message import Message as Message
from lobby_server.protocol.message import ServerMessage as ServerMessage
from lobby_server.protocol.requests import NO_NUL, PeerId
from lobby_server.protocol.resources import PeerInfo as PeerInfo
from lobby_server.protocol.social_messages import SOCIAL_MESSAGES, SendChatMessage

MAX_CHAT_CHARACTERS = 500
"""A room chat line is cut here."""


# -- client to server ---------------------------------------------------------------------------------------------


class Handshake(ClientMessage, frozen=True, omit_defaults=True):
    """Identifies the client: comes first, and again with a fresher token after an error."""

    TYPE: ClassVar[str] = "handshake"
    INVALID: ClassVar[ErrorReason] = ErrorReason.INVALID_HANDSHAKE

    version: Annotated[str, msgspec.Meta(pattern=NO_NUL)]
    """Of the game. It is kept with a room that the user makes, and no database has a NUL in its text."""
    name: str
    token: Any = None
    """A JWT. Kept untyped: a token that is no string does not verify, which is ``invalid_token``."""
    features: Any = None
    """Names of features. Kept untyped: a base client may carry anything here, and is none the worse for it."""


class Ping(ClientMessage, frozen=True):
    """A heartbeat; the answer is a pong."""

    TYPE: ClassVar[str] = "ping"


class CreateRoom(ClientMessage, frozen=True):
    """Take the host's place in the room that ``POST /api/rooms`` made."""

    TYPE: ClassVar[str] = "create_room"


class JoinRoom(ClientMessage, frozen=True, omit_defaults=True):
    """Enter a room, and leave the previous one."""

    TYPE: ClassVar[str] = "join_room"
    INVALID: ClassVar[ErrorReason] = ErrorReason.INVALID_JOIN_ROOM

    roomId: str
    version: str
    name: str
    ifIn: Literal["none"] | None = None
    """``none``: only if the user is in no room, which an automatic return asks for: it must not take them out of the
    room that they entered on another device."""


class LeaveRoom(ClientMessage, frozen=True):
    """Leave the room."""

    TYPE: ClassVar[str] = "leave_room"


class SendChat(ClientMessage, frozen=True):
    """Say something to the room."""

    TYPE: ClassVar[str] = "chat"

    text: str


class Kick(ClientMessage, frozen=True):
    """Kick a member out of the room, as its host."""

    TYPE: ClassVar[str] = "kick"
    INVALID: ClassVar[ErrorReason] = ErrorReason.INVALID_TARGET

    peerId: PeerId


class RoomsResync(ClientMessage, frozen=True):
    """The list that the client holds is not the one that the next delta builds on."""

    TYPE: ClassVar[str] = "rooms_resync"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ROOMS_DELTA})


class Refresh(ClientMessage, frozen=True):
    """A fresher token for an open socket."""

    TYPE: ClassVar[str] = "refresh"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.REFRESH})
    INVALID: ClassVar[ErrorReason] = ErrorReason.INVALID_TOKEN

    token: str


class Ack(ClientMessage, frozen=True):
    """The event with that id has arrived."""

    TYPE: ClassVar[str] = "ack"
    FEATURES: ClassVar[frozenset[Feature]] = frozenset({Feature.ACK})

    id: int


CLIENT_MESSAGES: dict[str, type[ClientMessage]] = {
    message.TYPE: message
    for message in (
        Handshake, Ping, CreateRoom, JoinRoom, LeaveRoom, SendChat, Kick, RoomsResync, Refresh, Ack, SendChatMessage,
    )
}  # fmt: skip


# -- server to client ---------------------------------------------------------------------------------------------


class HandshakeAccepted(ServerMessage, frozen=True, omit_defaults=True):
    """The last three fields are sent only to a client that asked for features."""

    TYPE: ClassVar[str] = "handshake_accepted"

    peer_id: int
    user_id: int | None
    username: str
    features: list[str] | None = None
    heartbeat_s: float | None = None
    token_ttl_s: int | None = None


class UserOnline(ServerMessage, frozen=True):
    """The first socket of a user was accepted."""

    TYPE: ClassVar[str] = "user_online"

    user_id: int
    username: str


class UserOffline(ServerMessage, frozen=True):
    """The last socket of a user is gone."""

    TYPE: ClassVar[str] = "user_offline"

    user_id: int
    username: str


class RoomsChanged(ServerMessage, frozen=True):
    """The room list has changed: fetch it."""

    TYPE: ClassVar[str] = "rooms_changed"


class Pong(ServerMessage, frozen=True):
    """The answer to a ping, with the server's time."""

    TYPE: ClassVar[str] = "pong"

    ts: int
    """Unix time in milliseconds."""


class Error(ServerMessage, frozen=True, omit_defaults=True):
    """A message was not taken; the socket stays open."""

    TYPE: ClassVar[str] = "error"

    reason: ErrorReason
    detail: str | None = None
    """What was wrong, for the author of the client; sent only to a client that asked for features."""


class RoomCreated(ServerMessage, frozen=True):
    """The host is in the room."""

    TYPE: ClassVar[str] = "room_created"

    roomId: str
    peerId: int
    gamemode: str
    mapName: str | None


class RoomJoined(ServerMessage, frozen=True):
    """The user entered a room, alone or with their party; or they are in it, and this socket of theirs is new."""

    TYPE: ClassVar[str] = "room_joined"

    roomId: str
    peerId: int
    members: list[PeerInfo]
    gamemode: str
    mapName: str | None


class PeerJoined(ServerMessage, frozen=True):
    """A user entered the room."""

    TYPE: ClassVar[str] = "peer_joined"

    peerId: int
    name: str


class PeerLeft(ServerMessage, frozen=True):
    """A member left the room."""

    TYPE: ClassVar[str] = "peer_left"

    peerId: int


class HostChanged(ServerMessage, frozen=True):
    """Another member is the host of the room now."""

    TYPE: ClassVar[str] = "host_changed"

    newHostPeerId: int
    newHostName: str


class Chat(ServerMessage, frozen=True):
    """A line of room chat; ``from`` is the peer id of its sender."""

    TYPE: ClassVar[str] = "chat"

    from_peer: int = msgspec.field(name="from")
    from_name: str = msgspec.field(name="fromName")
    text: str


class Kicked(ServerMessage, frozen=True):
    """The host has kicked the user out of the room, or deleted it (clients with features hear ``room_closed`` then)."""

    TYPE: ClassVar[str] = "kicked"

    reason: str = "host_kick"


SERVER_MESSAGES: dict[str, type[ServerMessage]] = {
    message.TYPE: message
    for message in (
        HandshakeAccepted, UserOnline, UserOffline, RoomsChanged, Pong, Error,
        RoomCreated, RoomJoined, PeerJoined, PeerLeft, HostChanged, Chat, Kicked,
    )
}  # fmt: skip
"""The base protocol."""

EVENTS: dict[str, type[ServerMessage]] = {**SERVER_MESSAGES, **FEATURE_MESSAGES, **SOCIAL_MESSAGES}
"""All that a server says, by name."""


# -- encoding and decoding ----------------------------------------------------------------------------------------


class Refused(Exception):
    """A peer's message that cannot be taken, with the error that it is answered with."""

    def __init__(self, reason: ErrorReason, detail: str | None = None) -> None:
        """`detail`: what was wrong, in a sentence for the author of the client."""
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail


_NO_DATA = msgspec.Raw(b"{}")


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw = _NO_DATA


class _Asked(msgspec.Struct):
    features: Any = None


class _Asking(msgspec.Struct):
    ack: int | None = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_client_decoders = {name: decoder_of(message) for name, message in CLIENT_MESSAGES.items()}
_server_decoders = {name: decoder_of(message) for name, message in EVENTS.items()}
_decode_asking = decoder_of(_Asking)
_decode_asked = msgspec.json.Decoder(_Asked).decode
_decode_rooms_changed_rev = decoder_of(RoomsChangedRev)


def encode(message: Message) -> bytes:
    """The JSON text of a message, ``{"type":…,"data":…}``, as UTF-8."""
    return b'{"type":"%b","data":%b}' % (message.TYPE.encode(), encode_json(message))


def encode_frame(message: ServerMessage) -> bytes:
    """The ready frame of a message: what every recipient's socket gets, to the byte."""
    return server_frame(encode(message))


def decode_client_message(raw: bytes | str) -> ClientMessage:
    """What a client sent.

    Raises `Refused` with ``bad_json``, ``unknown_type`` or the message's own error; nothing else, whatever the bytes.
    """
    name, data = _open_envelope(raw)
    decoder = _client_decoders.get(name)
    if decoder is None:
        raise Refused(ErrorReason.UNKNOWN_TYPE)
    try:
        return decoder(data)
    except FAULTS as fault:
        raise Refused(CLIENT_MESSAGES[name].INVALID, what_is_wrong(data, fault)) from None


def features_asked_in(raw: bytes | str) -> Any:
    """The features that a handshake asks for, though it could not be taken otherwise; None: it asks for none, or is no
    handshake. Untyped, as in `Handshake`."""
    try:
        name, data = _open_envelope(raw)
        return _decode_asked(data).features if name == Handshake.TYPE else None
    except (*FAULTS, Refused):
        return None


def decode_server_message(raw: bytes | str) -> ServerMessage | None:
    """What a server sent; ``None`` for a type that this vocabulary does not have (a client ignores it).

    Raises `Refused` with ``bad_json`` when the text is not a message of the lobby.
    """
    name, data = _open_envelope(raw)
    decoder = _server_decoders.get(name)
    if decoder is None:
        return None
    if name == RoomsChanged.TYPE and b'"rev"' in bytes(data):  # an "ack" may be all that is in it, too
        decoder = _decode_rooms_changed_rev
    try:
        return decoder(data)
    except FAULTS as fault:
        raise Refused(ErrorReason.BAD_JSON, what_is_wrong(data, fault)) from None


def type_of(raw: bytes | str) -> str | None:
    """The type of an encoded message of either direction, known here or not; None for what is no message.

    Reads the envelope and leaves the data as they are, so it costs well below a decoding.
    """
    try:
        return _open_envelope(raw)[0]
    except Refused:
        return None


def ack_id_of(raw: bytes) -> int | None:
    """The id by which a server's message asks for an acknowledgement; None: it asks for none."""
    if b'"ack":' not in raw:
        return None
    try:
        return _decode_asking(_open_envelope(raw)[1]).ack
    except (*FAULTS, Refused):
        return None


def _open_envelope(raw: bytes | str) -> tuple[str, msgspec.Raw]:
    try:
        envelope = _decode_envelope(raw)
    except FAULTS as fault:
        raise Refused(ErrorReason.BAD_JSON, what_is_wrong(raw, fault)) from None
    data = envelope.data
    if not bytes(data).startswith(b"{"):
        if bytes(data) != b"null":
            raise Refused(ErrorReason.BAD_JSON, "data is not an object.")
        data = _NO_DATA
    return envelope.type, data
