"""Accounts, revoked tokens and rooms in a database: SQLite by default, PostgreSQL by URL.

`lock_lobby` and `open_store` are the way in. The package knows nothing of the web, and the service knows it only as the
port `lobby_server.service.ports.Store`.
"""

from lobby_server.store.errors import StoreSetupError
from lobby_server.store.locks.lobby import LobbyLock, lock_lobby
from lobby_server.store.opening import open_store
from lobby_server.store.sql.store import SqlStore

__all__ = ["LobbyLock", "SqlStore", "StoreSetupError", "lock_lobby", "open_store"]
