"""Workers that ``--processes`` forked leave with their master, not before and not long after.

Ctrl-C reaches every process of a terminal: a worker that obeyed at once would take its last report with it. And
Locust's own look for a master that was killed for a minute, and load the server all the while. One that was started by
itself may be a child of anything, so only forked ones do as told here.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import gevent

LOOK_EVERY_S = 1.0
INTERRUPT_AFTER_S = 15.0
"""Enough for a master to stop its players, and to hear what they have to say."""


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


def leave_interrupts_to_master() -> None:
    """The first SIGINT holds only when the master has not ended this process within `INTERRUPT_AFTER_S`; a second one
    holds at once."""

    def on_interrupt(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gevent.spawn_later(INTERRUPT_AFTER_S, os.kill, os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, on_interrupt)
