"""Rates and percentiles over the run: when was the stall? Percentiles of the whole come from the histograms, not from
here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loadtest.measure.metrics import METRICS
from loadtest.measure.points import RAMP, RAMP_DOWN, REPORTED
from loadtest.measure.recorder import OWN_LOSSES, Recorder
from loadtest.measure.run_facts import FaultFacts
from loadtest.measure.series import figures_between

SAMPLES_AT_MOST = 4000
"""Of longer runs every second sample is dropped, again and again: a chart is no wider than that."""


class History:
    def __init__(self, samples: list[dict[str, float]], *, every_s: float) -> None:
        """`every_s`: how often it is worth looking; workers report every 3 s."""
        self._samples = samples
        self._every_s = every_s
        self._before: Counter[str] = Counter()
        self._before_s = 0.0

    def look(
        self,
        recorder: Recorder,
        *,
        t_s: float,
        faults: Sequence[FaultFacts] = (),
        server_cpu: Sequence[float] = (),
    ) -> None:
        """`t_s` since the start of the run. It may be called at any rate. `faults`: all that have begun. `server_cpu`:
        shares of a core, second by second."""
        if t_s < self._before_s:  # the run's clock was set back with its figures
            self._before, self._before_s = Counter(), 0.0
        wall_s = t_s - self._before_s
        if wall_s < self._every_s:
            return
        events, (requests, errors) = recorder.events, recorder.counts_of_requests
        now = Counter(
            {
                "received_per_s": sum(number for name, number in events.items() if name.startswith("received ")),
                "requests_per_s": requests,
                "errors_per_s": errors,
                "bytes_in_per_s": events["bytes in"],
                "bytes_out_per_s": events["bytes out"],
            }
        )
        sample = {name: round((number - self._before[name]) / wall_s, 3) for name, number in now.items()}
        sample["t_s"] = round(t_s, 3)
        sample["established"] = events["connections established"]
        sample["lost"] = events["connections lost"]
        sample["dropped"] = events[OWN_LOSSES]
        sample["events_lost"] = sum(tally.lost for tally in recorder.tallies.values())
        generators = [worker.health for worker in recorder.workers.values()] or [recorder.health]
        if latest := [health.cpu_shares[-1] for health in generators if health.cpu_shares]:
            sample["generator_cpu"] = round(max(latest), 4)
        if server_cpu:
            sample["server_cpu"] = round(server_cpu[-1], 4)
        if faults:
            sample["faults"] = sum(each.ended_s is None or each.ended_s > self._before_s for each in faults)
        self._samples.append(sample)
        self._before, self._before_s = now, t_s
        if len(self._samples) > SAMPLES_AT_MOST:
            del self._samples[::2]
            self._every_s *= 2


WINDOW_S = 5.0
WINDOWS_AT_MOST = 720
"""An hour; from then on each new window is twice as long."""


class Windows:
    """Percentiles of each metric, window by window, of all phases and without what the generator delayed. A worker's
    durations are in the window in which its report came."""

    def __init__(self, windows: list[dict[str, Any]]) -> None:
        self._windows = windows
        self._every_s = WINDOW_S
        self._before: dict[str, npt.NDArray[np.int64]] = {}
        self._before_s = 0.0

    def look(self, recorder: Recorder, *, t_s: float, is_last: bool = False) -> None:
        """`t_s` since the start of the run. It may be called at any rate; a few ms per window."""
        if t_s < self._before_s:  # the run's clock was set back with its figures
            self._before_s = 0.0
        if t_s - self._before_s < self._every_s and not (is_last and t_s > self._before_s):
            return
        found: dict[str, dict[str, float]] = {}
        recorder.points.settle()
        for name, metric in METRICS.items():
            counts = [
                series.snapshot()
                for part in metric.parts
                for series in recorder.filled(part, (REPORTED, RAMP, RAMP_DOWN))
            ]
            if not counts:
                continue
            now = counts[0]
            for more in counts[1:]:
                now += more
            before = self._before.get(name)
            figures = figures_between(np.zeros_like(now) if before is None else before, now)
            self._before[name] = now
            if figures["count"]:
                found[name] = figures
        self._windows.append({"from_s": round(self._before_s, 3), "until_s": round(t_s, 3), "metrics": found})
        self._before_s = t_s
        if len(self._windows) % WINDOWS_AT_MOST == 0:
            self._every_s *= 2
