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
    BAD_MESSAGE = "bad_message"
    SESSION_FAILED = "session_failed"
    CALL_FAILED = "call_failed"
    ROOMS_RESTORED = "rooms_restored"
    ROOM_EXPIRED = "room_expired"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    MAILS_KEPT = "mails_kept"
    MAIL_TAKEN_OVER = "mail_taken_over"
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
    CANNOT_GO_ON = "cannot_go_on"
    CAUTION = "caution"
    ACCEPTING_PAUSED = "accepting_paused"
    ACCEPTING_RESUMED = "accepting_resumed"
    LOG_LINES_LOST = "log_lines_lost"
    # The database
    WAITING = "waiting"
    WRITES_WAIT = "writes_wait"
    WRITES_RESUMED = "writes_resumed"
    WRITE_LOST = "write_lost"
    WRITES_LOST = "writes_lost"
    WRITES_KEPT = "writes_kept"
    WRITES_MADE = "writes_made"
    WRITES_VOID = "writes_void"
    JOURNAL_FAILED = "journal_failed"
    LOCK_LOST = "lock_lost"
    LOCK_HELD = "lock_held"
    # Several nodes
    NODE_JOINED = "node_joined"
    NODE_LEFT = "node_left"
    NODE_WAITED_FOR = "node_waited_for"
    NODE_GIVEN_UP = "node_given_up"
    NODE_RENAMED = "node_renamed"
    SECRETS_DIFFER = "secrets_differ"
    LEADING = "leading"
    BACKPLANE_AWAY = "backplane_away"
    BACKPLANE_BACK = "backplane_back"
    BACKPLANE_OPENED = "backplane_opened"
    BACKPLANE_RESUMED = "backplane_resumed"
    STATE_REPLACED = "state_replaced"
    ENTRY_FAILED = "entry_failed"
    # Several processes
    WORKER_READY = "worker_ready"
    WORKER_ENDED = "worker_ended"
    WORKER_KILLED = "worker_killed"
    SUPERVISOR_GONE = "supervisor_gone"
    VALKEY = "valkey"
    VALKEY_ENDED = "valkey_ended"

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
