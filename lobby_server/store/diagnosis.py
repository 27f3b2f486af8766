"""From the fault that ended the opening of a database to one sentence that says what to do.

No text of a driver is passed on where a sentence of our own exists, and the password never is.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from lobby_server.store import engines
from lobby_server.store.errors import StoreSetupError, chain_of, sqlstate_of
from lobby_server.store.urls import Location, PostgresDatabase, SqliteFile

_MAX_DRIVER_TEXT_CHARACTERS = 200


def diagnose(error: Exception, location: Location) -> StoreSetupError:
    """What to tell the operator who starts the server. The caller raises it ``from`` the original."""
    if isinstance(error, StoreSetupError):
        return error
    if isinstance(location, SqliteFile):
        return StoreSetupError(_of_sqlite(error, location))
    return StoreSetupError(_of_postgres(error, location))


def _of_sqlite(error: Exception, location: SqliteFile) -> str:
    path, folder = location.path, location.path.parent
    text = _driver_text(error)
    if (in_the_way := _first_that_is_no_folder(folder)) is not None:
        return f"{in_the_way} is a file, not a folder: {_elsewhere(location)}."
    if path.is_dir():
        return f"{path} is a folder, not an SQLite database: {_elsewhere(location)}."
    if not folder.exists() and not location.makes_folder:
        return f"The folder {folder} does not exist: make it, or correct --database-url."
    if "not a database" in text or "encrypted" in text:
        return f"{path} is not an SQLite database: move it away, or {_elsewhere(location)}."
    if "malformed" in text:
        return f"{path} is damaged: restore it from a backup, or move it away to start with an empty one."
    if "locked" in text:
        return (
            f"{path} was locked by another program for {engines.BUSY_TIMEOUT_S:g} s: end that program and start again."
        )
    if "full" in text:
        return f"The disk that holds {path} is full: make room and start again."
    if "already exists" in text:
        return f"{path} holds tables of another program: {_elsewhere(location)}."
    if isinstance(error, OSError) or "unable to open" in text or "readonly" in text:
        return f"{path} cannot be written: give this user the right to write there, or {_elsewhere(location)}."
    return f"{path} cannot be used as SQLite database ({text}): repair it, or {_elsewhere(location)}."


def _elsewhere(location: SqliteFile) -> str:
    return "give another folder with --data-dir" if location.makes_folder else "correct --database-url"


def _first_that_is_no_folder(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if each.exists() and not each.is_dir()), None)


def _of_postgres(error: Exception, location: PostgresDatabase) -> str:
    server = f"PostgreSQL at {location.place}"
    links = list(chain_of(error))
    if any(isinstance(link, ModuleNotFoundError) for link in links):
        return 'PostgreSQL needs the package asyncpg: install it with pip install "lobby-server[cluster]".'
    state = sqlstate_of(error)
    if state is not None:
        return _of_sqlstate(state, server, location, _driver_text(error))
    if any(isinstance(link, socket.gaierror) for link in links):
        return f"The host of {server} is not known: correct --database-url."
    if any(isinstance(link, ssl.SSLError) for link in links) or "SSL" in _driver_text(error):
        return f"{server} and this server found no common TLS: correct sslmode or the certificates in --database-url."
    if any(isinstance(link, TimeoutError | asyncio.TimeoutError) for link in links):
        return (
            f"{server} did not answer within {engines.CONNECT_TIMEOUT_S:g} s: check that it runs, that no firewall is "
            "between, and --database-url."
        )
    if any(isinstance(link, OSError) for link in links):
        return f"Nothing answers as {server}: start it, or correct --database-url."
    return f"{server} cannot be used ({_driver_text(error)}): correct --database-url."


def _of_sqlstate(state: str, server: str, location: PostgresDatabase, text: str) -> str:
    """Codes: PostgreSQL manual, appendix A."""
    if state[:2] == "28":
        return f"{server} refuses the user, the password or this host ({text}): correct --database-url or pg_hba.conf."
    if state == "3D000":
        return f"{server} has no database {location.name}: make it with createdb, or correct --database-url."
    if state in ("42501", "3F000"):
        return (
            f"The user of --database-url may not make or use tables in database {location.name} of {server}: "
            "grant them CREATE on its schema and the rights on its tables."
        )
    if state == "42P07":
        return f"Database {location.name} of {server} holds tables of another program: give one of its own."
    if state in ("42704", "55P02"):
        return f"{server} does not take an option of --database-url ({text}): remove it there."
    if state == "53300":
        return f"{server} has no connection left: end other programs that use it, or raise its max_connections."
    if state == "55P03":
        return f"Another server has been changing the tables of {server} for too long: end it and start again."
    if state[:2] == "57":
        return f"{server} is starting or stopping: start this server again in a moment."
    return f"{server} cannot be used ({text}): correct that, or --database-url."


def _driver_text(error: Exception) -> str:
    """The first line of what the driver said, as a part of a sentence."""
    text = str(list(chain_of(error))[-1]).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split()).rstrip(".")[:_MAX_DRIVER_TEXT_CHARACTERS]
