"""When the steady state of a run begins in this process: all players have been started and are connected.

Locust says when all are started. From then on this waits for those of this process, but not for ever: a player whom the
server does not take is a failure, not a ramp. A load that changes over the whole run has no steady state.
"""

from __future__ import annotations

from loadtest.players.swarm import Swarm
from loadtest.workload.load_options import NONE, RESTART, SOAK

PATIENCE_S = 30.0


class SteadyState:
    """Of one run in one process."""

    def __init__(self, swarm: Swarm, *, resets: bool) -> None:
        """`resets`: what was recorded before the steady state is dropped (Locust's ``--reset-stats``)."""
        self._swarm = swarm
        self._resets = resets
        self._started_s: float | None = None
        self._has_begun = swarm.options.load.shape not in (NONE, SOAK, RESTART)
        swarm.recorder.holds_back = resets and not self._has_begun

    def all_are_started(self, now_s: float) -> None:
        """Locust has started all players; called again when their number was changed."""
        if self._started_s is None:
            self._started_s = now_s

    def look(self, now_s: float) -> None:
        """Several times per second."""
        if self._has_begun or self._started_s is None:
            return
        if not self._swarm.arriving or now_s - self._started_s > PATIENCE_S:
            self._has_begun = True
            if self._resets:
                self._swarm.recorder.reset()
            self._swarm.recorder.holds_back = False
            self._swarm.recorder.begin_steady_state()
