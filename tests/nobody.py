"""A port at which nobody listens, for as long as a test needs it.

One that was free a moment ago is no such port: the kernel may give it to another test's server or connection.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from bench.processes.cluster.ports import hold_port


@contextmanager
def refusing_port() -> Iterator[int]:
    """Of 127.0.0.1. It is taken meanwhile, so that nobody else gets it, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@contextmanager
def port_to_come_back_to() -> Iterator[int]:
    """Of 127.0.0.1: it refuses connections while nobody listens there, and is kept for the test's own server, which
    may end and listen again."""
    with hold_port() as holder:
        yield int(holder.getsockname()[1])
