"""When a connection speaks and when it is given up. Plain arithmetic: every time is handed in, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The intervals of a connection. The defaults are those of the protocol contract, section 7."""

    heartbeat_s: float = 30.0
    """Between two pings; ``math.inf`` switches them off."""
    silence_limit_s: float = 75.0
    """Nothing from the server for so long: the connection is dead."""
    connect_timeout_s: float = 5.0
    """For the TCP connection, and again for the upgrade."""
    handshake_timeout_s: float = 10.0
    close_timeout_s: float = 1.0
    """How long an orderly end waits for the server's close frame."""


class Pulse:
    """The heartbeat and the watchdog of one accepted connection.

    The first ping comes at a random point of the interval (`phase` in [0, 1)), so that clients that were accepted
    together do not ping together. After a delay the missed pings are skipped, not made up for.
    """

    __slots__ = ("_heartbeat_s", "_last_heard_s", "_next_ping_s", "_silence_limit_s")

    def __init__(self, timing: Timing, *, now_s: float, phase: float) -> None:
        self._heartbeat_s = timing.heartbeat_s
        self._silence_limit_s = timing.silence_limit_s
        self._last_heard_s = now_s
        self._next_ping_s = now_s + phase * timing.heartbeat_s if phase else now_s

    def heard(self, now_s: float) -> None:
        """Something came from the server: anything counts as life."""
        self._last_heard_s = now_s

    def take_ping(self, now_s: float) -> bool:
        """Whether a ping is due; if so it counts as sent."""
        if now_s < self._next_ping_s:
            return False
        missed = (now_s - self._next_ping_s) // self._heartbeat_s
        self._next_ping_s += (missed + 1) * self._heartbeat_s
        return True

    def wait_s(self, now_s: float) -> float:
        """How long a reader may wait before it has to look here again; never negative."""
        return max(0.0, min(self._next_ping_s, self._last_heard_s + self._silence_limit_s) - now_s)

    def is_dead(self, now_s: float) -> bool:
        """Ask only after a read that found nothing: a reader that was held up has unread signs of life."""
        return now_s - self._last_heard_s >= self._silence_limit_s
