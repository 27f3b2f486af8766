"""Every option of the server, once: its default, its unit, its help text.

The command line flags, the ``LOBBY_*`` environment names and ``--help`` are made from the fields below, in their order.
What the values have to be is in `lobby_server.settings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lobby_server.options import Group, option

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
ACCESS_LOGS = ("off", "calls", "all")


@dataclass(frozen=True, kw_only=True)
class OptionTable:
    """The options in the order of ``--help``; any values."""

    # Network
    address: str = option(
        "127.0.0.1",
        "addresses to listen on, separated by commas; 0.0.0.0 for every interface, :: for IPv6 and IPv4",
        group=Group.NETWORK,
        example="127.0.0.1,::1",
        is_list=True,
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
        is_list=True,
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
        is_list=True,
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
