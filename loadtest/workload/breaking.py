"""Brings the faults of a run about, when it is time for them.

Only the process that leads a run does it, and only to the processes that it was given. A run that ends early thaws what
it has frozen, and starts again what it has killed to that end.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import time
from collections.abc import Callable, Sequence

import gevent
import psutil
from gevent import subprocess

from loadtest.measure.metrics import FAULTS, FAULTS_FAILED
from loadtest.measure.run_facts import FaultFacts
from loadtest.workload.faults import FREEZE, KILL, Fault
from loadtest.workload.restart import is_alive, start_again

COMMAND_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.02
_END_TIMEOUT_S = 10.0

log = logging.getLogger("loadtest")


class Faults:
    """Those of one run."""

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        recovery_s: float,
        facts: list[FaultFacts],
        count: Callable[[str], object],
        disturb: Callable[[float, float | None], object],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`facts` is filled. `disturb(from_s, until_s)` tells the ledger from when to when (in `clock`'s time) players
        may feel it; None: it is not over."""
        self._faults = faults
        self._recovery_s = recovery_s
        self._facts = facts
        self._count = count
        self._disturb = disturb
        self._clock = clock
        self._began_s = 0.0
        self._greenlets: list[gevent.Greenlet] = []
        self._replaced: dict[int, int] = {}
        """Process ids that were given, and what runs in their place now."""

    def plan(self) -> None:
        """Schedule them, counted from now."""
        self._began_s = self._clock()
        self._greenlets = [gevent.spawn_later(fault.at_s, self._do, fault) for fault in self._faults]

    def call_off(self) -> None:
        """The run ends. A fault that is going on is ended now."""
        for greenlet in self._greenlets:
            greenlet.kill()

    def in_place_of(self, pid: int) -> int | None:
        """What a fault has started in place of the process that was given by this id; None: nothing."""
        return self._replaced.get(pid)

    def _do(self, fault: Fault) -> None:
        began_s = self._clock()
        told = FaultFacts(
            name=fault.name, kind=fault.kind, pid=self._pid_of(fault), began_s=round(began_s - self._began_s, 3)
        )
        self._facts.append(told)
        self._disturb(began_s, None)
        log.warning("Fault: %s (%s).", fault.name, fault.command or f"{fault.kind} of process {told.pid}")
        try:
            self._break(fault)
        except (OSError, psutil.Error, subprocess.TimeoutExpired) as error:
            told.failure = str(error)
            log.error("The fault “%s” did not come about: %s.", fault.name, error)
            self._count(FAULTS_FAILED)
        else:
            self._count(FAULTS)
        finally:
            ended_s = self._clock()
            told.ended_s = round(ended_s - self._began_s, 3)
            self._disturb(began_s, ended_s + self._recovery_s)

    def _pid_of(self, fault: Fault) -> int | None:
        return None if fault.pid is None else self._replaced.get(fault.pid, fault.pid)

    def _break(self, fault: Fault) -> None:
        """Blocks until it is over."""
        pid = self._pid_of(fault)
        if pid is None:
            _run(fault.command)
            gevent.sleep(fault.lasts_s)
        elif fault.kind == FREEZE:
            os.kill(pid, signal.SIGSTOP)
            try:
                gevent.sleep(fault.lasts_s)
            finally:
                os.kill(pid, signal.SIGCONT)
        elif fault.kind == KILL:
            os.kill(pid, signal.SIGKILL)
        else:
            self._restart(pid, given=fault.pid or pid, down_s=fault.lasts_s)

    def _restart(self, pid: int, *, given: int, down_s: float) -> None:
        process = psutil.Process(pid)
        again = start_again(process)
        process.kill()
        try:
            with gevent.Timeout(_END_TIMEOUT_S, TimeoutError(f"process {pid} did not end")):
                while is_alive(process):
                    gevent.sleep(_LOOK_EVERY_S)
            gevent.sleep(down_s)
        finally:
            self._replaced[given] = again().pid


def _run(command: str) -> None:
    """Raises `OSError` where it ends with another code than 0."""
    process = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL)
    code = process.wait(timeout=COMMAND_TIMEOUT_S)
    if code:
        raise OSError(f"the command ended with exit code {code}")
