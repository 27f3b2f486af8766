"""Every option of the server, once: its default, its unit, its help text.

The command line flags, the ``LOBBY_*`` environment names and ``--help`` are made from the fields below. Precedence:
flag, then environment, then default. Construction validates; `SettingsError` says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

ENVIRONMENT_PREFIX = "LOBBY_"
ENVIRONMENT_ONLY = "environment_only"

_Number = TypeVar("_Number", int, float)


class SettingsError(ValueError):
    """A setting that cannot be used. The text is one sentence that says what to do."""


def _option(default: Any, help: str, *, unit: str = "", environment_only: bool = False) -> Any:
    return field(default=default, metadata={"help": help, "unit": unit, ENVIRONMENT_ONLY: environment_only})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one server process runs with."""

    address: str = _option("127.0.0.1", "address to listen on; 0.0.0.0 for every interface")
    port: int = _option(30820, "port to listen on; 0 takes a free one")
    data_dir: Path = _option(Path("lobby-data"), "folder of the SQLite file and of the generated secret")
    database_url: str = _option("", "postgresql+asyncpg://user:password@host/name; default: SQLite in the data folder")
    takeover_wait_s: float = _option(
        0.0, "how long a start waits for another server on the same database to end; then it is refused", unit="s"
    )
    jwt_secret: str = _option(
        "", "secret that signs the tokens; generated and kept in the data folder when not given", environment_only=True
    )
    token_ttl_s: int = _option(604_800, "lifetime of a token", unit="s")
    handshake_timeout_s: float = _option(10.0, "time to an accepted handshake before close 4001", unit="s")
    heartbeat_timeout_s: float = _option(75.0, "silence after which a connection is closed with 4004", unit="s")
    presence_grace_s: float = _option(
        0.0, "how long a user whose last socket was lost still counts as online", unit="s"
    )
    max_connections: int = _option(20_000, "open sockets; further upgrades are answered with 503", unit="sockets")
    max_message_bytes: int = _option(4096, "largest message that a client may send", unit="bytes")
    command_rate_per_s: float = _option(20.0, "messages per socket; 0 switches the limit off", unit="1/s")
    auth_rate_per_min: float = _option(
        60.0, "registrations and logins per address; 0 switches the limit off", unit="1/min"
    )
    social_rate_per_min: float = _option(
        120.0, "friend requests and invitations per user, half of them in one burst; 0: no limit", unit="1/min"
    )
    chat_rate_per_min: float = _option(
        60.0, "chat lines per user, a sixth of them in one burst; 0: no limit", unit="1/min"
    )
    chat_max_characters: int = _option(500, "length to which a line of chat is cut", unit="characters")
    chat_retention_s: int = _option(
        2_592_000, "how long chat is kept, by default 30 days; 0 keeps it for ever", unit="s"
    )
    notification_retention_s: int = _option(
        7_776_000, "how long notifications are kept, by default 90 days; 0 keeps them for ever", unit="s"
    )
    party_max_members: int = _option(8, "maximum number of members of a party")
    party_invite_ttl_s: float = _option(60.0, "how long an invitation to a party can be accepted", unit="s")
    party_offline_ttl_s: float = _option(60.0, "time after which a member who is offline leaves the party", unit="s")
    empty_room_ttl_s: float = _option(60.0, "time before a room without members is deleted", unit="s")
    rooms_notify_interval_ms: float = _option(
        250.0, "minimum time between two rooms_changed; 0 switches the throttle off", unit="ms"
    )
    tick_ms: float = _option(20.0, "interval over which events are joined into one send per session", unit="ms")
    outbox_log_bytes: int = _option(
        8 << 20, "size of the log for sessions that are behind; beyond it they are closed with 4002", unit="bytes"
    )
    outbox_log_age_s: float = _option(
        30.0, "age of that log; a session that is further behind is closed with 4002", unit="s"
    )
    base_frames_per_20_ms: int = _option(
        500,
        "events that a client without features gets in 20 ms; Godot 3 keeps 1,023 between two looks at its socket and "
        "drops the rest; 0: no limit",
        unit="messages",
    )
    ack_percent: float = _option(
        1.0, "share of events that clients with the feature ack are asked to acknowledge", unit="%"
    )
    allow_guests: bool = _option(False, "accept handshakes without a token; a guest hears replies only")
    allowed_origins: str = _option(
        "", "origins of browsers that may connect, comma separated, or *; default: same host"
    )
    compression: bool = _option(False, "permessage-deflate")
    tls_cert: str = _option("", "certificate chain, PEM file; with --tls-key")
    tls_key: str = _option("", "private key, PEM file; with --tls-cert")
    trust_proxy_headers: bool = _option(False, "trust X-Forwarded-For and X-Forwarded-Proto")
    workers: int = _option(1, "server processes; this version runs one")
    backplane_url: str = _option("", "redis://… between processes; for a later version")
    drain_s: float = _option(30.0, "deadline of the drain", unit="s")
    log_level: str = _option("info", "debug, info, warning or error")
    log_format: str = _option("text", "text or json")

    def __post_init__(self) -> None:
        self._require(_is_host(self.address), "--address", "a host name or an IP address; 0.0.0.0 for every interface")
        self._require(0 <= self.port <= 65_535, "--port", "from 0 to 65535")
        for option in fields(self):
            value = getattr(self, option.name)
            if isinstance(value, int | float):  # which leaves NaN and infinity out
                self._require(abs(value) <= MAX_NUMBER, flag_of(option.name), f"at most {MAX_NUMBER}")
        for name in (
            "token_ttl_s",
            "handshake_timeout_s",
            "max_connections",
            "tick_ms",
            "outbox_log_bytes",
            "outbox_log_age_s",
            "party_invite_ttl_s",
            "chat_max_characters",
        ):
            self._require(getattr(self, name) > 0, flag_of(name), "above 0")
        for name in (
            "presence_grace_s", "command_rate_per_s", "auth_rate_per_min", "social_rate_per_min", "chat_rate_per_min",
            "chat_retention_s", "notification_retention_s", "party_offline_ttl_s", "empty_room_ttl_s",
            "rooms_notify_interval_ms", "drain_s", "takeover_wait_s", "base_frames_per_20_ms",
        ):  # fmt: skip
            self._require(getattr(self, name) >= 0, flag_of(name), "0 or more")
        self._require(0 <= self.ack_percent <= 100, "--ack-percent", "from 0 to 100")
        self._require(self.heartbeat_timeout_s >= 0.1, "--heartbeat-timeout-s", "0.1 or more")
        self._require(
            self.chat_max_characters <= MAX_CHAT_CHARACTERS, "--chat-max-characters", f"at most {MAX_CHAT_CHARACTERS}"
        )
        self._require(2 <= self.party_max_members <= 100, "--party-max-members", "from 2 to 100")
        self._require(64 <= self.max_message_bytes <= 1 << 24, "--max-message-bytes", "from 64 to 16777216")
        self._require(self.log_level in LOG_LEVELS, "--log-level", f"one of {', '.join(LOG_LEVELS)}")
        self._require(self.log_format in LOG_FORMATS, "--log-format", f"one of {', '.join(LOG_FORMATS)}")
        self._require(bool(self.tls_cert) == bool(self.tls_key), "--tls-cert and --tls-key", "given together")
        self._require(self.workers == 1, "--workers", "1: this version runs as one process")
        self._require(not self.backplane_url, "--backplane-url", "left out: this version runs as one process")
        if self.jwt_secret and not _is_text(self.jwt_secret):
            raise SettingsError("LOBBY_JWT_SECRET is not text in UTF-8: give it as hexadecimal or base64.")
        if self.jwt_secret and len(self.jwt_secret.encode()) < MIN_SECRET_BYTES:
            raise SettingsError(
                f"LOBBY_JWT_SECRET is too short: give it at least {MIN_SECRET_BYTES} bytes, or leave it out "
                "and the server makes one."
            )

    @staticmethod
    def _require(holds: bool, name: str, what: str) -> None:
        if not holds:
            raise SettingsError(f"{name} must be {what}.")

    @property
    def base_tick_frames(self) -> int | None:
        """What `base_frames_per_20_ms` allows in one tick; None: no limit."""
        if not self.base_frames_per_20_ms:
            return None
        return max(1, int(self.base_frames_per_20_ms * min(self.tick_ms, 20.0) / 20.0))

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins; empty: the same host only."""
        return tuple(origin.strip().rstrip("/") for origin in self.allowed_origins.split(",") if origin.strip())


MAX_NUMBER = 1_000_000_000
"""Of every number: a larger one is a typing error, and no timer takes that many seconds."""
MAX_CHAT_CHARACTERS = 5000
"""One takes six bytes of JSON at most, and no message is above 32 KiB."""
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the 256 bits of the hash."""


