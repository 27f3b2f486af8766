"""One connection's life as a state machine.

    WAITING ──handshake holds──▶ ACCEPTED ──▶ CLOSED
       │  three refusals, or nothing accepted in time     ▲
       └──────────────────────────────────────────────────┘

A session knows no socket: a `Transport` is handed in, and the transport's adapter calls `receive`, `receive_binary`,
`heard` and `closed`. Nothing here waits, so a session handles its messages strictly in the order in which they came.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from lobby_server.core.presence import User
from lobby_server.core.ratelimit import REFUSED, Pace
from lobby_server.core.refusal import Refusal, TokenRefused
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature, known_features
from lobby_server.protocol.messages import (
    Ack,
    ClientMessage,
    Error,
    Handshake,
    HandshakeAccepted,
    Ping,
    Pong,
    Refresh,
    Refreshed,
    Refused,
    ServerMessage,
    TokenExpiring,
    decode_client_message,
    encode_frame,
    features_asked_in,
)
from lobby_server.service.auth import MAX_USERNAME_CHARACTERS, Claims, Tokens
from lobby_server.service.errors import ERROR_REASONS
from lobby_server.service.fanout.acks import ACK_GROUPS
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE, profile_of
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Clock, Send, Timer, Transport
from lobby_server.service.watch.metrics import Metrics

log = logging.getLogger("lobby.session")

MAX_HANDSHAKE_TRIES = 3
COMMAND_BURST_S = 2.0
"""Seconds' worth of commands that may come in one burst."""
OVER_LIMIT_S = 5.0
"""Seconds' worth of commands over the limit before close 4003."""
MALFORMED_BURST = 50
MALFORMED_PER_S = 1.0
"""Malformed messages: so many at once, and so many per second for ever, before close 4501. A broken client is
told what is wrong with it for a good while; a fuzzer is not served for ever."""
TOKEN_GRACE_S = 25.0
"""How long a socket outlives its token, for a client that knows of ends and of fresh tokens."""
TOKEN_WARNING_S = 60.0
"""How long before its end such a client is told; half of what is left, for a token that ends sooner."""
HEARTBEATS_PER_TIMEOUT = 2.5
"""The interval that a client is told: one heartbeat may get lost, and the next still comes in time."""
_NO_FEATURES: frozenset[Feature] = frozenset()


class Phase(Enum):
    WAITING = auto()
    ACCEPTED = auto()
    CLOSED = auto()


class SessionObserver(Protocol):
    """Hears of sessions that are accepted, and of their end. Guests are not told."""

    def accepted(self, session: Session) -> None:
        """The handshake held and its reply is out: presence and broadcasts from now on."""

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """The connection of an accepted session is over."""


Act = Callable[["Session", Any], None]
"""Answers a message of a session. May raise `Refusal`, which the session answers with an ``error``."""


class Answer(NamedTuple):
    """What answers one type of message."""

    act: Act
    needs_login: bool = True


class Rules:
    """What all sessions share: limits, tokens, time."""

    def __init__(
        self,
        *,
        observer: SessionObserver,
        commands: Mapping[type[ClientMessage], Act],
        fanout: Fanout,
        tokens: Tokens,
        clock: Clock,
        metrics: Metrics,
        handshake_timeout_s: float,
        heartbeat_timeout_s: float,
        command_rate_per_s: float,
        allow_guests: bool,
    ) -> None:
        """`commands`: what answers each message that the session itself does not answer."""
        self.observer = observer
        self.answers: dict[type[ClientMessage], Answer] = {
            **{kind: Answer(act) for kind, act in commands.items()},
            **_OWN_ANSWERS,
        }
        self.fanout = fanout
        self.tokens = tokens
        self.clock = clock
        self.metrics = metrics
        self.handshake_timeout_s = handshake_timeout_s
        self.heartbeat_s = heartbeat_timeout_s / HEARTBEATS_PER_TIMEOUT
        self.command_rate_per_s = command_rate_per_s
        self.allow_guests = allow_guests
        self.commands = Pace(rate_per_s=command_rate_per_s, burst=command_rate_per_s * COMMAND_BURST_S)
        self.over_limit = Pace(rate_per_s=command_rate_per_s, burst=command_rate_per_s * OVER_LIMIT_S)
        self.malformed = Pace(rate_per_s=MALFORMED_PER_S, burst=MALFORMED_BURST)
        self.patience: Patience[Session] = Patience(clock, delay_s=handshake_timeout_s, act=Session.nothing_accepted)


