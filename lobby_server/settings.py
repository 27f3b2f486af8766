"""Every option of the server, once: its default, its unit, its help text.

The command line flags, the ``LOBBY_*`` environment names and ``--help`` are made from the fields below, in their order.
Construction validates; `SettingsError` says what to do. `lobby_server.environment` reads them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields
from pathlib import Path

from lobby_server.options import Group, flag_of, option

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(ValueError):
    """A setting that cannot be used. The text is one sentence that says what to do."""


LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
ACCESS_LOGS = ("off", "calls", "all")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one server process runs with."""

    # Network
    address: str = option(
        "127.0.0.1",
        "addresses to listen on, separated by commas; 0.0.0.0 for every interface, :: for IPv6 and IPv4",
        group=Group.NETWORK,
        example="127.0.0.1,::1",
    )
    port: int = option(30820, "port to listen on; 0 takes a free one, which the start line names", group=Group.NETWORK)
    path_prefix: str = option(
        "",
        "path below which everything is served: pages, API, socket; health and metrics also without it",
        group=Group.NETWORK,
        example="/lobby",
    )
    max_connections: int = option(
        20_000,
        "open connections, WebSockets and others; further ones are answered with 503",
        unit="connections",
        group=Group.NETWORK,
    )
    allowed_origins: str = option(
        "",
        "origins whose pages may connect, separated by commas, or *; default: the server's own host",
        group=Group.NETWORK,
        example="https://play.example",
    )
    compression: bool = option(False, "permessage-deflate: fewer bytes, more CPU and memory", group=Group.NETWORK)

    # Proxies and TLS
    tls_cert: str = option("", "certificate chain, PEM file; with --tls-key", group=Group.PROXIES)
    tls_key: str = option("", "private key, PEM file; with --tls-cert", group=Group.PROXIES)
    trusted_proxies: str = option(
        "",
        "networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted, separated by commas",
        group=Group.PROXIES,
        example="10.0.0.0/8,2001:db8::/32",
    )
    proxy_hops: int = option(
        0,
        "proxies between the clients and the server; 0: as many as the trusted networks vouch for",
        group=Group.PROXIES,
    )
    trust_proxy_headers: bool = option(
        False,
        "one proxy, which nobody can get around: short for one proxy hop",
        group=Group.PROXIES,
    )

    # Data
    data_dir: Path = option(
        Path("lobby-data"),
        "folder of the SQLite file, the generated secret and the writes that wait",
        group=Group.DATA,
    )
    database_url: str = option(
        "",
        "postgresql://user:password@host/name; default: SQLite in the data folder",
        group=Group.DATA,
    )
    takeover_wait_s: float = option(
        0.0,
        "how long a start waits for another server on the same database to end; then it is refused",
        unit="s",
        group=Group.DATA,
    )
    database_wait_s: float = option(
        10.0,
        "how long a start waits for a database that is not up yet; then it ends with exit code 75",
        unit="s",
        group=Group.DATA,
    )
    chat_retention_s: int = option(
        2_592_000, "how long chat is kept, by default 30 days; 0 keeps it for ever", unit="s", group=Group.DATA
    )
    notification_retention_s: int = option(
        7_776_000,
        "how long notifications are kept, by default 90 days; 0 keeps them for ever",
        unit="s",
        group=Group.DATA,
    )

    # Tokens
    jwt_secret: str = option(
        "",
        "secret that signs the tokens; generated and kept in the data folder when not given",
        environment_only=True,
        group=Group.TOKENS,
    )
    jwt_secret_file: str = option(
        "",
        "file of secrets, one per line: the first signs, all verify; read again on SIGHUP",
        group=Group.TOKENS,
        example="/etc/lobby-server/jwt-secrets",
    )
    token_ttl_s: int = option(604_800, "lifetime of a token, by default 7 days", unit="s", group=Group.TOKENS)

    # Mail
    smtp_url: str = option(
        "",
        "mail server for password resets; ?starttls=required, offered or never; default: no mail is sent",
        group=Group.MAIL,
        example="smtp://user:password@mail.example:587",
    )
    mail_from: str = option(
        "",
        "sender of those mails",
        group=Group.MAIL,
        example="Lobby <lobby@play.example>",
    )
    public_url: str = option(
        "",
        "address of the lobby page as players know it: links in mails begin with it",
        group=Group.MAIL,
        example="https://play.example/lobby",
    )
    mail_rate_per_hour: float = option(
        6.0,
        "mails to one account or address; one client asks for four times as many; 0: no limit",
        unit="1/h",
        group=Group.MAIL,
    )

    # Sessions and rooms
    handshake_timeout_s: float = option(
        10.0,
        "time to an accepted handshake, TLS and the upgrade included, before close 4001",
        unit="s",
        group=Group.SESSIONS,
    )
    heartbeat_timeout_s: float = option(
        75.0, "silence after which a connection is closed with 4004", unit="s", group=Group.SESSIONS
    )
    presence_grace_s: float = option(
        0.0, "how long a user whose last socket was lost still counts as online", unit="s", group=Group.SESSIONS
    )
    allow_guests: bool = option(
        False, "accept handshakes without a token; a guest hears replies only", group=Group.SESSIONS
    )
    empty_room_ttl_s: float = option(
        60.0, "time before a room without members is deleted", unit="s", group=Group.SESSIONS
    )
    party_max_members: int = option(8, "maximum number of members of a party", group=Group.SESSIONS)
    party_invite_ttl_s: float = option(
        60.0, "how long an invitation to a party can be accepted", unit="s", group=Group.SESSIONS
    )
    party_offline_ttl_s: float = option(
        60.0, "time after which a member who is offline leaves the party", unit="s", group=Group.SESSIONS
    )

    # Limits
    max_message_bytes: int = option(
        4096, "largest message from a client; above it close 1009", unit="bytes", group=Group.LIMITS
    )
    command_rate_per_s: float = option(20.0, "messages per socket; 0: no limit", unit="1/s", group=Group.LIMITS)
    auth_rate_per_min: float = option(
        60.0,
        "registrations and log-ins per address (IPv6: per /64 network); 0: no limit",
        unit="1/min",
        group=Group.LIMITS,
    )
    social_rate_per_min: float = option(
        120.0,
        "friend requests and invitations per user, half of them in one burst; 0: no limit",
        unit="1/min",
        group=Group.LIMITS,
    )
    chat_rate_per_min: float = option(
        60.0, "chat lines per user, a sixth of them in one burst; 0: no limit", unit="1/min", group=Group.LIMITS
    )
    chat_max_characters: int = option(
        500, "length to which a line of chat is cut", unit="characters", group=Group.LIMITS
    )

    # Fan-out
    rooms_notify_interval_ms: float = option(
        250.0,
        "minimum time between two rooms_changed; 0 announces every change",
        unit="ms",
        group=Group.FANOUT,
    )
    tick_ms: float = option(
        20.0, "interval over which events are joined into one send per session", unit="ms", group=Group.FANOUT
    )
    outbox_log_bytes: int = option(
        8 << 20,
        "size of the log for sessions that are behind; beyond it they are closed with 4002",
        unit="bytes",
        group=Group.FANOUT,
    )
    outbox_log_age_s: float = option(
        30.0, "age of that log; a session that is further behind is closed with 4002", unit="s", group=Group.FANOUT
    )
    base_frames_per_20_ms: int = option(
        500,
        "events that a client without features gets in 20 ms (Godot 3 keeps 1,023 between two polls); 0: no limit",
        unit="messages",
        group=Group.FANOUT,
    )
    ack_percent: float = option(
        1.0, "share of events that clients with the feature ack are asked to acknowledge", unit="%", group=Group.FANOUT
    )

    # Operation
    drain_s: float = option(30.0, "deadline of the drain", unit="s", group=Group.OPERATION)
    shutdown_delay_s: float = option(
        0.0,
        "time between /readyz answering 503 and the port closing, for load balancers; the drain begins after it",
        unit="s",
        group=Group.OPERATION,
    )
    log_level: str = option("info", "least severity that is logged", choices=LOG_LEVELS, group=Group.OPERATION)
    log_format: str = option("text", "format of the log", choices=LOG_FORMATS, group=Group.OPERATION)
    log_file: str = option(
        "",
        "file of the log, opened again on SIGHUP and SIGUSR1; default: standard error",
        group=Group.OPERATION,
        example="/var/log/lobby-server/lobby.log",
    )
    access_log: str = option(
        "off",
        "HTTP calls that are logged; calls leaves out the room list, pages, health and metrics",
        choices=ACCESS_LOGS,
        group=Group.OPERATION,
    )
    workers: int = option(
        1, "server processes that share the port and are one lobby; one per core", group=Group.OPERATION
    )

    # Several nodes
    backplane_url: str = option(
        "",
        "Valkey or Redis 7 by which several servers are one lobby; with --database-url of PostgreSQL",
        group=Group.CLUSTER,
        example="redis://10.0.0.5:6379/0",
    )
    cluster: str = option("lobby", "name of the lobby in that Valkey, where it has several", group=Group.CLUSTER)
    node_timeout_s: float = option(
        4.0, "silence after which the other nodes take a node for lost", unit="s", group=Group.CLUSTER
    )

    def __post_init__(self) -> None:
        self._require(
            bool(self.addresses) and all(_is_host(address) for address in self.addresses),
            "--address",
            "host names or IP addresses, separated by commas; 0.0.0.0 for every interface",
        )
        self._require(
            self.path_prefix == "" or _PATH_PREFIX.fullmatch(self.path_prefix) is not None,
            "--path-prefix",
            "a path that begins with a slash and does not end with one, as /lobby",
        )
        try:
            networks = self.proxy_networks
        except ValueError as fault:
            raise SettingsError(
                f"--trusted-proxies has {str(fault)!r}, which is no network: give addresses or networks as 10.0.0.0/8, "
                "separated by commas."
            ) from None
        self._require(0 <= self.proxy_hops <= MAX_PROXY_HOPS, "--proxy-hops", f"from 0 to {MAX_PROXY_HOPS}")
        self._require(
            not (self.trust_proxy_headers and (networks or self.proxy_hops)),
            "--trust-proxy-headers",
            "left out beside --trusted-proxies or --proxy-hops",
        )
        self._require(0 <= self.port <= 65_535, "--port", "from 0 to 65535")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float):  # which leaves NaN and infinity out
                self._require(abs(value) <= MAX_NUMBER, flag_of(each.name), f"at most {MAX_NUMBER}")
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
            "rooms_notify_interval_ms", "drain_s", "takeover_wait_s", "database_wait_s", "shutdown_delay_s",
            "base_frames_per_20_ms", "mail_rate_per_hour",
        ):  # fmt: skip
            self._require(getattr(self, name) >= 0, flag_of(name), "0 or more")
        self._require(0 <= self.ack_percent <= 100, "--ack-percent", "from 0 to 100")
        self._require(self.heartbeat_timeout_s >= 0.1, "--heartbeat-timeout-s", "0.1 or more")
        self._require(
            self.chat_max_characters <= MAX_CHAT_CHARACTERS, "--chat-max-characters", f"at most {MAX_CHAT_CHARACTERS}"
        )
        self._require(2 <= self.party_max_members <= 100, "--party-max-members", "from 2 to 100")
        self._require(64 <= self.max_message_bytes <= 1 << 24, "--max-message-bytes", "from 64 to 16777216")
        for each in fields(self):
            if choices := each.metadata["choices"]:
                holds = getattr(self, each.name) in choices
                self._require(holds, flag_of(each.name), f"one of {', '.join(choices)}")
        self._require(bool(self.tls_cert) == bool(self.tls_key), "--tls-cert and --tls-key", "given together")
        mail = (self.smtp_url, self.mail_from, self.public_url)
        self._require(
            all(mail) or not any(mail), "--smtp-url, --mail-from and --public-url", "given together, or none of them"
        )
        self._require(
            not self.public_url or _PAGE_URL.fullmatch(self.public_url) is not None,
            "--public-url",
            "an address as https://play.example/lobby",
        )
        self._require(1 <= self.workers <= MAX_WORKERS, "--workers", f"from 1 to {MAX_WORKERS}")
        self._require(
            not self.backplane_url or _BACKPLANE_URL.match(self.backplane_url) is not None,
            "--backplane-url",
            "redis://host:port/0, rediss:// or unix:///path",
        )
        self._require(
            not self.backplane_url or self.database_url.startswith("postgres"),
            "--backplane-url",
            "given together with a --database-url of PostgreSQL, which the nodes share",
        )
        if self.backplane_url and not (self.jwt_secret or self.jwt_secret_file):
            raise SettingsError(
                "Nodes of one lobby need one secret: set LOBBY_JWT_SECRET or --jwt-secret-file, the same on each node."
            )
        self._require(_CLUSTER.fullmatch(self.cluster) is not None, "--cluster", "letters, digits, - and _")
        self._require(1.0 <= self.node_timeout_s <= 60.0, "--node-timeout-s", "from 1 to 60")
        self._require(
            not (self.jwt_secret and self.jwt_secret_file),
            "LOBBY_JWT_SECRET and --jwt-secret-file",
            "given one at a time: the file holds the newest secret first",
        )
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
    def addresses(self) -> tuple[str, ...]:
        """What to listen on."""
        return tuple(address.strip() for address in self.address.split(",")) if self.address.strip() else ()

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The networks of the trusted proxies. Raises `ValueError` with the entry that is none."""
        return tuple(_network_of(entry.strip()) for entry in self.trusted_proxies.split(",") if entry.strip())

    @property
    def most_proxy_hops(self) -> int:
        """Proxies whose word is believed; 0: as many as the networks say."""
        return 1 if self.trust_proxy_headers else self.proxy_hops

    @property
    def base_tick_frames(self) -> int | None:
        """What `base_frames_per_20_ms` allows in one tick; None: no limit."""
        if not self.base_frames_per_20_ms:
            return None
        return max(1, int(self.base_frames_per_20_ms * min(self.tick_ms, 20.0) / 20.0))

    @property
    def page_url(self) -> str:
        """`public_url` without a slash at its end."""
        return self.public_url.rstrip("/")

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins; empty: the same host only."""
        return tuple(origin.strip().rstrip("/") for origin in self.allowed_origins.split(",") if origin.strip())


MAX_NUMBER = 1_000_000_000
"""Of every number: a larger one is a typing error, and no timer takes that many seconds."""
MAX_PROXY_HOPS = 16
MAX_WORKERS = 64
_PATH_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PAGE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_BACKPLANE_URL = re.compile(r"(rediss?|unix)://.")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_CHAT_CHARACTERS = 5000
"""One takes six bytes of JSON at most, and no message is above 32 KiB."""
MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the 256 bits of the hash."""


def _is_host(text: str) -> bool:
    """Whether a resolver can be asked for it."""
    try:
        return bool(text.strip()) and bool(text.encode("idna"))
    except UnicodeError:
        return False


def _network_of(entry: str) -> Network:
    try:
        network = ipaddress.ip_network(entry)
    except ValueError:
        raise ValueError(entry) from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def _is_text(text: str) -> bool:
    """Whether an environment variable was UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
