"""Pausing and resuming roles while a run goes on: from the web interface, and by SIGUSR1 and SIGUSR2.

The process that leads the run decides, and tells the workers. A worker says with each report what is paused there; one
that has it otherwise (it joined late, or a message was lost) is told again. Pauses end with the run.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Sequence

import gevent
from locust.env import Environment

from loadtest.players.swarm import Swarm, swarm_of
from loadtest.results.exit_codes import UsageError
from loadtest.run.distributed import MasterSide

log = logging.getLogger("loadtest")


class RoleControl:
    """Of the process that leads."""

    def __init__(self, environment: Environment, master: MasterSide | None, duration_s: Callable[[], float]) -> None:
        """`master`: None without workers. `duration_s`: how long the run has lasted."""
        self._environment = environment
        self._master = master
        self._duration_s = duration_s

    @property
    def roles(self) -> tuple[str, ...]:
        """Those of the last run's mix, by name; none before the first run."""
        swarm = swarm_of(self._environment)
        return tuple(sorted(swarm.options.weights)) if swarm is not None else ()

    @property
    def paused(self) -> tuple[str, ...]:
        swarm = self._running()
        return swarm.pauses.paused if swarm is not None else ()

    @property
    def doubt(self) -> str:
        """A sentence, where it is not known of all workers whether they have paused what they were told."""
        names = self._master.disobeying() if self._master is not None and self._running() is not None else ()
        if not names:
            return ""
        workers = f"Worker {names[0]} has" if len(names) == 1 else f"Workers {', '.join(names)} have"
        return f"{workers} not said so far that the roles are paused there as they are here: players there may not be."

    def set_paused(self, roles: Iterable[str], *, is_paused: bool) -> None:
        """Raises `UsageError` where no run goes on, or it has no such role."""
        swarm, asked = self._running(), list(roles)
        if swarm is None:
            raise UsageError(f"{self._why_none()}: there is nothing to {'pause' if is_paused else 'resume'}.")
        for role in asked:
            if role not in swarm.options.weights:
                raise UsageError(f"{role!r} plays no part in this run: there is {', '.join(self.roles)}.")
        before = set(swarm.pauses.paused)
        after = before | set(asked) if is_paused else before - set(asked)
        if after == before:
            return
        swarm.pauses.set_to(after)
        if self._master is not None:
            self._master.pause(swarm.pauses.paused)
        for role in sorted(before ^ after):
            said = f"{role} paused" if is_paused else f"{role} resumed"
            swarm.facts.note(self._duration_s(), "role", said)
            log.info("Role %s.", said)

    def obey_signals(self, roles: Sequence[str]) -> None:
        """SIGUSR1 pauses these roles, SIGUSR2 lets them go on; none given: all."""

        def on_signal(*, is_paused: bool) -> None:
            try:
                self.set_paused(roles or self.roles, is_paused=is_paused)
            except UsageError as error:
                log.error(error)

        gevent.signal_handler(signal.SIGUSR1, on_signal, is_paused=True)
        gevent.signal_handler(signal.SIGUSR2, on_signal, is_paused=False)

    def _why_none(self) -> str:
        swarm = swarm_of(self._environment)
        if swarm is None or swarm.is_called_off:
            return "No run goes on"
        return "The run has ended" if swarm.facts.is_over else "The run is ending"

    def _running(self) -> Swarm | None:
        swarm = swarm_of(self._environment)
        if swarm is None or swarm.is_called_off or swarm.facts.is_over or swarm.facts.duration_s:
            return None
        return swarm


def ignore_signals() -> None:
    """Of a worker: its master is the one to ask, and the signals would end it."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
