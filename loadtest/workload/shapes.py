"""The load shape of a run for Locust: how many seats are taken at which time. Chosen by ``--shape``.

In an open workload all seats exist from the start and the arrival rate has the shape (`loadtest.workload.arrivals`),
so Locust needs none; nor for ``restart``, whose load is constant.
"""

from __future__ import annotations

import math
from typing import Any

from locust import LoadTestShape

from loadtest.results.exit_codes import UsageError
from loadtest.workload.load_options import NONE, RAMP, RESTART, SPIKE, STEPS, LoadOptions

AT_ONCE_S = 5.0
"""Without ``-r``, a change of the load takes this time."""


class SwarmShape(LoadTestShape):
    """Locust asks it once per second."""

    use_common_options = True

    def __init__(self, options: LoadOptions, parsed: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._options = options
        self._parsed = parsed
        self._given_spawn_per_s = getattr(parsed, "spawn_rate", None)  # before Locust puts 1 for none
        self._read()

    def reset_time(self) -> None:
        """A run starts. The web form may have changed the options."""
        super().reset_time()  # type: ignore[no-untyped-call]
        self._read()

    def _read(self) -> None:
        parsed = self._parsed
        self._users = int(getattr(parsed, "num_users", None) or 1)
        self._run_s = float(parsed.run_time) if getattr(parsed, "run_time", None) else None
        is_form = not getattr(parsed, "headless", True)
        spawn_per_s = getattr(parsed, "spawn_rate", None) if is_form else self._given_spawn_per_s
        self._spawn_per_s = float(spawn_per_s or max(1.0, self._users / AT_ONCE_S))

    def tick(self) -> tuple[int, float] | None:
        return self.at(self.get_run_time())  # type: ignore[no-untyped-call]

    def at(self, at_s: float) -> tuple[int, float] | None:
        """Seats, and how many of them may start or stop per second; None: the run is over."""
        if self._run_s is not None and at_s >= self._run_s:
            return None
        users = math.floor(self._users * self._options.level(at_s, self._run_s) + 0.5)
        return max(1, users), self._spawn_per_s


def shape_for(options: LoadOptions, parsed: Any) -> SwarmShape | None:
    """The shape for Locust, if it needs one. Raises `UsageError` where the shape lacks a length, or is for later."""
    run_s = float(parsed.run_time) if getattr(parsed, "run_time", None) else None
    if options.shape in (RAMP, STEPS) and run_s is None:
        raise UsageError(f"--shape {options.shape} goes over the whole run: say how long it is, as in -t 5m.")
    if options.shape == RESTART and run_s is not None and options.restart_at_s >= run_s:
        raise UsageError(
            f"--shape restart would restart the server at {options.restart_at_s:g} s, when the run is over: make -t "
            "longer or --restart-at-s earlier."
        )
    if options.shape == SPIKE and run_s is not None and options.spike_at_s >= run_s:
        raise UsageError(
            f"--shape spike would begin the spike at {options.spike_at_s:g} s, when the run is over: make -t longer or "
            "--spike-at-s earlier."
        )
    if options.shape in (NONE, RESTART) or options.arrivals_per_s:
        return None
    return SwarmShape(options, parsed)
