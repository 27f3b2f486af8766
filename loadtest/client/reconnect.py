"""Back-off: how long a client waits before it tries again.

Sources: the specification (every 5 s) and the protocol contract, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Protocol


class ReconnectPolicy(Protocol):
    """Has no state: one object may serve any number of connections."""

    def delay_s(self, failures: int, rng: Random) -> float:
        """Seconds before the next try, 0 or more. `failures`: tries that failed since the loss, 0 right after it. `rng`
        draws the jitter; a seeded one makes the delays repeatable."""


@dataclass(frozen=True, kw_only=True)
class FixedReconnect:
    """The same interval every time, as in the specification. Clients that were lost together come back together, again
    and again."""

    interval_s: float = 5.0
    """Seconds before every try."""

    def delay_s(self, failures: int, rng: Random) -> float:
        return self.interval_s


@dataclass(frozen=True, kw_only=True)
class JitterReconnect:
    """Exponential back-off with full jitter: U(0, first), then U(0, 2·first), U(0, 4·first) … up to U(0, cap)."""

    first_s: float = 5.0
    """Upper bound of the first delay, in seconds."""
    cap_s: float = 30.0
    """Upper bound of every delay, in seconds."""

    def delay_s(self, failures: int, rng: Random) -> float:
        doublings = min(failures, 32)
        return rng.uniform(0.0, min(self.cap_s, self.first_s * 2.0**doublings))
