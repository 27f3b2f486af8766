"""From the fault that ended the opening of a database to one sentence that says what to do.

No text of a driver is passed on where a sentence of our own exists, and the password never is.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from pathlib import Path

from lobby_server.store import connecting, engines
from lobby_server.store.disk import free_bytes
from lobby_server.store.errors import DiskFull, StoreNotReady, StoreSetupError, chain_of, sqlstate_of
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.urls import Location, SqliteFile

_MAX_DRIVER_TEXT_CHARACTERS = 200


def diagnose(error: Exception, location: Location) -> StoreSetupError:
    """What to tell the operator who starts the server. The caller raises it ``from`` the original."""
    if isinstance(error, StoreSetupError):
        return error
    if isinstance(location, SqliteFile):
        return _of_sqlite(error, location)
    return _of_postgres(error, location)


def foresee(location: Location) -> StoreSetupError | None:
    """What will keep a database from being opened, as far as it can be told without making anything or asking anybody;
    None: nothing."""
    if isinstance(location, SqliteFile) and _wrong_with_place(location) is not None:
        return diagnose(OSError(), location)
    return None


def _of_sqlite(error: Exception, location: SqliteFile) -> StoreSetupError:
    path, text = location.path, _driver_text(error)
    if any(isinstance(link, DiskFull) for link in chain_of(error)) or _says_full(error, text, path):
        return StoreNotReady(f"The disk that holds {path} is full: make room and start again.")
    if "locked" in text:
        return StoreNotReady(
            f"{path} was locked by another program for {engines.BUSY_TIMEOUT_S:g} s: end that program and start again."
        )
    return StoreSetupError(_wrong_with_file(error, location, text))


def _says_full(error: Exception, text: str, path: Path) -> bool:
    if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in text:
        return True
    # Where SQLite cannot make or enlarge a file beside its own it says something else.
    return ("disk I/O" in text or "unable to open" in text) and free_bytes(path) < engines.LEAST_FREE_BYTES


def _wrong_with_file(error: Exception, location: SqliteFile, text: str) -> str:
    path = location.path
    if (wrong := _wrong_with_place(location)) is not None:
        return wrong
    if "not a database" in text or "encrypted" in text:
        return f"{path} is not an SQLite database: move it away, or {_elsewhere(location)}."
    if "malformed" in text:
        return f"{path} is damaged: restore it from a backup, or move it away to start with an empty one."
    if "already exists" in text:
        return f"{path} holds tables of another program: {_elsewhere(location)}."
    if isinstance(error, OSError) or "unable to open" in text or "readonly" in text:
        return f"{path} cannot be written: give this user the right to write there, or {_elsewhere(location)}."
    return f"{path} cannot be used as SQLite database ({text}): repair it, or {_elsewhere(location)}."


def _wrong_with_place(location: SqliteFile) -> str | None:
    """What only looking tells; None: nothing."""
    path, folder = location.path, location.path.parent
    try:
        if (in_the_way := _first_that_is_no_folder(folder)) is not None:
            return f"{in_the_way} is a file, not a folder: {_elsewhere(location)}."
        if path.is_dir():
            return f"{path} is a folder, not an SQLite database: {_elsewhere(location)}."
        if not folder.exists() and not location.makes_folder:
            return f"The folder {folder} does not exist: make it, or correct --database-url."
    except OSError as fault:  # before Python 3.14, of a folder that this user may not look into
        return (
            f"{path} cannot be reached ({fault.strerror}): give this user the right to look into its folders, or "
            f"{_elsewhere(location)}."
        )
    return None


def _elsewhere(location: SqliteFile) -> str:
    return "correct --database-url" if location.is_of_url else "give another folder with --data-dir"


def _first_that_is_no_folder(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if each.exists() and not each.is_dir()), None)


def _of_postgres(error: Exception, location: PostgresDatabase) -> StoreSetupError:
    server, text = f"PostgreSQL at {location.place}", _driver_text(error)
    links = list(chain_of(error))

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in links)

    if any_is(ModuleNotFoundError):
        return StoreSetupError(
            'PostgreSQL needs the package asyncpg: install it with pip install "lobby-server[cluster]".'
        )
    state = sqlstate_of(error)
    if state is not None:
        return _of_sqlstate(state, server, location, text)
    for name, path in location.files:
        if (fault := _unreadable(path)) is not None:
            return StoreSetupError(
                f"{name} of --database-url names {path}, which cannot be read ({fault}): correct it."
            )
    if "root certificate file" in text:  # ours is none of a URL, but the driver's default
        return StoreSetupError(
            "sslmode=verify-ca and verify-full need the certificate of an authority: add sslrootcert with its file to "
            "--database-url, or sslrootcert=system."
        )
    if any_is(socket.gaierror):
        return StoreNotReady(f"The host of {server} is not known: correct --database-url, or the name service.")
    for link in links:
        if isinstance(link, ssl.SSLCertVerificationError):
            return StoreSetupError(
                f"The certificate of {server} does not hold ({link.verify_message.rstrip('.')}): correct the host or "
                "sslrootcert in --database-url."
            )
    if any_is(ssl.SSLError) or "SSL" in text:
        return StoreSetupError(
            f"{server} and this server found no common TLS: correct sslmode or the certificates in --database-url."
        )
    if "target attribute" in text:
        return StoreNotReady(f"None of the hosts of {server} is what target_session_attrs of --database-url asks for.")
    if any_is(TimeoutError, asyncio.TimeoutError):
        waited_s = (location.connect_timeout_s or connecting.CONNECT_TIMEOUT_S) * location.host_count
        return StoreNotReady(
            f"{server} did not answer within {waited_s:g} s: check that it runs, that no firewall is "
            "between, and --database-url."
        )
    if any_is(OSError):
        return StoreNotReady(f"Nothing answers as {server}: start it, or correct --database-url.")
    return StoreSetupError(f"{server} cannot be used ({text}): correct --database-url.")


def _unreadable(path: str) -> str | None:
    """Why a file cannot be read; None: it can."""
    try:
        with open(path, "rb"):
            return None
    except OSError as fault:
        return fault.strerror or "it is none"


def _of_sqlstate(state: str, server: str, location: PostgresDatabase, text: str) -> StoreSetupError:
    """Codes: PostgreSQL manual, appendix A. A pooler has 08P01 for everything, and says the rest in words."""
    if state == "25006":
        return StoreNotReady(
            f"{server} takes no writes, it is a standby or was made read-only: give the primary, or all hosts and "
            "target_session_attrs=read-write."
        )
    if state == "53300":
        return StoreNotReady(
            f"{server} has no connection left: end other programs that use it, or raise its max_connections."
        )
    if state == "55P03":
        return StoreNotReady(
            f"Another server has been changing the tables of {server} for too long: end it and start again."
        )
    if state == "53100":
        return StoreNotReady(f"The disk of {server} is full: make room and start again.")
    if state[:2] == "57":
        return StoreNotReady(f"{server} is starting or stopping: start this server again in a moment.")
    if state == "08P01" and "startup parameter" in text:
        return StoreSetupError(
            f"The pooler at {location.place} refuses a parameter of --database-url ({text}): remove it there, or "
            "name it in the pooler's ignore_startup_parameters."
        )
    if state == "08P01" and "SSL required" in text:
        return StoreSetupError(f"{server} wants TLS: give --database-url sslmode=require, or verify-full.")
    if state == "08P01" and "no such user" in text:
        state = "28000"
    if state == "08P01" and "no such database" in text:
        state = "3D000"
    if state[:2] == "08" and "pooling" not in text:
        return StoreNotReady(
            f"{server} has no connection to its database ({text}): start that, or correct --database-url."
        )
    return StoreSetupError(_wrong_setting(state, server, location, text))


def _wrong_setting(state: str, server: str, location: PostgresDatabase, text: str) -> str:
    if state[:2] == "28":
        return f"{server} refuses the user, the password or this host ({text}): correct --database-url or pg_hba.conf."
    if state == "3D000":
        return f"{server} has no database {location.name}: make it with createdb, or correct --database-url."
    if state == "3F000":
        return (
            f"The schema that --database-url names is not in database {location.name} of {server}, or its user may not "
            "use it: make it, and grant them CREATE on it."
        )
    if state == "42501":
        return (
            f"The user of --database-url may not make or use tables in database {location.name} of {server}: "
            "grant them CREATE on its schema and the rights on its tables."
        )
    if state == "42P07":
        return f"Database {location.name} of {server} holds tables of another program: give one of its own."
    if state in ("42704", "55P02", "22023"):
        return f"{server} does not take an option of --database-url ({text}): remove it there."
    return f"{server} cannot be used ({text}): correct that, or --database-url."


def _driver_text(error: Exception) -> str:
    """The first line of what the driver said, as a part of a sentence."""
    text = str(list(chain_of(error))[-1]).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split()).rstrip(".")[:_MAX_DRIVER_TEXT_CHARACTERS]
