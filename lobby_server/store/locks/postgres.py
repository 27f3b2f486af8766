"""The lock of a lobby on PostgreSQL: an advisory lock, on a connection that does nothing else.

PostgreSQL lets go of it when that connection ends. A pooler such as pgbouncer may give each transaction another
session of PostgreSQL, and two of its clients the same one, so that a lock of a session excludes nobody there. Behind
a pooler the lock is therefore one of a transaction that stays open: for so long the session belongs to it alone. The
transaction is READ COMMITTED and idle, so it keeps no row from being vacuumed. Without a pooler it is a lock of the
session, and nothing is seen "idle in transaction".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lobby_server.service.watch.events import LogEvent
from lobby_server.store import engines
from lobby_server.store.connecting import CONNECT_TIMEOUT_S, Connector
from lobby_server.store.postgres_url import PostgresDatabase

log = logging.getLogger("lobby.store")

CHECK_EVERY_S = 5.0
"""How often the connection is tried: a host that vanished says nothing."""
RETRY_S = 0.5
REMNANT_ENDS_WITHIN_S = 5.0
_KEY = int.from_bytes(b"lob", "big")
_WHOSE = f"{_KEY}, hashtext(coalesce(current_schema(), ''))"
"""With the schema, because one database may hold a lobby in each of its schemas."""
_NO_TIMEOUTS = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_SHORT_KEEPALIVES = """
    SELECT set_config('tcp_keepalives_idle', '20', false), set_config('tcp_keepalives_interval', '5', false),
           set_config('tcp_keepalives_count', '4', false)
"""
"""PostgreSQL lets go of the lock of a host that vanished after 40 s, not after hours."""
_OWN_SESSION = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END_REMNANT = f"""
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE pid = $1 AND backend_start = $2
      AND EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND locktype = 'advisory' AND classid = {_KEY})
"""


class PostgresLock:
    """`try_lock`, `keep`, `release`."""

    def __init__(self, location: PostgresDatabase, *, is_shared: bool = False) -> None:
        """`is_shared`: others who share it may hold it too, and nobody who does not."""
        self._location = location
        self._shared = "_shared" if is_shared else ""
        self._connection: Any = None
        self._is_gone = asyncio.Event()
        self._held_by: tuple[int, datetime] | None = None
        """The session of PostgreSQL that has the lock, or had it last."""
        self._keeper: asyncio.Task[None] | None = None

    async def try_lock(self) -> bool:
        """Whether the lock is held now. Raises what asyncpg does when the database cannot be reached."""
        connection = await Connector(self._location, command_timeout_s=engines.COMMAND_TIMEOUT_S).connect()
        try:
            is_held = await self._lock_on(connection)
        except BaseException:
            connection.terminate()
            raise
        if not is_held:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
            return False
        is_gone = self._is_gone = asyncio.Event()
        connection.add_termination_listener(lambda _connection: is_gone.set())
        self._connection = connection
        return True

    def keep(self, lost: Callable[[], None]) -> None:
        """Take the lock again whenever its connection is lost. `lost` is called once, when another server took it
        first: this one must not go on."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep(lost))

    async def release(self) -> None:
        """A second time does nothing."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=CONNECT_TIMEOUT_S)
            except Exception:  # however it fails, the end of the connection ends the lock
                connection.terminate()

    # -- private --------------------------------------------------------------------------------------------------

    async def _lock_on(self, connection: Any) -> bool:
        await connection.execute("BEGIN")
        pid, started = await connection.fetchrow(_OWN_SESSION)
        is_pooled = connection.get_server_pid() != pid  # a pooler hands out numbers of its own
        remnants = 0
        if self._held_by is not None and self._held_by != (pid, started):
            remnants = await connection.fetchval(_END_REMNANT, *self._held_by)
        await connection.fetch(_NO_TIMEOUTS if is_pooled else _SHORT_KEEPALIVES)
        attempt = f"SELECT pg_try_advisory_{'xact_lock' if is_pooled else 'lock'}{self._shared}({_WHOSE})"
        latest_s = time.monotonic() + REMNANT_ENDS_WITHIN_S
        while not (is_held := await connection.fetchval(attempt)) and remnants and time.monotonic() < latest_s:
            await asyncio.sleep(RETRY_S)
        if not (is_pooled and is_held):
            await connection.execute("COMMIT")
        if is_held:
            self._held_by = pid, started
        return bool(is_held)

    async def _keep(self, lost: Callable[[], None]) -> None:
        while True:
            await self._until_gone()
            log.warning(
                "the connection that holds the lock of the database was lost; it is taken again",
                extra={"event": LogEvent.LOCK_LOST.value},
            )
            while True:
                try:
                    is_held = await self.try_lock()
                except Exception as error:  # whatever it is: the database is away, for other servers too
                    log.debug("the lock of the database cannot be taken: %s", error)
                    is_held = None
                if is_held:
                    log.info("the lock of the database is held again", extra={"event": LogEvent.LOCK_HELD.value})
                    break
                if is_held is False:
                    lost()
                    return
                await asyncio.sleep(RETRY_S)

    async def _until_gone(self) -> None:
        while not self._is_gone.is_set():
            try:
                await asyncio.wait_for(self._is_gone.wait(), CHECK_EVERY_S)
            except (TimeoutError, asyncio.TimeoutError):
                try:
                    await self._connection.fetchval("SELECT 1")
                except Exception:  # no answer, or an error: the lock may be gone
                    break
        self._connection.terminate()
