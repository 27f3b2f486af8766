"""Rates and percentiles over the run: when was the stall? Percentiles of the whole come from the histograms, not from
here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loadtest.measure.metrics import FAN_OUT, METRICS, SPREAD
from loadtest.measure.points import RAMP, RAMP_DOWN, REPORTED
from loadtest.measure.recorder import OWN_LOSSES, Recorder
from loadtest.measure.run_facts import FaultFacts
from loadtest.measure.series import figures_of

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
JUDGED = frozenset({*FAN_OUT.values(), SPREAD})
"""Series of what the ledger has judged, which is a while after it was heard."""


class Windows:
    """Percentiles of each metric, window by window, of all phases and without what the generator delayed. A worker's
    durations are in the window in which its report came. What the ledger judges is in the window in which it was heard
    as far as the time of the judging tells: beside faults and stalls, not a settling time or two after them. What the
    ledger holds back for longer (`loadtest.measure.reach`: strangers, handshakes under way, losses within the grace
    period) is in a window that is as much later."""

    def __init__(self, windows: list[dict[str, Any]], *, judged_after_s: float = 0.0) -> None:
        """`judged_after_s`: how long after it was heard it comes here."""
        self._windows = windows
        self._judged_after_s = judged_after_s
        self._every_s = WINDOW_S
        self._before: dict[str, npt.NDArray[np.int64]] = {}
        self._before_s = 0.0
        self._latest: dict[str, tuple[dict[str, Any], npt.NDArray[np.int64]]] = {}
        """Of what is judged, by metric: the window that had something last, and what."""

    def look(self, recorder: Recorder, *, t_s: float, is_last: bool = False) -> None:
        """`t_s` since the start of the run. It may be called at any rate; a few ms per window."""
        if t_s < self._before_s:  # the run's clock was set back with its figures
            self._before_s = 0.0
        if t_s - self._before_s < self._every_s and not (is_last and t_s > self._before_s):
            return
        found: dict[str, dict[str, float]] = {}
        self._windows.append({"from_s": round(self._before_s, 3), "until_s": round(t_s, 3), "metrics": found})
        heard_in = self._heard_in(t_s, is_last=is_last)
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
            news = now - before if before is not None and (now >= before).all() else now  # cleared: what came since
            self._before[name] = now
            if not news.any():
                continue
            if JUDGED.issuperset(metric.parts):
                self._add(name, heard_in, news)
            else:
                found[name] = figures_of(news)
        self._before_s = t_s
        if len(self._windows) % WINDOWS_AT_MOST == 0:
            self._every_s *= 2

    def _heard_in(self, t_s: float, *, is_last: bool) -> dict[str, Any]:
        """The window in the middle of what is judged since the last look; the last judging is of all that is left."""
        from_s, until_s = self._before_s - self._judged_after_s, t_s if is_last else t_s - self._judged_after_s
        middle_s = max(0.0, (from_s + until_s) / 2)
        return next(window for window in reversed(self._windows) if window["from_s"] <= middle_s)

    def _add(self, name: str, window: dict[str, Any], news: npt.NDArray[np.int64]) -> None:
        latest, counts = self._latest.get(name, (None, news))
        whole = counts + news if latest is window else news
        self._latest[name] = window, whole
        window["metrics"][name] = figures_of(whole)
