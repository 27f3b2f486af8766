"""How the server is connected to each database, and how a call runs there.

A call is a plain function of a SQLAlchemy `Connection`, written once for both databases. On SQLite it runs whole in the
database's one thread: two hand-overs a call whatever it does, where a driver that hands each statement over takes
several turns of a loop that may be busy. On PostgreSQL it runs on the loop, which goes on while an answer is awaited.

Both are in autocommit, because nearly every call of the store is one statement: one round trip to PostgreSQL in place
of three. What needs more says `in_transaction`.

Writes that come to SQLite in one turn of the loop, or while others are being made, are committed together
(`Database.write`): the thread is woken once for all of them, and so is the loop. None is answered before the commit of
all.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from lobby_server.service.writes.turns import BEGIN_S
from lobby_server.store.connecting import CONNECT_TIMEOUT_S, Connector
from lobby_server.store.disk import free_bytes
from lobby_server.store.errors import DiskFull, NotConnected
from lobby_server.store.postgres_space import says_full, try_for_room
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.steps import Step, make, make_all, make_in_turn
from lobby_server.store.urls import Location, SqliteFile

COMMAND_TIMEOUT_S = 10.0
"""After this a statement of PostgreSQL counts as lost: the host may have vanished silently."""
BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits for a lock of another process, a backup say."""
POOL_TIMEOUT_S = 10.0
"""How long a call waits for its turn in SQLite's thread, and a connection of PostgreSQL is waited for; whose call is
given up sooner, as a rule (`PostgresPool`)."""
MAX_CALLS = 1000
"""Calls of PostgreSQL that are under way or wait for a connection; past it the database counts as away. When it does
not answer, each holds its place until its time is over, and more would only hold memory."""
LEAST_FREE_BYTES = 256 * 1024
"""Less than that on the disk of an SQLite file, and it counts as full: one call may write that much."""
MAX_TOGETHER = 64
"""Writes in one commit of SQLite. Whoever waits for them goes on in one turn of the loop."""
POSTGRES_CONNECTIONS = 8
"""Most connections of one server process; PostgreSQL allows 100 in all by default."""

