"""Workers that ``--processes`` forked do not outlive their master. Locust's own look for one that was killed for a
minute, and load the server all the while.

A worker that was started by itself may be a child of anything, so only forked ones are watched.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import gevent

LOOK_EVERY_S = 1.0


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
