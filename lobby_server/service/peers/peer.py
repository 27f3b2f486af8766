"""One connection's life, whatever is spoken on it: limits, signs of life, replies, the end.

    WAITING ──▶ ACCEPTED ──▶ CLOSED
       │  nothing accepted in time   ▲
       └─────────────────────────────┘

A peer knows no socket: a `Transport` is handed in, and whoever reads from the socket calls `receive`, `receive_binary`,
`heard` and `closed`. Nothing here waits, so a peer's messages are handled strictly in the order in which they came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum, auto

from lobby_server.core.ratelimit import REFUSED, Pace
from lobby_server.protocol.codes import CloseCode, ErrorReason
from lobby_server.protocol.messages import Error, ServerMessage, encode_frame
from lobby_server.service.fanout.fanout import Fanout
from lobby_server.service.fanout.profile import Profile
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.pacing import Patience
from lobby_server.service.ports import Send, SharedClock, Timer, Transport
from lobby_server.service.watch.events import LogEvent
from lobby_server.service.watch.metrics import Metrics
from lobby_server.service.watch.security import SecurityLog

log = logging.getLogger("lobby.session")

COMMAND_BURST_S = 2.0
"""Seconds' worth of commands that may come at once."""
OVER_LIMIT_S = 5.0
"""Seconds' worth of commands over the limit before close 4003."""
SLOW_SHARE = 0.02
"""Of the time for a handshake: who needed that much for TLS and the upgrade has a timer of its own for the rest."""

ABUSE = frozenset(
    {
        CloseCode.PROTOCOL_ERROR,
        CloseCode.INVALID_TEXT,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.HANDSHAKE_TIMEOUT,
        CloseCode.RATE_LIMITED,
        CloseCode.PROTOCOL_ABUSE,
    }
)
"""Closes that the security log tells of."""


class Phase(Enum):
    WAITING = auto()
    ACCEPTED = auto()
    CLOSED = auto()


class PeerRules:
    """What all peers share: limits and time."""

    def __init__(
        self,
        *,
        fanout: Fanout,
        clock: SharedClock,
        metrics: Metrics,
        security: SecurityLog,
        handshake_timeout_s: float,
        command_rate_per_s: float,
    ) -> None:
        self.fanout = fanout
        self.clock = clock
        self.metrics = metrics
        self.security = security
        self.handshake_timeout_s = handshake_timeout_s
        self.slow_s = SLOW_SHARE * handshake_timeout_s
        self.command_rate_per_s = command_rate_per_s
        self.commands = Pace(rate_per_s=command_rate_per_s, burst=command_rate_per_s * COMMAND_BURST_S)
        self.over_limit = Pace(rate_per_s=command_rate_per_s, burst=command_rate_per_s * OVER_LIMIT_S)
        self.patience: Patience[Peer] = Patience(clock, delay_s=handshake_timeout_s, act=Peer.nothing_accepted)


class _NoTransport:
    """What a peer has when its socket is gone: it takes everything, and does nothing with it."""

    @property
    def send(self) -> Send:
        return len

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        pass

    def read_on(self) -> None:
        pass

    def close(self, code: int, reason: str, *, before: bytes) -> None:
        pass


_NO_TRANSPORT = _NoTransport()


