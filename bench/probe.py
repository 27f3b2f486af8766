"""Pings while a server is busy with others: how long each answer took. Runs in a process of its own.

Its socket is upgraded but not accepted, so that it hears no events and is none of those whose events are counted.
"""

from __future__ import annotations

import asyncio
import socket
from time import perf_counter

from bench.receivers import PING_MESSAGE
from bench.sinks import connect, masked_text, upgrade_socket

INTERVAL_S = 0.06
"""Under the rate limit of 20 messages a second and socket."""


class Probe:
    """Coroutines are called from the parent process."""

    def __init__(self, *, port: int) -> None:
        self._port = port
        self._rtts_s: list[float] = []
        self._sent_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect, and ping from now on."""
        connection = await connect(self._port)
        await upgrade_socket(connection, self._port)
        self._task = asyncio.create_task(self._ping(connection))

    async def end(self) -> list[float]:
        """Every round trip in s. One that is still unanswered counts with its time until now; so does a lost socket."""
        assert self._task is not None
        waited_s = perf_counter() - self._sent_s if self._sent_s is not None else 0.0
        self._task.cancel()
        return [*self._rtts_s, waited_s] if waited_s else self._rtts_s

    async def _ping(self, connection: socket.socket) -> None:
        loop, frame = asyncio.get_running_loop(), masked_text(PING_MESSAGE)
        while True:
            self._sent_s = perf_counter()
            await loop.sock_sendall(connection, frame)
            if not await loop.sock_recv(connection, 4096):
                return  # `_sent_s` stays, and its wait grows
            self._rtts_s.append(perf_counter() - self._sent_s)
            self._sent_s = None
            await asyncio.sleep(INTERVAL_S)
