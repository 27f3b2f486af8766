"""A player's connection without a thread: the shared reader brings its bytes, shared timers its heartbeats and retries.

It has the interface and the invariant of `ConnectionManager`: between `connect_to_server` and
`disconnect_from_server` it is connected or about to try again, unless the server said that this is pointless.
Everything happens in the reader's or the timers' greenlet, so listeners must not block. How messages are heard and
hearts beat is in `loadtest.wire.hearing` and `loadtest.wire.heartbeats.beating`; here are the tries and the ends.

    IDLE ─connect_to_server→ OPENING ─upgrade→ SHAKING ─handshake_accepted→ ACCEPTED
      ↑                        ↑   └──────failed──┴──────────lost──────────────┤
      └─disconnect, refused    └────────────────WAITING ←──────────────────────┘

Times are the server's and the network's: an upgrade from asking for the connection, a heartbeat from the sending of its
ping, both until the kernel had the answer. How much later than intended the process acted is told by `on_late`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from random import Random

from gevent.event import Event

from loadtest.client.counters import NO_CLOSE_FRAME, Counters
from loadtest.client.errors import NotConnected
from loadtest.client.reconnect import JitterReconnect, ReconnectPolicy
from loadtest.client.sockets.link import LinkEnded, OpenFailed, ended_by_close_frame
from loadtest.client.sockets.lobby_connection import DEFAULT_VERSION, REFUSING_REASONS, Attempt
from loadtest.client.timing import Timing
from loadtest.wire.crew import Errands
from loadtest.wire.heartbeats.beating import BeatingConnection
from loadtest.wire.messages import frames
from loadtest.wire.messages.own import encode_own
from loadtest.wire.opening import Opened
from loadtest.wire.outgoing.opener import Opening
from loadtest.wire.outgoing.tries import Try
from loadtest.wire.places import Place, socket_url_at
from loadtest.wire.sending import reset_on_close
from loadtest.wire.shared import Wire
from loadtest.wire.state import ManyPresenceSink, PresenceSink, State
from loadtest.wire.timers import Timer
from lobby_server.protocol import messages
from lobby_server.protocol.codes import CloseCode
from lobby_server.protocol.features import Feature

log = logging.getLogger(__name__)


class SwarmConnection(BeatingConnection):
    """One greenlet may use it at a time, as everywhere under gevent: nothing here is locked."""

    __slots__ = (
        "_closed",
        "_failures",
        "_host",
        "_left_s",
        "_place",
        "_rng",
        "_side",
        "_timer",
        "_token",
        "_upgrade_s",
        "_was_lost",
        "accepted_at_s",
        "handshake_sent_s",
        "reconnect",
    )  # fmt: skip

    def __init__(
        self,
        wire: Wire,
        *,
        name: str = "player",
        version: str = DEFAULT_VERSION,
        timing: Timing | None = None,
        reconnect: ReconnectPolicy | None = None,
        rng: Random | Callable[[], Random] | None = None,
        phase: float | None = None,
        counters: Counters | None = None,
        features: Iterable[Feature | str] = (),
        on_presence: PresenceSink | None = None,
        on_presence_many: ManyPresenceSink | None = None,
        on_late: Callable[[float], object] = lambda late_s: None,
        place: Place | None = None,
    ) -> None:
        """`rng` draws the retry delays, and may be a function that makes it when it is needed: one takes 2.5 KiB.
        `phase`, from 0 to 1, is that of the heartbeats, drawn if not given. `on_late` gets how late each try to connect
        begins and each ping is sent. `on_presence_many` needs `on_presence`, too. `place`: at which node it connects;
        None: where the wire leads."""
        self._rng = rng or Random()
        super().__init__(
            wire, name=name, version=version, features=features, counters=counters or Counters(),
            on_presence=on_presence, on_presence_many=on_presence_many, on_late=on_late, timing=timing or Timing(),
            phase=self._drawing().random() if phase is None else phase,
        )  # fmt: skip
        self._side: Errands | None = None
        self.reconnect = reconnect or JitterReconnect()
        self._place, self._host = place, ""
        self.accepted_at_s = 0.0
        """When the last acceptance arrived."""
        self._token = ""
        self._failures, self._was_lost = 0, False
        self._timer: Timer | None = None
        self._upgrade_s: float | None = None
        self.handshake_sent_s = self._left_s = 0.0
        self._closed: Event | None = None

    def __repr__(self) -> str:
        return f"<{self.name}, {self.state.value}>"

    # -- what its owner asks for ----------------------------------------------------------------------------------

    def connect_to_server(self, token: str, *, intended_s: float | None = None) -> None:
        """`intended_s`: when that should have been; now, if not given."""
        self._token = token
        if self.state is State.CLOSING:
            self._let_go()
        if self.state is State.IDLE:
            self._failures, self._was_lost = 0, False
            self._try_now(self._wire.clock() if intended_s is None else intended_s)

    def disconnect_from_server(self) -> None:
        """Blocks until the server has answered the close frame, for the close timeout at most."""
        if self.state in (State.SHAKING, State.ACCEPTED):
            self.hear_alone()
            self._stop_timer()
            self._stop_beating()
            self.state, self._left_s = State.CLOSING, self._wire.clock()
            if not self._wire.reader.has(self):  # paused: it has not looked for the answers
                self._heartbeats.clear()
            self._tell_unanswered(self._heartbeats.close(self._left_s))
            self._closed = Event()
            self._send_close(CloseCode.NORMAL)
            if self.sock is not None:
                if self._wire.is_busy_here():  # a listener's call: the reader cannot wait for itself
                    timeout_s = self._wire.clock() + self.timing.close_timeout_s
                    self._timer = self._wire.timers.put(timeout_s, lambda _: self._let_go())
                    return
                try:
                    self._closed.wait(self.timing.close_timeout_s)
                finally:
                    self._let_go()
                return
        self._let_go()

    def drop_connection(self) -> None:
        """Lose the connection with a reset. Reconnecting follows."""
        if self.state in (State.SHAKING, State.ACCEPTED):
            reset_on_close(self.sock)
            self._lose(LinkEnded("dropped on purpose"), is_ours=True)

    def fall_silent(self) -> None:
        """Vanish without a FIN or reset; the server has to time the connection out. Reconnecting follows."""
        if self.state in (State.SHAKING, State.ACCEPTED):
            self.hear_alone()
            sock = self.sock
            self._wire.reader.remove(self)
            self.sock = None
            self._wire.leave_silent(sock)
            self._lose(LinkEnded("silent on purpose"), is_ours=True)

    def pause_reading(self) -> bool:
        """Read nothing until `resume_reading`; False where there is nothing to read. Heartbeats go on."""
        if self.state is State.ACCEPTED:
            self.hear_alone()
            self._wire.reader.remove(self)
            if self.pulse is not None:  # of the group, the wheel has only numbers, which lead to those who are read for
                self._beat_next(self._wire.clock(), self.pulse)
            return True
        return False

    def resume_reading(self) -> None:
        """Does nothing when the connection that was paused is gone."""
        if self.state is State.ACCEPTED and not self._wire.reader.has(self):
            self._heartbeats.skip()
            self._wire.reader.add(self)
            if self._unsent:
                self._wire.reader.want_writable(self, wanted=True)

    def renew_token(self, token: str, *, instead_of: str) -> None:
        if self.state in (State.IDLE, State.CLOSING) or self._token != instead_of:
            return
        self._token = token
        if self.state is State.ACCEPTED and Feature.REFRESH in self.accepted_features:
            self.send(messages.Refresh(token=token))

    def is_at(self, epoch: int) -> bool:
        """Whether it is still at that try."""
        return epoch == self._epoch

    @property
    def side(self) -> Errands:  # type: ignore[override]  # made when it is needed: most players never do
        if self._side is None:
            self._side = self._wire.new_errands()
        return self._side

    @property
    def is_connected(self) -> bool:
        return self.state is State.ACCEPTED

    def send(self, message: messages.ClientMessage) -> None:
        if self.state is not State.ACCEPTED:
            raise NotConnected(message.TYPE)
        self._send_text(message)

    def send_own(self, name: str, data: object) -> None:
        """A message that the lobby's vocabulary does not have. Raises `NotConnected`, as `send`."""
        if self.state is not State.ACCEPTED:
            raise NotConnected(name)
        self._send_payload(name, encode_own(name, data))

    # -- one try --------------------------------------------------------------------------------------------------

    def _try_now(self, intended_s: float) -> None:
        self.state = State.OPENING
        self._epoch += 1
        if self._place is not None:
            self._host = self._place.host
        self._ask(intended_s)

    def _ask(self, intended_s: float) -> None:
        """For a connection; `on_opened` or `on_failed_try` follows, unless there was another try or an end."""
        opener = self._wire.opener
        if self._place is not None:
            opener = self._wire.opener_at(socket_url_at(self._place, self._wire.path))
        opener.open(Try(self, self._epoch, intended_s), self.timing)

    def on_try(self, intended_s: float) -> None:
        """Its turn has come."""
        self._on_late(self._wire.clock() - intended_s)

    def on_failed_try(self, failed: OpenFailed) -> None:
        self._leave_node()
        log.info("%s: not connected: %s", self.name, failed.why)
        self._tell_attempt(Attempt(upgrade_s=None, handshake_s=None, failure=failed.why))
        self._go_on(refused=failed.refused, retry_after_s=failed.retry_after_s)

    def on_opened(self, opened: Opened, opening: Opening | None) -> None:
        now_s, epoch = self._wire.clock(), self._epoch
        self._upgrade_s, self.handshake_sent_s = opened.upgrade_s, now_s
        self.sock, self._parser, self._unsent = opened.sock, frames.FrameParser(), b""
        self.state = State.SHAKING
        if opening is None:
            self._wire.reader.add(self)
        else:
            self._wire.reader.hand_over(opening, self)
        self._timer = self._wire.timers.put(now_s + self.timing.handshake_timeout_s, self._on_handshake_timeout)
        self.handshake_sent.emit(now_s)
        self._greet()
        if opened.unread and epoch == self._epoch:
            self.counters.bytes_in -= len(opened.unread)  # counted again when it is taken
            self.on_bytes(opened.unread, opened.heard_s)

    def _greet(self) -> None:
        """The upgrade is done."""
        handshake = messages.encode(self._handshake(self._token))
        self.handshake_sent_s = self._wire.clock()  # as late as can be: this process may lose its core at any time
        self._send_payload(messages.Handshake.TYPE, handshake)

    def _tell_attempt(self, attempt: Attempt) -> None:
        """Counted when it has an outcome: one that its player cut short by leaving has none."""
        self.counters.attempts += 1
        self.connection_attempted.emit(attempt)

    def _on_handshake_timeout(self, _at_s: float) -> None:
        self._lose(LinkEnded(f"the handshake was not answered within {self.timing.handshake_timeout_s:g} s"))

    def _accept(self, accepted: messages.HandshakeAccepted) -> None:
        self._stop_timer()
        now_s = self._wire.clock()
        self._take_acceptance(accepted)
        self.counters.established += 1
        self.counters.reconnects += self._was_lost
        self.state, self._failures, self.accepted_at_s = State.ACCEPTED, 0, self.heard_s
        self._start_beating(now_s)
        handshake_s = max(0.0, self.heard_s - self.handshake_sent_s)
        self._tell_attempt(Attempt(upgrade_s=self._upgrade_s, handshake_s=handshake_s, failure=None))
        self.connection_established.emit()
        self.message_received.emit(accepted)

    # -- what comes in --------------------------------------------------------------------------------------------

    def _hear_in_handshake(self, message: messages.ServerMessage) -> None:
        if isinstance(message, messages.HandshakeAccepted):
            if self.state is State.SHAKING:
                self._accept(message)
            else:
                self._take_acceptance(message)
                self.accepted_at_s = self.heard_s
                self.accepted_too_late.emit(self._left_s)
        elif isinstance(message, messages.Error) and self.state is State.SHAKING:
            reason = message.reason
            refused = reason.value if reason in REFUSING_REASONS else None
            self._lose(LinkEnded(f"the handshake was answered with {reason.value}", refused=refused))

    def _on_close_frame(self, payload: bytes) -> None:
        if self.state is State.CLOSING:
            self._let_go()
            return
        ending = ended_by_close_frame(payload)
        self._send_close(ending.code or CloseCode.NORMAL)
        self._lose(ending)

    def on_end(self, why: str) -> None:
        if self.state is State.CLOSING:
            self._let_go()
        else:
            self._lose(LinkEnded(why))

    # -- ends -----------------------------------------------------------------------------------------------------

    def _lose(self, ending: LinkEnded, *, is_ours: bool = False) -> None:
        was_accepted, was_shaking = self.state is State.ACCEPTED, self.state is State.SHAKING
        if not (was_accepted or was_shaking):
            return
        log.info("%s: %s: %s", self.name, "connection lost" if was_accepted else "not connected", ending.why)
        self.hear_alone()
        unanswered = len(self._heartbeats)
        self._give_back()
        epoch = self._epoch
        if not is_ours:
            self._leave_node()
            self.counters.close_codes[NO_CLOSE_FRAME if ending.code is None else str(ending.code)] += 1
        if was_shaking:
            self._tell_attempt(Attempt(upgrade_s=self._upgrade_s, handshake_s=None, failure=ending.why))
        else:
            self._was_lost = True
            self.counters.losses += 1
            self.counters.own_losses += is_ours
            for _ in range(unanswered):
                self.heartbeat_finished.emit(None)
            self.connection_lost.emit()
        if epoch == self._epoch:  # a listener may have ended it
            self._go_on(refused=ending.refused, retry_after_s=None)

    def _leave_node(self) -> None:
        """The next try is at another one, if there is another."""
        if self._place is not None:
            self._place.leave(self._host)

    def _go_on(self, *, refused: str | None, retry_after_s: float | None) -> None:
        if refused is not None:
            self._epoch += 1
            self.state = State.IDLE
            self.counters.refusals[refused] += 1
            self.connection_refused.emit(refused)
            return
        slot_s, self._slot_s = self._slot_s, None
        delay_s = slot_s if retry_after_s is None else retry_after_s
        if delay_s is None:
            delay_s = self.reconnect.delay_s(self._failures, self._drawing())
        self._failures += 1
        self.state = State.WAITING
        self._timer = self._wire.timers.put(self._wire.clock() + delay_s, self._try_now)

    def _let_go(self) -> None:
        self._give_back()
        self.state = State.IDLE
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.set()

    def _give_back(self) -> None:
        self._epoch += 1
        self.hear_alone()
        self._stop_timer()
        self._heartbeats.clear()
        self._stop_beating()
        self._unsent = b""
        if self.sock is not None:
            self._wire.reader.remove(self)
            self.sock.close()
            self.sock = None

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _drawing(self) -> Random:
        if not isinstance(self._rng, Random):
            self._rng = self._rng()
        return self._rng
