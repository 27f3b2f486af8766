"""One greenlet reads for all connections of the process, over an epoll of its own.

gevent watches the epoll; when anything is readable the greenlet takes what is there from every such socket, one system
call each into one shared buffer, and hands the bytes over. A connection costs an entry in a dictionary, not a stack.
The receiver of the bytes must not block: meanwhile no other connection is read.

A message that comes alone is read at once. What comes within `SPACING_S` after it is read together, as network cards
do with interrupts: a broadcast to a thousand players then wakes this process ten times, not hundreds of times. So are
the answers to heartbeats that went out together, where the kernel says when they came: times do not suffer from it
then (`loadtest.client.sockets.arrival`).

What many are told (those in the `loadtest.wire.together.group`) is read for all of them first, and then handed over
once, and so are the answers to their heartbeats.

In between the whole process naps. Not to watch the epoll for so long would be kinder to others and dearer: an epoll in
another one costs the kernel a walk over all its sockets whenever it is added or changed.
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

from loadtest.client.sockets.arrival import STAMP_BYTES, Control
from loadtest.wire.alarm import Waiter
from loadtest.wire.together.arrivals import ManyArrivals
from loadtest.wire.together.group import Group

MOST_AT_ONCE = 512
"""Sockets read before other greenlets get a turn."""
READ_BYTES = 65_536
SPACING_S = 0.001
"""From one turn of reading to the next: less than what players or thresholds notice."""
MANY_AT_ONCE = 64
"""Where so many were readable there is no nap: it would save nothing any more."""

TURNS_WITHOUT_A_NAP = 20
"""After one that was for nothing: the server needs longer."""

_READABLE, _WRITABLE = select.EPOLLIN, select.EPOLLOUT
_nap = monkey.get_original("time", "sleep")

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
        self._arrivals = ManyArrivals(clock=clock)
        self._epoll: Any = monkey.get_original("select", "epoll")()  # gevent takes it out of the module
        self._by_fd: dict[int, Readable] = {}
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._into = [self._view]
        self._waiter = Waiter()
        self._rests_until_s = 0.0
        self._slow_answers = 0
        """Turns until answers are waited for again."""
        self._has_stamps = False
        """What was read last had the kernel's time. Without (TLS), a nap would be in the time of every answer."""
        self._is_reading = False
        self.greenlet: gevent.Greenlet | None = None
        self.group = Group(clock)
        self.group.connections = self._by_fd
        self.reads = 0
        """System calls that brought bytes."""

    def __len__(self) -> int:
        return len(self._by_fd)

    def add(self, connection: Readable, *, wants_writable: bool = False) -> None:
        """Its socket is non-blocking and stays the same until `remove`. `wants_writable`: as `want_writable`."""
        fd = _fd_of(connection)
        self._by_fd[fd] = connection
        self._epoll.register(fd, select.EPOLLIN | (select.EPOLLOUT if wants_writable else 0))
        if self.greenlet is None:
            self.greenlet = gevent.spawn(self._run)

    def connections(self) -> Iterable[Readable]:
        """Those that are read for; not to be kept."""
        return self._by_fd.values()

    def has(self, connection: Readable) -> bool:
        return self._by_fd.get(_fd_of(connection)) is connection

    def hand_over(self, connection: Readable, to: Readable) -> None:
        """The same socket has another receiver from now on."""
        if self.has(connection):
            self._by_fd[_fd_of(connection)] = to

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

    def await_answers(self) -> None:
        """To several messages that have just gone out. They come within `SPACING_S` where the server is quick: one nap,
        and all of them are read, instead of a wake for each few. Where none came, the next turns do not wait."""
        if self.greenlet is None or self._is_reading or not self._has_stamps:
            return
        if self._slow_answers:
            self._slow_answers -= 1
        else:
            _nap(SPACING_S)
            self._slow_answers = 0 if self._read_ready() else TURNS_WITHOUT_A_NAP
        self._rests_until_s = self._clock() + SPACING_S

    def close(self) -> None:
        """Whatever is still read for ends with it."""
        if self.greenlet is not None:
            self.greenlet.kill(block=False)
            self.greenlet = None
        for member in self.group.connections.values():
            if getattr(member, "hears_with_others", False):  # its figures are where its socket's number leads
                member.hear_alone()
        for connection in self._by_fd.values():
            if connection.sock is not None:
                connection.sock.close()
        self._by_fd.clear()
        self._epoll.close()

    def _run(self) -> None:
        readable = get_hub().loop.io(self._epoll.fileno(), 1)
        readable.start(self._wake)
        try:
            while not self._epoll.closed:
                self._waiter.wait()
                if not self._epoll.closed:
                    number = self._read_ready()
                    self._rests_until_s = self._clock() + SPACING_S if number < MANY_AT_ONCE else 0.0
        finally:
            readable.stop()
            readable.close()

    def _wake(self) -> None:
        """In the hub, for as long as there is something."""
        rest_s = self._rests_until_s - self._clock()
        if rest_s > 0:
            _nap(rest_s)
        self._waiter.wake()

    def _read_ready(self) -> int:
        """Returns for how many there was something. Never while it is at it in another greenlet, which a receiver that
        blocks holds up: what each connection is told would not be in order."""
        if self._is_reading:
            return 0
        self._is_reading = True
        try:
            return self._read()
        finally:
            self._is_reading = False

    def _read(self) -> int:
        by_fd, clock, arrived_s = self._by_fd, self._clock, self._arrivals.arrived_s
        buffer, view, into, group = self._buffer, self._view, self._into, self.group
        receivers, width = group.receivers, len(group.receivers)
        for_many: dict[bytes, tuple[list[int], list[Control]]] = {}
        hears, has_control = list[int]().append, list[Control]().append
        last, last_size, reads = b"", -1, 0
        beside: Control = []
        ready = self._epoll.poll(0, MOST_AT_ONCE)
        ready.sort()  # in the order in which they came, so that who is told of most is read for first: see the tape
        for fd, event in ready:
            try:
                receive = receivers[fd] if fd < width and event == _READABLE else None
                is_member = receive is not None
                if receive is None:
                    connection = by_fd.get(fd)  # gone if another one's bytes led to its end
                    if connection is None:
                        continue
                    if event & _WRITABLE:
                        connection.on_writable()
                        if event == _WRITABLE or by_fd.get(fd) is not connection:
                            continue
                    receive = connection.sock.recvmsg_into
                try:
                    size, control, _, _ = receive(into, STAMP_BYTES)
                    if is_member and size == last_size and buffer.startswith(last):
                        hears(fd)  # no copy and no hash of what the last one had
                        has_control(control)
                        continue
                except (BlockingIOError, InterruptedError):
                    continue
                except OSError as error:
                    by_fd[fd].on_end(error.strerror or type(error).__name__)
                    continue
                if not size:
                    by_fd[fd].on_end("the other side closed the connection without a close frame")
                    continue
                beside = control
                if not is_member or size == READ_BYTES:  # cut in the middle, where nobody else's is
                    reads += 1
                    by_fd[fd].on_bytes(view[:size].tobytes(), arrived_s(control, clock()))
                    continue
                last, last_size = view[:size].tobytes(), size
                same = for_many.get(last)
                if same is None:
                    same = for_many[last] = [], []
                hears, has_control = same[0].append, same[1].append
                hears(fd)
                has_control(control)
            except Exception:
                connection = by_fd.get(fd)
                log.exception("fault while reading for %r; it is taken for lost", connection)
                if connection is not None:
                    connection.on_end("a fault of this client")
        reads += sum(len(fds) for fds, _ in for_many.values())
        if reads:
            self.reads += reads
            self._has_stamps = bool(beside)
        for chunk, (fds, controls) in for_many.items():
            group.take(chunk, fds, self._arrivals.arrived_many_s(controls, clock()))
        return len(ready)


def _fd_of(connection: Readable) -> int:
    return -1 if connection.sock is None else connection.sock.fileno()
