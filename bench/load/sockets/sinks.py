"""The cheapest receivers there are: raw sockets on uvloop that count a pattern in their bytes and parse nothing.

A client of `bench.load.sockets.receivers` costs 5 µs per message, which a login storm of 10⁸ events would wait for; a
sink costs one ``recv`` for as many frames as came, and a ``bytes.count``. It does not answer protocol-level pings.

Runs in the generator process (`bench.processes.remote`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from dataclasses import dataclass, field
from time import perf_counter

from bench.load.sockets.receivers import ACCEPTED_HEAD, CONNECT_TIMEOUT_S, politely
from bench.load.sockets.tokens import CLIENT_VERSION, RECEIVERS_FROM, mint
from bench.processes.lab import HOST
from lobby_server.protocol.messages import Handshake, encode

FIRST_INDEX = 10_000
"""Of the users: names and ids of up to 90,000 have the same number of digits, so their frames the same size."""

UPGRADES_AT_ONCE = 200
HELLOS_A_TURN = 500
BUFFER_BYTES = 1 << 18
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""`SO_LINGER` without a wait: a closed socket leaves no TIME_WAIT behind, which would take a port from others."""


@dataclass(frozen=True)
class Heard:
    """What all sinks heard, in the order of their number."""

    events: list[int]
    received_bytes: list[int]
    """From the handshake on."""
    accepted_s: list[float]
    """By ``time.perf_counter``; 0 for one that was not accepted."""
    last_event_s: float
    lost: int
    streams: list[bytes]
    """All bytes of the few that keep them."""
    stamps: list[tuple[int, float]]
    """Which sink heard one and when, where this was asked for."""


@dataclass(slots=True, eq=False)
class _Sink:
    number: int
    socket: socket.socket
    hello: bytes = b""
    tail: bytes = b""
    events: int = 0
    received_bytes: int = 0
    accepted_s: float = 0.0
    is_lost: bool = False
    stream: list[bytes] | None = None


