"""Which databases can be named, and how: from the setting ``database_url`` to a place.

PostgreSQL's URLs mean what they mean to libpq, because asyncpg reads them: ``sslmode``, ``sslrootcert``, several
hosts, a socket's folder as ``host``, and ``PGPASSWORD`` or ``~/.pgpass`` for what is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from lobby_server.store.errors import StoreSetupError

SQLITE_FILE_NAME = "lobby.sqlite3"
MAX_PORT = 65_535
_SQLITE_SCHEMES = frozenset({"sqlite", "sqlite+aiosqlite"})
_POSTGRES_SCHEMES = frozenset({"postgresql+asyncpg", "postgresql", "postgres"})

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:,@]*)(?::\d{1,5})?"
_NETWORK_LOCATION = re.compile(rf"(?:[^@]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*)")


@dataclass(frozen=True, kw_only=True)
class SqliteFile:
    """A file of SQLite."""

    path: Path
    makes_folder: bool
    """Whether its folder is made when it is missing: the data folder is, one out of a URL may be a slip of the pen."""


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase:
    """A database of a PostgreSQL server."""

    dsn: str = field(repr=False)
    """For asyncpg; it holds the password."""
    place: str
    """Host and port, for people."""
    name: str
    """The database's, for people."""


Location = SqliteFile | PostgresDatabase


def read_database_url(database_url: str, data_dir: Path) -> Location:
    """Where the database is. Empty: the SQLite file in the data folder.

    Raises `StoreSetupError` for what cannot be read or served; its text never repeats more than the scheme.
    """
    url = database_url.strip()
    if not url:
        return SqliteFile(path=data_dir / SQLITE_FILE_NAME, makes_folder=True)
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() in _SQLITE_SCHEMES:
        return _sqlite_file(rest)
    if separator and scheme.lower() in _POSTGRES_SCHEMES:
        return _postgres_database(rest)
    what = f"starts with {scheme}://" if separator and re.fullmatch(r"[\w+.-]{1,40}", scheme) else "is not a URL"
    raise StoreSetupError(
        f"--database-url {what}: give postgresql://user:password@host/name or sqlite:///path, "
        "or leave it out for SQLite in the data folder."
    )


def _sqlite_file(rest: str) -> SqliteFile:
    path = rest.removeprefix("/")
    if path == rest or path in ("", ":memory:") or "?" in path or "\0" in path:
        raise StoreSetupError(
            "--database-url names no SQLite file: give sqlite:///relative/path or sqlite:////absolute/path, "
            "without options."
        )
    return SqliteFile(path=Path(path), makes_folder=False)


def _postgres_database(rest: str) -> PostgresDatabase:
    unreadable = StoreSetupError(
        "--database-url cannot be read: write it as postgresql://user:password@host:5432/name, with %40 for @, "
        "%3A for :, %2F for /, %3F for ? and %23 for # within user and password."
    )
    try:
        parts = urlsplit("postgresql://" + rest)
        options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise unreadable from None
    location = _NETWORK_LOCATION.fullmatch(parts.netloc)
    if location is None or _holds_credentials_after_the_host(parts):
        raise unreadable
    ports = [*re.findall(r":(\d+)(?=,|$)", location["hosts"]), *options.get("port", [""])[-1].split(",")]
    if not all(port == "" or (port.isdecimal() and int(port) <= MAX_PORT) for port in ports):
        raise unreadable
    if "ssl" in options:  # SQLAlchemy's name for it
        options["sslmode"] = options.pop("ssl")
    query = urlencode({name: values[-1] for name, values in options.items()}, quote_via=quote)
    place = location["hosts"] or options.get("host", ["this machine"])[-1]
    return PostgresDatabase(
        dsn=f"postgresql://{parts.netloc}{parts.path}{'?' if query else ''}{query}",
        place=" ".join(place.split()),
        name=unquote(parts.path.removeprefix("/")) or options.get("dbname", ["of the user's name"])[-1],
    )


def _holds_credentials_after_the_host(parts: SplitResult) -> bool:
    """Whether an unescaped character of a password ended the host too early."""
    return bool(parts.fragment) or "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc)
