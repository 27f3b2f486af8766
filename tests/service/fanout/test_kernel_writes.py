"""Writes to many sockets in one call: over real TCP they do what ``send`` does, on one thread and on two."""

from __future__ import annotations

import errno
import os
import socket
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from lobby_server.process import kernel_writes
from lobby_server.process.kernel_writes import (
    FIRST_TIME_ALONE_S,
    MOST_AT_ONCE,
    KernelWrites,
    _Requests,
    _Work,
    open_kernel_writes,
)
from lobby_server.service.fanout.in_step import InStep
from lobby_server.service.fanout.profile import Profile
from lobby_server.service.fanout.subscriber import Subscriber
from lobby_server.service.fanout.writes import LEAST_AT_ONCE, OVER, short_writes
from lobby_server.service.ports import Send

pytestmark = pytest.mark.skipif(open_kernel_writes() is None, reason="this system has no such calls")


class SocketOutlet:
    """A bare socket as the fan-out sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.send: Send = sock.send

    def watch_writable(self, callback: Callable[[], None] | None) -> None:
        pass


FRAME = b"\x81\x10sixteen bytes ok"
CROWD = 5 * MOST_AT_ONCE + 7
"""Several calls for each of two threads, the last one not full."""
SMALL_BUFFER = 4096


@pytest.fixture(params=[0, 1], ids=["one thread", "two threads"])
def writes(request: pytest.FixtureRequest) -> Iterator[KernelWrites]:
    opened = open_kernel_writes(helpers=request.param)
    assert opened is not None
    assert opened.threads == 1 + request.param
    yield opened
    opened.close()


class Crowd:
    """Pairs of connected sockets over loopback TCP: ours do not block."""

    def __init__(self, count: int) -> None:
        self.ours: list[socket.socket] = []
        self.theirs: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:
            for _ in range(count):
                theirs = socket.socket()
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
                theirs.settimeout(10)
                theirs.connect(listener.getsockname())
                ours, _ = listener.accept()
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
                ours.setblocking(False)
                self.ours.append(ours)
                self.theirs.append(theirs)

    @property
    def descriptors(self) -> array[int]:
        return array("i", [each.fileno() for each in self.ours])

    def close(self) -> None:
        for each in (*self.ours, *self.theirs):
            each.close()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd(CROWD)
    yield made
    made.close()


def test_every_socket_gets_the_bytes_once(writes: KernelWrites, crowd: Crowd) -> None:
    for data in (FRAME, b"another one, and longer", FRAME):
        assert writes.write(crowd.descriptors, data) == []
        assert {each.recv(100) for each in crowd.theirs} == {data}
    assert writes.write(array("i"), FRAME) == []


def test_full_socket_tells_what_it_took_and_then_that_it_takes_nothing(writes: KernelWrites, crowd: Crowd) -> None:
    full, much = CROWD - 3, bytes(1 << 20)
    (place, taken), *others = writes.write(crowd.descriptors[full : full + 1], much)
    assert (place, others) == (0, [])
    assert 0 < taken < len(much)
    while (short := writes.write(crowd.descriptors[full : full + 1], much)) and short[0][1] > 0:
        taken += short[0][1]
    assert short == [(0, -errno.EAGAIN)]
    assert writes.write(crowd.descriptors, FRAME) == [(full, -errno.EAGAIN)]
    got = 0
    while got < taken:
        got += len(crowd.theirs[full].recv(1 << 20))
    assert got == taken
    assert {each.recv(100) for each in crowd.theirs if each is not crowd.theirs[full]} == {FRAME}


def test_connection_that_is_over_is_told_at_its_place_and_all_others_get_theirs(
    writes: KernelWrites, crowd: Crowd
) -> None:
    gone, closed = {0, 70, 71, CROWD - 1}, {1, 64, 200}
    for place in gone:
        crowd.ours[place].shutdown(socket.SHUT_WR)
    descriptors = crowd.descriptors
    for place in closed:
        descriptors[place] = os.dup(crowd.ours[place].fileno())
    for place in closed:
        os.close(descriptors[place])
    short = dict(writes.write(descriptors, FRAME))
    assert short == {**dict.fromkeys(gone, -errno.EPIPE), **dict.fromkeys(closed, -errno.EBADF)}
    rest = [each for place, each in enumerate(crowd.theirs) if place not in gone | closed]
    assert {each.recv(100) for each in rest} == {FRAME}


def test_helper_that_came_too_late_writes_nothing_and_is_not_waited_for(crowd: Crowd) -> None:
    own, late = _Requests(), _Requests()
    work = _Work(crowd.descriptors, FRAME)
    work.do(own)
    work.wait()
    work.help(late)
    assert {each.recv(100) for each in crowd.theirs} == {FRAME}
    for requests in (own, late):
        requests.close()


def test_helper_that_has_begun_is_waited_for(crowd: Crowd) -> None:
    begun, may_end = Event(), Event()

    class Slow(_Requests):
        def write(self, descriptors: array[int], data: bytes) -> list[tuple[int, int]]:
            begun.set()
            assert may_end.wait(10)
            return super().write(descriptors, data)

    own, slow = _Requests(), Slow()
    work = _Work(crowd.descriptors, FRAME)
    helper = Thread(target=work.help, args=(slow,))
    helper.start()
    assert begun.wait(10)
    work.do(own)
    waiter = Thread(target=work.wait)
    waiter.start()
    waiter.join(0.05)
    assert waiter.is_alive()
    may_end.set()
    waiter.join(10)
    assert {each.recv(100) for each in crowd.theirs} == {FRAME}
    helper.join()
    for requests in (own, slow):
        requests.close()


def test_helper_that_is_waited_for_too_long_has_a_rest_which_is_longer_each_time(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, shared, wait_s = 100.0, 0, 0.0

    class Shared(_Work):
        def wait(self) -> None:
            nonlocal now_s, shared
            shared += 1
            super().wait()
            now_s += wait_s

    monkeypatch.setattr(kernel_writes, "_Work", Shared)
    monkeypatch.setattr(kernel_writes, "time", SimpleNamespace(monotonic=lambda: now_s))
    writes = KernelWrites(helpers=1)

    def is_shared() -> bool:
        before = shared
        assert writes.write(crowd.descriptors, FRAME) == []
        return shared > before

    assert is_shared()
    assert is_shared()
    wait_s = 0.02
    for rest_s in (FIRST_TIME_ALONE_S, 2 * FIRST_TIME_ALONE_S, 4 * FIRST_TIME_ALONE_S):
        assert is_shared()
        now_s += rest_s * 0.99
        assert not is_shared()
        now_s += rest_s * 0.02
    wait_s = 0.0
    assert [is_shared() for _ in range(5)] == [True] * 5
    writes.close()


def test_fault_of_a_helper_is_raised_where_the_writes_were_asked_for(crowd: Crowd) -> None:
    class Failing(_Requests):
        def write(self, descriptors: array[int], data: bytes) -> list[tuple[int, int]]:
            raise OSError(errno.EIO, "a fault of the test")

    failing = Failing()
    work = _Work(crowd.descriptors, FRAME)
    work.help(failing)
    with pytest.raises(OSError, match="a fault of the test"):
        work.wait()
    failing.close()


def test_only_the_plain_send_of_a_socket_has_a_descriptor_and_only_while_it_is_open() -> None:
    writes = KernelWrites()
    here, there = socket.socketpair()
    with here, there:
        fileno = writes.fileno_of(here.send)
        assert fileno is not None
        assert fileno() == here.fileno() >= 0
        for other in (len, here.sendall, lambda data: len(data)):
            assert writes.fileno_of(other) is None  # type: ignore[arg-type]
    assert fileno() == -1
    writes.close()


def test_socket_that_was_closed_is_over_and_nothing_goes_to_what_has_its_descriptor_now(tmp_path: Path) -> None:
    """Whoever ends a session forgets it in the same turn; if not, its bytes must not end up in another file."""
    many = KernelWrites()
    row, pairs = InStep(many.fileno_of), [socket.socketpair() for _ in range(LEAST_AT_ONCE)]
    sessions = [Subscriber(SocketOutlet(ours), Profile()) for ours, _ in pairs]
    for session in sessions:
        row.join(session)
    with (tmp_path / "database").open("w+b") as database:
        closed = pairs[3][0].fileno()
        pairs[3][0].close()
        os.dup2(database.fileno(), closed)
        row.begin_walk()
        sends, first = row.walk(len(pairs))
        short = list(short_writes(row, sends, first, FRAME, many))
        assert short == [(sessions[3], OVER)]
        os.close(closed)
        assert database.read() == b""
    assert [theirs.recv(100) for place, (_, theirs) in enumerate(pairs) if place != 3] == [FRAME] * (len(pairs) - 1)
    for pair in pairs:
        for each in pair:
            each.close()
    many.close()


def test_system_without_the_calls_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_writes, "_CALLS", {})
    assert open_kernel_writes(helpers=1) is None


def test_system_that_tells_something_else_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Requests, "write", lambda *_: [])
    assert open_kernel_writes(helpers=1) is None
