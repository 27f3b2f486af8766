"""The server as a process of this machine: what it, its children and its backlog are seen to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from loadtest.measure.processes import server_watch
from loadtest.measure.processes.server_watch import ServerWatch
from tests.loadtest.fakes import wait_for

WITH_A_WORKER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(worker.pid, flush=True)
worker.wait()
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


def test_a_server_that_waits_for_its_disk_is_told_and_one_that_has_ended_is_gone(
    server: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, began_s = ServerWatch(server[0]), time.perf_counter()
    watch.glance(began_s)
    stat_of = server_watch._stat_of
    monkeypatch.setattr(server_watch, "_stat_of", lambda pid: ["D", *stat_of(pid)[1:]])
    watch.glance(began_s + 1.5)
    assert watch.state.on_disk_s == pytest.approx(1.5)
    monkeypatch.setattr(server_watch, "_stat_of", lambda pid: [])
    watch.glance(began_s + 2.0)
    assert (watch.state.gone_s, watch.is_gone) == (pytest.approx(0.5), True)
    assert watch.state.stopped_s == 0.0


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
