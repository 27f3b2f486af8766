"""One call of Linux for a write to each of many sockets: its native asynchronous I/O (io_submit(2)), by way of the C
library.

On a socket that does not block, each write is done when the call returns, with the manners of ``send``. What it saves
is all that Python does for a ``send``, and the lock of the interpreter: it is let go once for many writes, so that a
second thread can make writes at the same time on another core. io_uring would do the same; systems that run
containers often forbid it, and allow this.

A helper is a thread that takes a part of the writes off the calling one. What it has not begun, the calling thread does
by itself; but a helper that has begun and then lost its core to other work is waited for. Where that happens there is
no core to spare: the calling thread is alone for a while, and longer each time.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import cast

from lobby_server.service.ports import Fileno, Send

try:
    import ctypes
except (
    ImportError,
    MemoryError,
):  # a Python without it, or a system that forbids what an old libffi does at its import
    _HAS_CTYPES = False
else:
    _HAS_CTYPES = True

log = logging.getLogger("lobby.fanout")

MOST_AT_ONCE = 64
"""Writes per call: about 0.4 ms. Between two calls the threads see how much is left to do."""
LEAST_TO_SHARE = 2 * MOST_AT_ONCE
"""Fewer writes are not worth waking a helper."""
MOST_WAIT_S = 0.002
"""For a helper at the end of the writes: five times what the last call takes it on a core of its own."""
FIRST_TIME_ALONE_S, LONGEST_TIME_ALONE_S = 1.0, 64.0
"""Without helpers after a wait that was longer."""

_CALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Numbers of io_setup, io_destroy, io_getevents and io_submit, by machine (syscalls(2))."""
_WRITE = 1
"""``IOCB_CMD_PWRITE`` of linux/aio_abi.h, which on a socket is a plain write."""
_REQUEST_BYTES, _RESULT_BYTES = 64, 32
"""Sizes of its ``struct iocb`` and ``struct io_event``."""

Short = list[tuple[int, int]]
"""Places of the writes that were not whole, and what was taken; below 0: the number of the error, negated."""


class KernelWrites:
    """`lobby_server.service.ports.ManyWrites`. `close` it; use it from one thread."""

    def __init__(self, *, helpers: int = 0) -> None:
        """Raises `OSError` where the system has no such calls, or does not allow them."""
        self._own = _Requests()
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._helpers: list[Thread] = []
        self._alone_until_s = 0.0
        self._alone_for_s = FIRST_TIME_ALONE_S / 2
        try:
            for number in range(helpers):
                requests = _Requests()
                helper = Thread(target=self._help, args=(requests,), name=f"fan-out-{number + 1}", daemon=True)
                helper.start()
                self._helpers.append(helper)
        except OSError:
            self.close()
            raise

    @property
    def threads(self) -> int:
        return 1 + len(self._helpers)

    def fileno_of(self, send: Send) -> Fileno | None:
        owner = getattr(send, "__self__", None)
        return owner.fileno if type(owner) is socket.socket and send == owner.send else None

    def write(self, descriptors: array[int], data: bytes) -> Short:
        work = _Work(descriptors, data)
        if len(descriptors) < LEAST_TO_SHARE or not self._helpers or time.monotonic() < self._alone_until_s:
            work.do(self._own)
            return work.short
        for _ in self._helpers:
            self._work.put(work)
        work.do(self._own)
        done_s = time.monotonic()
        work.wait()
        self._judge(time.monotonic() - done_s)
        return work.short

    def close(self) -> None:
        for _ in self._helpers:
            self._work.put(None)
        for helper in self._helpers:
            helper.join()
        self._helpers = []
        self._own.close()

    def _judge(self, waited_s: float) -> None:
        """Whether there is a core for helpers, by how long they were waited for."""
        if waited_s > MOST_WAIT_S:
            self._alone_for_s = min(LONGEST_TIME_ALONE_S, 2 * self._alone_for_s)
            self._alone_until_s = time.monotonic() + self._alone_for_s
        else:
            self._alone_for_s = max(FIRST_TIME_ALONE_S / 2, self._alone_for_s / 2)

    def _help(self, requests: _Requests) -> None:
        while (work := self._work.get()) is not None:
            work.help(requests)
        requests.close()