def flag_of(name: str) -> str:
    """``presence_grace_s`` → ``--presence-grace-s``."""
    return "--" + name.replace("_", "-")


def environment_name_of(name: str) -> str:
    """``presence_grace_s`` → ``LOBBY_PRESENCE_GRACE_S``."""
    return ENVIRONMENT_PREFIX + name.upper()


def _is_host(text: str) -> bool:
    """Whether a resolver can be asked for it."""
    try:
        return bool(text.strip()) and bool(text.encode("idna"))
    except UnicodeError:
        return False


def _is_text(text: str) -> bool:
    """Whether an environment variable was UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Settings from what the command line gave (``None`` where a flag was left out) and the environment.

    Raises `SettingsError` for a value that cannot be read or does not hold.
    """
    values: dict[str, Any] = {}
    for option in fields(Settings):
        given = flags.get(option.name)
        if given is not None:
            values[option.name] = given
        elif (text := environment.get(environment_name_of(option.name))) not in (None, ""):
            values[option.name] = _parse(environment_name_of(option.name), str(text), type(option.default))
    return Settings(**values)


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        try:
            return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False,
                    "off": False}[text.strip().lower()]  # fmt: skip
        except KeyError:
            raise SettingsError(f"{name} is {text!r}: give 1 or 0.") from None
    convert: Callable[[str], Any] = {int: int, float: float}.get(kind, kind)
    try:
        return convert(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: give a number.") from None
