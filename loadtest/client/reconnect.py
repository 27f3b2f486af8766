"""How long a client waits before it tries again. Sources: the seed (every 5 s) and the protocol contract, section 7."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Protocol


class ReconnectPolicy(Protocol):
    def delay_s(self, failures: int, rng: Random) -> float:
        """Seconds before the next try. `failures`: tries that failed since the loss, 0 right after it."""


@dataclass(frozen=True, kw_only=True)
class FixedReconnect:
    """The seed's: always the same. Clients that were lost together come back together, again and again."""

    interval_s: float = 5.0

    def delay_s(self, failures: int, rng: Random) -> float:
        return self.interval_s


@dataclass(frozen=True, kw_only=True)
class JitterReconnect:
    """Full jitter: U(0, first) at first, then U(0, 2·first), U(0, 4·first) … never above U(0, cap)."""

    first_s: float = 5.0
    cap_s: float = 30.0

    def delay_s(self, failures: int, rng: Random) -> float:
        doublings = min(failures, 32)
        return rng.uniform(0.0, min(self.cap_s, self.first_s * 2.0**doublings))
