"""The state of the run as Locust's page is told it: one in which it goes on asking until the run is over.

Locust's page asks every two seconds while the last state that it heard is "spawning" or "running". One answer that
says "cleanup" or "stopping", or that is older than the start (Locust gives an answer again for two seconds, and for
longer where it takes long to make), and it never asks again: it has no button "New", and figures that are not the last
(findings/locust-page-forgets-a-run-that-stops.sh).

The invariant: a page that hears another state than these two hears it of a run that is over, beside its last figures.
What the runner says is not changed, only what `told` makes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from greenlet import greenlet

GOING_ON, ENDING = ("spawning", "running"), ("cleanup", "stopping")
"""States of Locust's runners."""
ASK_AGAIN = "running"
CONCLUDED_WITHIN_S = 10.0
"""A master's runner is "stopped" up to a second before it begins to conclude its run. If it never does, for what was to
do so was killed, no page may wait for it longer."""

CONCLUDES_WITHIN_S = 600.0
"""A listener of a locustfile may end the event before it comes to what concludes the run; then nothing tells that this
is over but the end of what called it, which may be a connection of a browser."""

Listener = Callable[..., None]


class WebState:
    """Of the runs of one process, one after the other. Its two wrappers go around what begins and what ends a run;
    `stopped` comes before all else that is done when a run has stopped."""

    def __init__(self, runner_state: Callable[[], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        """`runner_state` is as of now; `clock` in seconds."""
        self.runner_state = runner_state
        self._clock = clock
        self.is_beginning = self._is_to_conclude = False
        self._concluder: greenlet | None = None
        """What concludes the run, from when it has begun to."""
        self._concluder_s = 0.0
        """When that was."""
        self._stopped_s: float | None = None
        """When a run that is to be concluded was first seen to have stopped."""

    def beginning(self, listener: Listener) -> Listener:
        """Of the event test_start. Locust's runner is not "spawning" before this is done, which may take seconds."""

        def begin(**arguments: Any) -> None:
            self.is_beginning = self._is_to_conclude = True
            self._stopped_s = self._concluder = None
            try:
                listener(**arguments)
            finally:
                self.is_beginning = False

        return begin

    def stopped(self, **_arguments: Any) -> None:
        """The first listener of the event test_stop. Those before `concluding` may take their time."""
        self._concluder, self._concluder_s = gevent.getcurrent(), self._clock()

    def concluding(self, listener: Listener) -> Listener:
        """Of the event test_stop. Locust's runner is "stopped" before this has begun."""

        def conclude(**arguments: Any) -> None:
            try:
                listener(**arguments)
            finally:
                self._is_to_conclude = False

        return conclude

    def told(self, answered: str) -> str:
        """`answered` is the state in Locust's answer, as old as the figures beside it."""
        now, is_being_concluded = self.runner_state(), self.is_being_concluded
        if now in GOING_ON:
            return now
        if self.is_beginning or now in ENDING or answered in (*GOING_ON, *ENDING) or is_being_concluded:
            return ASK_AGAIN
        return now

    @property
    def is_being_concluded(self) -> bool:
        """The runner has stopped, and what is to be done then is not done. A run that began meanwhile would be taken
        for the one that has stopped: by Locust, which waits for its users to leave, and in the results."""
        if not self._is_to_conclude or self.is_beginning or self.runner_state() in (*GOING_ON, *ENDING):
            self._stopped_s = None
            return False
        if self._concluder is not None:
            return not self._concluder.dead and self._clock() - self._concluder_s < CONCLUDES_WITHIN_S
        if self._stopped_s is None:
            self._stopped_s = self._clock()
        return self._clock() - self._stopped_s < CONCLUDED_WITHIN_S
