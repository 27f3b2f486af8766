"""What all roles share: following a plan, intended times, recording.

A role acts when its plan says so, in the greenlet of its seat, and may block there. It receives messages in the shared
reader's greenlet and must not block there.
"""

from __future__ import annotations

import math
import time
from typing import ClassVar

from loadtest.client import Attempt
from loadtest.measure.recorder import LATENESS
from loadtest.players.sign_in import SignIn
from loadtest.players.swarm import Swarm
from loadtest.workload.plan import Act, Intent, PlayerPlan


class Role:
    """One session of one player."""

    NAME: ClassVar[str]

    def __init__(self, swarm: Swarm, plan: PlayerPlan, *, seat: int, began_s: float) -> None:
        """`seat`: the number of its user. `began_s`: intended start of the session (`time.perf_counter`)."""
        self.swarm = swarm
        self.plan = plan
        self.options = swarm.options
        self.seat = seat
        self.began_s = began_s
        self.place = swarm.places.of(seat)
        """The node where this player is; its sockets and its calls move on together."""
        self.api = swarm.api_at(swarm.api, self.place)
        self.identity = SignIn(swarm, api=self.api, number=seat, plan=plan)
        self.is_over = False
        self.starts_s = self._free_s = time.perf_counter()
        """When the session did begin."""
        self._schedule = plan.schedule(swarm.options)
        self._next: Intent | None = next(self._schedule, None)

    def begin(self) -> None:
        """Log in and connect. May block; raises `GaveUp`."""

    def end(self) -> None:
        """Disconnect, and remove what this player created. May block."""

    def act(self, intent: Intent, at_s: float) -> None:
        """Do what was planned, for `at_s` (`time.perf_counter`). May block.

        `at_s` is when it was due, later by what the generator alone is to blame for: that is lateness. What an answer
        before took of the time is not, so that a slow server is slow for what comes after it, too.
        """

    def next_at_s(self) -> float:
        """When the next thing is due; `math.inf` for never."""
        return math.inf if self._next is None else self.began_s + self._next.at_s

    def ends_at_s(self) -> float:
        """Intended end of the session."""
        return self.began_s + self.plan.session_s

    def keep_appointment(self) -> None:
        """Do what is due, if anything is."""
        intent, now_s = self._next, time.perf_counter()
        if intent is None or self.began_s + intent.at_s > now_s:
            return
        self._next = next(self._schedule, None)
        at_s = self.began_s + intent.at_s
        late_s = now_s - max(at_s, self._free_s)
        self.swarm.recorder.record(LATENESS, late_s)
        if intent.act is Act.END:
            self.is_over = True
        else:
            self.act(intent, at_s + late_s)
        self._free_s = time.perf_counter()

    # -- into the records -----------------------------------------------------------------------------------------

    def fire(self, name: str, duration_s: float | None, failure: str | None) -> None:
        """Record a request in Locust's table, with its time or None."""
        if failure is None and duration_s is not None:
            self.swarm.requests.good("WS", name, duration_s)
        else:
            self.swarm.requests.told("WS", name, duration_s, failure)

    def fire_attempt(self, attempt: Attempt) -> None:
        has_upgraded = attempt.upgrade_s is not None
        self.fire("upgrade", attempt.upgrade_s, None if has_upgraded else attempt.failure)
        if has_upgraded:
            self.fire("handshake", attempt.handshake_s, attempt.failure)

    def count(self, event: str) -> None:
        self.swarm.recorder.count(event)
