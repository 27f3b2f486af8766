"""Clients that do nothing but stay: push with heartbeats, polling, polling with ETag. Every byte of theirs is counted.

Runs in the generator process. Within the window each client acts at a random phase of its interval, kept off the edges
so that no exchange is cut in two by the beginning or the end; so a client polls exactly window / interval times.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from picows import WSMsgType

from bench.http_client import HttpConnection, Response, get_request, open_http
from bench.lab import HOST
from bench.profiles import IdleSizes
from bench.receivers import PING_MESSAGE, Receiver, join, politely
from bench.results import ClientBytes, Connect, MessageSize
from bench.tcp_info import TcpCounters, read_tcp_counters
from bench.tokens import Player, mint_receiver
from bench.wire import ByteCount, server_frame_bytes
from lobby_server.protocol.frames import client_frame_bytes
from lobby_server.protocol.messages import HandshakeAccepted, Ping, Pong

EDGE = 0.05
"""Part of an interval at both ends in which no client acts."""

LEAD_S = 0.2


class Address(NamedTuple):
    """A server of the scenario."""

    ws_url: str
    port: int
    secret: str


@dataclass(frozen=True)
class Window:
    """What the clients of one kind on one server counted."""

    kind: str
    server: int
    clients: list[ClientBytes]
    losses: int


class Idlers:
    """The idle clients of several servers. Coroutines are called from the parent process, one at a time."""

    def __init__(self, *, servers: Sequence[Address], sizes: IdleSizes, seed: int) -> None:
        self._servers, self._sizes = servers, sizes
        self._random = random.Random(seed)
        self._push: list[list[_PushIdler]] = []
        self._pollers: list[list[_PollIdler]] = []
        self._etag_pollers: list[list[_PollIdler]] = []
        self._texts: Counter[tuple[str, int]] = Counter()

    async def connect(self) -> None:
        """All clients of all servers; pollers fetch once, so that those with ETag have one."""
        for server in self._servers:
            push = [
                _PushIdler(index, mint_receiver(server.secret, index), self._texts)
                for index in range(self._sizes.clients)
            ]
            await politely(push, lambda client, url=server.ws_url: join(client, url))  # type: ignore[misc]
            self._push.append(push)
            for pollers, with_etag in ((self._pollers, False), (self._etag_pollers, True)):
                group = [_PollIdler(server.port, with_etag=with_etag) for _ in range(self._sizes.clients)]
                await politely(group, _PollIdler.open)
                pollers.append(group)

    async def connects(self) -> list[Connect]:
        """What getting in took. To be asked when nothing is on its way, before the window."""
        return [found for group in self._push for client in group if (found := client.connect()) is not None]

    async def run(self) -> list[Window]:
        """One window: everybody idles, and is counted from its beginning to its end."""
        start_s = perf_counter() + LEAD_S
        await _until(start_s)
        everybody: list[_PushIdler | _PollIdler] = []
        for push in self._push:
            everybody += push
        for pollers in (*self._pollers, *self._etag_pollers):
            everybody += pollers
        for client in everybody:
            client.reset()
        acts = [asyncio.create_task(self._idle(client, start_s)) for client in everybody]
        await asyncio.gather(*acts)
        await _until(start_s + self._sizes.window_s)
        return (
            _windows("polling", self._pollers)
            + _windows("polling_etag", self._etag_pollers)
            + _windows("push", self._push)
        )

    async def sample_requests(self) -> tuple[str, str]:
        """A poll as it is on the wire, without and with ETag."""
        plain, with_etag = self._pollers[0][0], self._etag_pollers[0][0]
        return plain.request.decode(), with_etag.request.decode()

    async def part(self) -> None:
        """One push client of each server leaves, which the others hear of."""
        for group in self._push:
            group[-1].close()

    async def sizes(self) -> list[MessageSize]:
        """Every kind of message that occurred, by size."""
        return [
            MessageSize(name=name, n=n, message_bytes=message_bytes)
            for (name, message_bytes), n in sorted(self._texts.items())
        ]

    async def _idle(self, client: _PushIdler | _PollIdler, start_s: float) -> None:
        period_s = self._sizes.heartbeat_s if isinstance(client, _PushIdler) else self._sizes.poll_s
        at_s = start_s + self._random.uniform(EDGE, 1 - EDGE) * period_s
        while at_s < start_s + self._sizes.window_s:
            await _until(at_s)
            client.act()
            at_s += period_s


class _Counted:
    """What both kinds share: our count of a window beside the kernel's."""

    def __init__(self) -> None:
        self.count = ByteCount()
        self.lost = 0
        self._before: TcpCounters | None = None

    def tcp_socket(self) -> socket.socket:
        raise NotImplementedError

    def reset(self) -> None:
        self.count = ByteCount()
        self._before = read_tcp_counters(self.tcp_socket())

    def taken(self) -> ClientBytes:
        kernel = None
        if self._before is not None and not self.lost:
            now = read_tcp_counters(self.tcp_socket())
            kernel = now.since(self._before) if now is not None else None
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


class _PushIdler(_Counted, Receiver):
    """Holds the socket and sends a heartbeat when told to."""

    def __init__(self, index: int, player: Player, texts: Counter[tuple[str, int]]) -> None:
        _Counted.__init__(self)
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


class _PollIdler(_Counted):
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


def _windows(kind: str, groups: Sequence[Sequence[_PushIdler | _PollIdler]]) -> list[Window]:
    return [
        Window(kind, server, [client.taken() for client in group], sum(client.lost for client in group))
        for server, group in enumerate(groups)
    ]


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - perf_counter()))