class Peer(Subscriber):
    """A connection after its upgrade. Create it when the socket is open."""

    __slots__ = (
        "_commands_s", "_over_limit_s", "_rules", "_timer", "address", "id", "last_heard_s", "phase", "wheel_slot",
    )  # fmt: skip

    _rules: PeerRules
    outlet: Transport

    def __init__(
        self, rules: PeerRules, transport: Transport, profile: Profile, *, peer_id: int, address: str, waited_s: float
    ) -> None:
        """`peer_id`: in the log; each is given once. `address`: of the client, for the log; empty: not known.
        `waited_s`: what is gone of the time for a handshake."""
        super().__init__(transport, profile)
        self.id = peer_id
        self.address = address
        self.phase = Phase.WAITING
        self.last_heard_s = rules.clock.monotonic_s()
        self.wheel_slot = 0
        """Where `Heartbeat` keeps it."""
        self._rules = rules
        self._commands_s = self._over_limit_s = 0.0
        self._timer: Timer | None = None
        """For a moment of its own: the end of a token, or of what is left of the time for a handshake."""
        if waited_s < rules.slow_s:
            rules.patience.add(self)
        else:
            left_s = max(0.0, rules.handshake_timeout_s - waited_s)
            self._timer = rules.clock.call_later(left_s, self.nothing_accepted)

    @property
    def transport(self) -> Transport:
        return self.outlet

    # -- for those who know what is spoken ------------------------------------------------------------------------

    def answer(self, raw: bytes) -> None:
        """One message that is within the limits, as UTF-8."""
        raise NotImplementedError

    def refuse(self, reason: ErrorReason) -> None:
        """Say that a message was not taken, and why."""
        raise NotImplementedError

    @property
    def known_user_id(self) -> int | None:
        """Of the user who has logged in, for the log; None: nobody has, or it is a guest."""
        raise NotImplementedError

    def ended(self, *, was_accepted: bool, abrupt: bool) -> None:
        """The connection is over: said once."""
        raise NotImplementedError

    # -- what the connection calls --------------------------------------------------------------------------------

    def receive(self, raw: bytes) -> None:
        """One text message, or a binary one in UTF-8."""
        if self._admit():
            self.answer(raw)

    def receive_binary(self) -> None:
        """One binary message that is not text: there is none in the protocol."""
        if self._admit():
            self.refuse(ErrorReason.BAD_JSON)

    def lacks_part(self) -> None:
        """One message of which a part was over the limit: nothing of it is taken."""
        if self._admit():
            self.say_error(ErrorReason.RATE_LIMITED)

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
        self._forget_deadline()
        self.ended(was_accepted=was_accepted, abrupt=abrupt)
        self.end_writing()

    def let_go(self) -> None:
        """The socket is gone, after `closed`: keep hold of its transport no longer. The two hold each other, and memory
        that only the collector of cycles can free is freed late."""
        self.outlet = _NO_TRANSPORT

    # -- what the service calls -----------------------------------------------------------------------------------

    def reply(self, message: ServerMessage) -> None:
        """Say something to this client alone."""
        self._rules.fanout.tell(self, encode_frame(message))

    def write(self, frame: bytes) -> None:
        """Send a ready frame to this client alone: a protocol-level ping or pong."""
        if self.phase is not Phase.CLOSED:
            self._rules.fanout.tell(self, frame, in_order=False)

    def say_error(self, reason: ErrorReason, detail: str | None = None) -> None:
        """`detail`: what was wrong, in words; None: the reason says it."""
        self._rules.metrics.errors_out[reason.value] += 1
        self.reply(Error(reason=reason, detail=detail))

    def close(self, code: CloseCode, reason: str, *, abrupt: bool = False) -> None:
        """End the connection: the service knows at once, the client by a close frame if it still reads.

        `reason`: at most 123 bytes. `abrupt`: count it as a loss, for which presence may have a grace period.
        """
        if self.phase is Phase.CLOSED:
            return
        self._rules.metrics.closes[code] += 1
        self._log_close(code, reason)
        unsent = self.unsent()
        self.closed(abrupt=abrupt)
        self.transport.close(code, reason, before=unsent)

    def is_slow(self) -> None:
        """The client does not read what it is sent."""
        self.close(CloseCode.SLOW_CONSUMER, "too much waits to be read", abrupt=True)

    def nothing_accepted(self) -> None:
        """The time for a handshake is over. What lies in the socket counts as having come in time: after a stall of the
        loop, or while many wait at the entrance, it is read before anything is judged."""
        if self.phase is Phase.WAITING:
            self.transport.read_on()
        if self.phase is Phase.WAITING:
            timeout_s = self._rules.handshake_timeout_s
            self.close(CloseCode.HANDSHAKE_TIMEOUT, f"no accepted handshake within {timeout_s:g} s")

    def accept(self) -> None:
        """What was to be shown was shown."""
        self.phase = Phase.ACCEPTED
        self._forget_deadline()

    # -- private --------------------------------------------------------------------------------------------------

    def _log_close(self, code: CloseCode, reason: str) -> None:
        if code not in ABUSE and not log.isEnabledFor(logging.INFO):
            return
        fields: dict[str, object] = {"session": self.id, "code": int(code)}
        if (user_id := self.known_user_id) is not None:
            fields["user"] = user_id
        if code in ABUSE:
            sentence = f"session {self.id}: closing with {code}, {reason}"
            self._rules.security.report(LogEvent.CLOSED_FOR_ABUSE, sentence, address=self.address, **fields)
        else:
            extra = {"event": LogEvent.SESSION_CLOSED.value, **fields}
            log.info("session %d: closing with %d, %s", self.id, code, reason, extra=extra)

    def _forget_deadline(self) -> None:
        self._rules.patience.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
                self.say_error(ErrorReason.RATE_LIMITED)
        else:
            self.close(CloseCode.RATE_LIMITED, f"more than {rules.command_rate_per_s:g} messages a second")
        return False
