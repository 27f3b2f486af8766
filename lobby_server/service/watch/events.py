"""The names of what is logged: the field ``event`` of a line, stable, for alerts and for programs that read logs."""

from __future__ import annotations

from enum import Enum


class LogEvent(str, Enum):
    # Security: who did what they may not, with their address
    LOGIN_FAILED = "login_failed"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    UPGRADE_REFUSED = "upgrade_refused"
    REQUEST_REFUSED = "request_refused"
    HANDSHAKE_REFUSED = "handshake_refused"
    CLOSED_FOR_ABUSE = "closed_for_abuse"
    # Traffic
    CALL = "call"
    AUTHENTICATED = "authenticated"
    SESSION_CLOSED = "session_closed"
    USER_ONLINE = "user_online"
    USER_OFFLINE = "user_offline"
    KICKED = "kicked"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    # The process
    STARTED = "started"
    UNKNOWN_VARIABLE = "unknown_variable"
    SECRET_MADE = "secret_made"
    RELOADED = "reloaded"
    RELOAD_FAILED = "reload_failed"
    FIGURES = "figures"
    UNREADY = "unready"
    DRAINING = "draining"
    DRAINED = "drained"
    WRITES_LOST = "writes_lost"
    CANNOT_GO_ON = "cannot_go_on"

    def __str__(self) -> str:
        return self.value


SECURITY_EVENTS = frozenset(
    {
        LogEvent.LOGIN_FAILED,
        LogEvent.FORBIDDEN,
        LogEvent.RATE_LIMITED,
        LogEvent.UPGRADE_REFUSED,
        LogEvent.REQUEST_REFUSED,
        LogEvent.HANDSHAKE_REFUSED,
        LogEvent.CLOSED_FOR_ABUSE,
    }
)
