"""Workers that ``--processes`` forked leave with their master, not before and not long after.

Ctrl-C reaches every process of a terminal: a worker that ended at once would lose its last report. And Locust's own
workers look for a killed master for a minute and keep loading the server. A worker that was started by itself may be
the child of any process, so only forked ones are treated here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import gevent
import psutil
from locust.env import Environment
from locust.runners import MasterRunner

from loadtest.results.exit_codes import ExitCode, UsageError
from loadtest.run.interrupts import Interrupts

LOOK_EVERY_S = 1.0
INTERRUPT_AFTER_S = 15.0
"""Enough for a master to stop its players and to receive their last reports."""


def watch_parent(
    *, on_gone: Callable[[], object], parent: Callable[[], int] = os.getppid, look_every_s: float = LOOK_EVERY_S
) -> gevent.Greenlet:
    """Call `on_gone` once, `look_every_s` at most after the process that forked this one has ended."""
    forked_by = parent()

    def look() -> None:
        while parent() == forked_by:
            gevent.sleep(look_every_s)
        print("loadtest: The master is gone, so this worker ends, too.", file=sys.stderr, flush=True)
        on_gone()

    return gevent.spawn(look)


def leave_interrupts_to_master(interrupts: Interrupts) -> None:
    """The first SIGINT takes effect only if the master has not ended this process within `INTERRUPT_AFTER_S`; a second
    one at once. That is then the first of `interrupts`."""

    def on_interrupt(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupts.obey()
        gevent.spawn_later(INTERRUPT_AFTER_S, os.kill, os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, on_interrupt)


def end_for(error: UsageError, environment: Environment) -> NoReturn:
    """End the program with the sentence of an error, and the workers that it forked: Locust leaves them looking for a
    lost master for minutes."""
    print(f"loadtest: {error}", file=sys.stderr, flush=True)
    if isinstance(environment.runner, MasterRunner) and getattr(environment.parsed_options, "processes", None):
        for worker in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.terminate()
    sys.exit(ExitCode.USAGE)
