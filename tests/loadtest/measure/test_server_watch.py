"""The server as a process of this machine: what it, its children and its backlog are seen to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psutil
import pytest

from loadtest.measure.processes import server_watch
from loadtest.measure.processes.server_watch import ServerWatch
from loadtest.measure.processes.stat_lines import STATE, StatLines
from tests.loadtest.fakes import wait_for

WITH_A_WORKER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(worker.pid, flush=True)
worker.wait()
"""


WAITS_IN_THE_KERNEL = """
import os, sys, threading

def begin():
    print(flush=True)
    sys.stdin.readline()
    wait = [(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)]  # until somebody writes there
    os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}, file_actions=wait)

if sys.argv[2] == "leader":
    begin()
else:
    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
"""


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """The ids of a process and of its worker."""
    with subprocess.Popen([sys.executable, "-c", WITH_A_WORKER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        try:
            yield process.pid, worker
        finally:
            for pid in (worker, process.pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("which", [0, 1], ids=["the process", "its worker"])
def test_a_process_of_the_server_that_is_stopped_is_a_stopped_server(server: tuple[int, int], which: int) -> None:
    watch, began_s = ServerWatch(server[0]), time.perf_counter()
    watch.glance(began_s)
    assert watch.state.stopped_s == 0.0
    os.kill(server[which], signal.SIGSTOP)
    wait_for(lambda: psutil.Process(server[which]).status() == psutil.STATUS_STOPPED)
    watch.glance(began_s + 2.0)
    assert watch.state.stopped_s == pytest.approx(2.0)
    assert (watch.state.gone_s, watch.is_gone) == (0.0, False)


@pytest.mark.parametrize("is_leader", [True, False], ids=["the thread that answers", "another thread"])
def test_a_server_of_which_a_thread_waits_as_for_a_disk_is_told(tmp_path: Path, *, is_leader: bool) -> None:
    """The kernel shows a thread that waits for its child to begin as it shows one that waits for a disk."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command = [sys.executable, "-c", WAITS_IN_THE_KERNEL, str(gate), "leader" if is_leader else "other"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process,
        ExitStack() as stack,
    ):
        stack.callback(lambda: os.close(os.open(gate, os.O_RDWR | os.O_NONBLOCK)))  # nobody waits there for ever
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        watch, began_s = ServerWatch(process.pid), time.perf_counter()
        watch.glance(began_s)
        assert watch.state.on_disk_s == 0.0
        process.stdin.write(b"\n")
        looks = count(1)

        def is_told() -> bool:
            watch.glance(began_s + next(looks))
            return watch.state.on_disk_s > 0.0

        wait_for(is_told, what="that it waits for a disk")
        seen_s = watch.state.on_disk_s
        with gate.open("wb"):
            process.wait()
        assert seen_s == pytest.approx(1.0)
        watch.glance(began_s + next(looks))
    assert watch.is_gone
    assert (watch.state.on_disk_s, watch.state.stopped_s) == (seen_s, 0.0)


def test_cpu_of_a_moment_is_told_with_that_of_the_second_after_it() -> None:
    """A run finds its server at any time of a second. The first share of it was one of a few ms."""
    watch, until_s = ServerWatch(os.getpid()), time.process_time() + 0.05
    began_s = watch._looked_s
    while time.process_time() < until_s:
        pass  # five of the hundredths that the kernel counts
    watch.look(began_s + 0.01)
    assert watch.cpu_shares == []
    watch.look(began_s + 1.01)
    [share] = watch.cpu_shares
    assert share > 0.02


def test_connections_that_a_full_backlog_has_no_room_for_are_counted() -> None:
    if server_watch._overflows_beside(os.getpid()) is None:
        pytest.skip("this system does not tell")
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        watch = ServerWatch(os.getpid())
        for _ in range(4):  # one or two have room
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        wait_for(lambda: watch.look(time.perf_counter()) or watch.state.overflows, what="an overflow")
    assert watch.state.overflows >= 1


def test_thread_that_begins_later_is_looked_at_and_one_that_has_ended_is_not() -> None:
    """The lines come from files that stay open."""
    began, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        go_on.wait()

    lines, thread = StatLines(os.getpid()), threading.Thread(target=wait)
    lines.has_a_thread_in("-", lines.read())
    thread.start()
    began.wait()
    wait_for(
        lambda: lines.has_a_thread_in("S", lines.read()) and str(thread.native_id) in lines._threads,
        what="a thread that sleeps",
    )
    go_on.set()
    thread.join()
    wait_for(lambda: not lines.has_a_thread_in("-", lines.read()) and str(thread.native_id) not in lines._threads)


def test_lines_of_a_process_leave_no_open_file(server: tuple[int, int]) -> None:
    before = _open_files()
    watch: ServerWatch | None = ServerWatch(server[0])
    assert watch is not None
    watch.glance(time.perf_counter())
    assert _open_files() - before == {f"/proc/{pid}/stat" for pid in server}
    watch = None
    assert _open_files() == before


def test_process_that_is_gone_has_no_line_whoever_has_its_id() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lines = StatLines(process.pid)
        assert lines.read()[STATE] in "RSD"
    assert lines.read() == []
    assert not lines.has_a_thread_in("S", lines.read())


def _open_files() -> set[str]:
    return {name for file in os.scandir("/proc/self/fd") if (name := os.readlink(file.path)).endswith("/stat")}
