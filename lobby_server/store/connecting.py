"""Connections to PostgreSQL, as its URL asks for."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Any

from lobby_server.store.postgres_url import Keepalives, PostgresDatabase

CONNECT_TIMEOUT_S = 5.0
"""For each host, when the URL has no ``connect_timeout``."""
NAMED_STATEMENTS = 100
"""Which a connection keeps prepared: more than the store has."""


class Connector:
    """Opens connections to one database, and knows whether a pooler is between.

    A pooler in transaction mode gives each transaction another session of PostgreSQL, where the statement that a name
    stands for is unknown, or is somebody else's; so behind a pooler, of whatever mode, statements have no names. They
    do save a turn of two elsewhere. A pooler is told by the number of the session: it hands out numbers of its own.
    """

    def __init__(self, database: PostgresDatabase, *, command_timeout_s: float) -> None:
        """Raises `ModuleNotFoundError` where asyncpg is not installed."""
        import asyncpg  # type: ignore[import-untyped]

        self._asyncpg = asyncpg
        self._database = database
        self._command_timeout_s = command_timeout_s
        self._names_statements = not database.is_pooled

    async def connect(self) -> Any:
        """An `asyncpg.Connection`. Raises what asyncpg does."""
        connection = await self._connect()
        try:
            if self._names_statements and not await _is_straight(connection):
                self._names_statements = False
                connection.terminate()
                connection = await self._connect()
            _keep_alive(connection, self._database.keepalives)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connect(self) -> Any:
        database = self._database
        return await self._asyncpg.connect(
            database.dsn,
            timeout=(database.connect_timeout_s or CONNECT_TIMEOUT_S) * database.host_count,
            command_timeout=self._command_timeout_s,
            statement_cache_size=NAMED_STATEMENTS if self._names_statements else 0,
            ssl=_system_trust(database) if database.trusts_system else None,
        )


async def _is_straight(connection: Any) -> bool:
    """Whether nothing is between this connection and its session. One turn, and no statement is prepared for it."""
    status: str = await connection.execute(f"SELECT 1 WHERE pg_backend_pid() = {connection.get_server_pid()}")
    return status == "SELECT 1"


def _system_trust(database: PostgresDatabase) -> ssl.SSLContext:
    context = ssl.create_default_context()
    files = dict(database.files)
    if "sslcert" in files:
        context.load_cert_chain(files["sslcert"], files.get("sslkey"))
    return context


def _keep_alive(connection: Any, keepalives: Keepalives) -> None:
    transport: asyncio.Transport | None = getattr(connection, "_transport", None)
    own: Any = None if transport is None else transport.get_extra_info("socket")
    if own is None or own.family == getattr(socket, "AF_UNIX", None):
        return
    with socket.socket(fileno=os.dup(own.fileno())) as tcp:  # uvloop's own object has no setsockopt
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(keepalives.is_on))
        for name, value in (
            ("TCP_KEEPIDLE", keepalives.idle_s),
            ("TCP_KEEPINTVL", keepalives.interval_s),
            ("TCP_KEEPCNT", keepalives.count),
            ("TCP_USER_TIMEOUT", keepalives.user_timeout_ms),
        ):
            if value is not None and hasattr(socket, name):
                tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
