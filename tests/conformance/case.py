"""What a case is: what is sent, and which answers the RFC and the protocol allow. Frozen data; nothing runs here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tests.conformance.wire import Deflater, frame

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OFFER = "permessage-deflate"
LIMIT_BYTES = 4096
"""The inbound limit of the servers under test: the default."""


class Way(str, Enum):
    """How a client's bytes come in."""

    BARE = "bare"
    SPLIT = "split"
    TLS = "tls"
    DEFLATE = "deflate"
    TLS_DEFLATE = "tls-deflate"

    @property
    def is_tls(self) -> bool:
        return self in (Way.TLS, Way.TLS_DEFLATE)

    @property
    def deflates(self) -> bool:
        return self in (Way.DEFLATE, Way.TLS_DEFLATE)


ALL = tuple(Way)
PLAIN = (Way.BARE, Way.SPLIT, Way.TLS)
DEFLATING = (Way.DEFLATE, Way.TLS_DEFLATE)


@dataclass(frozen=True)
class Heard:
    """A step: wait until so many events have come."""

    events: int


@dataclass(frozen=True)
class Pause:
    """A step: let time pass. Only where every outcome that depends on it is allowed."""

    seconds: float


Step: TypeAlias = bytes | Callable[[Deflater], bytes] | Heard | Pause
"""Bytes are one segment; the next step waits until the server has read it."""


@dataclass(frozen=True)
class Outcome:
    """One answer that is allowed: the events in their order, then a close with one of the codes, or an open socket."""

    events: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{list(self.events)} then " + (f"close {'/'.join(map(str, self.codes))}" if self.codes else "open")


def stays(*events: str) -> tuple[Outcome, ...]:
    """The socket stays open after these events."""
    return (Outcome(events),)


def closes(*codes: int, after: tuple[str, ...] = ()) -> tuple[Outcome, ...]:
    """A close frame with one of the codes, after these events, and TCP ends."""
    return (Outcome(after, codes),)


@dataclass(frozen=True)
class SocketCase:
    """Steps on a socket that was opened the way's own way."""

    name: str
    source: str
    """Section of the RFC, or of the protocol."""
    steps: tuple[Step, ...]
    allowed: tuple[Outcome, ...]
    ways: tuple[Way, ...] = ALL
    offer: str = OFFER
    """On the ways that compress."""
    answers_close: bool = True
    """Whether the client answers a close frame; not where it said good-bye itself, or leaves the server waiting."""
    folds: bool = False
    """Each event counts once: where the numbers depend on time, and with them which of the outcomes comes."""
    note: str = ""


@dataclass(frozen=True)
class Reply:
    """One HTTP response that is allowed."""

    statuses: tuple[int, ...]
    has: tuple[tuple[str, str], ...] = ()
    """Header names, and a pattern that the whole value matches."""
    body: bytes | None = None
    """Is in the body; b"" for a body that is empty."""

    def __str__(self) -> str:
        parts = ["/".join(map(str, self.statuses)), *(f"{name}: {pattern}" for name, pattern in self.has)]
        return " ".join(parts) + ("" if self.body is None else f" with {self.body!r}")


class Then(Enum):
    """What becomes of the connection after the last response."""

    ANY = "any"
    KEEPS = "takes one more request"
    CLOSES = "is closed"


@dataclass(frozen=True)
class RequestCase:
    """Bytes on a fresh connection. After a 101 the socket must work: events, then an answer to a ping."""

    name: str
    source: str
    segments: tuple[bytes, ...]
    allowed: tuple[tuple[Reply, ...], ...]
    then: Then = Then.ANY
    methods: tuple[str, ...] = ()
    """Of the requests, GET where none is named: the response to HEAD has no body."""
    events: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ALL
    extension: Callable[[str | None], bool] | None = None
    """What a way that compresses may have in its Sec-WebSocket-Extensions; on the others it is absent."""
    note: str = ""


Case: TypeAlias = SocketCase | RequestCase


def any_of(*statuses: int, **has: str) -> tuple[tuple[Reply, ...], ...]:
    """One response with one of the statuses; header names with _ for -."""
    return ((Reply(statuses, tuple((name.replace("_", "-"), value) for name, value in has.items())),),)


# -- what cases say -----------------------------------------------------------------------------------------------


def message(kind: str, /, **data: object) -> bytes:
    """A message of the protocol as JSON."""
    return json.dumps({"type": kind, "data": data}, separators=(",", ":"), ensure_ascii=False).encode()


def named(name: bytes) -> bytes:
    """A guest's handshake, whose name comes back in the reply; the name as raw bytes."""
    return b'{"type":"handshake","data":{"version":"13020","name":"%b"}}' % name


def padded(size: int) -> bytes:
    """A ping of exactly so many bytes: blanks around JSON mean nothing."""
    return message("ping") + b" " * (size - len(message("ping")))


PING_JSON = message("ping")
PING_TEXT = frame(PING_JSON)


def request(
    target: str | bytes = "/ws",
    *lines: str | bytes,
    method: str = "GET",
    version: str = "HTTP/1.1",
    host: str | None = "lobby.test",
    body: bytes = b"",
) -> bytes:
    """A request with these header lines as they are, Host first."""
    first = method.encode() + b" " + _bytes(target) + b" " + version.encode()
    head = [first, *([] if host is None else [f"Host: {host}".encode()]), *map(_bytes, lines)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def upgrade(
    *more: str | bytes,
    target: str | bytes = "/ws",
    method: str = "GET",
    version: str = "HTTP/1.1",
    host: str | None = "lobby.test",
    up: str | None = "websocket",
    connection: str | None = "Upgrade",
    key: str | None = KEY,
    number: str | None = "13",
    body: bytes = b"",
) -> bytes:
    """A request for a WebSocket; None leaves a header out."""
    lines: list[str | bytes] = [
        f"{name}: {value}"
        for name, value in (
            ("Upgrade", up),
            ("Connection", connection),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", number),
        )
        if value is not None
    ]
    return request(target, *lines, *more, method=method, version=version, host=host, body=body)


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
