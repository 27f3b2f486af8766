"""The way in: from a URL to a store that is ready."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from lobby_server.service.watch.events import LogEvent
from lobby_server.store.diagnosis import diagnose, foresee
from lobby_server.store.engines import open_database
from lobby_server.store.errors import StoreNotReady
from lobby_server.store.migrate import migrate
from lobby_server.store.sql.store import SqlStore
from lobby_server.store.urls import SqliteFile, read_database_url

log = logging.getLogger("lobby.store")

RETRY_S = 0.25
FOLDER_MODE = 0o700
FILE_MODE = 0o600
"""The file holds hashes of passwords. SQLite gives its side files the same mode."""
_Result = TypeVar("_Result")


def check_database_url(database_url: str, data_dir: Path) -> None:
    """Whether `open_store` may succeed, as far as it can be told without making anything or asking anybody. Raises
    `StoreSetupError`."""
    fault = foresee(read_database_url(database_url, data_dir))
    if fault is not None:
        raise fault


async def open_store(database_url: str, data_dir: Path) -> SqlStore:
    """The store of a database, its tables brought to the newest revision. The caller closes it.

    An empty URL is the SQLite file ``lobby.sqlite3`` in `data_dir`, which is made when it is missing. Any number of
    servers may open one PostgreSQL database at the same moment.

    Raises `StoreSetupError`, with one sentence that says what to do, for anything that is wrong: within 5 s when a host
    is silent or a file locked, within 50 s when another server does not end its migration; `StoreNotReady` when it may
    do in a while.
    """
    location = read_database_url(database_url, data_dir)
    try:
        if isinstance(location, SqliteFile):
            _prepare_file(location)
        await migrate(location)
        return SqlStore(open_database(location))
    except Exception as error:  # each of the two databases has its own tree of errors, and the system a third
        raise diagnose(error, location) from error


async def when_ready(use: Callable[[], Awaitable[_Result]], *, wait_s: float) -> _Result:
    """What `use` returns once the database is up. Raises `StoreNotReady` when it is not after `wait_s`, and at once
    what waiting does not heal."""
    give_up_s = time.monotonic() + wait_s
    is_said = False
    while True:
        try:
            return await use()
        except StoreNotReady as fault:
            if time.monotonic() >= give_up_s:
                raise
            if not is_said:
                log.warning(
                    "waiting up to %g s for the database: %s", wait_s, fault, extra={"event": LogEvent.WAITING.value}
                )
                is_said = True
            await asyncio.sleep(RETRY_S)


def make_folder(location: SqliteFile) -> None:
    """The folder of the file, if it is one that is made. Raises `OSError`."""
    if location.makes_folder:
        location.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def _prepare_file(location: SqliteFile) -> None:
    """Make a new database readable to nobody else.

    An existing file is opened by SQLite only: to open and close it otherwise would take away the locks that SQLite
    holds on it in this process (sqlite.org/howtocorrupt.html, section 2.2).
    """
    make_folder(location)
    try:
        os.close(os.open(location.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
    except FileExistsError:
        pass
