"""Whether a node takes part in the log, and whether Valkey answers it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lobby_server.backplane.errors import EpochGone
from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby.backplane")

STALLED_S = 2.0
"""A command that is on its way for longer says that Valkey is away, whether or not a call has failed."""
UNREADY_S = 3.0
"""How long Valkey may be away before readiness goes."""


class Health:
    """Of one node."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self.is_up = False
        """Whether the others know it, by the name that it has now."""
        self.is_leaving = False
        self.away_since_s: float | None = None
        """Since when Valkey does not answer, or has another log; None: all is well."""
        self.well_since_s = 0.0
        self.outages = 0
        self.went_away: Callable[[], None] = lambda: None
        """Called as an outage begins: whoever waits for Valkey need not."""
        self._monotonic_s = monotonic_s

    @property
    def is_away(self) -> bool:
        return self.away_since_s is not None

    @property
    def takes_part(self) -> bool:
        """Whether a command of this node can be applied at all for now."""
        return self.is_up and self.away_since_s is None

    def is_well(self, oldest_s: float | None) -> bool:
        """Whether a command that is appended now is likely to be applied soon. `oldest_s`: since when the oldest one
        has waited; None: none does."""
        return self.takes_part and (oldest_s is None or self._monotonic_s() - oldest_s < STALLED_S)

    def is_ready(self, *, knows_nodes: bool) -> bool:
        """Whether this node should get clients: Valkey is there, or has not been away for long."""
        if self.is_leaving:
            return False
        if self.away_since_s is not None:
            return self._monotonic_s() - self.away_since_s < UNREADY_S
        return self.is_up or knows_nodes

    def begin(self) -> None:
        """Valkey answers for the first time."""
        self.well_since_s = self._monotonic_s()

    def lost_sight(self, fault: Exception) -> None:
        """A call has failed. More of them are one outage."""
        if self.away_since_s is None:
            self.away_since_s = self._monotonic_s()
            self.outages += 1
            what = "its log is another one now" if isinstance(fault, EpochGone) else fault
            log.warning("commands wait or are refused: %s", what, extra={"event": LogEvent.BACKPLANE_AWAY.value})
            self.went_away()

    def is_back(self) -> None:
        """Valkey answers, and this node stands in its log."""
        now_s = self._monotonic_s()
        away_s = 0.0 if self.away_since_s is None else now_s - self.away_since_s
        self.well_since_s, self.away_since_s = now_s, None
        log.warning("the backplane is back after %.1f s", away_s, extra={"event": LogEvent.BACKPLANE_BACK.value})