class _NoTransport:
    """What a session has when its socket is gone: it takes everything, and does nothing with it."""

    @property
    def send(self) -> Send:
        return len

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        pass

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        pass


_NO_TRANSPORT = _NoTransport()


class Session(Subscriber):
    """A connection after its upgrade. Create it when the socket is open."""

    user: User
    """Set by the handshake; a session that waits, or a guest's, has none."""

    __slots__ = (
        "_commands_s", "_last_ack", "_malformed_s", "_over_limit_s", "_rules", "_timer", "_tries", "features", "id",
        "is_guest", "last_heard_s", "phase", "token_id", "transport", "user", "version", "wheel_slot",
    )  # fmt: skip

    def __init__(self, rules: Rules, transport: Transport, *, session_id: int) -> None:
        super().__init__(transport, BASE_PROFILE)
        self.id = session_id
        self.transport = transport
        self.phase = Phase.WAITING
        self.features = _NO_FEATURES
        self.is_guest = False
        self.version: str | None = None
        self.token_id: str | None = None
        self.last_heard_s = rules.clock.monotonic_s()
        self.wheel_slot = 0
        """Where `Heartbeat` keeps it."""
        self._rules = rules
        self._tries = 0
        self._last_ack = 0
        self._commands_s = self._over_limit_s = self._malformed_s = 0.0
        self._timer: Timer | None = None
        rules.patience.add(self)
        rules.metrics.sessions_opened += 1

    # -- what the adapter calls -----------------------------------------------------------------------------------

    def receive(self, raw: bytes | str) -> None:
        """One text frame."""
        if not self._admit():
            return
        try:
            message = decode_client_message(raw)
            answer = self._rules.answers[type(message)]
            if answer.needs_login:
                self._check_may_say(message)
            answer.act(self, message)
        except Refused as malformed:
            self._refuse(malformed.reason, self._detail(malformed, raw))
        except Refusal as refusal:
            self._refuse(ERROR_REASONS[refusal.code])

    def receive_binary(self) -> None:
        """One binary frame, which the protocol does not have."""
        if self._admit():
            self._refuse(ErrorReason.BAD_JSON)

    def heard(self) -> bool:
        """A sign of life that is no message: a protocol-level ping or pong, or a part of a message. It counts against
        the limit all the same; False: over it, so do nothing for it."""
        return self._admit(answer=False)

    def closed(self, *, abrupt: bool) -> None:
        """The connection is over. `abrupt`: without a close frame from either side. A second call does nothing."""
        if self.phase is Phase.CLOSED:
            return
        was_accepted = self.phase is Phase.ACCEPTED
        self.phase = Phase.CLOSED
        self._rules.patience.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if was_accepted and not self.is_guest:
            self._rules.observer.gone(self, abrupt=abrupt)
        self.end_writing()

    def let_go(self) -> None:
        """The socket is gone, after `closed`: keep hold of its transport no longer. The two hold each other, and memory
        that only the collector of cycles can free is freed late."""
        self.outlet = self.transport = _NO_TRANSPORT

    # -- what the service calls -----------------------------------------------------------------------------------

    def reply(self, message: ServerMessage) -> None:
        """Say something to this client alone."""
        self._rules.fanout.tell(self, encode_frame(message))

    def write(self, frame: bytes) -> None:
        """Send a ready frame to this client alone: a protocol-level ping or pong."""
        if self.phase is not Phase.CLOSED:
            self._rules.fanout.tell(self, frame, in_order=False)

    def close(self, code: CloseCode, reason: str, *, abrupt: bool = False) -> None:
        """End the connection: the lobby knows at once, the client by a close frame if it still reads.

        `reason`: at most 123 bytes. `abrupt`: count it as a loss, for which presence may have a grace period.
        """
        if self.phase is Phase.CLOSED:
            return
        self._rules.metrics.closes[code] += 1
        log.info("session %d: closing with %d, %s", self.id, code, reason)
        unsent = self.unsent()
        self.closed(abrupt=abrupt)
        self.transport.close(code, reason, before=unsent)

    def is_slow(self) -> None:
        """The client does not read what it is sent."""
        self.close(CloseCode.SLOW_CONSUMER, "too much waits to be read", abrupt=True)

    def nothing_accepted(self) -> None:
        """The time for a handshake is over."""
        if self.phase is Phase.WAITING:
            self.close(
                CloseCode.HANDSHAKE_TIMEOUT, f"no accepted handshake within {self._rules.handshake_timeout_s:g} s"
            )

    # -- private --------------------------------------------------------------------------------------------------

    def _admit(self, *, answer: bool = True) -> bool:
        """Whether one more frame is taken: it counts as life, and against the limit. `answer`: say when it is not."""
        if self.phase is Phase.CLOSED:
            return False
        rules = self._rules
        now_s = self.last_heard_s = rules.clock.monotonic_s()
        rules.metrics.messages_in += answer
        commands_s = rules.commands.take(self._commands_s, now_s)
        if commands_s != REFUSED:
            self._commands_s = commands_s
            return True
        over_limit_s = rules.over_limit.take(self._over_limit_s, now_s)
        if over_limit_s != REFUSED:
            self._over_limit_s = over_limit_s
            if answer:
                self._error(ErrorReason.RATE_LIMITED)
        else:
            self.close(CloseCode.RATE_LIMITED, f"more than {rules.command_rate_per_s:g} messages a second")
        return False

    def _check_may_say(self, message: ClientMessage) -> None:
        """Raise `Refused` for a message of a session without a login, or of a feature that it did not ask for."""
        if self.phase is not Phase.ACCEPTED or self.is_guest:
            raise Refused(ErrorReason.AUTHENTICATION_REQUIRED)
        if message.FEATURES and message.FEATURES.isdisjoint(self.features):
            raise Refused(ErrorReason.UNKNOWN_TYPE)

    def _detail(self, malformed: Refused, raw: bytes | str) -> str | None:
        """What was wrong with a message, for a client that may hear it: the base protocol's errors have a reason and
        nothing else. The log has it in either case."""
        if malformed.detail is None:
            return None
        log.info("session %d: %s: %s", self.id, malformed.reason.value, malformed.detail)
        asks = self.features or known_features(features_asked_in(raw))
        return malformed.detail if asks else None

    def _refuse(self, reason: ErrorReason, detail: str | None = None) -> None:
        if reason is ErrorReason.INVALID_HANDSHAKE and self.phase is Phase.WAITING:
            self._refuse_handshake(reason, detail)
            return
        self._error(reason, detail)
        if reason in (ErrorReason.BAD_JSON, ErrorReason.UNKNOWN_TYPE):
            malformed_s = self._rules.malformed.take(self._malformed_s, self.last_heard_s)
            if malformed_s == REFUSED:
                self.close(CloseCode.PROTOCOL_ABUSE, "too many malformed messages")
            else:
                self._malformed_s = malformed_s

    def _error(self, reason: ErrorReason, detail: str | None = None) -> None:
        self._rules.metrics.errors_out[reason.value] += 1
        self.reply(Error(reason=reason, detail=detail))

    def _ping(self, _: Ping) -> None:
        pong = Pong(ts=int(self._rules.clock.utc_now().timestamp() * 1000))
        self._rules.fanout.answer(self, encode_frame(pong))
        log.debug("session %d: ping/pong", self.id)

    def _ack(self, ack: Ack) -> None:
        if (acks := self._rules.fanout.acks) is not None:
            self._last_ack = acks.answered(ack.id, self.profile, last_id=self._last_ack)

    # -- handshake and tokens -------------------------------------------------------------------------------------

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

    def _refuse_handshake(self, reason: ErrorReason, detail: str | None = None) -> None:
        """The socket stays open for another try: a client may have a fresher token."""
        self._error(reason, detail)
        self._rules.metrics.handshakes_refused[reason.value] += 1
        self._tries += 1
        if self._tries >= MAX_HANDSHAKE_TRIES:
            self.close(CloseCode.PROTOCOL_ABUSE, f"{MAX_HANDSHAKE_TRIES} handshakes were refused")

    def _accept(self, handshake: Handshake, claims: Claims) -> None:
        user = self.user = claims.user
        self.version = sys.intern(handshake.version)
        self.token_id = claims.token_id
        accepted = HandshakeAccepted(peer_id=0, user_id=user.id, username=user.username)
        features = known_features(handshake.features)
        if features is not None:
            self.features, self.profile = features, profile_of(features, ack_group=self.id % ACK_GROUPS)
            accepted = HandshakeAccepted(
                peer_id=0,
                user_id=user.id,
                username=user.username,
                features=sorted(features),
                heartbeat_s=self._rules.heartbeat_s,
                token_ttl_s=self._token_ttl_s(claims),
            )
            self._expect_end_of(claims)
        self._enter(accepted)
        log.info("session %d: authenticated user %d (%r)", self.id, user.id, user.username)
        self._rules.observer.accepted(self)

    def _accept_guest(self, handshake: Handshake) -> None:
        self.is_guest = True
        self._enter(HandshakeAccepted(peer_id=0, user_id=None, username=handshake.name[:MAX_USERNAME_CHARACTERS]))

    def _enter(self, reply: HandshakeAccepted) -> None:
        self.phase = Phase.ACCEPTED
        self._rules.patience.discard(self)
        self._rules.metrics.handshakes_accepted += 1
        self.reply(reply)

    def _refresh(self, refresh: Refresh) -> None:
        claims = self._rules.tokens.verify(refresh.token)
        if claims.user.id != self.user.id:
            raise TokenRefused("The token is of another user.")
        self.token_id = claims.token_id
        self._expect_end_of(claims)
        self.reply(Refreshed(token_ttl_s=self._token_ttl_s(claims)))

    def _token_ttl_s(self, claims: Claims) -> int:
        return max(0, int(claims.expires_at_s - self._rules.clock.utc_now().timestamp()))

    def _expect_end_of(self, claims: Claims) -> None:
        """A client that knows fresh tokens is told of the end of this one, and closed some time after it."""
        if Feature.REFRESH not in self.features:
            return
        if self._timer is not None:
            self._timer.cancel()
        left_s = claims.expires_at_s - self._rules.clock.utc_now().timestamp()
        warning_s = min(TOKEN_WARNING_S, left_s / 2)
        self._timer = self._rules.clock.call_later(left_s - warning_s, self._warn, warning_s)

    def _warn(self, left_s: float) -> None:
        self._timer = self._rules.clock.call_later(left_s + TOKEN_GRACE_S, self._token_ended)
        self.reply(TokenExpiring(in_s=round(left_s)))

    def _token_ended(self) -> None:
        self._timer = None
        self.close(CloseCode.SIGNED_OUT, "the token has expired")


_OWN_ANSWERS: dict[type[ClientMessage], Answer] = {
    Ping: Answer(Session._ping, needs_login=False),
    Handshake: Answer(Session._handshake, needs_login=False),
    Ack: Answer(Session._ack),
    Refresh: Answer(Session._refresh),
}
"""The messages that concern the connection itself; all others come from `Rules`' commands."""
