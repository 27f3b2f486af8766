"""A client on a raw socket that does as it is told, nothing by itself: for what no well-behaved library would do.

Speaks just enough HTTP/1.1 and RFC 6455, with TLS and permessage-deflate (RFC 7692) where asked for. It checks little:
whether a server's bytes are right is the conformance suite's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import zlib
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import cast

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
OP_CONTINUATION, OP_TEXT, OP_CLOSE, OP_PING, OP_PONG = 0x0, 0x1, 0x8, 0x9, 0xA
PATIENCE_S = 30.0
BETWEEN_PIECES_S = 0.001
"""Of a request that is sent in several: a server that has nothing else to do has read one before the next comes."""
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3})")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


class Transport(str, Enum):
    """How a client's bytes reach the server."""

    BARE = "bare"
    TLS = "tls"
    DEFLATE = "deflate"
    TLS_DEFLATE = "tls-deflate"

    @property
    def is_tls(self) -> bool:
        return self in (Transport.TLS, Transport.TLS_DEFLATE)

    @property
    def deflates(self) -> bool:
        return self in (Transport.DEFLATE, Transport.TLS_DEFLATE)


class ClientGone(ConnectionError):
    """The server ended the connection, or did not answer in time."""


def client_frame(payload: bytes, opcode: int = OP_TEXT, *, fin: bool = True) -> bytes:
    """A frame under a mask of zero: the payload as it is."""
    first = (0x80 if fin else 0) | opcode
    if len(payload) <= 125:
        head = bytes((first, 0x80 | len(payload)))
    else:
        head = bytes((first, 0x80 | 126)) + len(payload).to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def request_head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def upgrade_head(transport: Transport, path: str = "/ws") -> bytes:
    lines = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
    if transport.deflates:
        lines.append("Sec-WebSocket-Extensions: permessage-deflate")
    return request_head("GET", path, *lines)


def close_payload(code: int = 1000) -> bytes:
    return code.to_bytes(2, "big")


class RawClient(asyncio.Protocol):
    """One connection. Made by `connect`."""

    def __init__(self, transport: Transport) -> None:
        self.way = transport
        self.buffer = b""
        self.has_ended = False
        self.on_frame: Callable[[int, bytes], None] | None = None
        """Takes frames as they come; until it is set they wait for `frame`."""
        self._inflater: zlib._Decompress | None = None
        self._keeps_context = True
        self._wire: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    async def connect(cls, port: int, transport: Transport, *, source: str | None = None) -> RawClient:
        """To the loopback; `source`: the address of ours, for more connections than one address has ports."""
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: cls(transport),
            "127.0.0.1",
            port,
            ssl=_trust_anybody() if transport.is_tls else None,
            local_addr=None if source is None else (source, 0),
        )
        return client

    # -- Protocol -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.on_frame is not None:
            while (found := self._take_frame()) is not None:
                self.on_frame(*found)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = True
        self._wake()

    # -- what it does ---------------------------------------------------------------------------------------------

    @property
    def wire(self) -> asyncio.Transport:
        assert self._wire is not None
        return self._wire

    def send(self, data: bytes) -> None:
        if not self.has_ended:
            self.wire.write(data)

    async def upgrade(self, path: str = "/ws", *, pieces: int = 1) -> int:
        """The status of the answer; 101: frames from now on. `pieces`: TCP segments in which the request is sent."""
        request = upgrade_head(self.way, path)
        size = -(-len(request) // pieces)
        for start in range(0, len(request), size):
            if start:
                await asyncio.sleep(BETWEEN_PIECES_S)
            self.send(request[start : start + size])
        head = await self._head()
        if b"permessage-deflate" in head:
            self._inflater = zlib.decompressobj(-15)
            self._keeps_context = b"server_no_context_takeover" not in head
        return _status_of(head)

    async def request(
        self, method: str, path: str, body: bytes = b"", *, token: str | None = None
    ) -> tuple[int, bytes]:
        """One call on the kept connection: status and body."""
        lines = [f"Content-Length: {len(body)}"] if body else []
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        self.send(request_head(method, path, *lines) + body)
        head = await self._head()
        found = _LENGTH.search(head)
        size = int(found[1]) if found is not None else 0
        await self._until(lambda: len(self.buffer) >= size)
        answer, self.buffer = self.buffer[:size], self.buffer[size:]
        return _status_of(head), answer

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Raises `ClientGone`."""
        while (found := self._take_frame()) is None:
            before = len(self.buffer)
            await self._until(lambda before=before: len(self.buffer) > before)  # type: ignore[misc]
        return found

    async def message(self, kind: bytes) -> bytes:
        """The next text message of that type; others are passed over."""
        wanted = b'"type":"%b"' % kind
        while True:
            opcode, payload = await self.frame()
            if opcode == OP_TEXT and wanted in payload:
                return payload
            if opcode == OP_CLOSE:
                raise ClientGone(f"closed with {int.from_bytes(payload[:2], 'big')}")

    async def ended(self) -> None:
        """Until the server has ended TCP. Raises `ClientGone` when it does not."""
        if not self.has_ended:
            with contextlib.suppress(ClientGone):
                await self._until(lambda: self.has_ended)
        if not self.has_ended:
            raise ClientGone("TCP was not ended")

    def abort(self) -> None:
        self.wire.abort()

    # -- private --------------------------------------------------------------------------------------------------

    async def _head(self) -> bytes:
        await self._until(lambda: b"\r\n\r\n" in self.buffer)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    async def _until(self, holds: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + PATIENCE_S
        alarm = loop.call_at(deadline_s, self._wake)  # no wait_for: it may swallow a cancellation that comes with data
        try:
            while not holds():
                if self.has_ended:
                    raise ClientGone("the connection was ended")
                if loop.time() >= deadline_s:
                    raise ClientGone("no answer in time")
                self._waiter = loop.create_future()
                await self._waiter
        finally:
            alarm.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take_frame(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size > 125:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return None
        payload, self.buffer = data[start : start + size], data[start + size :]
        if data[0] & 0x40 and self._inflater is not None:
            payload = self._inflater.decompress(payload + b"\0\0\xff\xff")
            if not self._keeps_context:
                self._inflater = zlib.decompressobj(-15)
        return data[0] & 0x0F, payload


def _status_of(head: bytes) -> int:
    found = _STATUS.match(head)
    if found is None:
        raise ClientGone(f"no status line: {head[:80]!r}")
    return int(found[1])


@cache
def _trust_anybody() -> ssl.SSLContext:
    """The server under test is our own, on the loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
