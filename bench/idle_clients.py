"""One idle client of each kind, whose bytes are counted by us and by the kernel."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

from picows import WSMsgType

from bench.http_client import HttpConnection, Response, get_request, open_http
from bench.lab import HOST
from bench.receivers import PING_MESSAGE, Receiver
from bench.results import ClientBytes, Connect
from bench.tcp_info import TcpCounters, read_tcp_counters
from bench.tokens import Player
from bench.wire import ByteCount, server_frame_bytes
from lobby_server.protocol.frames import client_frame_bytes
from lobby_server.protocol.messages import HandshakeAccepted, Ping, Pong


class Counted:
    """What both kinds share: our count of a window beside the kernel's."""

    def __init__(self) -> None:
        self.count = ByteCount()
        self.lost = 0
        self._before: TcpCounters | None = None
        self._kernel: TcpCounters | None = None
        """What the kernel counted since `reset`, when it was last looked at."""

    def tcp_socket(self) -> socket.socket:
        raise NotImplementedError

    def reset(self) -> None:
        self.count = ByteCount()
        self._before = read_tcp_counters(self.tcp_socket())

    def look(self) -> None:
        """Ask the kernel."""
        self._kernel = None
        if self._before is not None and not self.lost:
            now = read_tcp_counters(self.tcp_socket())
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
            kernel_sent_bytes=kernel.sent_bytes if kernel else None,
            kernel_received_bytes=kernel.received_bytes if kernel else None,
            kernel_segments=kernel.segments_out + kernel.segments_in if kernel else None,
        )


class PushIdler(Counted, Receiver):
    """Holds the socket and sends a heartbeat when told to."""

    def __init__(self, index: int, player: Player, texts: Counter[tuple[str, int]]) -> None:
        Counted.__init__(self)
        Receiver.__init__(self, index, player)
        self._texts = texts
        self._frames_up_bytes = 0
        self._frames_down_bytes = 0
        self._accepted_bytes = 0
        self._leaving = False

    def tcp_socket(self) -> socket.socket:
        return self.socket()

    def say_hello(self) -> None:
        super().say_hello()
        self._frames_up_bytes += client_frame_bytes(len(self.handshake_message))
        self._texts["handshake", len(self.handshake_message)] += 1

    def act(self) -> None:
        assert self.transport is not None
        if not self.lost:
            self.transport.send(WSMsgType.TEXT, PING_MESSAGE)
            self._texts[Ping.TYPE, len(PING_MESSAGE)] += 1

    def on_text(self, payload: bytes, stamp_s: float) -> None:
        size_bytes = len(payload)
        name = payload[9 : payload.index(b'"', 9)].decode()
        self._texts[name, size_bytes] += 1
        self._frames_down_bytes += server_frame_bytes(size_bytes)
        if name == Pong.TYPE:
            self.count.heartbeat(ping_bytes=len(PING_MESSAGE), pong_bytes=size_bytes)
        else:
            self.count.notification(message_bytes=size_bytes)
        if name == HandshakeAccepted.TYPE:
            self._accepted_bytes = size_bytes

    def on_control_ping(self, payload_bytes: int) -> None:
        self._texts["(protocol ping)", payload_bytes] += 1
        self._frames_down_bytes += server_frame_bytes(payload_bytes)
        self._frames_up_bytes += client_frame_bytes(payload_bytes)
        self.count.control_ping(payload_bytes=payload_bytes)

    def on_lost(self) -> None:
        if not self._leaving:
            self.lost = 1

    def close(self) -> None:
        self._leaving = True
        super().close()

    def connect(self) -> Connect | None:
        counters = read_tcp_counters(self.socket())
        if counters is None:
            return None
        return Connect(
            upgrade_request_bytes=counters.sent_bytes - self._frames_up_bytes,
            upgrade_response_bytes=counters.received_bytes - self._frames_down_bytes,
            handshake_message_bytes=len(self.handshake_message),
            accepted_message_bytes=self._accepted_bytes,
        )


class PollIdler(Counted):
    """Fetches the room list over one kept-alive connection when told to."""

    def __init__(self, port: int, *, with_etag: bool) -> None:
        super().__init__()
        self._port, self._with_etag = port, with_etag
        self._connection: HttpConnection | None = None
        self._answered = asyncio.Event()
        self.request = get_request("/api/rooms", host=HOST, port=port)

    async def open(self) -> None:
        self._connection = await open_http(HOST, self._port, self._on_response)
        self.act()
        await self._answered.wait()

    def tcp_socket(self) -> socket.socket:
        assert self._connection is not None
        assert self._connection.transport is not None
        found: socket.socket = self._connection.transport.get_extra_info("socket")
        return found

    def act(self) -> None:
        assert self._connection is not None
        if self._connection.lost:
            self.lost = 1
        else:
            self._connection.send(self.request)

    def _on_response(self, response: Response) -> None:
        self.count.http_exchange(
            request_bytes=len(self.request), head_bytes=len(response.head), body_bytes=len(response.body)
        )
        etag = response.header(b"etag")
        if self._with_etag and etag is not None:
            header = f"If-None-Match: {etag.decode()}"
            self.request = get_request("/api/rooms", host=HOST, port=self._port, headers=(header,))
        self._answered.set()