_SQLITE_PRAGMAS = (
    # In WAL mode a commit is in the kernel's hands when it returns, so it survives any end of the process, kill -9
    # too. NORMAL leaves out the wait for the disk: only a crash of the machine can take the last commits back, and
    # never damages the file (sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)

_Result = TypeVar("_Result")
_Error = TypeVar("_Error", bound=Exception)


class Database(Protocol):
    """Where calls run."""

    @property
    def is_sqlite(self) -> bool: ...

    async def run(self, call: Callable[[Connection], _Result]) -> _Result:
        """The result of a call that is given a connection in autocommit, for itself alone.

        Raises `NotConnected` when there is none to be had in time, and what the call raises. A call that has begun runs
        to its end though its caller is cancelled, by a timeout say; one whose caller was told that there is no
        connection never begins.
        """

    async def write(self, *steps: Step) -> None:
        """Make statements, for whose results nobody asks, all of them or none, after those that were asked for before.
        A write that has begun is made though its caller is cancelled. Raises as `run` does."""

    async def check_space(self) -> None:
        """Raises `StoreFull`, or what says so, when the database's disk has no room for what one call may write. Of
        PostgreSQL that is looked at only from the first write on that found it full."""

    async def close(self) -> None:
        """Let go of the connections. No call may be under way."""


def open_database(location: Location, *, command_timeout_s: float = COMMAND_TIMEOUT_S) -> Database:
    """Not connected yet. Raises `ModuleNotFoundError` where the driver is not installed."""
    if isinstance(location, SqliteFile):
        return SqliteThread(location)
    return PostgresPool(location, command_timeout_s=command_timeout_s)


@contextmanager
def in_transaction(connection: Connection) -> Iterator[None]:
    """One transaction around the block: committed at its end, rolled back by an exception, changes of tables too.

    On SQLite it holds the write lock from the start, so that it cannot fail half-way for want of it.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    if not on_sqlite:
        connection.execution_options(isolation_level="READ COMMITTED")
    with connection.begin():
        if on_sqlite:  # the driver is in autocommit and begins nothing; commit and rollback do end this
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


@dataclass(slots=True)
class _Write:
    """One that waits for SQLite."""

    steps: Sequence[Step]
    written: asyncio.Future[None]
    latest_s: float


class SqliteThread:
    """An SQLite file, and the thread that is alone with it.

    One thread, because calls take tens of microseconds in SQLite, writers exclude each other anyway, and a queue is
    fairer than SQLite's polling for locks.
    """

    is_sqlite = True

    def __init__(self, location: SqliteFile) -> None:
        self._path = location.path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lobby-sqlite")
        self._engine = sqlalchemy.create_engine(
            URL.create("sqlite", database=str(location.path)),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"timeout": BUSY_TIMEOUT_S},
        )
        event.listen(self._engine, "connect", _set_pragmas)
        self._writes: deque[_Write] = deque()
        self._has_job = False
        """The thread has been told of `_writes`, or will be when this turn of the loop is over."""
        self._gathers_for: asyncio.AbstractEventLoop | None = None
        """The loop whose turn is not over."""

    async def run(self, call: Callable[[Connection], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        self._end_gathering()  # writes that were asked for before come first
        return await asyncio.shield(
            loop.run_in_executor(self._thread, self._in_thread, call, time.monotonic() + POOL_TIMEOUT_S)
        )

    async def write(self, *steps: Step) -> None:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._writes.append(_Write(steps, written, time.monotonic() + POOL_TIMEOUT_S))
        if not self._has_job:
            self._has_job = True
            self._gathers_for = loop
            loop.call_soon(self._end_gathering)
        await written  # which is cancelled with its caller: then nobody is told

    async def check_space(self) -> None:
        if free_bytes(self._path) < LEAST_FREE_BYTES:
            raise DiskFull(self._path)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        while self._writes:  # of callers who were cancelled
            await loop.run_in_executor(self._thread, lambda: None)
        await loop.run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    def _end_gathering(self) -> None:
        """Have the thread make what waits."""
        loop, self._gathers_for = self._gathers_for, None
        if loop is not None:
            self._thread.submit(self._write_together, loop)

    # -- in the thread --------------------------------------------------------------------------------------------

    def _in_thread(self, call: Callable[[Connection], _Result], latest_s: float) -> _Result:
        with self._connected(latest_s) as connection:
            try:
                return call(connection)
            except OperationalError as error:
                raise self._full_or(error, error) from error

    def _connected(self, latest_s: float) -> Connection:
        if time.monotonic() > latest_s:
            raise NotConnected from TimeoutError("the calls before took too long")
        try:
            return self._engine.connect()
        except Exception as error:  # whatever it is: without a connection the database is away
            raise self._full_or(error, NotConnected()) from error

    def _write_together(self, loop: asyncio.AbstractEventLoop) -> None:
        """What waits, in one commit."""
        self._has_job = False  # what comes from now on may be too late for this one
        writes: list[_Write] = []
        while self._writes and len(writes) < MAX_TOGETHER:
            writes.append(self._writes.popleft())
        if self._writes:
            self._thread.submit(self._write_together, loop)
        faults = self._faults_together(writes) if len(writes) > 1 else None
        if faults is None:
            faults = [self._fault_alone(write) for write in writes]
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(_tell, writes, faults)

    def _faults_together(self, writes: Sequence[_Write]) -> Sequence[Exception | None] | None:
        """What became of writes in one transaction; None: one of them cannot be made, so each has to go alone."""
        try:
            with self._connected(writes[-1].latest_s) as connection, in_transaction(connection):
                make_all(connection, [write.steps for write in writes])
        except OperationalError as error:  # it would befall each of them: the file is locked, or its disk full
            return [self._full_or(error, error) for _ in writes]
        except Exception:  # whatever it is, it shows again in the one that it is of
            return None
        return [None for _ in writes]

    def _fault_alone(self, write: _Write) -> Exception | None:
        try:
            self._in_thread(lambda connection: _make(connection, write.steps), write.latest_s)
        except Exception as error:  # it is for whoever waits
            return error
        return None

    def _full_or(self, error: Exception, otherwise: _Error) -> _Error | DiskFull:
        """SQLite says "disk is full", or, where a file beside its own cannot grow, "disk I/O error"."""
        text = str(error)
        is_full = "disk is full" in text or ("disk I/O" in text and free_bytes(self._path) < LEAST_FREE_BYTES)
        return DiskFull(self._path) if is_full else otherwise


class _Asked(Generic[_Result]):
    """A call of PostgreSQL: its caller is told in time when it has not begun, and then it never does.

    What has begun is waited for: only its end says what became of it.
    """

    def __init__(self, *, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[_Result] = loop.create_future()
        self._is_given_up = False
        self._timer = loop.call_later(within_s, self._give_up)

    def begin(self) -> None:
        """Raises `NotConnected` when it is too late."""
        self._timer.cancel()
        if self._is_given_up:
            raise NotConnected from TimeoutError("it took too long to find a connection that answers")

    def ended(self, task: asyncio.Future[_Result]) -> None:
        self._timer.cancel()
        fault = None if task.cancelled() else task.exception()  # asked for also where nobody waits any more
        if self.answer.done():
            return
        if task.cancelled():
            self.answer.cancel()
        elif fault is not None:
            self.answer.set_exception(fault)
        else:
            self.answer.set_result(task.result())

    def _give_up(self) -> None:
        self._is_given_up = True
        if not self.answer.done():
            fault = NotConnected()
            fault.__cause__ = TimeoutError("no connection has answered in time")
            self.answer.set_exception(fault)


class PostgresPool:
    """A few connections to PostgreSQL."""

    is_sqlite = False

    def __init__(self, location: PostgresDatabase, *, command_timeout_s: float) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # with all of its ORM: 5 MiB that SQLite has no use for

        timeout_s = min(command_timeout_s, location.statement_timeout_s or command_timeout_s)
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=location.connections or POSTGRES_CONNECTIONS,
            max_overflow=0,
            pool_timeout=location.pool_timeout_s or POOL_TIMEOUT_S,
            # A connection is tried before each use. Repeating a statement that failed would be cheaper, but it may have
            # been carried out: a second registration would find its own name taken.
            pool_pre_ping=True,
            connect_args={
                "async_creator_fn": Connector(location, command_timeout_s=timeout_s).connect,
            },
        )
        connects_in_s = (location.connect_timeout_s or CONNECT_TIMEOUT_S) * location.host_count
        self._begin_s = max(BEGIN_S, connects_in_s, location.pool_timeout_s or 0.0)
        """How long a call waits for a connection that answers, however many have to be tried."""
        self._running: set[asyncio.Future[Any]] = set()
        self._is_full = False
        """Whether a write found the disk full, and no try has found room since."""

    async def run(self, call: Callable[[Connection], _Result]) -> _Result:
        if len(self._running) >= MAX_CALLS:
            raise NotConnected from TimeoutError("too many calls wait for an answer")
        asked: _Asked[_Result] = _Asked(within_s=self._begin_s)
        # Cut in the middle, a driver can only throw its connection away.
        task = asyncio.ensure_future(self._on_loop(call, asked))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(asked.ended)
        return await asked.answer

    async def check_space(self) -> None:
        if self._is_full:
            await self.run(try_for_room)
            self._is_full = False

    async def write(self, *steps: Step) -> None:
        await self.run(lambda connection: _make(connection, steps))

    async def close(self) -> None:
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._engine.dispose()

    async def _on_loop(self, call: Callable[[Connection], _Result], asked: _Asked[_Result]) -> _Result:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.connect())
            except Exception as error:  # whatever it is: without a connection the database is away
                raise NotConnected from error
            asked.begin()
            try:
                return await connection.run_sync(call)
            except DBAPIError as error:
                self._is_full = self._is_full or says_full(error)
                raise


def _make(connection: Connection, steps: Sequence[Step]) -> None:
    if len(steps) == 1:
        make(connection, steps[0])
        return
    with in_transaction(connection):
        make_in_turn(connection, steps)


def _tell(writes: Sequence[_Write], faults: Sequence[Exception | None]) -> None:
    for write, fault in zip(writes, faults, strict=True):
        if write.written.done():
            continue  # the loop is ending
        if fault is None:
            write.written.set_result(None)
        else:
            write.written.set_exception(fault)


def _set_pragmas(connection: DBAPIConnection, _record: Any) -> None:
    try:
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except Exception:
        connection.close()  # the pool does not know it yet
        raise
