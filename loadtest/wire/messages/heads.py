"""HTTP/1.1 heads as bytes: the request for an upgrade, and what a server's answer begins with. No I/O.

As little of RFC 9110 and 9112 as a lobby server and the proxies in front of it need.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import getrandbits
from urllib.parse import urlsplit

LARGEST_HEAD_BYTES = 64 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class BadAnswer(Exception):
    """What came is not HTTP/1.1, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Head:
    status: int
    headers: Mapping[str, str]
    """Names in lower case; the last one of a name."""

    def has_token(self, name: str, token: str) -> bool:
        """In a header that lists them."""
        return token in (each.strip().lower() for each in self.headers.get(name, "").split(","))


def read_head(head: bytes) -> Head:
    """`head` is without the empty line at its end. Raises `BadAnswer`."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not (status.isascii() and status.isdigit() and len(status) == 3):
        raise BadAnswer("what came is no HTTP")
    headers = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if not colon:
            raise BadAnswer("a header of the answer has no colon")
        headers[name.strip().lower()] = text.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return Head(int(status), headers)


def host_header(url: str) -> str:
    """Host and port, as far as the port is not the scheme's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


class UpgradeRequests:
    """Of one WebSocket address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._before = (
            f"GET {target} HTTP/1.1\r\nHost: {host_header(url)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        ).encode()

    def new(self) -> tuple[bytes, bytes]:
        """A request and its key."""
        key = base64.b64encode(getrandbits(128).to_bytes(16, "big"))
        return b"".join((self._before, key, b"\r\n\r\n")), key


def check_upgrade(head: Head, key: bytes) -> None:
    """Whether an answer with status 101 is one to this key (RFC 6455 section 4.1). Raises `BadAnswer`."""
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    if head.headers.get("sec-websocket-accept") != accept:
        raise BadAnswer("the answer to the upgrade is one to another key")
    if head.headers.get("upgrade", "").lower() != "websocket" or not head.has_token("connection", "upgrade"):
        raise BadAnswer("the answer to the upgrade names no upgrade to a WebSocket")
    if "sec-websocket-extensions" in head.headers:
        raise BadAnswer("the server chose an extension that was not asked for")
