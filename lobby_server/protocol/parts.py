"""Messages that would be too large, in parts: ``"part": 1, "of": 3`` in their data.

The inbound buffers of common engines hold 64 KiB (Godot 3.2.3 and 4): a larger message never arrives, and the client
does not notice. No message of the server is above half of that. What can grow without a bound is a list of rooms or of
users, so these messages are cut between the items of their lists, and every part is a message of its own type with the
same revisions. Parts of one message come in their order; messages of other types may come between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from lobby_server.protocol.encoding import encode_json
from lobby_server.protocol.feature_messages import PresenceChanged, RoomsDelta, RoomsSnapshot
from lobby_server.protocol.framing.frames import server_frame
from lobby_server.protocol.message import ServerMessage
from lobby_server.protocol.messages import encode

MAX_MESSAGE_BYTES = 32 * 1024
"""Of everything that the server says."""
_MARK_BYTES = 32
"""Room for the ``ack`` that a frame may be marked with later."""
_MANY = 999_999
_LISTS: dict[type[ServerMessage], tuple[str, ...]] = {
    RoomsSnapshot: ("rooms",),
    RoomsDelta: ("set", "gone"),
    PresenceChanged: ("online", "offline"),
}
"""The lists that grow, by message."""

_Parted = TypeVar("_Parted", bound=ServerMessage)


def encode_frames(message: ServerMessage, *, max_bytes: int = MAX_MESSAGE_BYTES) -> list[bytes]:
    """The frames of a message: one, or one per part. O(size)."""
    whole = encode(message)
    if len(whole) + _MARK_BYTES <= max_bytes or type(message) not in _LISTS:
        return [server_frame(whole)]
    return [server_frame(encode(part)) for part in split(message, max_bytes=max_bytes)]


def split(message: _Parted, *, max_bytes: int = MAX_MESSAGE_BYTES) -> list[_Parted]:
    """A message of lists in parts of at most that many bytes each; a single item that is larger is a part of its own.
    The message itself when it needs one only."""
    names = _LISTS[type(message)]
    nothing: dict[str, list[Any]] = {name: [] for name in names}
    frame_bytes = len(encode(msgspec.structs.replace(message, **nothing, part=_MANY, of=_MANY))) + _MARK_BYTES
    cuts: list[dict[str, list[Any]]] = [{name: [] for name in names}]
    left = max_bytes - frame_bytes
    for name in names:
        for item in getattr(message, name):
            size = len(encode_json(item)) + 1
            if size > left and any(cuts[-1].values()):
                cuts.append({name: [] for name in names})
                left = max_bytes - frame_bytes
            cuts[-1][name].append(item)
            left -= size
    if len(cuts) == 1:
        return [message]
    return [
        msgspec.structs.replace(message, **lists, part=number, of=len(cuts)) for number, lists in enumerate(cuts, 1)
    ]


def join(parts: Sequence[_Parted]) -> _Parted:
    """The message that was split into these."""
    lists = {name: [item for part in parts for item in getattr(part, name)] for name in _LISTS[type(parts[0])]}
    return msgspec.structs.replace(parts[0], **lists, part=None, of=None)


class Joiner:
    """What one connection has received of messages in parts."""

    __slots__ = ("_begun", "_join")

    def __init__(self, join: Callable[[Sequence[ServerMessage]], ServerMessage] = join) -> None:
        """A swarm hands in a `join` that remembers what it joined for another player."""
        self._join = join
        self._begun: dict[type[ServerMessage], list[ServerMessage]] | None = None
        """By type; None, as long as nothing came in parts: most connections never see any."""

    def take(self, message: ServerMessage) -> ServerMessage | None:
        """The whole message; None: its other parts are still to come, or its first ones were never received."""
        of: int | None = getattr(message, "of", None)
        if of is None:
            return message
        begun = self._begun = self._begun or {}
        kind, number = type(message), getattr(message, "part", None)
        parts = begun.pop(kind, [])
        if number == 1:
            parts = []
        if number != len(parts) + 1:
            return None
        parts.append(message)
        if number < of:
            begun[kind] = parts
            return None
        return self._join(parts)

    def forget(self) -> None:
        """The connection is another one."""
        self._begun = None
