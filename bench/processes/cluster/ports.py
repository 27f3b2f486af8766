"""Ports for processes that have to come back on the same, waiting for them, and ending what came in their place."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable

import psutil

PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.01


class NotInTime(RuntimeError):
    """A process did not come up, or a state did not come about; the text says which."""


def free_port(host: str = "127.0.0.1") -> int:
    """One that nobody has at the moment."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Raises `NotInTime`."""
    give_up_s = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > give_up_s:
            raise NotInTime(f"{what}: not within {patience_s:g} s")
        time.sleep(_LOOK_EVERY_S)


def end_all_in(folder: str) -> None:
    """Kill every process that has this folder of ours in its command line: those that somebody else, the swarm for
    one, has started again in the place of ours."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(folder in word for word in process.cmdline()):
                process.kill()
                process.wait(10)
