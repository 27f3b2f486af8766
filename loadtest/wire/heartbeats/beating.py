"""The heartbeats of an accepted connection, and how its death is noticed. The wheel of all gives the beat."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable

from loadtest.client.counters import Counters
from loadtest.client.sockets.link import LinkEnded
from loadtest.client.timing import HeartbeatTimer, Timing
from loadtest.wire.hearing import HearingConnection
from loadtest.wire.heartbeats.wheel import ticks_of
from loadtest.wire.shared import Wire
from loadtest.wire.state import ManyPresenceSink, PresenceSink, State
from loadtest.wire.together.group import NO_SLOT
from lobby_server.protocol import messages
from lobby_server.protocol.features import Feature

PING = messages.encode(messages.Ping())

log = logging.getLogger(__name__)


class BeatingConnection(HearingConnection):
    __slots__ = ("_on_late", "_phase", "beat_slot", "timing")

    def __init__(
        self,
        wire: Wire,
        *,
        name: str,
        version: str,
        features: Iterable[Feature | str],
        counters: Counters,
        on_presence: PresenceSink | None,
        on_presence_many: ManyPresenceSink | None,
        on_late: Callable[[float], object],
        timing: Timing,
        phase: float,
    ) -> None:
        super().__init__(
            wire, name=name, version=version, features=features, counters=counters,
            on_presence=on_presence, on_presence_many=on_presence_many,
        )  # fmt: skip
        self.timing = timing
        self.beat_slot = NO_SLOT
        self._phase, self._on_late = phase, on_late

    def _start_beating(self, now_s: float) -> None:
        self.pulse = HeartbeatTimer(self.timing, now_s=now_s, phase=self._phase)
        self._beat_next(now_s, self.pulse)

    def _stop_beating(self) -> None:
        self.pulse, self.beat_slot = None, NO_SLOT

    def _beat_next(self, now_s: float, pulse: HeartbeatTimer) -> None:
        self.beat_slot = self._wire.wheel.put(
            now_s + pulse.wait_s(now_s), self, ticks=ticks_of(self.timing.heartbeat_s)
        )

    def on_beat(self, at_s: float) -> None:
        """Never raises: others have their turn in the same slot."""
        try:
            self._beat(at_s)
        except Exception:
            log.exception("fault at a heartbeat of %r; it is taken for lost", self)
            self.on_end("a fault of this client")

    def _beat(self, at_s: float) -> None:
        if self.hears_with_others:
            self._wire.group.beat(self.beat_slot, (self.sock.fileno(),), at_s)
            return
        pulse, now_s = self.pulse, self._wire.clock()
        if pulse is None:
            return
        is_due = pulse.beat(now_s, heard_s=self.heard_s)  # what many were told together did not say when
        if not is_due and pulse.is_dead(now_s):
            if not self._has_unread():
                self._lose(LinkEnded(f"nothing heard for {self.timing.silence_limit_s:g} s"))
                return
            pulse.heard(now_s)
            is_due = pulse.take_ping(now_s)
        if is_due:
            heartbeats = self._heartbeats
            if heartbeats.is_behind:
                unanswered, round_trips_s = heartbeats.give_up(now_s)
                self._tell_unanswered(unanswered)
                for round_trip_s in round_trips_s:
                    self.heartbeat_finished.emit(round_trip_s)
            heartbeats.sent(now_s)
            self._on_late(now_s - at_s)
            self._send_ping()
        if self.state is State.ACCEPTED:
            self._beat_next(now_s, pulse)

    def _send_ping(self) -> None:
        self._send_payload(messages.Ping.TYPE, PING)

    def _tell_unanswered(self, number: int) -> None:
        for _ in range(number):
            self.heartbeat_unanswered.emit()

    def _has_unread(self) -> bool:
        """Signs of life that a busy or paused reader has not come to."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False
