"""Which databases can be named, and how: from the setting ``database_url`` to a place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lobby_server.store.errors import StoreSetupError
from lobby_server.store.postgres_url import PostgresDatabase, read_postgres_url

SQLITE_FILE_NAME = "lobby.sqlite3"
_SQLITE_SCHEMES = frozenset({"sqlite", "sqlite+aiosqlite"})
_POSTGRES_SCHEMES = frozenset({"postgresql+asyncpg", "postgresql", "postgres"})


@dataclass(frozen=True, kw_only=True)
class SqliteFile:
    """A file of SQLite."""

    path: Path
    makes_folder: bool
    """Whether its folder is made when it is missing: the data folder is, another one out of a URL may be a slip of the
    pen."""
    is_of_url: bool
    """Else it is the one that goes with the data folder."""


Location = SqliteFile | PostgresDatabase


def read_database_url(database_url: str, data_dir: Path) -> Location:
    """Where the database is. Empty: the SQLite file in the data folder.

    Raises `StoreSetupError` for what cannot be read or served; its text never repeats more than the scheme.
    """
    url = database_url.strip()
    if not url:
        return SqliteFile(path=data_dir / SQLITE_FILE_NAME, makes_folder=True, is_of_url=False)
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() in _SQLITE_SCHEMES:
        return _sqlite_file(rest, data_dir)
    if separator and scheme.lower() in _POSTGRES_SCHEMES:
        return read_postgres_url(rest)
    what = f"starts with {scheme}://" if separator and re.fullmatch(r"[\w+.-]{1,40}", scheme) else "is not a URL"
    raise StoreSetupError(
        f"--database-url {what}: give postgresql://user:password@host/name or sqlite:///path, "
        "or leave it out for SQLite in the data folder."
    )


def _sqlite_file(rest: str, data_dir: Path) -> SqliteFile:
    path = rest.removeprefix("/")
    if path == rest or path in ("", ":memory:") or "?" in path or "\0" in path:
        raise StoreSetupError(
            "--database-url names no SQLite file: give sqlite:///relative/path or sqlite:////absolute/path, "
            "without options."
        )
    return SqliteFile(path=Path(path), makes_folder=_is_same(Path(path).parent, data_dir), is_of_url=True)


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder, which need not be there."""
    return os.path.realpath(one) == os.path.realpath(other)
