"""A connection to Valkey of its own, for calls that are made all the time: one after the other, without what the client
library does around each call.

Of redis-py's client a call costs several times what sending it and reading the answer do: it takes a connection out of
a pool and puts it back, under a lock, looks whether it is alive, and waits in a task of its own for the bytes to leave
(docs/architecture.md, "Several nodes"). Of its connection alone it still is most of what an entry of the log costs a
node that has nobody to tell of it: a stream reader between the socket and the parser, a time limit per call, a command
written word by word. So connecting is the library's, with passwords, TLS and sockets of every kind; from then on the
bytes go from the transport into its parser (hiredis), and one timer watches over all calls.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswerInTime

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit  # type: ignore[import-not-found]

Word = str | bytes | int
_FAULTS = {"NOSCRIPT": NoScriptError, "READONLY": ReadOnlyError}
"""Answers that say so are told apart by their class, all others by their text."""
_INCOMPLETE = object()


class Channel:
    """Opened by its first call, and anew by the next one after a fault."""

    def __init__(self, pool: ConnectionPool, *, timeout_s: float) -> None:
        """`pool`: makes the connection, and does not count it. `timeout_s`: an answer that takes longer is none."""
        self._pool = pool
        self._timeout_s = timeout_s
        self._line: _Line | None = None
        self._is_left = self._is_closed = False
        self._lock = asyncio.Lock()
        self._due_s = 0.0
        """When the answer to the call that waits is late."""
        self._timer: asyncio.TimerHandle | None = None

    async def call(self, *words: Word) -> Any:
        """The answer to a command, its texts as bytes. Calls wait for those before them. Raises `RedisError` and
        `OSError`; after any but a `ResponseError` nobody knows whether the command was done."""
        return await self.send(packed(words))

    async def send(self, command: bytes) -> Any:
        """`call`, for a command that is `packed`."""
        async with self._lock:
            if self._is_left:
                await self._drop(waits=False)
            loop = asyncio.get_running_loop()
            self._due_s = loop.time() + self._timeout_s
            try:
                line = self._line or await self._open()
                if self._is_closed:  # while it was opened
                    raise ConnectionLost("the connection was closed")
                answer = line.ask(command, loop)
                if self._timer is None:
                    self._timer = loop.call_at(self._due_s, self._look, loop)
                return await answer
            except ResponseError:
                raise  # an answer: the next call can have the connection
            except BaseException:
                await self._drop(waits=False)
                raise

    def leave(self) -> None:
        """The next call opens another connection: this one leads to the wrong server."""
        self._is_left = True

    async def close(self) -> None:
        """At the end; a call that is under way gets no answer, nor does any after it. A second time does nothing."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._drop(waits=True)

    # -- private --------------------------------------------------------------------------------------------------

    async def _open(self) -> _Line:
        connection = self._new_connection()
        try:
            async with time_limit(self._timeout_s):
                await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException as fault:
            await connection.disconnect(nowait=True)
            if isinstance(fault, (TimeoutError, asyncio.TimeoutError)):
                raise self._no_answer() from None
            raise
        self._line = _Line(connection)
        return self._line

    async def _drop(self, *, waits: bool) -> None:
        """The next call opens another connection."""
        line, self._line = self._line, None
        self._is_left = False
        if line is not None:
            await line.connection.disconnect(nowait=not waits)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """The moment has come at which an answer would have been late when this was asked for; there have been other
        calls since."""
        self._timer = None
        if self._line is None or not self._line.is_asked:
            return
        if loop.time() < self._due_s:
            self._timer = loop.call_at(self._due_s, self._look, loop)
        else:
            self._line.fail(self._no_answer())

    def _no_answer(self) -> NoAnswerInTime:
        return NoAnswerInTime(f"no answer within {self._timeout_s:g} s")

    def _new_connection(self) -> AbstractConnection:
        made: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return made


class _Line(asyncio.Protocol):
    """A connection that is open, and who waits for an answer on it: one at a time."""

    def __init__(self, connection: AbstractConnection) -> None:
        """`connection`: it has an answer to everything that was asked on it so far."""
        assert connection._writer is not None
        self.connection = connection
        self._transport = connection._writer.transport
        self._before = self._transport.get_protocol()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=_fault_of, notEnoughData=_INCOMPLETE)
        self._answer: asyncio.Future[Any] | None = None
        self._is_lost = False
        self._transport.set_protocol(self)

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits."""
        return self._answer is not None

    def ask(self, command: bytes, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Any]:
        """Raises `ConnectionLost` when it is known that there will be no answer."""
        if self._is_lost or self._transport.is_closing():
            raise ConnectionLost("the connection was lost")
        answer = self._answer = loop.create_future()
        self._transport.write(command)
        return answer

    def fail(self, fault: Exception) -> None:
        """Whoever waits gets no answer."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(fault)

    # -- `asyncio.Protocol` ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            found = self._reader.gets(False)
        except RedisError as fault:
            self.fail(fault)
            self._transport.abort()
            return
        if found is _INCOMPLETE:
            return
        answer, self._answer = self._answer, None
        if answer is None:
            self._transport.abort()  # nobody has asked: whose answer would the next one be?
        elif answer.done():
            pass  # whoever asked has been cancelled, and drops the connection
        elif isinstance(found, RedisError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._before.connection_lost(exc)  # the library waits for it when it closes
        self.fail(ConnectionLost(str(exc) if exc is not None else "the server has closed the connection"))


def packed(words: Sequence[Word]) -> bytes:
    """A command as it is sent: an array of strings, by Redis's serialisation protocol (RESP 2)."""
    return begun(words, len(words))


def begun(words: Sequence[Word], count: int) -> bytes:
    """The beginning of a command of `count` words. The others follow, each as `word` makes it."""
    return b"*%d\r\n%b" % (count, b"".join(map(word, words)))


def word(given: Word) -> bytes:
    """A word of a command as it is sent."""
    data = given if isinstance(given, bytes) else str(given).encode()
    return b"$%d\r\n%b\r\n" % (len(data), data)


def _fault_of(text: str) -> ResponseError:
    kind, _, rest = text.partition(" ")
    known = _FAULTS.get(kind)
    return ResponseError(text) if known is None else known(rest)
