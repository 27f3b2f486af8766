"""A request for a WebSocket: what it must be, and what answers it (RFC 6455 section 4.2, RFC 9110 section 7.8)."""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from typing import NamedTuple

from lobby_server.protocol.codes import ApiCode
from lobby_server.web.websocket.deflate import Agreement, Offer, agree
from lobby_server.web.websocket.head import Head

RETRY_AFTER_S = 5
VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_RAW_KEY = re.compile(_KEY.pattern.encode())
"""16 bytes in base64."""
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*({_TOKEN})(?:[ \t]*=[ \t]*({_TOKEN}|{_QUOTED}))?")
_NAME = re.compile(rf"[ \t]*({_TOKEN})")
_COMMA = re.compile(r"[ \t]*(?:,|$)")


class UpgradeRefused(Exception):
    """An answer that is not 101."""

    def __init__(self, status: int, code: ApiCode, sentence: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.retry_after_s = retry_after_s


class Upgrade(NamedTuple):
    """A request that can be answered with 101."""

    key: bytes
    agreement: Agreement | None
    """On compression."""

    def response(self) -> bytes:
        """The 101."""
        accept = b2a_base64(hashlib.sha1(self.key + _GUID, usedforsecurity=False).digest(), newline=False)
        extension = b""
        if self.agreement is not None:
            extension = b"Sec-WebSocket-Extensions: %b\r\n" % self.agreement.answer.encode()
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept, extension)
        )


def asks_for_socket(head: Head) -> bool:
    """Whether a request means a WebSocket. Over HTTP/1.0 that is told by ``Upgrade`` alone: a proxy that speaks it has
    taken ``Connection`` for itself."""
    if head.method != "GET" or not head.says("upgrade", "websocket"):
        return False
    return head.version < (1, 1) or head.says("connection", "upgrade")


def read_upgrade(head: Head, *, compression: bool) -> Upgrade:
    """What a request that `asks_for_socket` is answered with. Raises `UpgradeRefused`."""
    if head.version < (1, 1):
        raise UpgradeRefused(
            426,
            ApiCode.UPGRADE_REQUIRED,
            "A WebSocket needs HTTP/1.1, and this request came as HTTP/1.0: a proxy on the way speaks HTTP/1.0 to the "
            "server; for nginx set proxy_http_version 1.1.",
        )
    if head.all("sec-websocket-version") != [VERSION]:
        raise UpgradeRefused(426, ApiCode.UPGRADE_REQUIRED, "The server speaks WebSocket version 13.")
    keys = head.all("sec-websocket-key")
    if len(keys) != 1 or not is_key(keys[0]):
        raise _bad("Sec-WebSocket-Key is missing, or not 16 bytes in base64.")
    if len(head.all("origin")) > 1:
        raise _bad("A request has one Origin at most.")
    if head.all("transfer-encoding") or any(value.strip("0") for value in head.all("content-length")):
        raise _bad("A request for a WebSocket has no body.")
    offered = head.all("sec-websocket-extensions")
    offers = _offers(", ".join(offered)) if offered else []
    return Upgrade(keys[0].encode(), agree(offers) if compression else None)


def is_key(key: str | bytes) -> bool:
    """Whether that is a ``Sec-WebSocket-Key``: 16 bytes in base64."""
    found = _KEY.fullmatch(key) if isinstance(key, str) else _RAW_KEY.fullmatch(key)
    return found is not None


def _offers(text: str) -> list[Offer]:
    """The extensions that a client offers (RFC 6455 section 9.1). Raises `UpgradeRefused`."""
    offers: list[Offer] = []
    position = 0
    while position < len(text):
        if (comma := _COMMA.match(text, position)) is not None and comma.end() > position:  # an empty element
            position = comma.end()
            continue
        name = _NAME.match(text, position)
        if name is None:
            raise _bad("Sec-WebSocket-Extensions cannot be read.")
        position = name.end()
        parameters: list[tuple[str, str | None]] = []
        while (parameter := _PARAMETER.match(text, position)) is not None:
            parameters.append((parameter[1], _value(parameter[2])))
            position = parameter.end()
        end = _COMMA.match(text, position)
        if end is None:
            raise _bad("Sec-WebSocket-Extensions cannot be read.")
        position = end.end()
        offers.append((name[1], parameters))
    return offers


def _value(text: str | None) -> str | None:
    """A parameter's value; one in quotes is a token, too (RFC 6455 section 9.1)."""
    if text is None or not text.startswith('"'):
        return text
    value = re.sub(r"\\(.)", r"\1", text[1:-1])
    if not re.fullmatch(_TOKEN, value):
        raise _bad("Sec-WebSocket-Extensions cannot be read.")
    return value


def _bad(sentence: str) -> UpgradeRefused:
    return UpgradeRefused(400, ApiCode.INVALID_REQUEST, sentence)
