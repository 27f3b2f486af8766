"""The line between a player and the network, emulated in the generator: delay, jitter, bandwidth. No root needed.

What comes in is handed on later, what goes out is sent later, each direction in its order and at its rate. A line that
cannot keep up stops reading, so the server sees a slow consumer and not an endless buffer. Times that players measure
are those at the end of their line: what a person there would notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.wire.connection import SwarmConnection
from loadtest.wire.profiles.connection import ProfiledConnection

MOST_QUEUED_BYTES = 64 * 1024
"""On the way to the player: about what a home router holds. Beyond it the socket is not read."""
_APART_S = 1e-7
_FRAME_BYTES = 8
"""Header and mask of a small frame."""
TRIPS_OF_AN_UPGRADE = 2
"""TCP's handshake, and the HTTP request with its answer."""


@dataclass(frozen=True, kw_only=True)
class LineSpeed:
    """Of one player, for all its connections."""

    round_trip_s: float
    jitter_s: Callable[[], float] = lambda: 0.0
    """Drawn for each chunk; never negative."""
    down_bytes_per_s: float = math.inf
    up_bytes_per_s: float = math.inf

    def wait_up_s(self, size: int) -> float:
        """For a request of its own, nothing else being on the way."""
        return self.round_trip_s / 2 + self.jitter_s() + size / self.up_bytes_per_s

    def wait_down_s(self, size: int) -> float:
        return self.round_trip_s / 2 + self.jitter_s() + size / self.down_bytes_per_s


class Direction:
    """A queue of one rate and a delay. Nothing overtakes."""

    __slots__ = ("_bytes_per_s", "_delay_s", "_free_s", "_last_s")

    def __init__(self, bytes_per_s: float, delay_s: Callable[[], float]) -> None:
        self._bytes_per_s = bytes_per_s
        self._delay_s = delay_s
        self._free_s = self._last_s = -math.inf

    def arrives_s(self, size: int, at_s: float) -> float:
        """When what enters at that time comes out."""
        self._free_s = max(self._free_s, at_s) + size / self._bytes_per_s
        self._last_s = max(self._last_s + _APART_S, self._free_s + self._delay_s())
        return self._last_s


class _OverALine(SwarmConnection):
    """What a connection does otherwise with a line before it. Mixed into the two kinds below."""

    def __init__(self, *args: Any, speed: LineSpeed, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._speed = speed
        self._queued_bytes = 0
        self._is_held = False
        """The line is full: its socket is not read."""
        self._is_paused = False
        """Nor is it because its player wants that."""
        self._new_line()

    def _new_line(self) -> None:
        speed = self._speed
        self._down = Direction(speed.down_bytes_per_s, lambda: speed.round_trip_s / 2 + speed.jitter_s())
        self._up = Direction(speed.up_bytes_per_s, lambda: speed.round_trip_s / 2 + speed.jitter_s())
        self._queued_bytes, self._is_held, self._is_paused = 0, False, False

    def _ask(self, intended_s: float) -> None:
        self._new_line()
        wait_s, epoch = TRIPS_OF_AN_UPGRADE * self._speed.round_trip_s, self._epoch
        self._wire.timers.put(intended_s + wait_s, lambda at_s: self._ask_late(at_s, epoch))

    def _ask_late(self, at_s: float, epoch: int) -> None:
        if epoch == self._epoch:
            super()._ask(at_s)

    def _greet(self) -> None:
        if self._upgrade_s is not None:
            self._upgrade_s += TRIPS_OF_AN_UPGRADE * self._speed.round_trip_s
        super()._greet()

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        at_s, epoch = self._down.arrives_s(len(chunk), arrived_s), self._epoch
        self._queued_bytes += len(chunk)
        if self._queued_bytes > MOST_QUEUED_BYTES and not self._is_held:
            self._is_held = True
            self._wire.reader.remove(self)
        self._wire.timers.put(at_s, lambda _: self._hand_on(chunk, at_s, epoch))

    def _hand_on(self, chunk: bytes, at_s: float, epoch: int) -> None:
        if epoch != self._epoch:
            return
        self._queued_bytes -= len(chunk)
        if self._is_held and self._queued_bytes < MOST_QUEUED_BYTES / 2 and self.sock is not None:
            self._is_held = False
            if not self._is_paused:
                self._wire.reader.add(self)
                if self._unsent:
                    self._wire.reader.want_writable(self, wanted=True)
        super().on_bytes(chunk, at_s)

    def pause_reading(self) -> bool:
        self._is_paused = super().pause_reading()
        return self._is_paused

    def resume_reading(self) -> None:
        """What is on the line comes first."""
        was_paused, self._is_paused = self._is_paused, False
        if not self._is_held:
            super().resume_reading()
        elif was_paused:
            self._heartbeats.skip()

    def on_end(self, why: str) -> None:
        """The end comes over the line, too, after what came before it."""
        at_s, epoch = self._down.arrives_s(0, self._wire.clock()), self._epoch
        self._wire.reader.remove(self)
        self._wire.timers.put(at_s, lambda _: self._end_late(why, epoch))

    def _end_late(self, why: str, epoch: int) -> None:
        if epoch == self._epoch:
            super().on_end(why)

    def _send_frame(self, payload: bytes, opcode: int) -> None:
        at_s, epoch = self._up.arrives_s(len(payload) + _FRAME_BYTES, self._wire.clock()), self._epoch
        self._wire.timers.put(at_s, lambda _: self._send_late(payload, opcode, epoch))

    def _send_late(self, payload: bytes, opcode: int, epoch: int) -> None:
        if epoch == self._epoch and self.sock is not None:
            super()._send_frame(payload, opcode)


class LinedConnection(_OverALine):
    """To a lobby."""


class LinedProfiledConnection(_OverALine, ProfiledConnection):
    """To a server of another protocol."""
