"""Clients that all lose their server in one moment, and come back: all at once, or each by the policy of its retries.

The way back of each is the specification's: socket, upgrade, handshake, acceptance, and then the room list over HTTP,
on a connection of its own that ends with it (a game engine's HTTP client keeps none). A client is fresh when it has the
list. Runs in the generator process; raw sockets, because the generator must not be what the herd waits for.
"""

from __future__ import annotations

import asyncio
import errno
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from bench.load.sockets.receivers import ACCEPTED_HEAD
from bench.load.sockets.sinks import RESET_ON_CLOSE, connect, hello_frame, upgrade_request
from bench.processes.lab import HOST
from loadtest.client.reconnect import ReconnectPolicy

LOOK_EVERY_S = 0.005
"""Between two looks whether the server accepts again. One client looks for all: 10,000 would keep a core busy."""

CLOSE_OPCODE = b"\x88"
"""The first byte of a close frame, and of nothing else that a base client gets: texts are ASCII and short."""

OFFLINE = b'"user_offline"'

DIALS_A_TURN = 100
BUFFER_BYTES = 1 << 18


@dataclass(frozen=True)
class WaysBack:
    """Moments by ``time.perf_counter``, ascending; shorter than the herd where somebody is missing."""

    listening_s: float
    """When the first look found the server accepting, or it had let a client in, whichever was earlier."""
    accepted_s: list[float]
    fresh_s: list[float]
    failures: int
    """Connections that were refused or lost on the way back, and made again."""
    offline_events: int = 0
    """`user_offline` that all clients together heard, since the herd began to come."""


class Herd:
    """Coroutines are called from the parent process, one at a time."""

    def __init__(
        self, *, port: int, secret: str, clients: int, policy: ReconnectPolicy | None = None, seed: int = 0
    ) -> None:
        """`policy`: of each client after its loss; ``None``: all at once, when `come` is called."""
        self.policy, self._random = policy, random.Random(seed)
        self.offline = 0
        self._port = port
        self.address = (HOST, port)
        self.upgrade = upgrade_request(port)
        self.fetch = f"GET /api/rooms HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)
        self.lost = self.failures = self.fresh = 0
        self._ready_s = 0.0
        self._clients = [_Client(self, hello_frame(secret, number)) for number in range(clients)]

    async def come(self, timeout_s: float) -> WaysBack:
        """Wait for the server to listen, let the herd go, and wait until everybody is fresh or the time is over."""
        deadline_s = perf_counter() + timeout_s
        while not await self._is_listening() and perf_counter() < deadline_s:
            await asyncio.sleep(LOOK_EVERY_S)
        listening_s = perf_counter()
        self.lost = self.failures = self.fresh = self.offline = 0
        for number, client in enumerate(self._clients):
            client.come()
            if number % DIALS_A_TURN == DIALS_A_TURN - 1:
                await asyncio.sleep(0)
        return await self._back(listening_s, deadline_s)

    async def come_back(self, timeout_s: float) -> WaysBack:
        """Wait until all who have lost it are back by themselves and fresh."""
        deadline_s = perf_counter() + timeout_s
        while not await self._is_listening() and perf_counter() < deadline_s:
            await asyncio.sleep(LOOK_EVERY_S)
        return await self._back(perf_counter(), deadline_s)

    async def cut(self, share: float) -> tuple[float, int]:
        """Cut the sockets of a part of the herd, as a network does that fails; when, and how many."""
        await self.ready()
        cut = self._clients[: round(share * len(self._clients))]
        at_s = perf_counter()
        for client in cut:
            client.cut()
        return at_s, len(cut)

    async def ready(self) -> None:
        """Forget the ways of before: everybody who is lost from now on counts."""
        self.lost = self.failures = self.offline = 0
        self.fresh = len(self._clients)
        self._ready_s = perf_counter()

    def retry_s(self, attempt: int) -> float:
        """Delay before an attempt, 0 for the first after the loss."""
        return self.policy.delay_s(attempt, self._random) if self.policy is not None else LOOK_EVERY_S

    async def _back(self, listening_s: float, deadline_s: float) -> WaysBack:
        while self.fresh < len(self._clients) and perf_counter() < deadline_s:
            await asyncio.sleep(0.01)
        accepted_s = sorted(client.accepted_s for client in self._clients if client.accepted_s)
        let_in_s = [at_s for at_s in accepted_s if at_s > self._ready_s]  # and not those who never lost it
        return WaysBack(
            listening_s=min([listening_s, *let_in_s]),
            accepted_s=accepted_s,
            fresh_s=sorted(client.fresh_s for client in self._clients if client.fresh_s),
            failures=self.failures,
            offline_events=self.offline,
        )

    async def all_lost(self, timeout_s: float) -> int:
        """Wait until the server has let everybody go; how many have lost it."""
        deadline_s = perf_counter() + timeout_s
        while self.lost < len(self._clients) and perf_counter() < deadline_s:
            await asyncio.sleep(LOOK_EVERY_S)
        return self.lost

    async def close(self) -> None:
        """At once."""
        for client in self._clients:
            client.close()

    async def _is_listening(self) -> bool:
        try:
            (await connect(self._port)).close()
        except OSError:
            return False
        return True


