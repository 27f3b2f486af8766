"""The baseline: polls the list every few seconds, on a grid with a random phase. No socket, no account.

A poll that is due while the one before it still waits for its answer is counted and not sent, as in a game; the times
of the others count from when they were due.
"""

from __future__ import annotations

import time
from typing import ClassVar

from loadtest.client import ClientError, RateLimited
from loadtest.measure.freshness import FreshnessWatch
from loadtest.measure.metrics import FRESH_BY_POLL, POLLS_SKIPPED
from loadtest.players.roles.role import Role
from loadtest.players.swarm import Swarm
from loadtest.workload import mix
from loadtest.workload.plan import Intent, PlayerPlan


class Poller(Role):
    NAME: ClassVar[str] = mix.POLLER
    is_conditional: ClassVar[bool] = False

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        super().__init__(swarm, plan, seat=seat, began_s=began_s)
        polls = swarm.conditional_poll_api if self.is_conditional else swarm.poll_api
        self._api = swarm.api_at(polls, self.place)
        self._fresh = FreshnessWatch(swarm.marks)
        self._fresh.restart(began_s)
        self._etag: str | None = None
        self._not_before_s = 0.0

    def act(self, intent: Intent, at_s: float) -> None:
        if at_s < self._not_before_s:
            self.count(POLLS_SKIPPED)
            return
        try:
            answer = self._api.intended(at_s).rooms(etag=self._etag if self.is_conditional else None)
        except ClientError as error:
            wait_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            self._not_before_s = time.perf_counter() + wait_s
            return
        self._not_before_s = now_s = time.perf_counter()
        if answer.rooms is not None:
            self._etag = answer.etag
            for age_s in self._fresh.ages_s(answer.rooms, now_s):
                self.swarm.recorder.record(FRESH_BY_POLL, age_s)


class ConditionalPoller(Poller):
    """Sends ``If-None-Match``: an unchanged list costs no body."""

    NAME: ClassVar[str] = mix.CONDITIONAL_POLLER
    is_conditional: ClassVar[bool] = True
