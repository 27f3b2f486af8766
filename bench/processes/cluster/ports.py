"""Ports for processes that have to come back on the same, waiting for them, and ending what came in their place."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.01
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
"""Below it stand the ports of well-known servers."""
_DEFAULT_PORT = 30_820
"""Of a server that somebody may be about to start here."""
_BAD_PORT = 10_080
"""To which no browser connects (Fetch Standard, "bad port"); the only one from `_LOWEST` on."""
_TRIES = 100
_CHANCE = random.SystemRandom()


class NotInTime(RuntimeError):
    """A process did not come up, or a state did not come about; the text says which."""


def free_port(host: str = "127.0.0.1") -> int:
    """One that nobody has at the moment, and that the kernel gives to no connection: who is to listen there later, or
    again, finds it free. Where the kernel's own begin too low for that, one of those."""
    numbers = range(_LOWEST, _first_of_the_kernel())
    for _ in range(_TRIES if len(numbers) >= _TRIES else 0):
        port = _CHANCE.choice(numbers)
        with contextlib.suppress(OSError), socket.create_server((host, port)):
            if port not in (_DEFAULT_PORT, _BAD_PORT):
                return port
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def hold_port(host: str = "127.0.0.1") -> socket.socket:
    """A socket that keeps a free port for whoever is to listen there, now and again, until it is closed. It does not
    listen, so connections are refused meanwhile; on Linux the kernel gives the port to nobody who wants any, and one
    that asks for it by number, with SO_REUSEADDR as servers do, gets it."""
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, 0))
    except BaseException:
        holder.close()
        raise
    return holder


def _first_of_the_kernel() -> int:
    """Of the ports that it gives to connections (ip-sysctl, ``ip_local_port_range``)."""
    try:
        return int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _LOWEST


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
