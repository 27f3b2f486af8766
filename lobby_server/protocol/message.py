"""What every message of the socket is, whichever way it goes."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from lobby_server.protocol.codes import ErrorReason
from lobby_server.protocol.features import Feature


class Message(msgspec.Struct, frozen=True):
    """What both directions share: a name on the wire."""

    TYPE: ClassVar[str] = ""
    FEATURES: ClassVar[frozenset[Feature]] = frozenset()
    """It is for clients that asked for one of these; empty: for all clients."""


class ClientMessage(Message, frozen=True):
    """Something that a client asks for. ``INVALID`` is the error for data of the wrong shape."""

    INVALID: ClassVar[ErrorReason] = ErrorReason.BAD_JSON


class ServerMessage(Message, frozen=True):
    """Something that the server says: a reply, or an event that happened."""