class _Work:
    """Writes that several threads make: each takes the next few until none are left."""

    def __init__(self, descriptors: array[int], data: bytes) -> None:
        self._descriptors = descriptors
        self._data = data
        self._left = deque(range(0, len(descriptors), MOST_AT_ONCE))
        self._begun = Lock()
        self._begun_by: list[Lock] = []
        self._is_over = False
        self._fault: Exception | None = None
        self.short: Short = []

    def do(self, requests: _Requests) -> None:
        while True:
            try:
                first = self._left.popleft()
            except IndexError:
                return
            some = self._descriptors[first : first + MOST_AT_ONCE]
            self.short += [(first + place, taken) for place, taken in requests.write(some, self._data)]

    def help(self, requests: _Requests) -> None:
        """The same in a helper; nothing, if that came too late."""
        ended = Lock()
        with self._begun:
            if self._is_over:
                return
            ended.acquire()
            self._begun_by.append(ended)
        try:
            self.do(requests)
        except Exception as fault:  # of the calling thread, which raises it
            self._fault = fault
        finally:
            ended.release()

    def wait(self) -> None:
        """Return when those who have begun are done; nobody else begins. Raises what they came upon."""
        with self._begun:
            self._is_over = True
        for ended in self._begun_by:
            ended.acquire()
        if self._fault is not None:
            raise self._fault


class _Requests:
    """The memory of one thread's calls: requests that differ in the descriptor only, and their results."""

    def __init__(self) -> None:
        setup, self._destroy, self._get_events, self._submit = _numbers()
        self._calls = _calls()
        handle = ctypes.c_ulong(0)
        self._checked(self._calls(setup, MOST_AT_ONCE, ctypes.addressof(handle), 0, 0, 0))
        self._handle = handle.value
        # Arrays of Python, because those of ctypes cannot be looked at in words of another size.
        self._requests = array("Q", bytes(MOST_AT_ONCE * _REQUEST_BYTES))
        self._results = array("q", bytes(MOST_AT_ONCE * _RESULT_BYTES))
        first = self._requests.buffer_info()[0]
        self._pointers = array("Q", range(first, first + MOST_AT_ONCE * _REQUEST_BYTES, _REQUEST_BYTES))
        self._pointers_at, self._results_at = self._pointers.buffer_info()[0], self._results.buffer_info()[0]
        words = memoryview(self._requests)
        halves = words.cast("B").cast("i")
        halves[4::16] = memoryview(array("i", [_WRITE]) * MOST_AT_ONCE)
        self._to, self._from, self._sizes = halves[5::16], words[3::8], words[4::8]
        self._taken = memoryview(self._results)[2::4]
        self._data = b""

    def write(self, descriptors: array[int], data: bytes) -> Short:
        """At most `MOST_AT_ONCE`."""
        count, size = len(descriptors), len(data)
        if data is not self._data:
            self._data = data  # held for as long as the requests name its address
            address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
            self._from[:] = memoryview(array("Q", [address]) * MOST_AT_ONCE)
            self._sizes[:] = memoryview(array("Q", [size]) * MOST_AT_ONCE)
        self._to[:count] = memoryview(descriptors)
        taken = self._made(0, count)
        while len(taken) < count:  # the next one could not even be begun, its socket is closed
            taken.append(-ctypes.get_errno())
            taken += self._made(len(taken), count)
        if taken.count(size) == count:
            return []
        return [(place, each) for place, each in enumerate(taken) if each != size]

    def close(self) -> None:
        self._calls(self._destroy, self._handle, 0, 0, 0, 0)

    def _made(self, first: int, end: int) -> list[int]:
        """What was taken by requests from the `first` on; it stops at one that cannot be begun, whose error is set."""
        if first == end:
            return []
        made = self._calls(self._submit, self._handle, end - first, self._pointers_at + 8 * first, 0, 0)
        if made <= 0:
            return []
        self._checked(self._calls(self._get_events, self._handle, made, made, self._results_at, 0))
        taken = self._taken[:made].tolist()
        return taken if first + made == end else taken + self._made(first + made, end)

    @staticmethod
    def _checked(result: int) -> None:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def open_kernel_writes(*, helpers: int = 0) -> KernelWrites | None:
    """None: the system has no such calls, forbids them, or does something else with them than is needed here."""
    try:
        writes = KernelWrites(helpers=helpers)
    except (OSError, AttributeError) as fault:
        log.debug("each socket gets a call of its own: %s", fault)
        return None
    if _works(writes):
        return writes
    writes.close()
    return None


def _works(writes: KernelWrites) -> bool:
    """Whether a write comes through, and one to a closed socket is told as an error at its place."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.settimeout(1.0)
        closed = os.dup(here.fileno())
        os.close(closed)
        try:
            short = writes.write(array("i", [here.fileno(), closed, here.fileno()]), b"ready")
            return [place for place, _ in short] == [1] and there.recv(16) == b"readyready"
        except OSError:
            return False


def _numbers() -> tuple[int, int, int, int]:
    numbers = _CALLS.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 1 << 32 else None
    if numbers is None or sys.byteorder != "little" or not _HAS_CTYPES:
        raise OSError("this system has no such calls, or others than are known here")
    return numbers


def _calls() -> Callable[..., int]:
    """``syscall(2)``, which lets go of the interpreter's lock; six words whatever the call takes."""
    calls = ctypes.CDLL(None, use_errno=True).syscall
    calls.restype = ctypes.c_long
    calls.argtypes = [ctypes.c_long] * 6
    return cast("Callable[..., int]", calls)
