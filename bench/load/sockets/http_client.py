"""The cheapest HTTP client that can fetch a room list over a kept-alive connection, for thousands of them on one core.

It sends ready bytes and understands answers with ``Content-Length`` or without a body, which is all that a lobby server
sends to a GET. It is no general HTTP client: no chunked bodies, no redirects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

BODILESS = frozenset((204, 304))


class Response(NamedTuple):
    status: int
    head: bytes
    """Status line and headers, with the empty line that ends them."""
    body: bytes
    stamp_s: float
    """``time.perf_counter`` when the last byte was there."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None


class HttpFailed(RuntimeError):
    """The server's answer is not one that this client understands."""


def get_request(path: str, *, host: str, port: int, headers: tuple[str, ...] = ()) -> bytes:
    """A GET as a game engine's client sends it: few headers, no cookies."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "User-Agent: lobby-bench", "Accept: */*", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class HttpConnection(asyncio.Protocol):
    """One kept-alive connection. `on_response` is called once per request; `lost` says that the connection is gone."""

    __slots__ = ("_buffer", "_need", "_on_response", "lost", "transport")

    def __init__(self, on_response: Callable[[Response], None]) -> None:
        self._on_response = on_response
        self._buffer = bytearray()
        self._need = 0
        self.transport: asyncio.Transport | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def send(self, request: bytes) -> None:
        """Raises `HttpFailed` when the connection is gone."""
        if self.transport is None or self.lost:
            raise HttpFailed("the HTTP connection is gone")
        self.transport.write(request)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        stamp_s = perf_counter()
        self._buffer += data
        while self._is_whole():
            self._answer(stamp_s)

    def _is_whole(self) -> bool:
        """Whether the buffer begins with a whole answer; the length of one is worked out once."""
        if not self._need:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._need = end + 4 + _body_length(bytes(self._buffer[: end + 2]))
        return len(self._buffer) >= self._need

    def _answer(self, stamp_s: float) -> None:
        buffer = self._buffer
        head_bytes = buffer.find(b"\r\n\r\n") + 4
        response = Response(
            status=int(buffer[9:12]),
            head=bytes(buffer[:head_bytes]),
            body=bytes(buffer[head_bytes : self._need]),
            stamp_s=stamp_s,
        )
        del buffer[: self._need]
        self._need = 0
        self._on_response(response)


def _body_length(head: bytes) -> int:
    if int(head[9:12]) in BODILESS:
        return 0
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        raise HttpFailed(f"an answer without Content-Length: {head[:200]!r}")
    start = at + len(b"\r\ncontent-length:")
    return int(head[start : head.index(b"\r\n", start)])


async def open_http(host: str, port: int, on_response: Callable[[Response], None]) -> HttpConnection:
    """Raises `OSError` when nobody listens."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: HttpConnection(on_response), host, port)
    return connection
