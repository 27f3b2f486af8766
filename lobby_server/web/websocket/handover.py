"""Connections that are not WebSockets, handed to Tornado's HTTP server, and back when one of them asks for an upgrade
later, or keeps asking for the room list. They are counted here, and an idle one ends when its place is needed.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, cast

import tornado.httpserver
import tornado.httputil
import tornado.iostream

from lobby_server.web.lean.callers import Callers, peer_of
from lobby_server.web.websocket.answers import refused
from lobby_server.web.websocket.head import (
    MAX_HEAD_BYTES,
    MAX_READ_BYTES,
    Head,
    HeadFault,
    body_too_large,
    is_field,
    parse_head,
    plainly,
)
from lobby_server.web.websocket.wire import PlainWire, TlsWire, Wire

MAX_CHUNK_LINE_BYTES = 4096
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_UNREADABLE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
"""What Tornado says of a body that it cannot read."""
IDLE_S = 1.0
"""A connection on which nothing was read for so long, and that is owed no answer, may have to give way."""


class HttpConnections:
    """The connections that Tornado serves, and those that ask for the room list alone."""

    def __init__(self, http: tornado.httpserver.HTTPServer, loop: asyncio.AbstractEventLoop, callers: Callers) -> None:
        self.callers = callers
        self.busy: Callable[[], set[tornado.iostream.BaseIOStream]] = set
        """The streams of calls that are being answered."""
        self.on_end: Callable[[], None] = lambda: None
        """A socket was closed."""
        self.on_refusal: Callable[[HeadFault, str], None] = lambda fault, peer: None
        """A head that came behind other requests was refused: why, and the address at the other end."""
        self._http = http
        self._loop = loop
        self._open: OrderedDict[_ReplayStream, float] = OrderedDict()
        """When something was last read, the longest ago first."""

    def __len__(self) -> int:
        return len(self._open) + len(self.callers)

    def take(self, wire: Wire, received: bytes, address: Any) -> None:
        """Hand over a connection of which that was read."""
        wire.release()
        kind = _ReplayTlsStream if isinstance(wire.socket, ssl.SSLSocket) else _ReplayPlainStream
        stream = kind(
            wire.socket, max_buffer_size=self._http.max_buffer_size, read_chunk_size=self._http.read_chunk_size
        )
        stream.begin(self, received, address)
        self._open[stream] = self._loop.time()
        self._http.handle_stream(stream, address)

    def give_way(self) -> bool:
        """End the connection that is idle for longest, of those that ask for the list first; False: all are in use."""
        if self.callers.give_way(IDLE_S):
            return True
        latest_s = self._loop.time() - IDLE_S
        busy = self.busy()
        for stream, read_s in self._open.items():
            if read_s > latest_s:
                return False
            if stream not in busy and not stream.writing():
                stream.close()
                return True
        return False

    def was_read(self, stream: _ReplayStream) -> None:
        if stream in self._open:
            self._open[stream] = self._loop.time()
            self._open.move_to_end(stream)

    def ended(self, stream: _ReplayStream) -> None:
        if self._open.pop(stream, None) is not None:
            self.on_end()

    def take_back(self, stream: tornado.iostream.IOStream) -> tuple[Wire, bytes]:
        """A connection that Tornado detached, and what was read of it beyond the request."""
        assert isinstance(stream, _ReplayStream)
        self._open.pop(stream, None)
        sock, received = stream.give_up()
        if isinstance(sock, ssl.SSLSocket):
            return TlsWire(sock, self._loop), received
        assert isinstance(sock, PlainWire)  # as it was handed over
        return sock, received

    def call_on_loop(self, stream: _ReplayStream, head: Head, raw: bytes) -> bool:
        """Take a connection away from Tornado if it asks for the list, and did so before; False: it does not."""
        request = self.callers.lists.read(raw, head)
        asked_before, stream.asked_for_list = stream.asked_for_list, request is not None
        if request is None or not asked_before or stream.writing():
            return False
        address = stream.address
        wire, rest = self.take_back(stream)
        # Tornado still has to leave the connection, which it does in this turn of the loop.
        self._loop.call_soon(self.callers.add, wire, request, rest, address)
        return True


class _ReplayStream(tornado.iostream.IOStream):
    """A stream whose first bytes were read by somebody else."""

    _owner: HttpConnections | None = None
    _received: memoryview = memoryview(b"")
    _address: Any = None
    """At the other end."""
    _knows_head = False
    """The head that comes next was read here before."""
    address: Any = None
    asked_for_list = False
    """Its last request was for the list: once is not worth the way to and fro."""
    _has_read_end = False
    """The end of a chunked body was read, and Tornado asks for it yet."""
    _chunked_bytes = 0
    """Of the chunked body that has begun."""

    def begin(self, owner: HttpConnections, received: bytes, address: Any) -> None:
        self._owner = owner
        self.address = address
        self._received = memoryview(received)
        self._address = address
        self._knows_head = True

    # -- a head -------------------------------------------------------------------------------------------------------

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> asyncio.Future[bytes]:
        """What Tornado calls for the head of a request: it is held to the same rules as the first of a connection."""
        raw = cast("asyncio.Future[bytes]", super().read_until_regex(regex, max_bytes))
        if self._knows_head:
            self._knows_head = False
            return raw
        checked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        raw.add_done_callback(lambda _: self._check_head(raw, checked))
        return checked

    def _check_head(self, raw: asyncio.Future[bytes], checked: asyncio.Future[bytes]) -> None:
        if checked.done():
            _look_at(raw)
        elif raw.cancelled():
            checked.cancel()
        elif (fault := raw.exception()) is not None:
            checked.set_exception(fault)
        else:
            data = raw.result().lstrip(b"\r\n")
            try:
                head = parse_head(data)
            except HeadFault as refusal:
                checked.set_exception(self._refuse(refusal))
                return
            if self._owner is not None and self._owner.call_on_loop(self, head, data):
                checked.set_exception(tornado.iostream.StreamClosedError())
            else:
                checked.set_result(plainly(data, head))

    # -- a body in chunks ---------------------------------------------------------------------------------------------

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """What Tornado calls for the line before a chunk. It knows neither extensions nor trailers (RFC 9112 section
        7.1), which a recipient may ignore but has to read."""
        return self._read_chunk_line() if delimiter == b"\r\n" else super().read_until(delimiter, max_bytes)

    def read_bytes(self, num_bytes: int, partial: bool = False) -> Awaitable[bytes]:
        if not self._has_read_end:
            return super().read_bytes(num_bytes, partial)
        self._has_read_end = False
        end: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        end.set_result(b"\r\n")
        return end

    async def _read_chunk_line(self) -> bytes:
        line = await super().read_until(b"\r\n", MAX_CHUNK_LINE_BYTES)
        found = _CHUNK_LINE.fullmatch(line)
        if found is None:
            return line  # Tornado says that it cannot be read
        self._chunked_bytes += int(found[1], 16)
        if self._chunked_bytes > MAX_READ_BYTES:
            raise self._refuse(body_too_large())
        if not found[1].strip(b"0"):
            self._chunked_bytes = 0
            await self._read_trailers()
        return found[1] + b"\r\n"

    async def _read_trailers(self) -> None:
        size = 0
        while (line := await super().read_until(b"\r\n", MAX_CHUNK_LINE_BYTES)) != b"\r\n":
            size += len(line)
            if size > MAX_HEAD_BYTES or not is_field(line.removesuffix(b"\r\n")):
                raise tornado.httputil.HTTPInputError("a trailer that cannot be read")
        self._has_read_end = True

    # -- what is refused ----------------------------------------------------------------------------------------------

    def write(self, data: bytes | memoryview) -> asyncio.Future[None]:
        if data == _UNREADABLE:
            data = self._told(HeadFault(400, "The body of the request cannot be read."))
        return super().write(data)

    def _refuse(self, fault: HeadFault) -> tornado.iostream.StreamClosedError:
        """Answer, and end; for whoever reads."""
        self.write(self._told(fault)).add_done_callback(_look_at)
        self.close()
        return tornado.iostream.StreamClosedError()

    def _told(self, fault: HeadFault) -> bytes:
        """The answer, of which the log hears."""
        if self._owner is not None:
            self._owner.on_refusal(fault, peer_of(self._address))
        return refused(fault)

    # -- the socket ---------------------------------------------------------------------------------------------------

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        if not self._received:
            size = super().read_from_fd(buf)
        else:
            size = min(len(buf), len(self._received))
            buf[:size] = self._received[:size]
            self._received = self._received[size:]
        if size and self._owner is not None:
            self._owner.was_read(self)
        return size

    def close_fd(self) -> None:
        super().close_fd()
        if self._owner is not None:
            self._owner.ended(self)
            self._owner = None

    def give_up(self) -> tuple[socket.socket, bytes]:
        """The socket, with nothing of Tornado's on it, and what was read of it and not used."""
        sock, received = self.socket, bytes(self._read_buffer) + bytes(self._received)
        if self._state is not None:
            self.io_loop.remove_handler(self.fileno())
            self._state = None
        self._closed = True
        self._owner = None
        self.socket = None  # type: ignore[assignment]
        return sock, received


class _ReplayPlainStream(_ReplayStream):
    pass


class _ReplayTlsStream(_ReplayStream, tornado.iostream.SSLIOStream):
    """Over TLS, whose handshake is done."""

    def begin(self, owner: HttpConnections, received: bytes, address: Any) -> None:
        super().begin(owner, received, address)
        self._ssl_accepting = False


def _look_at(future: asyncio.Future[Any]) -> None:
    """A fault that nobody looked at would be complained of."""
    if not future.cancelled():
        future.exception()
