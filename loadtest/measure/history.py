"""Rates over the run, for the charts of its report. Percentiles come from the histograms, not from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from loadtest.measure.recorder import OWN_LOSSES, Recorder
from loadtest.measure.run_facts import FaultFacts

SAMPLES_AT_MOST = 4000
"""Of longer runs every second sample is dropped, again and again: a chart is no wider than that."""


class History:
    def __init__(self, samples: list[dict[str, float]], *, every_s: float) -> None:
        """`every_s`: how often it is worth looking; workers report every 3 s."""
        self._samples = samples
        self._every_s = every_s
        self._before: Counter[str] = Counter()
        self._before_s = 0.0

    def look(self, recorder: Recorder, *, t_s: float, faults: Sequence[FaultFacts] = ()) -> None:
        """`t_s` since the start of the run. It may be called at any rate. `faults`: all that have begun."""
        wall_s = t_s - self._before_s
        if wall_s < self._every_s:
            return
        events = recorder.events
        now = Counter(
            {
                "received_per_s": sum(number for name, number in events.items() if name.startswith("received ")),
                "requests_per_s": sum(figures.count for figures in recorder.requests.values()),
                "errors_per_s": sum(figures.failure_count for figures in recorder.requests.values()),
                "bytes_in_per_s": events["bytes in"],
                "bytes_out_per_s": events["bytes out"],
            }
        )
        sample = {name: round((number - self._before[name]) / wall_s, 3) for name, number in now.items()}
        sample["t_s"] = round(t_s, 3)
        sample["established"] = events["connections established"]
        sample["lost"] = events["connections lost"]
        sample["dropped"] = events[OWN_LOSSES]
        if faults:
            sample["faults"] = sum(each.ended_s is None or each.ended_s > self._before_s for each in faults)
        self._samples.append(sample)
        self._before, self._before_s = now, t_s
        if len(self._samples) > SAMPLES_AT_MOST:
            del self._samples[::2]
            self._every_s *= 2
