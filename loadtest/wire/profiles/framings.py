"""How a server packs a message into a WebSocket frame: plain JSON, Socket.IO over Engine.IO 4, or Colyseus.

Sources: the protocol documents of Engine.IO 4 and Socket.IO 5 (socketio/engine.io-protocol and socket.io-protocol) and
`Protocol.ts` of Colyseus 0.15 and 0.16, whose frames are a byte, a name as in MessagePack, and a MessagePack value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from loadtest.wire.messages import frames
from loadtest.wire.profiles.paths import NotThere, find, put

Packed = tuple[bytes, int]
"""The payload of a frame, and its opcode."""


class Unreadable(Exception):
    """Its text says what is wrong, and how to describe the message."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the application."""

    type: str
    data: Any


@dataclass(frozen=True, slots=True)
class Step:
    """What the framing itself exchanges. `answer` goes out at once."""

    answer: Packed | None = None
    asks_for_auth: bool = False
    """What goes out is the handshake's data, in the framing's own way."""
    is_ready: bool = False
    """From now on the application is heard."""


class Framing(Protocol):
    is_ready_on_open: bool
    """Nothing is exchanged before the application's first message."""
    refusal: str | None
    """The message by which the framing itself refuses a client for good; `message` in its data says why."""

    def read(self, payload: bytes) -> Said | Step:
        """Raises `Unreadable`."""

    def write(self, name: str, data: Any) -> Packed: ...

    def authenticate(self, data: Any) -> Packed: ...


class PlainJson:
    is_ready_on_open = True
    refusal: str | None = None

    def __init__(self, *, type_path: str = "type", data_path: str = "data") -> None:
        self._type_path, self._data_path = type_path, data_path

    def read(self, payload: bytes) -> Said | Step:
        try:
            document = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Unreadable("it is no JSON: choose another [socket] framing") from None
        try:
            name = find(document, self._type_path)
        except NotThere:
            raise Unreadable(f"it has no {self._type_path}: say where the type is with [envelope] type") from None
        try:
            return Said(str(name), find(document, self._data_path))
        except NotThere:
            return Said(str(name), {})

    def write(self, name: str, data: Any) -> Packed:
        if self._data_path:
            document: dict[str, Any] = {}
            put(self._data_path, data, document)
        else:
            document = dict(data)
        put(self._type_path, name, document)
        return msgspec.json.encode(document), frames.OP_TEXT

    def authenticate(self, data: Any) -> Packed:
        return msgspec.json.encode(data), frames.OP_TEXT


class SocketIo:
    """The default namespace, text packets, no acknowledgements of our own."""

    is_ready_on_open = False
    refusal: str | None = "connect_error"

    def read(self, payload: bytes) -> Said | Step:
        kind = payload[:1]
        if kind == b"2":
            return Step(answer=(b"3" + payload[1:], frames.OP_TEXT))
        if kind == b"0":
            return Step(asks_for_auth=True)
        if kind in (b"6", b"3"):
            return Step()
        if kind == b"1":
            return Said("disconnect", {})
        if kind != b"4":
            raise Unreadable("it is no packet of Engine.IO 4: choose another [socket] framing")
        return self._read_packet(payload[1:2], payload[2:])

    def _read_packet(self, kind: bytes, rest: bytes) -> Said | Step:
        if kind == b"0":
            return Step(is_ready=True)
        if kind == b"1":
            return Said("disconnect", {})
        if kind not in (b"2", b"3", b"4"):
            raise Unreadable("it is a packet of Socket.IO with attachments, which are not read")
        start = min((at for at in (rest.find(b"["), rest.find(b"{")) if at >= 0), default=len(rest))
        try:
            content = msgspec.json.decode(rest[start:] or b"{}")
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Unreadable("it is no packet of Socket.IO 5") from None
        if kind == b"4":
            return Said("connect_error", content)
        if kind == b"3":
            return Said("ack", content)
        if not isinstance(content, list) or not content:
            raise Unreadable("it is an event of Socket.IO without a name")
        return Said(str(content[0]), content[1] if len(content) > 1 else {})

    def write(self, name: str, data: Any) -> Packed:
        return b"42" + msgspec.json.encode([name, data]), frames.OP_TEXT

    def authenticate(self, data: Any) -> Packed:
        return b"40" + (msgspec.json.encode(data) if data else b""), frames.OP_TEXT


class Colyseus:
    JOIN, ERROR, LEAVE, DATA, STATE, PATCH = 10, 11, 12, 13, 14, 15
    is_ready_on_open = False
    refusal: str | None = None

    def read(self, payload: bytes) -> Said | Step:
        code = payload[0] if payload else -1
        if code == self.JOIN:
            return Step(answer=(bytes([self.JOIN]), frames.OP_BINARY), is_ready=True)
        if code in (self.STATE, self.PATCH):
            return Step()
        if code in (self.ERROR, self.LEAVE):
            return Said("error" if code == self.ERROR else "leave", {})
        if code != self.DATA:
            raise Unreadable("it is no message of Colyseus: choose another [socket] framing")
        name, rest = _name_in(payload[1:])
        try:
            return Said(name, msgspec.msgpack.decode(rest) if rest else {})
        except msgspec.MsgspecError:
            raise Unreadable(f"the data of {name} are no MessagePack") from None

    def write(self, name: str, data: Any) -> Packed:
        packed = bytes([self.DATA]) + msgspec.msgpack.encode(name) + msgspec.msgpack.encode(data)
        return packed, frames.OP_BINARY

    def authenticate(self, data: Any) -> Packed:
        return b"", frames.OP_BINARY


def _name_in(rest: bytes) -> tuple[str, bytes]:
    """A MessagePack text or number, and what follows."""
    first = rest[0] if rest else 0
    if first < 0x80:
        return str(first), rest[1:]
    if 0xA0 <= first < 0xC0:
        return rest[1 : 1 + first - 0xA0].decode("utf-8", "replace"), rest[1 + first - 0xA0 :]
    if first == 0xD9 and len(rest) > 1:
        return rest[2 : 2 + rest[1]].decode("utf-8", "replace"), rest[2 + rest[1] :]
    raise Unreadable("it has no name as Colyseus writes them")


FRAMINGS = ("json", "socketio", "colyseus")


def new_framing(name: str, *, type_path: str, data_path: str) -> Framing:
    if name == "socketio":
        return SocketIo()
    return Colyseus() if name == "colyseus" else PlainJson(type_path=type_path, data_path=data_path)
