"""Messages to many players are decoded once per process, not once per player.

Ten thousand players receive the same bytes; the first one who reads them decodes, the others find the message in a
memo. Besides time this saves memory: a list of rooms that all of them hold is one list. Messages are frozen, so sharing
them is safe. Replies to one player are not kept.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.client.counters import UNDECODABLE, UNKNOWN_TYPE
from loadtest.wire.messages.leniency import with_numbers
from loadtest.wire.messages.own import read_own
from lobby_server.protocol import messages
from lobby_server.protocol.messages import Refused, ServerMessage, ack_id_of, decode_server_message
from lobby_server.protocol.parts import join
from lobby_server.protocol.social_messages import Announcement, ChatMessage

MOST_BYTES = 8 * 1024 * 1024
"""Of payloads and what is kept with them; past it the memo starts anew."""
ENTRY_BYTES = 512
"""What an entry takes beside its payload, about."""
PONG_HEAD_BYTES = 2
_PONG_ALONE = re.compile(rb'\x81[\x02-\x7d](\{"type":"pong","data":\{"ts":(\d{1,18})\}\})').fullmatch

MOST_JOINED = 32
"""Messages that came in parts."""

FOR_MANY = (
    messages.UserOnline,
    messages.UserOffline,
    messages.RoomsChanged,
    messages.RoomsChangedRev,
    messages.RoomsSnapshot,
    messages.RoomsDelta,
    messages.PresenceChanged,
    messages.PlayerCount,
    ChatMessage,
    Announcement,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the reader needs it."""

    name: str
    """Its type; or why it has none."""
    message: ServerMessage | None
    user_id: int | None = None
    """Of a single presence event."""
    is_online: bool = False
    ack_id: int | None = None
    """Of an event that asks to be answered at once."""
    why: str = ""
    """What is wrong with one that cannot be decoded."""
    is_for_many: bool = False
    """Other players get the very same bytes."""


class Memo:
    """O(1) per message; 0.1 µs when it is known, 2 µs when not."""

    __slots__ = ("_bytes", "_joined", "_known", "own_types")

    def __init__(self) -> None:
        self.own_types: frozenset[str] = frozenset()
        """Types that are not of the lobby, and wanted all the same."""
        self._joined: OrderedDict[tuple[int, ...], tuple[Sequence[ServerMessage], ServerMessage]] = OrderedDict()
        self._known: dict[bytes, Heard] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, payload: bytes) -> Heard:
        return self._known.get(payload) or self._decode(payload)

    def join(self, parts: Sequence[ServerMessage]) -> ServerMessage:
        """One message of its parts, the same for all players who were sent the same parts."""
        key = tuple(map(id, parts))  # they are held with the message, so that an id names nothing else meanwhile
        known = self._joined.get(key)
        if known is None:
            known = self._joined[key] = parts, join(parts)
            if len(self._joined) > MOST_JOINED:
                self._joined.popitem(last=False)
        return known[1]

    def pong_in(self, read: bytes) -> tuple[int, int] | None:
        """Size of the payload and time of the server, of a read that is a frame with an answer to a heartbeat and
        nothing else; None: it is not. Such answers are most of what is for one player alone."""
        found = _PONG_ALONE(read)
        return (len(found[1]), int(found[2])) if found is not None and read[1] == len(read) - 2 else None

    def _decode(self, payload: bytes) -> Heard:
        try:
            message = decode_server_message(payload)
        except Refused as refused:
            readable = with_numbers(payload)
            if readable is None:
                return _undecodable(refused)
            try:
                message = decode_server_message(readable)
            except Refused as refused_again:
                return _undecodable(refused_again)
        if message is None:
            own = read_own(payload) if self.own_types else None
            is_wanted = own is not None and own.name in self.own_types
            return Heard(own.name, own) if own is not None and is_wanted else Heard(UNKNOWN_TYPE, None)
        ack_id, is_for_many = ack_id_of(payload), isinstance(message, FOR_MANY)
        if isinstance(message, (messages.UserOnline, messages.UserOffline)):
            is_online = isinstance(message, messages.UserOnline)
            heard = Heard(message.TYPE, message, message.user_id, is_online, ack_id, is_for_many=True)
        else:
            heard = Heard(message.TYPE, message, ack_id=ack_id, is_for_many=is_for_many)
        if is_for_many:
            self._keep(payload, heard)
        return heard

    def _keep(self, payload: bytes, heard: Heard) -> None:
        size = len(payload) + ENTRY_BYTES
        self._bytes += size
        if self._bytes > MOST_BYTES:
            self._known.clear()
            self._bytes = size
        self._known[payload] = heard


def is_pong(read: bytes) -> bool:
    """Whether it is a frame with an answer to a heartbeat and nothing else; its head has 2 bytes."""
    return _PONG_ALONE(read) is not None and read[1] == len(read) - PONG_HEAD_BYTES


def _undecodable(refused: Refused) -> Heard:
    return Heard(UNDECODABLE, None, why=refused.detail or "it is no message of the lobby")
