"""One greenlet reads for all connections of the process, over an epoll of its own.

gevent watches the epoll; when anything is readable the greenlet takes what is there from every such socket, one system
call each, and hands the bytes over. A connection costs an entry in a dictionary, not a stack. The receiver
of the bytes must not block: meanwhile no other connection is read.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import gevent
from gevent import monkey
from gevent.hub import get_hub

from loadtest.client.sockets.arrival import STAMP_BYTES, ArrivalClock

MOST_AT_ONCE = 512
"""Sockets read before other greenlets get a turn."""
READ_BYTES = 65_536

log = logging.getLogger(__name__)


class Readable(Protocol):
    """A connection that is read for."""

    sock: Any

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        """`arrived_s`: when the kernel had the last of them."""

    def on_end(self, why: str) -> None:
        """The other side closed, or the network did."""

    def on_writable(self) -> None: ...


class SharedReader:
    """Linux: epoll. The greenlet lives from the first `add` to `close`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._arrivals = ArrivalClock(clock=clock)
        self._epoll: Any = monkey.get_original("select", "epoll")()  # gevent takes it out of the module
        self._by_fd: dict[int, Readable] = {}
        self.greenlet: gevent.Greenlet | None = None
        self.reads = 0
        """System calls that brought bytes."""

    def __len__(self) -> int:
        return len(self._by_fd)

    def add(self, connection: Readable) -> None:
        """Its socket is non-blocking and stays the same until `remove`."""
        fd = _fd_of(connection)
        self._by_fd[fd] = connection
        self._epoll.register(fd, select.EPOLLIN)
        if self.greenlet is None:
            self.greenlet = gevent.spawn(self._run)

    def connections(self) -> Iterable[Readable]:
        """Those that are read for; not to be kept."""
        return self._by_fd.values()

    def has(self, connection: Readable) -> bool:
        return self._by_fd.get(_fd_of(connection)) is connection

    def remove(self, connection: Readable) -> None:
        """Before its socket is closed. One that is not there does no harm."""
        fd = _fd_of(connection)
        if self._by_fd.get(fd) is connection:
            del self._by_fd[fd]
            self._epoll.unregister(fd)

    def want_writable(self, connection: Readable, *, wanted: bool) -> None:
        """Call `on_writable` whenever its socket takes bytes again. Not while it is not read for."""
        if not self.has(connection):
            return
        self._epoll.modify(_fd_of(connection), select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def close(self) -> None:
        if self.greenlet is not None:
            self.greenlet.kill(block=False)
            self.greenlet = None
        self._by_fd.clear()
        self._epoll.close()

    def _run(self) -> None:
        hub = get_hub()
        watcher = hub.loop.io(self._epoll.fileno(), 1)
        try:
            while True:
                hub.wait(watcher)
                self._read_ready()
        finally:
            watcher.stop()
            watcher.close()

    def _read_ready(self) -> None:
        by_fd = self._by_fd
        for fd, event in self._epoll.poll(0, MOST_AT_ONCE):
            connection = by_fd.get(fd)  # gone if another one's bytes led to its end
            if connection is None:
                continue
            try:
                if event & select.EPOLLOUT:
                    connection.on_writable()
                if event & ~select.EPOLLOUT:
                    self._read(connection)
            except Exception:
                log.exception("fault while reading for %r; it is taken for lost", connection)
                connection.on_end("a fault of this client")

    def _read(self, connection: Readable) -> None:
        sock = connection.sock
        if sock is None:
            return
        try:
            chunk, control, _, _ = sock.recvmsg(READ_BYTES, STAMP_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            connection.on_end(error.strerror or type(error).__name__)
            return
        if chunk:
            self.reads += 1
            connection.on_bytes(chunk, self._arrivals.arrived_s(control, self._clock()))
        else:
            connection.on_end("the other side closed the connection without a close frame")


def _fd_of(connection: Readable) -> int:
    return -1 if connection.sock is None else connection.sock.fileno()
