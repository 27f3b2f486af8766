"""One server per database: a second one would take the rooms of the first for leftovers of an earlier life, and delete
them. The lock is taken before the store is opened, and held until it is closed. Nodes of one lobby share it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from lobby_server.store.diagnosis import diagnose
from lobby_server.store.errors import StoreSetupError
from lobby_server.store.locks.file import FileLock
from lobby_server.store.locks.postgres import PostgresLock
from lobby_server.store.opening import make_folder
from lobby_server.store.urls import Location, SqliteFile, read_database_url

RETRY_S = 0.25


class LobbyLock:
    """The right to run the lobby of one database."""

    def __init__(self, location: Location, *, is_shared: bool = False) -> None:
        """`is_shared`: on PostgreSQL, with other nodes of the same lobby."""
        self._location = location
        self._is_shared = is_shared
        self._lock = (
            FileLock(location.path) if isinstance(location, SqliteFile) else PostgresLock(location, is_shared=is_shared)
        )

    def keep(self, lost: Callable[[str], None]) -> None:
        """Hold it for good, through lost connections. `lost` is called at most once, with a sentence, when another
        server took the lock while the database could not be reached: this one has to end."""
        if isinstance(self._lock, PostgresLock):
            self._lock.keep(lambda: lost(f"Another server has taken {self._what} meanwhile: this one ends."))

    async def release(self) -> None:
        """A second time does nothing."""
        if isinstance(self._lock, PostgresLock):
            await self._lock.release()
        else:
            self._lock.release()

    async def take(self, *, wait_s: float) -> None:
        """Raises `StoreSetupError` when another server still has it after `wait_s`, or the database cannot be used."""
        give_up_s = time.monotonic() + wait_s
        while not await self._try():
            if time.monotonic() >= give_up_s:
                raise StoreSetupError(f"Another server runs on {self._what}: stop it, or {self._elsewhere}.")
            await asyncio.sleep(RETRY_S)

    async def _try(self) -> bool:
        try:
            if isinstance(self._lock, PostgresLock):
                return await self._lock.try_lock()
            assert isinstance(self._location, SqliteFile)
            make_folder(self._location)
            return self._lock.try_lock()
        except Exception as error:  # each of the two databases has its own tree of errors, and the system a third
            raise diagnose(error, self._location) from error

    @property
    def _what(self) -> str:
        location = self._location
        if not isinstance(location, SqliteFile):
            return f"database {location.name} of PostgreSQL at {location.place}"
        return f"the database {location.path}" if location.is_of_url else f"the data folder {location.path.parent}"

    @property
    def _elsewhere(self) -> str:
        if self._is_shared:
            return "start it with the same --backplane-url"
        if not isinstance(self._location, SqliteFile):
            return "give --database-url another database, or both servers the same --backplane-url"
        return "give --database-url another database" if self._location.is_of_url else "give --data-dir another folder"


async def lock_lobby(database_url: str, data_dir: Path, *, wait_s: float, is_shared: bool = False) -> LobbyLock:
    """The lock of the database that `open_store` would open with these arguments. `is_shared`: among nodes.

    Waits up to `wait_s` for another server to end. Raises `StoreSetupError`, with one sentence that says what to do.
    """
    lock = LobbyLock(read_database_url(database_url, data_dir), is_shared=is_shared)
    await lock.take(wait_s=wait_s)
    return lock
