"""How many connections the system lets this process have (getrlimit(2))."""

from __future__ import annotations

import logging
import os
import resource
from dataclasses import dataclass

from lobby_server.service.watch.events import LogEvent

log = logging.getLogger("lobby.listener")

RESERVE = 64
"""Connections beyond the limit: requests being read, answers that there is no place, questions after the health."""
SPARE_DESCRIPTORS = 32
"""For the database, files and name lookups, beyond what is open at the start."""


@dataclass(frozen=True, slots=True)
class Places:
    limit: int
    """Open connections, WebSockets and others."""

    @property
    def all(self) -> int:
        """With the reserve."""
        return self.limit + RESERVE


def places_for(max_connections: int) -> Places:
    """As many as asked for, or as the system allows. The soft limit of the process is raised where that is needed; if
    it does not suffice, the log says so."""
    others = _open_descriptors() + SPARE_DESCRIPTORS
    needed = max_connections + RESERVE + others
    files = _raised_limit(needed)
    if files is None or files >= needed:
        return Places(max_connections)
    limit = max(1, files - RESERVE - others)
    log.warning(
        "this process may have %d files open, so %d connections are taken at most, not the %d of "
        "--max-connections: raise the limit to %d (ulimit -n, or LimitNOFILE= in a systemd unit)",
        files,
        limit,
        max_connections,
        needed,
        extra={"event": LogEvent.CAUTION.value},
    )
    return Places(limit)


def _raised_limit(needed: int) -> int | None:
    """The number of files that this process may have open, raised to `needed` as far as it goes; None: any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        return soft  # macOS says "unlimited" and takes less
    return wanted


def _open_descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 16
