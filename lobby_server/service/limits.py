"""Limits that hold over all nodes: what is counted where other nodes count too.

One process counts by itself. Nodes count in the store that they have in common, which decides every case right, in one
round trip. When that does not answer soon, each node grants its share of the rate by itself: together no more than the
whole, and somebody who always asks one node gets less.
"""

from __future__ import annotations

from collections.abc import Callable

from lobby_server.core.ratelimit import KeyedLimit
from lobby_server.service.ports import Clock
from lobby_server.service.replica import SharedLog


class Limit:
    """One pace per key, an address or a user."""

    def __init__(
        self,
        name: str,
        *,
        rate_per_s: float,
        burst: float,
        clock: Clock,
        log: SharedLog | None,
        count_nodes: Callable[[], int],
    ) -> None:
        """`name` tells limits apart. `log`: None for one process. `count_nodes`: how many share the rate."""
        self._name = name
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._own = KeyedLimit(rate_per_s=rate_per_s, burst=burst)
        self._clock = clock
        self._log = log
        self._count_nodes = count_nodes

    async def take(self, key: str) -> float:
        """0.0 when one more of that key is allowed now, otherwise the seconds to wait."""
        nodes = 1
        if self._log is not None and self._rate_per_s:
            wait_s = await self._log.take(f"{self._name}:{key}", rate_per_s=self._rate_per_s, burst=self._burst)
            if wait_s is not None:
                return wait_s
            nodes = max(1, self._count_nodes())
        return self._own.take(key, self._clock.monotonic_s(), sharers=nodes)
