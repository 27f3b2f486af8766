"""A word to the service manager: sd_notify(3) and the watchdog of systemd, over the datagram socket it names.

Without ``NOTIFY_SOCKET`` in the environment nothing is ever sent. A word that cannot be delivered is lost: the service
manager's trouble must not become the clients'.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from lobby_server.service.ports import Clock, Timer

MANAGER_VARIABLES = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
"""Of the environment: for the process that the service manager has started, not for those that this one starts."""


class ServiceManager:
    """Tells how the service is. `start_watchdog` once the loop runs, `close` at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if self._address.startswith(("/", "\0")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
        self.watchdog_s = _watchdog_s(environment)
        """The interval in which a sign of life is expected; 0: none is."""
        self._timer: Timer | None = None

    def ready(self, status: str) -> None:
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._say("STOPPING=1", f"STATUS={status}")

    def start_watchdog(self, clock: Clock) -> None:
        """Say twice per interval that the loop still turns (sd_watchdog_enabled(3)); nothing where none was set."""
        if self.watchdog_s and self._socket is not None:
            self._say("WATCHDOG=1")
            self._timer = clock.call_later(self.watchdog_s / 2, self.start_watchdog, clock)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # -- private --------------------------------------------------------------------------------------------------

    def _say(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass  # nobody listens there, or it does not read


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """The interval in which a sign of life is expected; 0: none is, or from another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0.0, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)
    except ValueError:
        return 0.0
