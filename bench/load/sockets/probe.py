"""Pings while a server is busy with others: how long each answer took. Runs in a process of its own.

It is a client like those whom the server is busy with, accepted before them: it hears all that they are told of, and
its pong comes on the same socket.
"""

from __future__ import annotations

import asyncio
import socket
from time import perf_counter

from bench.load.sockets.sinks import connect, hello_frame, masked_text, upgrade_socket
from bench.record.wire import PING_MESSAGE

INTERVAL_S = 0.06
"""Under the rate limit of 20 messages per second and socket."""
READ_BYTES = 1 << 20
PONG = b'{"type":"pong"'
ACCEPTED = b'"handshake_accepted"'
INDEX = -1
"""Of its user: before all sinks'."""


class Probe:
    """Coroutines are called from the parent process."""

    def __init__(self, *, port: int, secret: str) -> None:
        self._port = port
        self._secret = secret
        self._rtts_s: list[float] = []
        self._sent_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect, be accepted, and ping from now on."""
        connection = await connect(self._port)
        await upgrade_socket(connection, self._port)
        await asyncio.get_running_loop().sock_sendall(connection, hello_frame(self._secret, INDEX))
        await _wait_for(ACCEPTED, connection)
        self._task = asyncio.create_task(self._ping(connection))

    async def end(self) -> list[float]:
        """Every round trip in s. One that is still unanswered counts with its time until now; so does a lost socket."""
        assert self._task is not None
        waited_s = perf_counter() - self._sent_s if self._sent_s is not None else 0.0
        self._task.cancel()
        return [*self._rtts_s, waited_s] if waited_s else self._rtts_s

    async def _ping(self, connection: socket.socket) -> None:
        loop, frame = asyncio.get_running_loop(), masked_text(PING_MESSAGE)
        listening: asyncio.Task[bool] = asyncio.create_task(_wait_for(PONG, connection))
        while True:
            self._sent_s = perf_counter()
            await loop.sock_sendall(connection, frame)
            if not await listening:
                return  # `_sent_s` stays, and its wait grows
            self._rtts_s.append(perf_counter() - self._sent_s)
            self._sent_s = None
            listening = asyncio.create_task(_wait_for(PONG, connection))  # events are read meanwhile, as a client does
            await asyncio.sleep(INTERVAL_S)


async def _wait_for(mark: bytes, connection: socket.socket) -> bool:
    """Read until the mark has come; False: the connection is over. One mark is awaited at a time."""
    loop, tail = asyncio.get_running_loop(), b""
    while piece := await loop.sock_recv(connection, READ_BYTES):
        if mark in tail + piece:
            return True
        tail = piece[-len(mark) :]
    return False
