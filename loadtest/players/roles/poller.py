"""The baseline: polls the list every few seconds, on a grid with a random phase. No socket, no account.

A poll that is due while the one before it still waits for its answer is counted and not sent, as in a game; the times
of the others count from when they were due.
"""

from __future__ import annotations

import time
from random import Random
from typing import ClassVar

from loadtest.client import ClientError, RateLimited
from loadtest.measure.freshness import FreshnessWatch
from loadtest.measure.metrics import POLLS_SKIPPED
from loadtest.players.roles.common import POLL_INTERVAL_S
from loadtest.players.roles.figures import Series
from loadtest.players.roles.role import Role, role
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.options import SwarmOptions
from loadtest.workload.plan import PlayerPlan
from loadtest.workload.roles.book import Intent, Schedule


@role(mix.POLLER)
class Poller(Role):
    LOGS_IN: ClassVar[bool] = False
    NEEDS = frozenset({"rooms"})
    is_conditional: ClassVar[bool] = False
    poll_interval_s = POLL_INTERVAL_S
    fresh = Series("time to fresh, by polling", name="fresh_poll")

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        polls = swarm.conditional_poll_api if self.is_conditional else swarm.poll_api
        self._api = swarm.api_at(polls, self.place).over(self.line.speed if self.line is not None else None)
        self._watch = FreshnessWatch(swarm.marks)
        self._watch.restart(began_s)
        self._etag: str | None = None
        self._not_before_s = 0.0

    @classmethod
    def schedule(cls, options: SwarmOptions, rng: Random) -> Schedule:
        """On a fixed grid with a random phase: equal phases would make one burst of all pollers."""
        interval_s = options[cls.poll_interval_s]
        phase_s, polls = rng.uniform(0.0, interval_s), 0
        while True:
            yield Intent(phase_s + polls * interval_s, cls.poll)
            polls += 1

    def poll(self, at_s: float, choice: float) -> None:
        if at_s < self._not_before_s:
            self.count(POLLS_SKIPPED)
            return
        api = self._api.intended(at_s)
        try:
            answer = api.rooms(etag=self._etag if self.is_conditional else None)
        except ClientError as error:
            wait_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            self._not_before_s = time.perf_counter() + wait_s
            return
        self._not_before_s = time.perf_counter()
        if answer.rooms is not None:
            self._etag = answer.etag
            for age_s in self._watch.ages_s(answer.rooms, api.answered_s):
                self.fresh.record(age_s)


@role(mix.CONDITIONAL_POLLER)
class ConditionalPoller(Poller):
    """Sends ``If-None-Match``: an unchanged list costs no body."""

    is_conditional: ClassVar[bool] = True
