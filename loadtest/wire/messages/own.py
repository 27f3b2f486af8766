"""Messages that the lobby's vocabulary does not have, for roles that know them."""

from __future__ import annotations

from typing import Any

import msgspec

from lobby_server.protocol.messages import ServerMessage


class OwnMessage(ServerMessage, frozen=True):
    """One of a role's own, as it came."""

    name: str
    """Its type on the wire."""
    data: Any = None
    """Of the JSON: dictionaries, lists, texts, numbers."""


class _Envelope(msgspec.Struct):
    type: str
    data: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode


def read_own(payload: bytes) -> OwnMessage | None:
    """None: it has no type, or is no JSON."""
    try:
        envelope = _decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return OwnMessage(envelope.type, envelope.data)


def encode_own(name: str, data: object) -> bytes:
    """Raises `TypeError` for data that JSON cannot carry."""
    return msgspec.json.encode({"type": name, "data": data})
