"""What a real process tells its service manager: a socket of our own stands in for systemd's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.patience import PATIENCE_S
from tests.process.clients import call, wait_until

pytestmark = pytest.mark.system


@contextmanager
def manager(address: str | bytes) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(PATIENCE_S)
        yield listening


def next_word(listening: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in listening.recv(4096).decode().split("\n"))


def until(listening: socket.socket, key: str) -> dict[str, str]:
    while key not in (word := next_word(listening)):
        pass
    return word


def until_nothing_waits(listening: socket.socket) -> None:
    """What was said while this process waited for a core came in a bunch."""
    patience_s = listening.gettimeout()
    listening.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            next_word(listening)
    listening.settimeout(patience_s)


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_manager_hears_ready_watchdog_reloading_and_stopping(is_abstract: bool, tmp_path: Path) -> None:
    name = f"{tmp_path}/notify" if not is_abstract else f"@lobby-test-{os.getpid()}-{time.monotonic_ns()}"
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}
    with manager("\0" + name[1:] if is_abstract else name) as listening:
        target = Target(data_dir=tmp_path, environment=environment)
        with target.running():
            ready = next_word(listening)
            assert ready["READY"] == "1"
            assert str(target.port) in ready["STATUS"]
            began_s = time.monotonic()  # first: a pause of this process counts, and what is said in it does not
            until_nothing_waits(listening)
            for _ in range(4):
                assert until(listening, "WATCHDOG") == {"WATCHDOG": "1"}
            assert time.monotonic() - began_s > 0.75  # half the interval between two, not a flood
            os.kill(target.pid, signal.SIGHUP)
            reloading = until(listening, "RELOADING")
            assert 0 < int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert until(listening, "READY")["READY"] == "1"
            os.kill(target.pid, signal.SIGTERM)
            assert until(listening, "STOPPING")["STOPPING"] == "1"
            assert target.process is not None
            assert target.process.wait(PATIENCE_S) == 0


def test_reload_during_the_delay_of_a_stop_does_not_say_ready_again(tmp_path: Path) -> None:
    name = f"{tmp_path}/notify"
    with manager(name) as listening:
        flags = ("--shutdown-delay-s", "2")
        target = Target(data_dir=tmp_path / "data", environment={"NOTIFY_SOCKET": name}, flags=flags)
        with target.running():
            until(listening, "READY")
            os.kill(target.pid, signal.SIGTERM)
            until(listening, "STOPPING")
            os.kill(target.pid, signal.SIGHUP)
            assert target.process is not None
            assert target.process.wait(PATIENCE_S) == 0
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            next_word(listening)  # nothing came behind STOPPING


def test_stopped_process_gives_no_sign_of_life(tmp_path: Path) -> None:
    name = f"{tmp_path}/notify"
    with manager(name) as listening:
        target = Target(data_dir=tmp_path, environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})
        with target.running():
            until(listening, "WATCHDOG")
            os.kill(target.pid, signal.SIGSTOP)
            listening.settimeout(0.6)
            with pytest.raises(TimeoutError):
                until(listening, "nothing of the kind")  # what was under way comes, and then no more
            os.kill(target.pid, signal.SIGCONT)
            listening.settimeout(PATIENCE_S)
            until(listening, "WATCHDOG")


@pytest.mark.parametrize(
    "environment",
    [
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "1000"},
        {"NOTIFY_SOCKET": "nonsense", "WATCHDOG_USEC": "often"},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
    ],
)
def test_manager_that_is_not_there_is_no_fault_of_the_server(environment: dict[str, str], tmp_path: Path) -> None:
    target = Target(data_dir=tmp_path, environment=environment)
    with target.running():
        wait_until(lambda: call(target, "GET", "/readyz").status == 200)
    assert "Traceback" not in target.log_path.read_text()
