"""The ways by which a client may come to the room list, as clients whose bytes we and the kernel count.

* ``polling``: the whole list every T seconds; ``polling_etag`` asks whether it changed; ``polling_gzip`` has it packed;
* ``push``: the specification's client: `rooms_changed` over the socket, then a fetch, never two at once;
* ``rev``: the same with the feature `rev`: no fetch of what it has, and each within the window that the server gives;
* ``delta``: the feature `rooms_delta`: nothing is fetched.

A client tells its `Log` to which change of the stream the list that it holds has come (`bench.load.changes.states`).
"""

from __future__ import annotations

import asyncio
import random
import socket
import zlib
from collections import Counter

import msgspec
from picows import WSMsgType

from bench.load.changes.ledger import Log
from bench.load.changes.states import NONE, DeltaState, change_of_list
from bench.load.sockets.counted import Counted, HttpSide
from bench.load.sockets.http_client import HttpFailed, Response
from bench.load.sockets.receivers import ROOMS_CHANGED_HEAD, Receiver, join
from bench.load.sockets.tcp_info import TcpCounters, read_tcp_counters
from bench.load.sockets.tokens import Player
from bench.record.traffic import Connect
from bench.record.wire import PING_MESSAGE, server_frame_bytes
from lobby_server.protocol.framing.frames import client_frame_bytes
from lobby_server.protocol.messages import HandshakeAccepted, Ping, Pong

POLLING: dict[str, tuple[str, ...]] = {"polling": (), "polling_etag": (), "polling_gzip": ("Accept-Encoding: gzip",)}
"""Headers beside the usual ones."""

FEATURES: dict[str, tuple[str, ...]] = {"push": (), "rev": ("rev",), "delta": ("rooms_delta",)}

ANSWER_TIMEOUT_S = 20.0

FAILURES = (OSError, HttpFailed, asyncio.TimeoutError)

GZIP_WINDOW = 31
"""`zlib`'s way to say: with a gzip header."""


class PollClient(Counted):
    """Fetches the room list over one kept-alive connection when told to."""

    def __init__(self, index: int, way: str, host: str, port: int, log: Log) -> None:
        super().__init__()
        self.index, self.way, self._log = index, way, log
        self._http = HttpSide(self, host, port, headers=POLLING[way], with_etag=way != "polling")
        self._newest = NONE
        self._waiting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._http.open()
        await self._poll()

    @property
    def request(self) -> bytes:
        return self._http.request

    def tcp_sockets(self) -> list[socket.socket]:
        return [self._http.socket()]

    def act(self) -> None:
        if self._http.is_lost:
            self.lost = 1
        elif self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        try:
            response = await asyncio.wait_for(self._http.ask(), ANSWER_TIMEOUT_S)
        except FAILURES:
            self.lost = 1
            return
        if response.status != 200:
            return
        seen = change_of_list(_unpacked(response))
        if seen > self._newest:
            self._newest = seen
            self._log.add(self.index, response.stamp_s, seen)


class PushClient(Counted, Receiver):
    """Holds the socket, sends a heartbeat when told to, and comes to the list in the way that it asked for."""

    def __init__(
        self, index: int, way: str, host: str, port: int, log: Log, *, player: Player, texts: Counter[tuple[str, int]],
        chance: random.Random,
    ) -> None:  # fmt: skip
        Counted.__init__(self)
        Receiver.__init__(self, index, player, FEATURES[way])
        self.way, self._log, self._texts, self._chance = way, log, texts, chance
        self._url = f"ws://{host}:{port}/ws"
        self._http = HttpSide(self, host, port, with_etag=False) if way != "delta" else None
        self._frames_up_bytes = 0
        self._frames_down_bytes = 0
        self._accepted_bytes = 0
        self._leaving = False
        self._fetching: asyncio.Task[None] | None = None
        self._again = False
        self._revision = self._wanted = -1
        self._rooms = DeltaState()
        self._window_s = 0.0

    async def open(self) -> None:
        """In, and with the list in its hands, as the specification's client begins."""
        await join(self, self._url)
        if self._http is not None:
            if self._fetching is None:  # else it has heard of a change already
                self._fetching = asyncio.create_task(self._fetch_all(at_once=True))
            await self._fetching

    def tcp_sockets(self) -> list[socket.socket]:
        return [self.socket(), *([self._http.socket()] if self._http is not None and not self._http.is_lost else [])]

    def retired(self) -> TcpCounters:
        return self._http.retired if self._http is not None else super().retired()

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
            return
        self.count.notification(message_bytes=size_bytes)
        if name == HandshakeAccepted.TYPE:
            self._accepted_bytes = size_bytes
        elif self._http is None:
            self._on_delta(payload, stamp_s)
        elif payload.startswith(ROOMS_CHANGED_HEAD):
            self._on_changed(payload)

    def _on_delta(self, payload: bytes, stamp_s: float) -> None:
        change = self._rooms.take(payload)
        if change is not None and change != NONE:
            self._log.add(self.index, stamp_s, change)

    def _on_changed(self, payload: bytes) -> None:
        if self.way == "rev":
            announced = msgspec.json.decode(payload, type=_Announced).data
            self._wanted, self._window_s = announced.rev, announced.fetch_within_ms / 1e3
        if self._fetching is not None and not self._fetching.done():
            self._again = True
        else:
            self._fetching = asyncio.create_task(self._fetch_all(at_once=False))

    async def _fetch_all(self, *, at_once: bool) -> None:
        """The specification's rule: a change during a fetch leads to exactly one more; with `rev`, unless it has
        that."""
        while True:
            self._again = False
            if self.way == "rev" and not at_once:
                await asyncio.sleep(self._chance.uniform(0, self._window_s))
                self._again = False  # what came during the wait is fetched with it
            at_once = False
            try:
                await self._fetch()
            except FAILURES:
                self.lost = 1  # told by the window, and a fault of the scenario
                return
            if not self._again or (self.way == "rev" and self._revision >= self._wanted):
                return

    async def _fetch(self) -> None:
        assert self._http is not None
        if self._http.is_lost:
            if self._http.is_cut:
                self._before = None  # the kernel's count of the old connection went with it
            await self._http.open()
        response = await asyncio.wait_for(self._http.ask(), ANSWER_TIMEOUT_S)
        self._http.let_go_when_idle()
        etag = (response.header(b"etag") or b"").strip(b'W/"')
        self._revision = int(etag) if etag.isdigit() else -1
        self._log.add(self.index, response.stamp_s, change_of_list(response.body))

    def rest(self) -> None:
        """Part from the connection over which the list came first."""
        if self._http is not None:
            self._http.let_go()

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
        """What getting in took; to be asked when nothing is on its way."""
        counters = read_tcp_counters(self.socket())
        if counters is None:
            return None
        return Connect(
            upgrade_request_bytes=counters.sent_bytes - self._frames_up_bytes,
            upgrade_response_bytes=counters.received_bytes - self._frames_down_bytes,
            handshake_message_bytes=len(self.handshake_message),
            accepted_message_bytes=self._accepted_bytes,
        )


class _AnnouncedData(msgspec.Struct):
    rev: int = -1
    fetch_within_ms: int = 0
    """A server without the feature says neither."""


class _Announced(msgspec.Struct):
    data: _AnnouncedData


def _unpacked(response: Response) -> bytes:
    if response.header(b"content-encoding") == b"gzip":
        return zlib.decompress(response.body, GZIP_WINDOW)
    return response.body
