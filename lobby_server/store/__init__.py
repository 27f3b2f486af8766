"""Accounts, revoked tokens and rooms in a database: SQLite by default, PostgreSQL by URL.

`lock_lobby` and `open_store` are the way in. The package knows nothing of the web, and the service knows it only as the
port `lobby_server.service.ports.Store`.
"""

from lobby_server.store.errors import StoreNotReady, StoreSetupError
from lobby_server.store.journal import FileJournal
from lobby_server.store.locks.identity import database_identity
from lobby_server.store.locks.lobby import LobbyLock, lock_lobby
from lobby_server.store.opening import check_database_url, open_store, when_ready
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.sql.store import SqlStore
from lobby_server.store.urls import SqliteFile, read_database_url

__all__ = [
    "FileJournal",
    "LobbyLock",
    "PostgresDatabase",
    "SqlStore",
    "SqliteFile",
    "StoreNotReady",
    "StoreSetupError",
    "check_database_url",
    "database_identity",
    "lock_lobby",
    "open_store",
    "read_database_url",
    "when_ready",
]
