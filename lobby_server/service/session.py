"""One connection's life as a state machine.

    WAITING ──handshake holds──▶ ACCEPTED ──▶ CLOSED
       │  three refusals, or nothing accepted in time     ▲
       └──────────────────────────────────────────────────┘

A session knows no socket: a `Transport` is handed in, and the transport's adapter calls `receive`, `receive_binary`,
`heard` and `closed`. Nothing here waits, so a session handles its messages strictly in the order in which they came.
"""

from __future__ import annotations

import logging
from enum import Enum, auto
from typing import Protocol

from lobby_server.core.presence import User
from lobby_server.core.ratelimit import TokenBucket
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.messages import (
    ClientMessage,
    Error,
    Handshake,
    HandshakeAccepted,
    Ping,
    Pong,
    Refused,
    ServerMessage,
    decode_client_message,
    encode_frame,
)
from lobby_server.service.auth import Claims, TokenRefused, Tokens
from lobby_server.service.metrics import Metrics
from lobby_server.service.ports import Clock, Timer, Transport

log = logging.getLogger("lobby.session")

MAX_HANDSHAKE_TRIES = 3
COMMAND_BURST_S = 2.0
"""Seconds' worth of commands that may come at once."""
OVER_LIMIT_S = 5.0
"""Seconds' worth of commands over the limit before close 4003."""
MALFORMED_BURST = 50
MALFORMED_PER_S = 1.0
"""Messages that are none: so many at once, and so many a second for ever, before close 4501. A broken client is
told what is wrong with it for a good while; a fuzzer is not served for ever."""


class Phase(Enum):
    WAITING = auto()
    ACCEPTED = auto()
    CLOSED = auto()


class Desk(Protocol):
    """What a session asks the lobby for."""

    def accepted(self, session: Session) -> None:
        """The handshake held and its reply is out: presence and broadcasts from now on."""

    def execute(self, session: Session, command: ClientMessage) -> None:
        """A room command. Raises `Refused` when it is not allowed."""

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """The connection is over."""


class Rules:
    """What all sessions share: limits, tokens, time."""

    def __init__(
        self,
        *,
        desk: Desk,
        tokens: Tokens,
        clock: Clock,
        metrics: Metrics,
        handshake_timeout_s: float,
        command_rate_per_s: float,
        allow_guests: bool,
    ) -> None:
        self.desk = desk
        self.tokens = tokens
        self.clock = clock
        self.metrics = metrics
        self.handshake_timeout_s = handshake_timeout_s
        self.command_rate_per_s = command_rate_per_s
        self.allow_guests = allow_guests


