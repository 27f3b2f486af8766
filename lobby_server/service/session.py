"""One connection's life as a state machine.

    WAITING ──handshake holds──▶ ACCEPTED ──▶ CLOSED
       │  three refusals, or nothing accepted in time     ▲
       └──────────────────────────────────────────────────┘

What it shares with every other peer, from the limits to the end, is in `lobby_server.service.peers.peer`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from lobby_server.core.presence import User
from lobby_server.core.ratelimit import REFUSED, Pace
from lobby_server.core.refusal import Refusal, TokenRefused
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.features import Feature, known_features
from lobby_server.protocol.messages import (
    Ack,
    ClientMessage,
    Handshake,
    HandshakeAccepted,
    Ping,
    Pong,
    Refresh,
    Refreshed,
    Refused,
    TokenExpiring,
    decode_client_message,
    encode_frame,
    features_asked_in,
)
from lobby_server.service.auth import MAX_USERNAME_CHARACTERS, Claims, Tokens
from lobby_server.service.errors import ERROR_REASONS
from lobby_server.service.fanout.acks import ACK_GROUPS
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.profile import BASE_PROFILE, DEFLATED_BASE_PROFILE, profile_of
from lobby_server.service.peers.peer import Peer, PeerRules, Phase
from lobby_server.service.ports import SharedClock, Transport
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.security import SecurityLog

log = logging.getLogger("lobby.session")

MAX_HANDSHAKE_TRIES = 3
MALFORMED_BURST = 50
MALFORMED_PER_S = 1.0
"""Malformed messages: so many at once, and so many per second for ever, before close 4501. A broken client is
told what is wrong with it for a good while; a fuzzer is not served for ever."""
BAD_LINES_BURST = 200
BAD_LINES_PER_S = 10.0
"""Of the log, about messages that could not be read, of all sessions together: nobody fills a disk with them."""
TOKEN_GRACE_S = 25.0
"""How long the socket of a client with features outlives its token."""
TOKEN_WARNING_S = 60.0
"""How long before that end a client that knows fresh tokens is told; half of what is left, for a token that ends
sooner."""
HEARTBEATS_PER_TIMEOUT = 2.5
"""The interval that a client is told: one heartbeat may get lost, and the next still comes in time."""
_NO_FEATURES: frozenset[Feature] = frozenset()


class SessionObserver(Protocol):
    """Hears of sessions that are accepted, and of their end. Guests are not told."""

    def accepted(self, session: Session, greet: Callable[[], None]) -> None:
        """The handshake held: to be greeted, and to hear of presence and broadcasts from then on."""

    def holds(self, session: Session, raw: bytes) -> bool:
        """A message of a session whose handshake held and which hears no broadcasts. Whether it is answered later."""

    def gone(self, session: Session, *, abrupt: bool) -> None:
        """The connection of an accepted session is over."""


Act = Callable[["Session", Any], None]
"""Answers a message of a session. May raise `Refusal`, which the session answers with an ``error``."""


class Answer(NamedTuple):
    """What answers one type of message."""

    act: Act
    needs_login: bool = True


class Rules(PeerRules):
    """What all sessions share: limits, tokens, time."""

    def __init__(
        self,
        *,
        observer: SessionObserver,
        commands: Mapping[type[ClientMessage], Act],
        fanout: Fanout,
        tokens: Tokens,
        clock: SharedClock,
        metrics: Metrics,
        security: SecurityLog,
        handshake_timeout_s: float,
        heartbeat_timeout_s: float,
        command_rate_per_s: float,
        allow_guests: bool,
    ) -> None:
        """`commands`: what answers each message that the session itself does not answer."""
        super().__init__(
            fanout=fanout,
            clock=clock,
            metrics=metrics,
            security=security,
            handshake_timeout_s=handshake_timeout_s,
            command_rate_per_s=command_rate_per_s,
        )
        self.observer = observer
        self.answers: dict[type[ClientMessage], Answer] = {
            **{kind: Answer(act) for kind, act in commands.items()},
            **_OWN_ANSWERS,
        }
        self.tokens = tokens
        self.heartbeat_s = heartbeat_timeout_s / HEARTBEATS_PER_TIMEOUT
        self.token_warning_s, self.token_grace_s = TOKEN_WARNING_S, TOKEN_GRACE_S
        self.allow_guests = allow_guests
        self.malformed = Pace(rate_per_s=MALFORMED_PER_S, burst=MALFORMED_BURST)
        self.bad_lines = Pace(rate_per_s=BAD_LINES_PER_S, burst=BAD_LINES_BURST)
        self.bad_lines_s = 0.0


class Session(Peer):
    """A client of the lobby. Create it when the socket is open."""

    user: User
    """Set by the handshake; a session that waits, or a guest's, has none."""
    _rules: Rules

    __slots__ = (
        "_last_ack", "_malformed_s", "_token_ends_s", "_tries", "_warns_s", "features", "is_guest", "sign_in_key",
        "token_id", "user", "version",
    )  # fmt: skip

    def __init__(
        self,
        rules: Rules,
        transport: Transport,
        *,
        session_id: int,
        address: str = "",
        deflates: bool = False,
        waited_s: float = 0.0,
    ) -> None:
        """`address`: of the client, for the log. `deflates`: the client takes compressed frames. `waited_s`: what is
        gone of the time for a handshake."""
        profile = DEFLATED_BASE_PROFILE if deflates else BASE_PROFILE
        super().__init__(rules, transport, profile, peer_id=session_id, address=address, waited_s=waited_s)
        self.features = _NO_FEATURES
        self.is_guest = False
        self.version: str | None = None
        self.token_id: str | None = None
        self.sign_in_key: str | None = None
        self._tries = 0
        self._last_ack = 0
        self._malformed_s = 0.0
        self._token_ends_s: float | None = None
        """By the clock that goes on while the machine is suspended; None: nothing follows from it."""
        self._warns_s: float | None = None
        """When its client is told of that; None: never, or it was."""
        rules.metrics.sessions_opened += 1

    # -- what a peer leaves to it ---------------------------------------------------------------------------------

    def answer(self, raw: bytes) -> None:
        if self.feed is None and self.known_user_id is not None and self._rules.observer.holds(self, raw):
            return
        try:
            message = decode_client_message(raw)
            answer = self._rules.answers[type(message)]
            if answer.needs_login:
                self._check_may_say(message)
            answer.act(self, message)
        except Refused as malformed:
            self.refuse(malformed.reason, self._detail(malformed, raw))
        except TokenRefused as refused:
            self.refuse(ERROR_REASONS[refused.code], str(refused))  # only `refresh` comes here, which is a feature
        except Refusal as refusal:
            self.refuse(ERROR_REASONS[refusal.code])

    def refuse(self, reason: ErrorReason, detail: str | None = None) -> None:
        if reason is ErrorReason.INVALID_HANDSHAKE and self.phase is Phase.WAITING:
            self._refuse_handshake(reason, detail)
            return
        self.say_error(reason, detail)
        if reason in (ErrorReason.BAD_JSON, ErrorReason.UNKNOWN_TYPE):
            malformed_s = self._rules.malformed.take(self._malformed_s, self.last_heard_s)
            if malformed_s == REFUSED:
                self.close(CloseCode.PROTOCOL_ABUSE, "too many malformed messages")
            else:
                self._malformed_s = malformed_s

    @property
    def known_user_id(self) -> int | None:
        return self.user.id if self.phase is Phase.ACCEPTED and not self.is_guest else None

    @property
    def is_accepted(self) -> bool:
        """Whether its handshake held and its connection is not over."""
        return self.phase is Phase.ACCEPTED

    def ended(self, *, was_accepted: bool, abrupt: bool) -> None:
        if was_accepted and not self.is_guest:
            self._rules.observer.gone(self, abrupt=abrupt)

    # -- private --------------------------------------------------------------------------------------------------

    def _check_may_say(self, message: ClientMessage) -> None:
        """Raise `Refused` for a message of a session without a login, or of a feature that it did not ask for."""
        if self.phase is not Phase.ACCEPTED or self.is_guest:
            raise Refused(ErrorReason.AUTHENTICATION_REQUIRED)
        if message.FEATURES and message.FEATURES.isdisjoint(self.features):
            raise Refused(ErrorReason.UNKNOWN_TYPE)

    def _detail(self, malformed: Refused, raw: bytes | str) -> str | None:
        """What was wrong with a message, for a client that may hear it: the base protocol's errors have a reason and
        nothing else. The log has it in either case, unless there are too many."""
        if malformed.detail is None:
            return None
        rules = self._rules
        lines_s = rules.bad_lines.take(rules.bad_lines_s, self.last_heard_s)
        if lines_s != REFUSED:
            rules.bad_lines_s = lines_s
            log.info(
                "session %d: %s: %s",
                self.id,
                malformed.reason.value,
                malformed.detail,
                extra={"event": LogEvent.BAD_MESSAGE.value},
            )
        asks = self.features or known_features(features_asked_in(raw))
        return malformed.detail if asks else None

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
            self.say_error(ErrorReason.INVALID_HANDSHAKE)
        elif handshake.token in (None, ""):
            if self._rules.allow_guests:
                self._accept_guest(handshake)
            else:
                self._refuse_handshake(ErrorReason.AUTHENTICATION_REQUIRED)
        else:
            try:
                claims = self._rules.tokens.verify(handshake.token)
            except TokenRefused as refused:
                asks = known_features(handshake.features)
                self._refuse_handshake(ErrorReason.INVALID_TOKEN, str(refused) if asks else None, why=str(refused))
            else:
                self._accept(handshake, claims)

    def _refuse_handshake(self, reason: ErrorReason, detail: str | None = None, *, why: str | None = None) -> None:
        """The socket stays open for another try: a client may have a fresher token. `why`: for the log alone."""
        self.say_error(reason, detail)
        self._rules.metrics.handshakes_refused[reason.value] += 1
        self._rules.security.report(
            LogEvent.HANDSHAKE_REFUSED,
            f"session {self.id}: a handshake was refused",
            address=self.address,
            session=self.id,
            code=reason.value,
            **({} if why is None else {"reason": why}),
        )
        self._tries += 1
        if self._tries >= MAX_HANDSHAKE_TRIES:
            self.close(CloseCode.PROTOCOL_ABUSE, f"{MAX_HANDSHAKE_TRIES} handshakes were refused")

    def _accept(self, handshake: Handshake, claims: Claims) -> None:
        user = self.user = claims.user
        self.version = sys.intern(handshake.version)
        self.token_id, self.sign_in_key = claims.token_id, claims.sign_in_key
        features = known_features(handshake.features)
        if features is not None:
            self.features = features
            self.profile = profile_of(features, ack_group=self.id % ACK_GROUPS, deflates=self.profile.deflates)
        self._enter()
        if log.isEnabledFor(logging.INFO):  # as the fields alone cost a microsecond
            fields: dict[str, object] = {"session": self.id, "user": user.id, "address": self.address}
            log.info(
                "session %d: authenticated user %d (%r)",
                self.id,
                user.id,
                user.username,
                extra={"event": LogEvent.AUTHENTICATED.value, **fields},
            )
        self._rules.observer.accepted(self, partial(self._greet, claims, knows_features=features is not None))

    def _greet(self, claims: Claims, *, knows_features: bool) -> None:
        """The first thing that a client hears: what there is to say of its token comes after it, however long the
        client had to wait."""
        user = claims.user
        if not knows_features:
            self.reply(HandshakeAccepted(peer_id=0, user_id=user.id, username=user.username))
            return
        accepted = HandshakeAccepted(
            peer_id=0,
            user_id=user.id,
            username=user.username,
            features=sorted(self.features),
            heartbeat_s=self._rules.heartbeat_s,
            token_ttl_s=self._token_ttl_s(claims),
        )
        self.reply(accepted)
        if self.is_accepted:  # and reads what it is sent
            self._expect_end_of(claims)

    def _accept_guest(self, handshake: Handshake) -> None:
        self.is_guest = True
        self._enter()
        self.reply(HandshakeAccepted(peer_id=0, user_id=None, username=handshake.name[:MAX_USERNAME_CHARACTERS]))

    def _enter(self) -> None:
        self.accept()
        self._rules.metrics.handshakes_accepted += 1

    def _refresh(self, refresh: Refresh) -> None:
        claims = self._rules.tokens.verify(refresh.token)
        if claims.user.id != self.user.id:
            raise TokenRefused("The token is of another user.")
        self.token_id, self.sign_in_key = claims.token_id, claims.sign_in_key
        self._expect_end_of(claims)
        self.reply(Refreshed(token_ttl_s=self._token_ttl_s(claims)))

    def _token_ttl_s(self, claims: Claims) -> int:
        return max(0, int(claims.expires_at_s - self._rules.clock.utc_now().timestamp()))

    def _expect_end_of(self, claims: Claims) -> None:
        """A client with features is closed some time after the end of its token, and told before if it knows fresh
        ones. The socket of a base client lives on."""
        if not self.features:
            return
        clock = self._rules.clock
        left_s = claims.expires_at_s - clock.utc_now().timestamp()
        self._token_ends_s, self._warns_s = clock.elapsed_s() + left_s, None
        if Feature.REFRESH in self.features:
            warning_s = min(self._rules.token_warning_s, left_s / 2) if left_s > 0 else left_s
            self._warns_s = self._token_ends_s - warning_s
        self._await_end_of_token()

    def timers_stood_still(self) -> None:
        """The machine was suspended: the end of a token has come nearer than the timer knows."""
        if self._token_ends_s is not None and self.is_accepted:
            self._await_end_of_token()

    def _await_end_of_token(self) -> None:
        """Set the timer for what is next. A step of the wall clock since the token was shown changes nothing."""
        assert self._token_ends_s is not None
        if self._timer is not None:
            self._timer.cancel()
        clock = self._rules.clock
        if self._warns_s is not None:
            self._timer = clock.call_later(max(0.0, self._warns_s - clock.elapsed_s()), self._warn)
        else:
            closes_s = self._token_ends_s + self._rules.token_grace_s
            self._timer = clock.call_later(max(0.0, closes_s - clock.elapsed_s()), self._token_ended)

    def _warn(self) -> None:
        """Late, if the loop or the machine stood still; the token ends when it did all the same."""
        assert self._token_ends_s is not None
        left_s = self._token_ends_s - self._rules.clock.elapsed_s()
        self._warns_s = None
        self._await_end_of_token()
        self.reply(TokenExpiring(in_s=max(0, round(left_s))))

    def _token_ended(self) -> None:
        """Unless a fresh one lies in the socket, unread since a stall of the loop."""
        self._timer = None
        self.transport.read_on()
        if self._timer is None:
            self.close(CloseCode.SIGNED_OUT, "the token has expired")


_OWN_ANSWERS: dict[type[ClientMessage], Answer] = {
    Ping: Answer(Session._ping, needs_login=False),
    Handshake: Answer(Session._handshake, needs_login=False),
    Ack: Answer(Session._ack),
    Refresh: Answer(Session._refresh),
}
"""The messages that concern the connection itself; all others come from `Rules`' commands."""
