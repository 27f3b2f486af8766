"""What clients and server said to each other, read from the segments of their connections: upgrades, messages, HTTP
exchanges, each with the time of the packet that it was whole with.

It knows nothing of the load generator, and shares no code with it: it is what the generator is held against.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from bench.load.packets.segments import Ordered, Segment
from lobby_server.protocol.messages import Handshake, HandshakeAccepted, Ping, Pong, type_of

OP_TEXT, OP_CLOSE = 0x1, 0x8
_HEAD_END = b"\r\n\r\n"


@dataclass(slots=True)
class Exchange:
    """An HTTP request and its answer on a connection that is kept."""

    asked_s: float
    """Its first byte."""
    method: str
    target: str
    body: bytes
    answered_s: float | None = None
    """The last byte that came before the next request."""
    status: int = 0


class Frames:
    """Whole frames of one direction (RFC 6455 section 5.2). Fragments and extensions are not used here."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload, without its mask."""
        data = self._rest + data if self._rest else data
        found, at, end = [], 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length >= 126:
                width = 2 if length == 126 else 8
                length, start = int.from_bytes(data[start : start + width], "big"), start + width
            mask = b""
            if data[at + 1] & 0x80:
                mask, start = data[start : start + 4], start + 4
            if start + length > end:
                break
            payload = data[start : start + length]
            found.append((data[at] & 0x0F, _unmasked(payload, mask) if mask else payload))
            at = start + length
        self._rest = data[at:]
        return found


class Conversation:
    """One connection of a client, from its SYN on."""

    __slots__ = (
        "_asked_s", "_down", "_frames_down", "_frames_up", "_up", "_up_since_s", "accepted_s", "began_s", "closed_s",
        "exchanges", "heard", "is_socket", "opened_s", "pings_s", "pongs_s", "shook_s", "upgraded_s", "user_id",
    )  # fmt: skip

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.is_socket = False
        self.opened_s: float | None = None
        """The server's SYN came."""
        self.upgraded_s: float | None = None
        """The answer to its upgrade was whole."""
        self.shook_s: float | None = None
        self.accepted_s: float | None = None
        self.closed_s: float | None = None
        """The client said that it closes."""
        self.user_id: int | None = None
        """By the token in its handshake."""
        self.pings_s: list[float] = []
        self.pongs_s: list[float] = []
        self.heard: list[tuple[float, bytes]] = []
        """Every other message after the acceptance."""
        self.exchanges: list[Exchange] = []
        self._up = self._down = b""
        self._up_since_s = self._asked_s = 0.0
        self._frames_up, self._frames_down = Frames(), Frames()

    @property
    def upgrade_s(self) -> float | None:
        """From SYN to SYN, and from the request to its answer: what the client waited in between is not in it."""
        if self.opened_s is None or self.upgraded_s is None:
            return None
        return self.opened_s - self.began_s + self.upgraded_s - self._asked_s

    def say(self, at_s: float, data: bytes) -> None:
        """From the client."""
        if self.is_socket:
            for opcode, payload in self._frames_up.take(data):
                self._take_said(at_s, opcode, payload)
            return
        if not self._up:
            self._up_since_s = at_s
        self._up += data
        while not self.is_socket and self._take_request(at_s):
            pass

    def answer(self, at_s: float, data: bytes) -> None:
        """From the server."""
        if not self.is_socket:
            if self.exchanges:
                exchange = self.exchanges[-1]
                exchange.answered_s = at_s
                if not exchange.status and data[9:12].isdigit():
                    exchange.status = int(data[9:12])
            return
        if self.upgraded_s is None:
            self._down += data
            head, end, data = self._down.partition(_HEAD_END)
            if not end or not head.startswith(b"HTTP/1.1 101"):
                return
            self.upgraded_s, self._down = at_s, b""
        for opcode, payload in self._frames_down.take(data):
            if opcode == OP_TEXT:
                self._take_heard(at_s, payload)

    def _take_request(self, at_s: float) -> bool:
        head, end, rest = self._up.partition(_HEAD_END)
        if not end:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        if fields.get("upgrade", "").lower() == "websocket":
            self.is_socket, self._up, self._asked_s = True, b"", self._up_since_s
            if rest:
                self.say(at_s, rest)
            return False
        length = int(fields.get("content-length", "0"))
        if len(rest) < length:
            return False
        method, target, _ = first.split(" ", 2)
        self.exchanges.append(Exchange(self._up_since_s, method, target, rest[:length]))
        self._up, self._up_since_s = rest[length:], at_s
        return bool(self._up)

    def _take_said(self, at_s: float, opcode: int, payload: bytes) -> None:
        if opcode == OP_CLOSE:
            self.closed_s = self.closed_s or at_s
        elif opcode == OP_TEXT:
            kind = type_of(payload)
            if kind == Ping.TYPE:
                self.pings_s.append(at_s)
            elif kind == Handshake.TYPE and self.shook_s is None:
                self.shook_s, self.user_id = at_s, _user_of(payload)

    def _take_heard(self, at_s: float, payload: bytes) -> None:
        if self.accepted_s is None:
            if type_of(payload) == HandshakeAccepted.TYPE:
                self.accepted_s = at_s
        elif payload.startswith(_PONG):
            self.pongs_s.append(at_s)
        else:
            self.heard.append((at_s, payload))


class Conversations:
    """Of all clients of a server. A connection whose beginning was not captured is left out."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[Conversation, Ordered, Ordered | None]] = {}
        self._all: list[Conversation] = []
        self._payloads: dict[bytes, bytes] = {}

    def take(self, segment: Segment) -> None:
        """In the order of capture."""
        known = self._open.get(segment.client)
        if segment.is_syn:
            if segment.is_up and (known is None or known[2] is not None):
                conversation = Conversation(segment.at_s)
                self._all.append(conversation)
                self._open[segment.client] = conversation, Ordered(segment.sequence), None
            elif not segment.is_up and known is not None and known[2] is None:
                self._open[segment.client] = *known[:2], Ordered(segment.sequence)
                known[0].opened_s = segment.at_s
            return
        if known is None:
            return
        conversation, up, down = known
        way = up if segment.is_up else down
        if way is None:
            return
        ready = way.take(segment.sequence, segment.payload)
        if ready:
            (conversation.say if segment.is_up else conversation.answer)(segment.at_s, self._one_of(ready))

    def all(self) -> list[Conversation]:
        """In the order of their beginnings."""
        return self._all

    def _one_of(self, ready: bytes) -> bytes:
        """Many get the same bytes: they are held once."""
        return self._payloads.setdefault(ready, ready)


_PONG = b'{"type":"%b"' % Pong.TYPE.encode()


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    masks = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")


class _Claims(msgspec.Struct):
    userId: int


class _HandshakeData(msgspec.Struct):
    token: str


class _HandshakeMessage(msgspec.Struct):
    data: _HandshakeData


def _user_of(payload: bytes) -> int | None:
    """Of the handshake's token (RFC 7519), whose signature is the server's business."""
    try:
        claims = msgspec.json.decode(payload, type=_HandshakeMessage).data.token.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Claims).userId
    except (msgspec.MsgspecError, IndexError, binascii.Error, UnicodeError):
        return None


def exchanges_of(conversations: Iterable[Conversation]) -> list[Exchange]:
    """Those that were answered, in no particular order."""
    return [
        exchange
        for conversation in conversations
        for exchange in conversation.exchanges
        if exchange.answered_s is not None
    ]
