"""Signals: what each of them does to a running server.

    SIGTERM, SIGINT   an orderly end
    SIGHUP            read secrets and certificate again, open the log file again
    SIGUSR1           open the log file again (what logrotate sends)
    SIGUSR2           one line with the figures of the moment into the log

Until `handle` is called the last three do nothing: the default of each is to kill the process on the spot.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

_HARMLESS = ("SIGHUP", "SIGUSR1", "SIGUSR2")
"""By name: not every system has them."""


def ignore_until_handled() -> None:
    """Call at the very start of the process: a signal that comes too early is lost, and nothing else."""
    for name in _HARMLESS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)


def handle(
    loop: asyncio.AbstractEventLoop,
    *,
    stop: Callable[[], None],
    reload: Callable[[], None],
    reopen_log: Callable[[], None],
    tell_figures: Callable[[], None],
) -> None:
    """From now on, on the loop."""
    for name, act in (
        ("SIGTERM", stop),
        ("SIGINT", stop),
        ("SIGHUP", reload),
        ("SIGUSR1", reopen_log),
        ("SIGUSR2", tell_figures),
    ):
        if (number := getattr(signal, name, None)) is not None:
            loop.add_signal_handler(number, act)