class _Client:
    """One of the herd: on its socket, then on its fetch."""

    __slots__ = ("_fetch", "_fetched", "_head", "_hello", "_herd", "_retries", "_socket", "accepted_s", "fresh_s")

    def __init__(self, herd: Herd, hello: bytes) -> None:
        self._herd, self._hello = herd, hello
        self._socket: socket.socket | None = None
        self._fetch: socket.socket | None = None
        self._head: bytes | None = b""
        self._fetched = b""
        self._retries = 0
        self.accepted_s = self.fresh_s = 0.0

    def come(self) -> None:
        """Begin the way back. `_head` has what came until the upgrade was answered; ``None`` from then on."""
        self._head, self._fetched, self.accepted_s, self.fresh_s = b"", b"", 0.0, 0.0
        self._socket = _dial(self._herd.address, self._herd.upgrade, self._on_socket)

    def cut(self) -> None:
        """Without a word to the other side than a reset."""
        self._on_lost()

    def close(self) -> None:
        for connection in (self._socket, self._fetch):
            if connection is not None:
                _forget(connection)
        self._socket = self._fetch = None

    def _on_socket(self) -> None:
        assert self._socket is not None
        data = _receive(self._socket, self._herd)
        if data is None:
            return
        if not data:
            self._on_lost()
        elif self._head is not None:
            self._head += data
            if b"\r\n\r\n" in self._head:
                self._head = None
                self._socket.send(self._hello)
        elif CLOSE_OPCODE in data:
            self._on_lost()
        elif self.accepted_s:
            self._herd.offline += data.count(OFFLINE)
        elif ACCEPTED_HEAD in data:
            self.accepted_s = perf_counter()
            self._begin_fetch()

    def _on_lost(self) -> None:
        assert self._socket is not None
        _forget(self._socket)
        self._socket = None
        if self.accepted_s:
            self._herd.lost += 1
            self._retries = 0
            if self._herd.policy is None:
                return  # until the herd is told to come
            self.accepted_s = self.fresh_s = 0.0
            self._herd.fresh -= 1
        else:
            self._herd.failures += 1
        asyncio.get_running_loop().call_later(self._herd.retry_s(self._retries), self.come)
        self._retries += 1

    def _begin_fetch(self) -> None:
        self._fetched = b""
        self._fetch = _dial(self._herd.address, self._herd.fetch, self._on_fetch)

    def _on_fetch(self) -> None:
        assert self._fetch is not None
        data = _receive(self._fetch, self._herd)
        if data is None:
            return
        self._fetched += data
        head, end, body = self._fetched.partition(b"\r\n\r\n")
        if end and len(body) == _length(head):
            self.fresh_s = perf_counter()
            self._herd.fresh += 1
        elif data:
            return
        _forget(self._fetch)
        self._fetch = None
        if not self.fresh_s:
            self._herd.failures += 1
            asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._begin_fetch)


def _dial(address: tuple[str, int], request: bytes, on_readable: Callable[[], None]) -> socket.socket:
    """A socket that sends its request as soon as it is connected. A refusal shows as the end of the stream."""
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    result = connection.connect_ex(address)

    def on_writable() -> None:
        loop.remove_writer(connection.fileno())
        try:
            connection.send(request)
        except OSError:
            pass  # refused: the reader sees it, too
        loop.add_reader(connection.fileno(), on_readable)

    if result in (0, errno.EINPROGRESS):
        loop.add_writer(connection.fileno(), on_writable)
    else:
        loop.add_reader(connection.fileno(), on_readable)
    return connection


def _receive(connection: socket.socket, herd: Herd) -> bytes | None:
    """What came; empty at the end, however that came about; ``None`` for a false alarm."""
    try:
        size = connection.recv_into(herd.buffer)
    except BlockingIOError:
        return None
    except OSError:
        return b""
    return bytes(herd.view[:size])


def _forget(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    loop.remove_reader(connection.fileno())
    loop.remove_writer(connection.fileno())
    connection.close()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])
