"""The starting of players, which ends when the run does.

Locust's master goes on with a ramp that is stopped: it tells its workers to stop, then to start the players of the next
second, and so on until all are there. Who stops a run in its ramp then waits for players that come back, and gets
results without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from locust.dispatch import UsersDispatcher
from locust.env import Environment


class EndingDispatcher(UsersDispatcher):
    """Of one run."""

    is_over = False

    def __next__(self) -> dict[str, dict[str, int]]:
        """Who is to be started next. When the run is over, it ends the greenlet that asks: what is left of starting,
        such as the word that all have been, is not to be done either."""
        if not self.is_over:
            found: dict[str, dict[str, int]] = super().__next__()  # which waits
            if not self.is_over:
                return found
        raise gevent.GreenletExit


def end_ramps_with_their_runs(environment: Environment) -> Callable[[], None]:
    """Returns what to call when a run ends."""
    latest: list[EndingDispatcher] = []

    def new(*arguments: Any, **named: Any) -> EndingDispatcher:
        latest[:] = [EndingDispatcher(*arguments, **named)]
        return latest[0]

    def end() -> None:
        for dispatcher in latest:
            dispatcher.is_over = True

    environment.dispatcher_class = new  # type: ignore[assignment]  # it is only called
    return end
