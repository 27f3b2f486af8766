"""A connection to Valkey of its own, for calls that are made all the time: one after the other, without what the client
library does around each call.

Of redis-py's client a call costs several times what sending it and reading the answer do: it takes a connection out of
a pool and puts it back, under a lock, looks whether it is alive, and waits in a task of its own for the bytes to leave
(docs/architecture.md, "Several nodes"). It writes a command word by word, with a dozen calls for each: a read of the
log, eight words, took as long as applying what was read. Connecting, with passwords, TLS and sockets of every kind, is
the library's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswerInTime

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit  # type: ignore[import-not-found]

Word = str | bytes | int


class Channel:
    """Opened by its first call, and anew by the next one after a fault."""

    def __init__(self, pool: ConnectionPool, *, timeout_s: float) -> None:
        """`pool`: makes the connection, and does not count it. `timeout_s`: an answer that takes longer is none."""
        self._pool = pool
        self._timeout_s = timeout_s
        self._connection: AbstractConnection | None = None
        self._is_left = False
        self._lock = asyncio.Lock()

    async def call(self, *words: Word) -> Any:
        """The answer to a command, its texts as bytes. Calls wait for those before them. Raises `RedisError` and
        `OSError`; after any but a `ResponseError` nobody knows whether the command was done."""
        async with self._lock:
            if self._is_left:
                await self._drop(waits=False)
            try:
                async with time_limit(self._timeout_s):
                    return await self._ask(words)
            except ResponseError:
                raise  # an answer: the next call can have the connection
            except BaseException as fault:
                await self._drop(waits=False)
                if isinstance(fault, (TimeoutError, asyncio.TimeoutError)):
                    raise NoAnswerInTime(f"no answer within {self._timeout_s:g} s") from None
                raise

    def leave(self) -> None:
        """The next call opens another connection: this one leads to the wrong server."""
        self._is_left = True

    async def close(self) -> None:
        """At the end. A second time does nothing."""
        await self._drop(waits=True)

    async def _drop(self, *, waits: bool) -> None:
        """The next call opens another one."""
        connection, self._connection = self._connection, None
        self._is_left = False
        if connection is not None:
            await connection.disconnect(nowait=not waits)

    def _new_connection(self) -> AbstractConnection:
        made: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return made

    async def _ask(self, words: tuple[Word, ...]) -> Any:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._new_connection()
            await connection.connect()  # type: ignore[no-untyped-call]
            connection.socket_timeout = None  # the time limit is over the whole call
        await connection.send_packed_command(packed(words), check_health=False)
        return await connection.read_response(disable_decoding=True)


def packed(words: Sequence[Word]) -> bytes:
    """A command as it is sent: an array of strings, by Redis's serialisation protocol (RESP 2)."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
