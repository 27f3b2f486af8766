"""When the steady state of a run begins in this process: all players have been started and are connected.

Locust says when all are started. From then on this waits for those of this process, but not for ever: a player whom the
server does not take is a failure, not a ramp. A load that changes over the whole run has no steady state.

A worker with much to do may be told that all are started before it has started its own: Locust's master waits a second
for what its workers report, and goes on without. Those count from when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loadtest.players.swarm import Swarm
from loadtest.workload.load_options import NONE, RESTART, SOAK

PATIENCE_S = 30.0


class SteadyState:
    """Of one run in one process."""

    def __init__(self, swarm: Swarm, *, resets: bool, is_starting: Callable[[], bool] = lambda: False) -> None:
        """`resets`: what was recorded before the steady state is dropped (Locust's ``--reset-stats``). `is_starting`:
        players of this process are asked for that it has not started yet."""
        self._swarm = swarm
        self._is_starting = is_starting
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
        is_ramp = bool(self._swarm.arriving) or self._is_starting()
        if not is_ramp or now_s - self._started_s > PATIENCE_S:
            self._has_begun = True
            if self._resets:
                self._swarm.recorder.reset()
            self._swarm.recorder.holds_back = False
            self._swarm.recorder.begin_steady_state()


def is_starting(runner: Any) -> bool:
    """A runner of Locust has players to start that it has not started yet."""
    starting = getattr(runner, "spawning_greenlet", None)
    return starting is not None and not starting.dead
