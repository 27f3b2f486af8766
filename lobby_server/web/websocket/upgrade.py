"""The request for a WebSocket, read from its bytes (RFC 6455 section 4.2.1): the plain good case and nothing else.

What is not recognised here is not an error: it goes to Tornado's HTTP server, which serves it or says what is wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REQUEST_LINES = (b"GET / HTTP/1.1", b"GET /ws HTTP/1.1")
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """A request that can be answered with 101."""

    key: bytes
    host: str
    origin: str | None
    size: int
    """Bytes of the request; what follows them is frames."""


def read_upgrade(data: bytes) -> UpgradeRequest | None:
    """The upgrade at the beginning of a connection; None: something else, or not whole yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = data[:end].split(b"\r\n")
    if lines[0] not in _REQUEST_LINES:
        return None
    headers: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name in headers or name[:1] in b" \t":
            return None
        headers[name] = value.strip()
    key = headers.get(b"sec-websocket-key", b"")
    if (
        headers.get(b"upgrade", b"").lower() != b"websocket"
        or b"upgrade" not in [token.strip() for token in headers.get(b"connection", b"").lower().split(b",")]
        or headers.get(b"sec-websocket-version") != b"13"
        or b"host" not in headers
        or b"content-length" in headers
        or b"transfer-encoding" in headers
        or not is_key(key)
    ):
        return None
    origin = headers.get(b"origin")
    try:
        return UpgradeRequest(
            key, headers[b"host"].decode("ascii"), None if origin is None else origin.decode("ascii"), end + 4
        )
    except UnicodeDecodeError:
        return None


def upgrade_response(key: bytes) -> bytes:
    """The 101 that answers a key."""
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def is_key(key: bytes) -> bool:
    """Whether that is a ``Sec-WebSocket-Key``: 16 bytes in base64."""
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
