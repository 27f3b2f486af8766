"""What a client counts of its sockets, beside what the kernel counts of them.

The invariant: bytes of a socket that was let go stay in the count, so that two looks at it differ by what was carried.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from bench.load.sockets.http_client import HttpConnection, Response, get_request, open_http
from bench.load.sockets.tcp_info import TcpCounters, read_tcp_counters
from bench.record.traffic import ClientBytes
from bench.record.wire import ByteCount

IDLE_S = 15.0
"""A fetching client keeps its HTTP connection for so long: shorter than any server does."""


class Counted:
    """What all ways share: our count of a window beside the kernel's, over all sockets of the client."""

    def __init__(self) -> None:
        self.count = ByteCount()
        self.lost = 0
        self._before: TcpCounters | None = None
        self._kernel: TcpCounters | None = None
        """What the kernel counted since `reset`, when it was last looked at."""

    def tcp_sockets(self) -> list[socket.socket]:
        raise NotImplementedError

    def retired(self) -> TcpCounters:
        """What sockets carried that the client has let go."""
        return TcpCounters(0, 0, 0, 0)

    def act(self) -> None:
        """Do what is due once per period: poll, or send a heartbeat."""
        raise NotImplementedError

    def _counted(self) -> TcpCounters | None:
        now = _sum(self.tcp_sockets())
        return TcpCounters(*(a + b for a, b in zip(now, self.retired(), strict=True))) if now is not None else None

    def reset(self) -> None:
        self.count = ByteCount()
        self._before = self._counted() if not self.lost else None

    def look(self) -> None:
        """Ask the kernel."""
        self._kernel = None
        if self._before is not None and not self.lost:
            now = self._counted()
            self._kernel = now.since(self._before) if now is not None else None

    def is_untouched(self) -> bool:
        """Whether nothing was on its way when it was reset."""
        self.look()
        return self.count == ByteCount() and (self._kernel is None or not any(self._kernel))

    def agrees(self) -> bool:
        """Whether all that the kernel has received has been read and counted."""
        counted = (self.count.framed_up_bytes, self.count.framed_down_bytes)
        return self._kernel is None or (self._kernel.sent_bytes, self._kernel.received_bytes) == counted

    def taken(self) -> ClientBytes:
        """The window's figures as of the last look."""
        kernel = self._kernel
        return ClientBytes(
            requests=self.count.requests,
            events=self.count.events,
            message_bytes=self.count.message_up_bytes + self.count.message_down_bytes,
            framed_up_bytes=self.count.framed_up_bytes,
            framed_down_bytes=self.count.framed_down_bytes,
            wire_bytes=self.count.wire_bytes,
            header_bytes=self.count.header_bytes,
            payload_bytes=self.count.payload_bytes,
            kernel_sent_bytes=kernel.sent_bytes if kernel else None,
            kernel_received_bytes=kernel.received_bytes if kernel else None,
            kernel_segments=kernel.segments_out + kernel.segments_in if kernel else None,
        )


class HttpSide:
    """A kept-alive connection over which lists come, counted."""

    def __init__(self, owner: Counted, host: str, port: int, *, headers: Sequence[str] = (), with_etag: bool) -> None:
        self._owner, self._host, self._port = owner, host, port
        self._headers, self._with_etag = tuple(headers), with_etag
        self._connection: HttpConnection | None = None
        self._answered: asyncio.Future[Response] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.retired = TcpCounters(0, 0, 0, 0)
        """What connections carried that were let go."""
        self.request = get_request("/api/rooms", host=host, port=port, headers=self._headers)

    async def open(self) -> None:
        self._connection = await open_http(self._host, self._port, self._on_response)

    def let_go_when_idle(self) -> None:
        """Close after `IDLE_S` without a request, before a server does it: its count would go with the connection."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.let_go)

    def let_go(self) -> None:
        """Close, with what it carried kept, unless an answer is on its way."""
        if self._idle is not None:
            self._idle.cancel()
        if self.is_lost or (self._answered is not None and not self._answered.done()):
            return
        counters = read_tcp_counters(self.socket())
        if counters is not None and self._connection is not None:
            self.retired = TcpCounters(*(a + b for a, b in zip(self.retired, counters, strict=True)))
            self._connection.close()
            self._connection = None

    @property
    def is_cut(self) -> bool:
        """Closed by the other side, and its count with it."""
        return self._connection is not None and self._connection.lost

    def socket(self) -> socket.socket:
        assert self._connection is not None
        assert self._connection.transport is not None
        found: socket.socket = self._connection.transport.get_extra_info("socket")
        return found

    @property
    def is_lost(self) -> bool:
        return self._connection is None or self._connection.lost

    def ask(self) -> asyncio.Future[Response]:
        """One GET; one at a time."""
        assert self._connection is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._connection.send(self.request)
        return self._answered

    def _on_response(self, response: Response) -> None:
        self._owner.count.http_exchange(
            request_bytes=len(self.request), head_bytes=len(response.head), body_bytes=len(response.body)
        )
        etag = response.header(b"etag")
        if self._with_etag and etag is not None:
            header = f"If-None-Match: {etag.decode()}"
            self.request = get_request("/api/rooms", host=self._host, port=self._port, headers=(*self._headers, header))
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(response)


def _sum(sockets: Sequence[socket.socket]) -> TcpCounters | None:
    found = [read_tcp_counters(each) for each in sockets]
    known = [each for each in found if each is not None]
    return TcpCounters(*(sum(column) for column in zip(*known, strict=True))) if len(known) == len(found) else None
