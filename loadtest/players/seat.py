"""A seat of the swarm: what Locust starts, counts and stops. The plan says which player has it, and for how long.

In a closed workload the same player returns after each session; in an open one the seat waits for an arrival. The
seat is parked until something is due; reading, heartbeats and retries are done by shared greenlets.
"""

from __future__ import annotations

import math
import time

import gevent
from gevent.event import Event
from locust import task
from locust.env import Environment
from locust.exception import StopTest, StopUser

from loadtest.client import ClientError
from loadtest.measure.attendance import ACTIVE, AWAY, CONNECTING, PAUSED
from loadtest.measure.metrics import FAILURES
from loadtest.measure.recorder import LATENESS
from loadtest.players.parking import ParkedUser
from loadtest.players.pausing import ARRIVALS_PAUSED
from loadtest.players.roles import faults
from loadtest.players.roles.role import Role
from loadtest.players.sign_in import GaveUp
from loadtest.players.swarm import Swarm, swarm_of
from loadtest.wire.timers import Timers
from loadtest.workload.arrivals import Arrival
from loadtest.workload.roles.book import ROLES

SET_UP_TIMEOUT_S = 10.0
SESSIONS_ENDED = "sessions ended"


class Player(ParkedUser):
    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        swarm = _swarm_of(environment)
        if swarm is None:
            raise StopUser("the swarm was not set up: the locustfile has to call loadtest.run.hooks.install")
        self.swarm: Swarm = swarm
        self.number = swarm.take_number()
        self.role: Role | None = None
        self.role_name = swarm.plan.role_of(self.number) if swarm.arrivals is None else ""
        """In an open workload that of the session, and empty between two."""
        self._is_held = False
        """A session should have begun, but its role is paused."""
        self._session = 0
        self._returns_at_s = time.perf_counter()
        self._arrival: Arrival | None = None
        self._arrived: Event | None = None
        """Set when an arrival is assigned to this seat, in an open workload."""
        swarm.pauses.seats.add(self)
        swarm.arriving.add(self)  # from when Locust counts it, which is before it has done anything

    @property
    def timers(self) -> Timers:
        return self.swarm.wire.timers

    @task
    def keep_appointments(self) -> None:
        """Do one thing that is due. Between two calls Locust may stop the user."""
        if self.swarm.is_called_off:
            raise StopUser
        if self.role is None:
            try:
                self._take_place()
            finally:
                self.swarm.arriving.discard(self)
        elif not self.swarm.pauses.is_paused(self.role_name):
            self.role.keep_appointment()
            if self.role.is_over:
                self._leave_place()

    def wait_time(self) -> float:
        """Locust calls it while the user may be stopped at any time."""
        if self.role is None and self._arrived is not None and self._arrival is None:
            self._arrived.wait()
            self._arrived.clear()
            return 0.0
        if self._is_held or (self.role is not None and self.swarm.pauses.is_paused(self.role_name)):
            return math.inf
        at_s = self._returns_at_s if self.role is None else self.role.next_at_s()
        return max(0.0, at_s - time.perf_counter())

    @property
    def state(self) -> str:
        """One of `loadtest.measure.attendance.STATES`."""
        if self.swarm.pauses.is_paused(self.role_name):
            return PAUSED
        if self.role is None:
            return AWAY
        return ACTIVE if self.role.is_active else CONNECTING

    def go_on(self, paused_s: float) -> None:
        """Its role was paused for so long, and is no more."""
        if self._is_held:
            self._is_held, self._returns_at_s = False, time.perf_counter()
        elif self.role is not None:
            self.role.postpone(paused_s)
        self.park_again()

    def on_stop(self) -> None:
        self.swarm.pauses.seats.discard(self)
        self.swarm.arriving.discard(self)
        if self.swarm.arrivals is not None:
            self.swarm.arrivals.withdraw(self)
        role, self.role = self.role, None
        if role is not None:
            role.end()
        self.swarm.give_number_back(self.number)

    def arrive(self, arrival: Arrival) -> None:
        """An arrival is assigned to this seat."""
        self._arrival = arrival
        if self._arrived is not None:
            self._arrived.set()

    def _take_place(self) -> None:
        if self.swarm.arrivals is None:
            if time.perf_counter() < self._returns_at_s:
                return
            self._is_held = self.swarm.pauses.is_paused(self.role_name)
            if self._is_held:
                return
            number, session, began_s = self.number, self._session, self._returns_at_s
            self._session += 1
        elif self._arrival is None:
            if self._arrived is None:
                self._arrived = Event()
                self._wait_for_arrival()
            return
        else:
            number, session, began_s = self._arrival.number, 0, self._arrival.intended_s
            self._arrival = None
            self.role_name = self.swarm.plan.role_of(number)
            if self.swarm.pauses.is_paused(self.role_name):
                self.swarm.recorder.count(ARRIVALS_PAUSED)
                self._wait_for_arrival()
                return
        self.swarm.recorder.record(LATENESS, time.perf_counter() - began_s)
        plan = self.swarm.plan.player(number, session)
        player = ROLES[plan.role].player
        self.swarm.arriving.add(self)
        try:
            self.role = player(self.swarm, plan, seat=self.number, began_s=began_s)
            self.role.begin()
        except (GaveUp, StopUser, StopTest):
            self.role = None
            raise StopUser from None
        except ClientError as error:  # of a call that the role makes by itself
            self.role = None
            self.swarm.recorder.count(FAILURES)
            self.swarm.say_once(f"begin {plan.role}", f"Players of the role {plan.role} leave, this is why: {error}")
            raise StopUser from None
        except Exception as error:  # tried again, it would fail again, at once
            self.role = None
            faults.tell(self.swarm, player, "begin", error)
            raise StopUser from None

    def _leave_place(self) -> None:
        role, self.role = self.role, None
        if role is None:
            return
        role.end()
        self.swarm.recorder.count(SESSIONS_ENDED)
        if self.swarm.arrivals is None:
            self._returns_at_s = role.ends_at_s() + self.swarm.plan.away_s(self.number, self._session - 1)
        else:
            self._wait_for_arrival()

    def _wait_for_arrival(self) -> None:
        self.role_name = ""
        if self.swarm.arrivals is not None:
            self.swarm.arrivals.offer(self)


def _swarm_of(environment: Environment) -> Swarm | None:
    """On a worker that joins a running test Locust makes users before the swarm is set up."""
    ends_s = time.monotonic() + SET_UP_TIMEOUT_S
    while (swarm := swarm_of(environment)) is None and time.monotonic() < ends_s:
        gevent.sleep(0.02)
    return swarm
