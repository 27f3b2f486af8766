"""Whether this process may open as many sockets as its players need; checked before the first player."""

from __future__ import annotations

import resource

from loadtest.results.exit_codes import UsageError

BASE_FILES = 100
"""Of Python, gevent and Locust themselves: libraries, logs, the web form."""


def raise_file_limit() -> int:
    """The soft limit up to the hard one. Returns how many files this process may open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


def check_files(*, sockets: int, http_connections: int, allowed: int) -> None:
    """`sockets` and `http_connections` are those of one process. Raises `UsageError`."""
    needed = sockets + http_connections + BASE_FILES
    if needed > allowed:
        raise UsageError(
            f"A process may open {allowed:,} files here, and this share of the players needs {needed:,}: start more "
            f"workers (--processes {-(-needed // max(allowed - BASE_FILES, 1))} or more), or raise the limit (ulimit "
            f"-Hn {needed})."
        )