class Session:
    """A connection after its upgrade. Create it when the socket is open."""

    __slots__ = (
        "__weakref__", "_commands", "_malformed", "_over_limit", "_rules", "_timer", "_tries", "close_began",
        "expires_at_s", "id", "is_guest", "last_heard_s", "phase", "token_id", "transport", "user", "version",
    )  # fmt: skip

    user: User

    def __init__(self, rules: Rules, transport: Transport, *, session_id: int) -> None:
        now_s = rules.clock.monotonic_s()
        self.id = session_id
        self.transport = transport
        self.phase = Phase.WAITING
        self.is_guest = False
        self.version: str | None = None
        self.token_id: str | None = None
        self.expires_at_s: float | None = None
        self.last_heard_s = now_s
        self.close_began = False
        self._rules = rules
        self._tries = 0
        rate_per_s = rules.command_rate_per_s
        self._commands = TokenBucket(rate_per_s=rate_per_s, burst=rate_per_s * COMMAND_BURST_S, now_s=now_s)
        self._over_limit: TokenBucket | None = None
        self._malformed: TokenBucket | None = None
        self._timer: Timer | None = rules.clock.call_later(rules.handshake_timeout_s, self._nothing_accepted)
        rules.metrics.sessions_opened += 1

    # -- what the adapter calls -----------------------------------------------------------------------------------

    def receive(self, raw: bytes | str) -> None:
        """One text frame."""
        if not self._admit():
            return
        try:
            message = decode_client_message(raw)
            if isinstance(message, Ping):
                self.reply(Pong(ts=int(self._rules.clock.utc_now().timestamp() * 1000)))
                log.debug("session %d: ping/pong", self.id)
            elif isinstance(message, Handshake):
                self._handshake(message)
            elif self.phase is Phase.ACCEPTED and not self.is_guest:
                self._rules.desk.execute(self, message)
            else:
                raise Refused(ErrorReason.AUTHENTICATION_REQUIRED)
        except Refused as refusal:
            self._refuse(refusal.reason)

    def receive_binary(self) -> None:
        """One binary frame, which the protocol does not have."""
        if self._admit():
            self._refuse(ErrorReason.BAD_JSON)

    def heard(self) -> None:
        """A sign of life that is no message: a protocol-level ping or pong."""
        self.last_heard_s = self._rules.clock.monotonic_s()

    def closed(self, *, abrupt: bool) -> None:
        """The connection is over. `abrupt`: without a close frame from the client. A second call does nothing."""
        if self.phase is Phase.CLOSED:
            return
        was_accepted = self.phase is Phase.ACCEPTED
        self.phase = Phase.CLOSED
        self._stop_timer()
        if was_accepted and not self.is_guest:
            self._rules.desk.gone(self, abrupt=abrupt)

    # -- what the service calls -----------------------------------------------------------------------------------

    def reply(self, message: ServerMessage) -> None:
        """Say something to this client alone."""
        frame = encode_frame(message)
        self._rules.metrics.frames_out += 1
        self._rules.metrics.bytes_out += len(frame)
        self.transport.send(frame)

    def close(self, code: CloseCode, reason: str) -> None:
        """Begin the end of the connection. `reason`: at most 123 bytes."""
        if self.phase is Phase.CLOSED or self.close_began:
            return
        self.close_began = True
        self._rules.metrics.closes[code] += 1
        log.info("session %d: closing with %d, %s", self.id, code, reason)
        self.transport.close(code, reason)

    # -- private --------------------------------------------------------------------------------------------------

    def _admit(self) -> bool:
        """Whether one more frame is taken: counts it as life, and against the limit."""
        if self.phase is Phase.CLOSED or self.close_began:
            return False
        rules = self._rules
        now_s = self.last_heard_s = rules.clock.monotonic_s()
        rules.metrics.messages_in += 1
        if self._commands.take(now_s):
            return True
        if self._over_limit is None:
            rate_per_s = rules.command_rate_per_s
            self._over_limit = TokenBucket(rate_per_s=rate_per_s, burst=rate_per_s * OVER_LIMIT_S, now_s=now_s)
        if self._over_limit.take(now_s):
            self._error(ErrorReason.RATE_LIMITED)
        else:
            self.close(CloseCode.RATE_LIMITED, f"more than {rules.command_rate_per_s:g} messages a second")
        return False

    def _refuse(self, reason: ErrorReason) -> None:
        if reason is ErrorReason.INVALID_HANDSHAKE and self.phase is Phase.WAITING:
            self._refuse_handshake(reason)
            return
        self._error(reason)
        if reason in (ErrorReason.BAD_JSON, ErrorReason.UNKNOWN_TYPE):
            now_s = self.last_heard_s
            if self._malformed is None:
                self._malformed = TokenBucket(rate_per_s=MALFORMED_PER_S, burst=MALFORMED_BURST, now_s=now_s)
            if not self._malformed.take(now_s):
                self.close(CloseCode.PROTOCOL_ABUSE, "too many malformed messages")

    def _error(self, reason: ErrorReason) -> None:
        self._rules.metrics.errors_out[reason.value] += 1
        self.reply(Error(reason=reason))

    def _handshake(self, handshake: Handshake) -> None:
        if self.phase is Phase.ACCEPTED:
            self._error(ErrorReason.INVALID_HANDSHAKE)
        elif handshake.token in (None, ""):
            if self._rules.allow_guests:
                self._accept_guest(handshake)
            else:
                self._refuse_handshake(ErrorReason.AUTHENTICATION_REQUIRED)
        else:
            try:
                claims = self._rules.tokens.verify(handshake.token)
            except TokenRefused:
                self._refuse_handshake(ErrorReason.INVALID_TOKEN)
            else:
                self._accept(handshake, claims)

    def _refuse_handshake(self, reason: ErrorReason) -> None:
        """The socket stays open for another try: a client may have a fresher token."""
        self._error(reason)
        self._rules.metrics.handshakes_refused[reason.value] += 1
        self._tries += 1
        if self._tries >= MAX_HANDSHAKE_TRIES:
            self.close(CloseCode.PROTOCOL_ABUSE, f"{MAX_HANDSHAKE_TRIES} handshakes were refused")

    def _accept(self, handshake: Handshake, claims: Claims) -> None:
        self.user = claims.user
        self.version = handshake.version
        self.token_id = claims.token_id
        self.expires_at_s = claims.expires_at_s
        self._enter(HandshakeAccepted(peer_id=0, user_id=claims.user.id, username=claims.user.username))
        log.info("session %d: authenticated user %d (%r)", self.id, claims.user.id, claims.user.username)
        self._rules.desk.accepted(self)

    def _accept_guest(self, handshake: Handshake) -> None:
        self.is_guest = True
        self._enter(HandshakeAccepted(peer_id=0, user_id=None, username=handshake.name))

    def _enter(self, reply: HandshakeAccepted) -> None:
        self.phase = Phase.ACCEPTED
        self._stop_timer()
        self._rules.metrics.handshakes_accepted += 1
        self.reply(reply)

    def _nothing_accepted(self) -> None:
        self._timer = None
        self.close(CloseCode.HANDSHAKE_TIMEOUT, f"no accepted handshake within {self._rules.handshake_timeout_s:g} s")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
