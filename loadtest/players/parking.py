"""A Locust user that has a stack only while it does something.

A user of Locust is a greenlet from its beginning to its end, and one that sleeps holds a stack and its frames, which is
most of what a waiting player takes. A parked user is a greenlet for Locust, which counts and stops it, that has not
begun to run. What is due runs in a greenlet made for it, and the parked one runs once, to leave.
"""

from __future__ import annotations

import logging
import math
import time
import traceback
from typing import Any

import gevent
from gevent import GreenletExit
from gevent.pool import Group
from locust import User
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from loadtest.wire.timers import Timer, Timers

log = logging.getLogger(__name__)


class ParkedUser(User):
    """Subclasses have one task, and say with `wait_time` when it comes again; infinite is never. Both may block."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._turn: gevent.Greenlet | None = None
        self._timer: Timer | None = None
        self._is_parked = False
        self.is_leaving = False

    @property
    def timers(self) -> Timers:
        raise NotImplementedError

    def start(self, group: Group) -> gevent.Greenlet:
        self._greenlet = _Parked(_leave, self)  # Locust looks for the user in its arguments
        self._group = group
        group.add(self._greenlet)
        self._begin_turn(0.0)
        return self._greenlet

    def leave(self) -> None:
        """In the greenlet that was parked."""
        self.is_leaving = True
        timer, turn = self._timer, self._turn
        if timer is not None:
            timer.cancel()
        if turn is not None:
            turn.kill()
        self.on_stop()  # type: ignore[no-untyped-call]

    def park_again(self) -> None:
        """While it is parked: `wait_time` has another answer now. It must not block then."""
        if self._is_parked and not self.is_leaving:
            if self._timer is not None:
                self._timer.cancel()
            self._park(max(0.0, self.wait_time()))

    def _park(self, wait_s: float) -> None:
        """Without a timer where nothing is due."""
        self._is_parked = True
        self._timer = None
        if wait_s < math.inf:
            self._timer = self.timers.put(time.perf_counter() + wait_s, self._begin_turn)

    def _begin_turn(self, _at_s: float) -> None:
        self._timer, self._is_parked = None, False
        if not self.is_leaving:
            self._turn = gevent.spawn(self._take_turn)

    def _take_turn(self) -> None:
        """Until there is time to wait for."""
        is_parked = False
        try:
            while self._state != LOCUST_STATE_STOPPING:
                self._do_task()
                if self._state == LOCUST_STATE_STOPPING:
                    break
                self._state = LOCUST_STATE_WAITING
                wait_s = self.wait_time()
                if wait_s > 0:
                    is_parked = True
                    self._park(wait_s)
                    break
                gevent.sleep(0)
        except (StopUser, StopTest):
            pass
        finally:
            self._turn = None
            if not is_parked and not self.is_leaving and self._greenlet is not None:
                self._greenlet.kill(block=False)

    def _do_task(self) -> None:
        """As Locust does it: a fault is told, and the user goes on."""
        self._state = LOCUST_STATE_RUNNING
        try:
            self.tasks[0](self)  # type: ignore[operator]  # a function, not a set of tasks
        except (StopUser, StopTest, GreenletExit):
            raise
        except Exception as error:
            self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
            if not self.environment.catch_exceptions:
                raise
            log.error("%s\n%s", error, traceback.format_exc())


class _Parked(gevent.Greenlet):  # type: ignore[misc]
    """Does not run before it is killed; what it runs then is the way out."""

    def kill(self, exception: Any = GreenletExit, block: bool = True, timeout: float | None = None) -> None:
        if not self.started and not self.dead:
            self.start()
        elif not self.dead and self.args and self.args[0].is_leaving:
            super().kill(exception, block=False)
        if block:
            self.join(timeout)


def _leave(user: ParkedUser) -> None:
    user.leave()
