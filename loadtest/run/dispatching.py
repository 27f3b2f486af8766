"""The starting of players, which ends when the run does.

Locust's master goes on with a ramp that is stopped: it tells its workers to stop, then to start the players of the next
second, and so on until all are there. Who stops a run in its ramp then waits for players that come back, and gets
results without them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import wraps
from typing import Any

import gevent
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner


class RampIsOver(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """A local runner starts players in a greenlet of that alone, which this ends without a word."""


class EndingDispatcher(UsersDispatcher):
    """Of one run."""

    is_over = False

    def __next__(self) -> dict[str, dict[str, int]]:
        """Who is to be started next. Raises `RampIsOver` when the run is: what is left of starting, such as the word
        that all have been, is not to be done either."""
        if not self.is_over:
            found: dict[str, dict[str, int]] = super().__next__()  # which waits
            if not self.is_over:
                return found
        raise RampIsOver


def end_ramps_with_their_runs(environment: Environment) -> Callable[[], None]:
    """Returns what to call when a run ends. Whoever called the runner's `start` goes on then: those who listen to
    workers and miss them call it too, to share out the players anew."""
    latest: list[EndingDispatcher] = []
    is_ending = False

    def new(*arguments: Any, **named: Any) -> EndingDispatcher:
        latest[:] = [EndingDispatcher(*arguments, **named)]
        return latest[0]

    def start_in(runner: Runner) -> Callable[..., None]:
        start = runner.start

        @wraps(start)
        def start_unless_over(*arguments: Any, **named: Any) -> None:
            nonlocal is_ending
            is_ending = is_ending and runner.state in (STATE_SPAWNING, STATE_RUNNING)  # else it is the next run
            if is_ending:
                return
            with contextlib.suppress(RampIsOver):
                start(*arguments, **named)

        return start_unless_over

    def end() -> None:
        nonlocal is_ending
        is_ending = True
        for dispatcher in latest:
            dispatcher.is_over = True

    environment.dispatcher_class = new  # type: ignore[assignment]  # it is only called
    if environment.runner is not None:
        environment.runner.start = start_in(environment.runner)  # type: ignore[method-assign]
    return end
