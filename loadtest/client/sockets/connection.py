"""A connection that stays up as long as its user is logged in: GlobalWebSocketManager of the specification.

One thread per connection (a greenlet under gevent) connects, shakes hands, reads, sends heartbeats, notices a dead
connection and reconnects. The invariant: between `connect_to_server` and `disconnect_from_server` it is connected or
about to try again, unless the server said that this is pointless (`connection_refused`).

Listeners run in that thread. They may call anything here, `disconnect_from_server` included; calls that block belong
in a thread of their own, for nothing is read meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from random import Random

from loadtest.client.counters import Counters
from loadtest.client.errors import NotConnected
from loadtest.client.reconnect import JitterReconnect, ReconnectPolicy
from loadtest.client.side_thread import SideThread
from loadtest.client.sockets.link import Link, LinkEnded, OpenFailed
from loadtest.client.sockets.lobby_connection import DEFAULT_VERSION, REFUSING_REASONS, Attempt, LobbyConnection
from loadtest.client.timing import HeartbeatTimer, Timing
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature

DEFAULT_URL = "ws://localhost:30820"

log = logging.getLogger(__name__)


class ConnectionManager(LobbyConnection):
    """Connects, stays connected, and emits the signals of `LobbyConnection` in its own thread.

    All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        url: str = DEFAULT_URL,
        name: str = "player",
        version: str = DEFAULT_VERSION,
        timing: Timing | None = None,
        reconnect: ReconnectPolicy | None = None,
        rng: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        counters: Counters | None = None,
        features: Iterable[Feature | str] = (),
    ) -> None:
        """Nothing happens before `connect_to_server`.

        `url`: ``ws://host:port/path`` or ``wss://…``. `timing`: intervals and timeouts, by default the protocol's.
        `reconnect`: the back-off, by default jitter from 5 s up to 30 s. `rng` draws the heartbeat's phase and the
        delays. `clock` is in seconds and monotonic. `counters` may be shared by many connections.

        `features` are requested in every handshake; without any it is the base protocol, to the byte. Raises
        `ValueError` for an unknown feature.
        """
        super().__init__(name=name, version=version, features=features)
        self.url = url
        self.timing = timing or Timing()
        self.reconnect = reconnect or JitterReconnect()
        self.counters = counters or Counters()
        self.side = SideThread(name=f"lobby-side-{name}", clock=clock)
        """For calls that block. With it a connection has two threads, and never more."""
        self._rng = rng or Random()
        self._clock = clock
        self._lock = threading.Lock()
        self._run: _Run | None = None

    # -- the interface of the specification -----------------------------------------------------------------------

    def connect_to_server(self, token: str) -> None:
        with self._lock:
            if self._run is not None:
                self._run.token = token
                return
            run = self._run = _Run(token)
            self._start(run)

    def disconnect_from_server(self) -> None:
        """Close the connection, or stop trying, in an orderly way. No signal follows. Blocks for at most twice
        `Timing.close_timeout_s`; from a listener it does not block."""
        with self._lock:
            run, self._run = self._run, None
            if run is None:
                return
            run.end()
        run.link.say_goodbye()
        if run.thread is None or run.thread is threading.current_thread():
            return
        run.thread.join(self.timing.close_timeout_s)
        if run.thread.is_alive():
            run.link.abort()
            run.thread.join(self.timing.close_timeout_s)

    @property
    def is_connected(self) -> bool:
        run = self._run
        return run is not None and run.is_accepted

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Block until the handshake is accepted. False: not within `timeout_s`, refused, or disconnected meanwhile."""
        run = self._run
        if run is None:
            return False
        run.is_settled.wait(timeout_s)
        return run.is_accepted

    def renew_token(self, token: str, *, instead_of: str) -> None:
        with self._lock:
            run = self._run
            if run is None or run.token != instead_of:
                return
            run.token = token
        link = run.link  # before the question: a link that replaces this one is not accepted yet
        if run.is_accepted and Feature.REFRESH in self.accepted_features:
            try:
                link.send(messages.Refresh(token=token))
            except LinkEnded as ending:
                log.info("%s: the fresh token has to wait for the next handshake: %s", self.name, ending.why)

    def drop_connection(self) -> None:
        """Lose the connection without a close frame, as a network failure would. For tests and load; reconnecting
        follows."""
        run = self._run
        if run is not None:
            run.link.abort()

    def send(self, message: messages.ClientMessage) -> None:
        run = self._run
        if run is None or not run.is_accepted:
            raise NotConnected(message.TYPE)
        try:
            run.link.send(message)
        except LinkEnded:
            raise NotConnected(message.TYPE) from None

    # -- what a simulation replaces -------------------------------------------------------------------------------

    def _start(self, run: _Run) -> None:
        """Have `_live` run beside the caller."""
        run.thread = threading.Thread(target=self._live, args=(run,), name=f"lobby-{self.name}", daemon=True)
        run.thread.start()

    def _pause(self, run: _Run, delay_s: float) -> None:
        """Return after that time, or once the run is over."""
        run.is_over.wait(delay_s)

    def _new_link(self) -> Link:
        """Not open yet."""
        return Link(self.counters)

    # -- the connection's own thread ------------------------------------------------------------------------------

    def _live(self, run: _Run) -> None:
        try:
            self._stay_connected(run)
        finally:  # whatever ended it, a later connect_to_server finds the way free
            with self._lock:
                run.end()
                if self._run is run:
                    self._run = None
            run.link.close()

    def _stay_connected(self, run: _Run) -> None:
        failures = 0
        while not run.is_over.is_set():
            refused, retry_after_s = None, None
            try:
                self._open(run)
                failures = 0
                self._converse(run)
            except OpenFailed as failed:
                refused, retry_after_s = failed.refused, failed.retry_after_s
                log.info("%s: not connected: %s", self.name, failed.why)
            except LinkEnded as ending:
                refused = ending.refused
                self._lose(run, ending)
            except Exception:
                log.exception("%s: fault in the client; connecting anew", self.name)
                self._lose(run, LinkEnded("a fault of this client"))
            if refused is not None:
                self._refuse(run, refused)
            elif not run.is_over.is_set():
                delay_s = run.take_slot_s() if retry_after_s is None else retry_after_s
                if delay_s is None:
                    delay_s = self.reconnect.delay_s(failures, self._rng)
                failures += 1
                log.info("%s: trying again in %.1f s", self.name, delay_s)
                self._pause(run, delay_s)

    def _open(self, run: _Run) -> None:
        run.link = self._new_link()
        self.counters.attempts += 1
        began_s = self._clock()
        upgrade_s: float | None = None
        try:
            run.link.open(self.url, self.timing)
            upgrade_s = self._clock() - began_s
            accepted = self._shake_hands(run)
        except (OpenFailed, LinkEnded) as error:
            run.link.close(error if isinstance(error, LinkEnded) else None)
            if not run.is_over.is_set():
                self.connection_attempted.emit(Attempt(upgrade_s=upgrade_s, handshake_s=None, failure=error.why))
            raise
        handshake_s = self._clock() - began_s - upgrade_s
        self._take_acceptance(accepted)
        self.counters.established += 1
        self.counters.reconnects += run.was_lost
        log.info("✅ Connected! %s is %s at %s", self.name, accepted.username, self.url)
        with self._lock:
            if run.is_over.is_set():
                raise LinkEnded("not wanted any more")
            run.accept()
        self.connection_attempted.emit(Attempt(upgrade_s=upgrade_s, handshake_s=handshake_s, failure=None))
        self.connection_established.emit()
        self.message_received.emit(accepted)

    def _shake_hands(self, run: _Run) -> messages.HandshakeAccepted:
        run.link.send(self._handshake(run.token))
        deadline_s = self._clock() + self.timing.handshake_timeout_s
        while True:
            wait_s = deadline_s - self._clock()
            if wait_s <= 0 or run.is_over.is_set():
                raise LinkEnded(f"the handshake was not answered within {self.timing.handshake_timeout_s:g} s")
            try:
                message = run.link.receive(wait_s)
            except TimeoutError:
                continue
            if isinstance(message, messages.HandshakeAccepted):
                return message
            if isinstance(message, messages.Error):
                reason = message.reason
                refused = reason.value if reason in REFUSING_REASONS else None
                raise LinkEnded(f"the handshake was answered with {reason.value}", refused=refused)

    def _converse(self, run: _Run) -> None:
        link, clock = run.link, self._clock
        pulse = HeartbeatTimer(self.timing, now_s=clock(), phase=self._rng.random())
        while True:
            if pulse.take_ping(clock()):
                run.pings_sent_s.append(clock())
                link.send(messages.Ping())
            is_over = run.is_over.is_set()
            try:
                message = link.receive(self.timing.close_timeout_s if is_over else pulse.wait_s(clock()))
            except TimeoutError:
                if is_over:
                    raise LinkEnded("the close frame was not answered") from None
                if pulse.is_dead(clock()):
                    raise LinkEnded(f"nothing heard for {self.timing.silence_limit_s:g} s") from None
                continue
            pulse.heard(clock())
            if message is not None and not run.is_over.is_set():
                self._dispatch(run, message)

    def _dispatch(self, run: _Run, message: messages.ServerMessage) -> None:
        if isinstance(message, messages.Pong):
            if run.pings_sent_s:
                self.heartbeat_finished.emit(self._clock() - run.pings_sent_s.popleft())
        elif isinstance(message, messages.ServerDraining):
            run.slot_s = max(0, message.reconnect_after_ms) / 1000
        elif isinstance(message, messages.Error):
            self.counters.errors_told[message.reason.value] += 1
        self._tell(message)

    def _lose(self, run: _Run, ending: LinkEnded) -> None:
        was_accepted = run.is_accepted
        run.unaccept()
        run.link.close(None if run.is_over.is_set() else ending)
        unanswered = len(run.pings_sent_s)
        run.pings_sent_s.clear()
        if run.is_over.is_set():
            return
        log.info("%s: %s: %s", self.name, "connection lost" if was_accepted else "not connected", ending.why)
        if was_accepted:
            run.was_lost = True
            self.counters.losses += 1
            for _ in range(unanswered):
                self.heartbeat_finished.emit(None)
            self.connection_lost.emit()

    def _refuse(self, run: _Run, reason: str) -> None:
        with self._lock:
            if run.is_over.is_set():
                return
            run.end()
            self._run = None  # before the signal: a listener may connect anew, with a fresh token
        self.counters.refusals[reason] += 1
        log.warning("%s: refused: %s; not trying again", self.name, reason)
        self.connection_refused.emit(reason)


class _Run:
    """From `connect_to_server` to `disconnect_from_server` or a refusal; a later run is another object."""

    __slots__ = (
        "is_accepted", "is_over", "is_settled", "link", "pings_sent_s", "slot_s", "thread", "token", "was_lost",
    )  # fmt: skip

    def __init__(self, token: str) -> None:
        self.token = token
        self.link = Link(Counters())  # replaced by each attempt; this one was never opened
        self.thread: threading.Thread | None = None
        self.is_accepted = False
        self.is_over = threading.Event()
        self.is_settled = threading.Event()
        """Accepted or over: there is nothing to wait for."""
        self.was_lost = False
        self.pings_sent_s: deque[float] = deque()
        self.slot_s: float | None = None
        """When to come back, counted from the loss, if a draining server said so."""

    def take_slot_s(self) -> float | None:
        """It holds for one try."""
        slot_s, self.slot_s = self.slot_s, None
        return slot_s

    def accept(self) -> None:
        self.is_accepted = True
        self.is_settled.set()

    def unaccept(self) -> None:
        self.is_accepted = False
        if not self.is_over.is_set():
            self.is_settled.clear()

    def end(self) -> None:
        self.is_accepted = False
        self.is_over.set()
        self.is_settled.set()
