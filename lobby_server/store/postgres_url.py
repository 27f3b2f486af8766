"""PostgreSQL's URLs, read as libpq reads them, and as hosting services and other libraries hand them out.

Every parameter is in one of the tables below, or the URL is refused with a sentence that names it: one that is left
out in silence could be the one that makes a connection safe. What each means: docs/databases.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from lobby_server.store.errors import StoreSetupError

MAX_PORT = 65_535
APPLICATION_NAME = "lobby-server"
MAX_CONNECTIONS = 1000

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:,@]*)(?::\d{1,5})?"
_NETWORK_LOCATION = re.compile(rf"(?:[^@]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*)")

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_DRIVER = frozenset({
    *_FILES, "host", "port", "user", "password", "passfile", "dbname", "service", "sslmode", "sslpassword",
    "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname",
    "gsslib",
})  # fmt: skip
"""asyncpg takes them out of a URL, with libpq's meanings."""
_SESSION = frozenset({
    "application_name", "options", "search_path", "statement_timeout", "lock_timeout",
    "idle_in_transaction_session_timeout",
})  # fmt: skip
"""Sent to PostgreSQL as the connection begins."""
_SECONDS = frozenset({"connect_timeout", "keepalives_idle", "keepalives_interval", "pool_timeout", "socket_timeout"})
_COUNTS = frozenset({"keepalives_count", "connection_limit", "tcp_user_timeout"})
_ONLY = {
    "channel_binding": ("disable", "prefer", "require"),
    "client_encoding": ("auto", "utf8", "utf-8", "unicode"),
    "gssencmode": ("disable", "prefer"),
    "keepalives": ("0", "1"),
    "load_balance_hosts": ("disable",),
    "max_protocol_version": ("3.0", "3.2", "latest"),
    "min_protocol_version": ("3.0",),
    "pgbouncer": ("true", "false"),
    "replication": ("false", "off", "no", "0"),
    "sslcompression": ("0",),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslsni": ("1",),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
"""Values that can be honoured."""
_CACHE_SIZES = frozenset({"statement_cache_size", "prepared_statement_cache_size", "prepare_threshold"})
"""Of other libraries: 0 says that there is a pooler."""
_WITHOUT_EFFECT = frozenset({"supa", "uselibpqcompat"})
_OTHER_NAMES = {"ssl": "sslmode", "database": "dbname", "fallback_application_name": "application_name"}
_OTHER_SSL_MODES = {"true": "require", "1": "require", "false": "disable", "0": "disable", "no-verify": "require"}


@dataclass(frozen=True, kw_only=True)
class Keepalives:
    """TCP's way to find out that a host has vanished; None: what the system does."""

    is_on: bool = True
    idle_s: int | None = None
    interval_s: int | None = None
    count: int | None = None
    user_timeout_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase:
    """A database of a PostgreSQL server."""

    dsn: str = field(repr=False)
    """For asyncpg; it holds the password."""
    place: str
    """Host and port, for people."""
    name: str
    """The database's, for people."""
    host_count: int = 1
    connect_timeout_s: float | None = None
    """For each host; None: the server's default."""
    statement_timeout_s: float | None = None
    connections: int | None = None
    pool_timeout_s: float | None = None
    keepalives: Keepalives = Keepalives()
    trusts_system: bool = False
    """Whether the certificate is checked against the system's authorities: ``sslrootcert=system``."""
    is_pooled: bool = False
    """Whether the URL says that a pooler is between; when it does not, that is found out."""
    files: tuple[tuple[str, str], ...] = ()
    """Parameters that name files, with their paths."""
    cautions: tuple[str, ...] = ()
    """What whoever starts the server should know of the URL."""


def read_postgres_url(rest: str) -> PostgresDatabase:
    """`rest`: what follows ``://``. Raises `StoreSetupError`, whose text holds no value out of the URL."""
    unreadable = StoreSetupError(
        "--database-url cannot be read: write it as postgresql://user:password@host:5432/name, with %40 for @, "
        "%3A for :, %2F for /, %3F for ? and %23 for # within user and password."
    )
    try:
        parts = urlsplit("postgresql://" + rest)
        found = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise unreadable from None
    location = _NETWORK_LOCATION.fullmatch(parts.netloc)
    if location is None or _holds_credentials_after_the_host(parts):
        raise unreadable
    options = {_OTHER_NAMES.get(name, name): values[-1] for name, values in found.items()}
    hosts = location["hosts"]
    ports = [*re.findall(r":(\d+)(?=,|$)", hosts), *options.get("port", "").split(",")]
    if not all(port == "" or (port.isdecimal() and int(port) <= MAX_PORT) for port in ports):
        raise unreadable
    options["sslmode"] = _OTHER_SSL_MODES.get(options.get("sslmode", ""), options.get("sslmode", ""))
    if not options["sslmode"]:
        del options["sslmode"]
    _check(options)
    place = hosts or options.get("host", "this machine")
    return _database(parts, options, place=" ".join(place.split()))


def _database(parts: SplitResult, options: dict[str, str], *, place: str) -> PostgresDatabase:
    schema = options.get("schema", "public")
    if schema != "public":  # the default needs no parameter, which a pooler might refuse
        options.setdefault("search_path", schema)
    options.setdefault("application_name", APPLICATION_NAME)
    trusts_system = options.get("sslrootcert") == "system"
    if trusts_system:
        if options.get("sslmode", "verify-full") != "verify-full":
            raise StoreSetupError("--database-url has sslrootcert=system, which needs sslmode=verify-full.")
        del options["sslrootcert"]
        options.pop("sslmode", None)
    cautions = []
    if options.get("channel_binding") == "require" and not (trusts_system or options.get("sslmode") == "verify-full"):
        cautions.append(
            "channel_binding=require of --database-url cannot be honoured, the driver has none: "
            "sslmode=verify-full protects from the same attacks"
        )
    query = urlencode({name: value for name, value in options.items() if name in _DRIVER | _SESSION}, quote_via=quote)
    return PostgresDatabase(
        dsn=f"postgresql://{parts.netloc}{parts.path}{'?' if query else ''}{query}",
        place=place,
        name=unquote(parts.path.removeprefix("/")) or options.get("dbname", "of the user's name"),
        host_count=place.count(",") + 1,
        connect_timeout_s=_positive(options.get("connect_timeout")),
        statement_timeout_s=_positive(options.get("socket_timeout")),
        connections=_positive(options.get("connection_limit")),
        pool_timeout_s=_positive(options.get("pool_timeout")),
        keepalives=Keepalives(
            is_on=options.get("keepalives") != "0",
            idle_s=_positive(options.get("keepalives_idle")),
            interval_s=_positive(options.get("keepalives_interval")),
            count=_positive(options.get("keepalives_count")),
            user_timeout_ms=_positive(options.get("tcp_user_timeout")),
        ),
        trusts_system=trusts_system,
        is_pooled=options.get("pgbouncer") == "true" or any(options.get(name) == "0" for name in _CACHE_SIZES),
        files=tuple((name, options[name]) for name in _FILES if name in options),
        cautions=tuple(cautions),
    )


def _check(options: dict[str, str]) -> None:
    known = _DRIVER | _SESSION | _SECONDS | _COUNTS | _CACHE_SIZES | _WITHOUT_EFFECT | {*_ONLY, "schema"}
    for name, value in options.items():
        if name not in known:
            shown = name if re.fullmatch(r"[\w.-]{1,60}", name) else "of a name that is none"
            raise StoreSetupError(
                f"--database-url has the parameter {shown}, which this server does not know: remove it there."
            )
        if name in _ONLY and value.lower() not in _ONLY[name]:
            raise StoreSetupError(f"{name} of --database-url must be one of: {', '.join(_ONLY[name])}.")
        if name in _SECONDS | _COUNTS and not re.fullmatch(r"-?\d{1,9}", value):
            raise StoreSetupError(f"{name} of --database-url must be a whole number.")
        if name == "connection_limit" and not 1 <= int(value) <= MAX_CONNECTIONS:
            raise StoreSetupError(f"{name} of --database-url must be from 1 to {MAX_CONNECTIONS}.")


def _positive(text: str | None) -> int | None:
    """libpq takes zero and less for "as if it was not given"."""
    return int(text) if text is not None and int(text) > 0 else None


def _holds_credentials_after_the_host(parts: SplitResult) -> bool:
    """Whether an unescaped character of a password ended the host too early."""
    return bool(parts.fragment) or "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc)
