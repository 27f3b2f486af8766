"""How many connections the system lets this process have (getrlimit(2))."""

from __future__ import annotations

import logging
import os
import resource
from dataclasses import dataclass

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
    """As many as asked for, or as the system allows. The soft limit of the process is raised to the hard one where that
    is needed; if it does not suffice, the log says so."""
    others = _open_descriptors() + SPARE_DESCRIPTORS
    needed = max_connections + RESERVE + others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard == resource.RLIM_INFINITY or soft < hard:
            soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < needed:
            limit = max(1, soft - RESERVE - others)
            log.warning(
                "this process may have %d files open, so %d connections are taken at most, not the %d of "
                "--max-connections: raise the limit to %d (ulimit -n, or LimitNOFILE= in a systemd unit)",
                soft,
                limit,
                max_connections,
                needed,
            )
            return Places(limit)
    return Places(max_connections)


def _open_descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 16
