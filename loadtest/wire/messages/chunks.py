"""What one read brought to a connection, for all connections that it was brought to: taken apart once.

A server tells a thousand players the same events in the same order, and what it sent in one go is mostly read in one
go. So the bytes of a read repeat as those of a message do, and a player who gets hundreds of events at once costs one
look into a dictionary. Only whole messages for many are kept: nothing that asks for an answer, no control frames, no
fragments, no half frames.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.wire.messages.memo import Heard
from lobby_server.protocol.messages import PresenceChanged, RoomsDelta, ServerMessage

MOST_BYTES = 4 * 1024 * 1024
"""Of reads and what is kept with them; past it this starts anew."""
ENTRY_BYTES = 1024
"""What an entry takes beside its bytes, about."""


@dataclass(frozen=True, slots=True)
class Chunk:
    messages: int
    by_type: tuple[tuple[str, int, int], ...]
    """Type, number of messages, bytes of their payloads."""
    presence: bytes
    """User id × 2, plus 1 for online, of each event: whole numbers of 8 bytes, as the machine has them."""
    others: tuple[tuple[int, ServerMessage], ...]
    """The messages that are not about presence, with their places, from 1 on."""
    deltas: tuple[tuple[int, RoomsDelta], ...] | None
    """The same where all of them are whole deltas of the rooms, one on the other; else None."""


class Chunks:
    """O(1) per read, plus the hash of its bytes."""

    __slots__ = ("_bytes", "_known", "get")

    def __init__(self) -> None:
        self._known: dict[bytes, Chunk] = {}
        self._bytes = 0
        self.get = self._known.get

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, read: bytes, heard: Sequence[tuple[Heard, int]]) -> None:
        """`heard`: the messages that `read` was, with the sizes of their payloads. Does nothing where another player
        could not hear the same."""
        if not all(each.is_for_many and each.ack_id is None and each.message is not None for each, _ in heard):
            return
        try:
            chunk = _chunk_of(heard)
        except OverflowError:  # an id beyond 8 bytes
            return
        size = len(read) + ENTRY_BYTES + len(chunk.presence)
        if self._bytes + size > MOST_BYTES:
            self._known.clear()
            self._bytes = 0
        self._bytes += size
        self._known[read] = chunk


def _chunk_of(heard: Sequence[tuple[Heard, int]]) -> Chunk:
    by_type: dict[str, tuple[int, int]] = {}
    presence, others = array("q"), []
    for place, (each, size) in enumerate(heard, 1):
        number, total = by_type.get(each.name, (0, 0))
        by_type[each.name] = number + 1, total + size
        message = each.message
        if each.user_id is not None:
            presence.append(each.user_id * 2 + each.is_online)
        elif isinstance(message, PresenceChanged):
            presence.extend(user.user_id * 2 + 1 for user in message.online)
            presence.extend(user.user_id * 2 for user in message.offline)
        elif message is not None:
            others.append((place, message))
    counted = tuple((name, number, total) for name, (number, total) in by_type.items())
    return Chunk(len(heard), counted, presence.tobytes(), tuple(others), _deltas_in(others))


def _deltas_in(others: Sequence[tuple[int, ServerMessage]]) -> tuple[tuple[int, RoomsDelta], ...] | None:
    found: list[tuple[int, RoomsDelta]] = []
    for place, message in others:
        if type(message) is not RoomsDelta or message.of is not None:
            return None
        if message.rev <= message.base or (found and message.base != found[-1][1].rev):
            return None
        found.append((place, message))
    return tuple(found)
