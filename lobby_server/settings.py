"""What one server process runs with: the options with values that hold, alone and together.

Construction validates; `SettingsError` says what to do. The options are in `lobby_server.option_table`, and
`lobby_server.environment` reads them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields

from lobby_server.option_table import OptionTable
from lobby_server.options import flag_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_NUMBER = 1_000_000_000
"""Of every number: a larger one is a typing error, and no timer takes that many seconds."""
MAX_PROXY_HOPS = 16
MAX_WORKERS = 64
_PATH_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
"""Without ``.`` and ``..``, which clients take out of a path before they ask (RFC 3986 section 5.2.4)."""
_PAGE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_BACKPLANE_URL = re.compile(r"(rediss?|unix)://.")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_CHAT_CHARACTERS = 5000
"""One takes six bytes of JSON at most, and no message is above 32 KiB."""
MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the 256 bits of the hash."""


class SettingsError(ValueError):
    """A setting that cannot be used. The text is one sentence that says what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings(OptionTable):
    """What one server process runs with."""

    def __post_init__(self) -> None:
        self._require(
            bool(self.addresses) and all(_is_host(address) for address in self.addresses),
            "--address",
            "host names or IP addresses, separated by commas; 0.0.0.0 for every interface",
        )
        self._require(
            len(set(self.addresses)) == len(self.addresses), "--address", "a list in which each address stands once"
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
            if isinstance(value, int | float):
                is_number = value == value  # NaN is none; `math.isnan` cannot take every whole number
                self._require(is_number, flag_of(each.name), "a number")
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
        self._require(
            self.cluster == OptionTable.cluster or bool(self.backplane_url),
            "--cluster",
            "given together with --backplane-url, without which a server is a lobby of its own",
        )
        self._require(1.0 <= self.node_timeout_s <= 60.0, "--node-timeout-s", "from 1 to 60")
        self._require(
            not (self.jwt_secret and self.jwt_secret_file),
            "LOBBY_JWT_SECRET and --jwt-secret-file",
            "given one at a time: the file holds the newest secret first",
        )
        if self.jwt_secret and not _is_text(self.jwt_secret):
            raise SettingsError("LOBBY_JWT_SECRET is not text in UTF-8: give it as hexadecimal or base64.")
        if "\n" in self.jwt_secret.strip():
            raise SettingsError(
                "LOBBY_JWT_SECRET has several lines and is one secret: give several in --jwt-secret-file, newest first."
            )
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
