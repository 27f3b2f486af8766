"""When a connection sends heartbeats and when it is given up. Plain arithmetic on seconds; no clock is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The intervals and timeouts of a connection, in seconds. The defaults are those of the protocol contract,
    section 7, and fit a server with default settings; ``GET /api/protocol`` has a server's own."""

    heartbeat_s: float = 30.0
    """Time between two pings; ``math.inf`` switches them off."""
    silence_limit_s: float = 75.0
    """A connection on which nothing arrived for this time is dead."""
    connect_timeout_s: float = 5.0
    """For the TCP connection, and again for the upgrade."""
    handshake_timeout_s: float = 10.0
    """From sending the handshake to its acceptance."""
    close_timeout_s: float = 1.0
    """How long an orderly end waits for the server's close frame."""


class HeartbeatTimer:
    """The heartbeat and the watchdog of one accepted connection.

    The first ping comes at a random point of the interval (`phase` in [0, 1)), so that clients that were accepted
    together do not ping together. Pings that a delay made late are skipped.
    """

    __slots__ = ("_heartbeat_s", "_last_heard_s", "_silence_limit_s", "next_ping_s")

    def __init__(self, timing: Timing, *, now_s: float, phase: float) -> None:
        self._heartbeat_s = timing.heartbeat_s
        self._silence_limit_s = timing.silence_limit_s
        self._last_heard_s = now_s
        self.next_ping_s = now_s + phase * timing.heartbeat_s if phase else now_s
        """When the next one is due. Who sends them for thousands keeps this elsewhere for a while."""

    def heard(self, now_s: float) -> None:
        """Something arrived from the server: any frame counts."""
        self._last_heard_s = now_s

    def take_ping(self, now_s: float) -> bool:
        """Whether a ping is due; if so it counts as sent."""
        if now_s < self.next_ping_s:
            return False
        missed = (now_s - self.next_ping_s) // self._heartbeat_s
        self.next_ping_s += (missed + 1) * self._heartbeat_s
        return True

    def beat(self, now_s: float, *, heard_s: float) -> bool:
        """Whether a ping is due; if so it counts as sent. None is where the silence limit has passed since `heard_s`,
        which may be long past, and since what was told to `heard`. One call, for a caller with thousands of these."""
        if heard_s < self._last_heard_s:
            heard_s = self._last_heard_s
        else:
            self._last_heard_s = heard_s
        return now_s >= self.next_ping_s and now_s - heard_s < self._silence_limit_s and self.take_ping(now_s)

    def wait_s(self, now_s: float) -> float:
        """How long a reader may block before `take_ping` and `is_dead` have to be asked again; never negative."""
        dead_s = self._last_heard_s + self._silence_limit_s
        wait_s = (self.next_ping_s if self.next_ping_s < dead_s else dead_s) - now_s
        return wait_s if wait_s > 0.0 else 0.0

    def is_dead(self, now_s: float) -> bool:
        """Whether the silence limit has passed. Ask only after a read that found nothing: a reader that was held up may
        have unread frames."""
        return now_s - self._last_heard_s >= self._silence_limit_s
