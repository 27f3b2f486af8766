"""Threads that give way to the event loop.

A hash of a password keeps four threads of argon2 busy for some 50 ms. Beside them on one core, the loop would get every
fifth slice of time, and every client its pong a tenth of a second late.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

NICE = 10
"""A tenth of the share of a core that the loop has, when both want it (sched(7))."""


def stand_back() -> None:
    """Give the calling thread, and those that it starts, less of a contended core than the rest of the process has.
    Linux counts priorities by thread; elsewhere nothing happens."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICE))