@dataclass
class _Progress:
    events: int = 0
    accepted: int = 0
    lost: int = 0
    last_event_s: float = 0.0
    stamps: list[tuple[int, float]] | None = None
    wanted: int = 0
    """Of events, or of accepted ones; see `by_accepted`."""
    by_accepted: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Sinks:
    """All sinks of one server or peer. Coroutines are called from the parent process, one at a time."""

    def __init__(
        self, *, port: int, pattern: bytes, secret: str = "", users: int = 0, features: tuple[str, ...] = ()
    ) -> None:
        """`users`: how many there are, sockets dealt out among them; 0: each socket has one of its own.

        `secret`: of the tokens; without it no handshakes are made.
        """
        self._port, self._pattern, self._secret, self._users = port, pattern, secret, users
        self._features = features
        self._sinks: list[_Sink] = []
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._progress = _Progress()
        self._tail_bytes = len(pattern) - 1

    async def open(self, count: int, *, upgrade: bool = True, greet: bool = False) -> float:
        """`count` more sockets, upgraded unless told otherwise. The time it took.

        `greet`: each says hello as soon as it is upgraded, as a real client does; otherwise `say_hello` does it later.
        """
        first = len(self._sinks)
        hellos = [self._hello(number) if self._secret else b"" for number in range(first, first + count)]
        new: list[_Sink] = []
        loop = asyncio.get_running_loop()

        async def dial(number: int) -> None:
            connection = await connect(self._port)
            if upgrade:
                await upgrade_socket(connection, self._port)
            sink = _Sink(number, connection, hellos[number - first])
            new.append(sink)
            loop.add_reader(connection.fileno(), self._on_readable, sink)
            if greet:
                connection.send(sink.hello)

        start_s = perf_counter()
        await politely(range(first, first + count), dial, UPGRADES_AT_ONCE)
        took_s = perf_counter() - start_s
        self._sinks += sorted(new, key=lambda sink: sink.number)
        return took_s

    async def keep_streams(self, count: int) -> None:
        """Of so many sinks, all over the crowd, every byte is kept from now on."""
        for sink in self._sinks[:: max(1, len(self._sinks) // count)]:
            sink.stream = []

    async def keep_stamps(self) -> None:
        """Note from now on which sink heard something when; forgets what was noted before."""
        self._progress.stamps = []

    async def say_hello(self, first: int = 0) -> float:
        """The handshakes of all from the `first` sink on, without waiting for any answer; when it began."""
        start_s = perf_counter()
        for sent, sink in enumerate(self._sinks[first:], 1):
            sink.socket.send(sink.hello)
            if sent % HELLOS_A_TURN == 0:
                await asyncio.sleep(0)
        return start_s

    async def accepted(self, count: int, timeout_s: float = CONNECT_TIMEOUT_S) -> int:
        """Wait until so many are accepted in all; how many are."""
        await self._wait(count, timeout_s, by_accepted=True)
        return self._progress.accepted

    async def hear(self, events: int, timeout_s: float) -> int:
        """Wait until so many events were heard in all; how many were."""
        await self._wait(events, timeout_s, by_accepted=False)
        return self._progress.events

    async def heard(self) -> Heard:
        progress = self._progress
        return Heard(
            events=[sink.events for sink in self._sinks],
            received_bytes=[sink.received_bytes for sink in self._sinks],
            accepted_s=[sink.accepted_s for sink in self._sinks],
            last_event_s=progress.last_event_s,
            lost=progress.lost,
            streams=[b"".join(sink.stream) for sink in self._sinks if sink.stream is not None],
            stamps=progress.stamps or [],
        )

    async def close(self) -> None:
        """At once and without a word, as a network does that goes away."""
        loop = asyncio.get_running_loop()
        for sink in self._sinks:
            if not sink.is_lost:
                loop.remove_reader(sink.socket.fileno())
                sink.socket.close()
        self._sinks = []

    async def _wait(self, wanted: int, timeout_s: float, *, by_accepted: bool) -> None:
        progress = self._progress
        progress.wanted, progress.by_accepted = wanted, by_accepted
        progress.done.clear()
        self._check()
        try:
            await asyncio.wait_for(progress.done.wait(), timeout_s)
        except asyncio.TimeoutError:
            pass  # the caller sees what is missing

    def _check(self) -> None:
        progress = self._progress
        if (progress.accepted if progress.by_accepted else progress.events) >= progress.wanted:
            progress.done.set()

    def _on_readable(self, sink: _Sink) -> None:
        try:
            size = sink.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        progress = self._progress
        if not size:
            sink.is_lost = True
            progress.lost += 1
            asyncio.get_running_loop().remove_reader(sink.socket.fileno())
            sink.socket.close()
            return
        sink.received_bytes += size
        data = sink.tail + bytes(self._view[:size])
        if sink.stream is not None:
            sink.stream.append(bytes(self._view[:size]))
        if self._secret and not sink.accepted_s and ACCEPTED_HEAD in data:
            sink.accepted_s = perf_counter()
            progress.accepted += 1
        events = data.count(self._pattern)
        if events:
            sink.events += events
            progress.events += events
            progress.last_event_s = perf_counter()
            if progress.stamps is not None:
                progress.stamps += [(sink.number, progress.last_event_s)] * events
        sink.tail = data[-self._tail_bytes :]  # too short for the pattern, so nothing is counted twice
        self._check()

    def _hello(self, number: int) -> bytes:
        return hello_frame(self._secret, number % self._users if self._users else number, self._features)


def hello_frame(secret: str, index: int, features: tuple[str, ...] = ()) -> bytes:
    """The handshake of the `index`-th user as a client's frame."""
    player = mint(secret, kind="player", first_id=RECEIVERS_FROM, index=FIRST_INDEX + index)
    features_or_none = list(features) or None
    return masked_text(
        encode(Handshake(version=CLIENT_VERSION, name=player.username, token=player.token, features=features_or_none))
    )


def masked_text(payload: bytes) -> bytes:
    """A text frame as a client sends it, masked with zeros; shorter than 64 KiB."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0x80 | 126)) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def upgrade_request(port: int) -> bytes:
    return (
        f"GET /ws HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


async def connect(port: int) -> socket.socket:
    """A socket that resets when it is closed. Raises `OSError` when nobody listens."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
    except BaseException:
        connection.close()
        raise
    return connection


async def upgrade_socket(connection: socket.socket, port: int) -> None:
    """Raises `OSError` when the answer is not 101."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, upgrade_request(port))
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = await loop.sock_recv(connection, 4096)
        if not piece:
            raise ConnectionResetError("closed during the upgrade")
        answer += piece
    if b" 101 " not in answer[:16]:
        raise OSError(f"the upgrade was answered {os.fsdecode(answer[:60])}")
