"""While a run goes on: thresholds that end it, and what is kept in case it is killed. In the process that leads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from loadtest.measure.judging.thresholds import Threshold, check_thresholds
from loadtest.players.swarm import Swarm, log
from loadtest.workload.load_options import NONE, RESTART, SOAK


class Supervision:
    """Of one run. `look` once per second."""

    def __init__(
        self,
        swarm: Swarm,
        thresholds: Sequence[Threshold],
        *,
        duration_s: Callable[[], float],
        save: Callable[[], None],
        save_every_s: float,
        end: Callable[[], None],
    ) -> None:
        """`save` writes what there is, and may raise `OSError`; `end` ends the run and returns at once."""
        self._swarm = swarm
        self._thresholds = [threshold for threshold in thresholds if threshold.stops]
        self._duration_s = duration_s
        self._save = save
        self._save_every_s = save_every_s
        self._end = end
        self._saved_s = 0.0

    def look(self) -> None:
        t_s = self._duration_s()
        if self._swarm.facts.is_over or self._swarm.facts.duration_s:
            return  # it is ending
        if self._thresholds:
            self._check(t_s)
        if self._save_every_s and t_s - self._saved_s >= self._save_every_s:
            self._saved_s = t_s
            try:
                self._save()
            except OSError as error:
                self._swarm.say_once("not kept", not_kept(error))

    def _check(self, t_s: float) -> None:
        begun = [threshold for threshold in self._thresholds if self._has_begun(threshold, t_s)]
        for result in check_thresholds(begun, self._swarm.recorder, duration_s=t_s):
            if result.found is not None and not result.is_met:
                self._swarm.facts.ended_by[result.threshold.text] = result.found
                log.log(logging.ERROR, "The run ends early, at %.0f s: %s", t_s, result)
        if self._swarm.facts.ended_by:
            self._thresholds = []
            self._end()

    def _has_begun(self, threshold: Threshold, t_s: float) -> bool:
        if threshold.after_s is not None:
            return t_s >= threshold.after_s
        has_none = self._swarm.options.load.shape not in (NONE, SOAK, RESTART)
        return has_none or self._swarm.recorder.has_steady_state


def not_kept(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}: results are not kept meanwhile."
