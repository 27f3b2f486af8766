"""The restart in the middle of a run, on processes that are no servers but say what becomes of them."""

import shlex
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import gevent
import psutil
import pytest

from loadtest.measure.metrics import RESTARTS, RESTARTS_ASKED_FOR, RESTARTS_FAILED
from loadtest.results.exit_codes import UsageError
from loadtest.workload.load_options import LoadOptions
from loadtest.workload.restart import Restart, check_restart, is_alive
from tests.patience import PATIENCE_S

SCRIPT = "import os, sys, time; print('up', os.environ['WHO'], flush=True); time.sleep(30)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdout=out, cwd=tmp_path, env={"WHO": "ada", "PATH": "/usr/bin"}
        )
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def address() -> Iterator[str]:
    """Somebody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address at which nobody answers: the port is taken, so that no other test's server gets it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def until(holds, what: str) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError(f"not in time: {what}")):
        while not holds():
            gevent.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whoever reaped it: gevent reaps all children of a process once it has started one itself."""
    try:
        return not is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def begin(host: str, **how: object) -> tuple[Restart, Counter[str]]:
    counted: Counter[str] = Counter()
    options = LoadOptions(shape="restart", restart_at_s=0.01, **how)  # type: ignore[arg-type]
    restart = Restart(options, hosts=[host], count=lambda name: counted.update([name]), note=NOTED.append)
    NOTED.clear()
    restart.plan()
    return restart, counted


NOTED: list[str] = []
"""What the last one said, when it happened."""


def test_a_process_is_ended_and_started_again_as_it_was(process: subprocess.Popen[bytes], tmp_path: Path, address: str):
    out = tmp_path / "out"
    until(lambda: out.read_text() == "up ada\n", "it runs")
    restart, counted = begin(address, restart_pid=process.pid)
    until(lambda: out.read_text() == "up ada\nup ada\n", "it runs again, with its environment and its file")
    assert has_ended(process.pid), "another process: the first one has ended"
    until(lambda: counted == {RESTARTS: 1}, "it is counted")
    assert NOTED == ["restart of the server", "the server listens again"]
    assert restart.started is not None
    assert (restart.in_place_of(process.pid), restart.in_place_of(1)) == (restart.started.pid, None)
    restart.started.kill()
    restart.started.wait()


def test_a_command_restarts_it(tmp_path: Path, address: str):
    _, counted = begin(address, restart_command=f"touch {shlex.quote(str(tmp_path / 'it is done'))}")
    until((tmp_path / "it is done").exists, "the command ran")
    until(lambda: counted == {RESTARTS: 1}, "it is counted")


def test_a_server_that_comes_back_elsewhere_is_not_back(
    nowhere: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("loadtest.workload.restart.BACK_TIMEOUT_S", 0.05)
    _, counted = begin(nowhere, restart_command="true")
    until(lambda: counted == {RESTARTS_FAILED: 1}, "it is no restart")
    assert f"not restarted: nothing answers at {nowhere} after 0.05 s (one on port 0" in caplog.text


def test_a_server_that_is_asked_for_as_the_time_runs_out_is_not_back(nowhere: str, monkeypatch: pytest.MonkeyPatch):
    def refuse_slowly(*_: object, **__: object) -> socket.socket:
        gevent.sleep(0.2)
        raise ConnectionRefusedError

    monkeypatch.setattr("loadtest.workload.restart.BACK_TIMEOUT_S", 0.05)
    monkeypatch.setattr("loadtest.workload.restart.socket.create_connection", refuse_slowly)
    _, counted = begin(nowhere, restart_command="true")
    until(lambda: counted == {RESTARTS_FAILED: 1}, "it is no restart")


def test_a_server_that_ends_at_once_is_not_back(nowhere: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    script = f"import pathlib, time; pathlib.Path({str(tmp_path / 'once')!r}).mkdir(); time.sleep(30)"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as process:
        until((tmp_path / "once").exists, "it runs")
        _, counted = begin(nowhere, restart_pid=process.pid)
        until(lambda: counted == {RESTARTS_FAILED: 1}, "it is no restart")
    assert "not restarted: the new process ended with exit code 1." in caplog.text


def test_a_run_that_ends_before_the_server_is_back_says_so(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    go_on = tmp_path / "go on"
    wait = f"until [ -e {shlex.quote(str(go_on))} ]; do sleep 0.01; done"
    restart, counted = begin(address, restart_command=shlex.join(["sh", "-c", wait]))
    until(lambda: NOTED, "it has begun")
    restart.call_off()
    assert counted == {RESTARTS_FAILED: 1}
    assert "not restarted: it was not back when the run ended" in caplog.text
    go_on.touch()
    assert restart._greenlet is not None
    restart._greenlet.join(PATIENCE_S)
    assert counted == {RESTARTS_FAILED: 1}, "told once"


@pytest.mark.parametrize(
    ("how", "says", "counts"),
    [
        ({}, "Restart the server now", RESTARTS_ASKED_FOR),
        ({"restart_command": "false"}, "not restarted: the command ended with exit code 1.", RESTARTS_FAILED),
        ({"restart_command": "/nowhere/at all"}, "was not restarted: ", RESTARTS_FAILED),
    ],
)
def test_what_it_cannot_do_it_says(
    how: dict[str, str], says: str, counts: str, address: str, caplog: pytest.LogCaptureFixture
):
    _, counted = begin(address, **how)
    until(lambda: says in caplog.text, says)
    until(lambda: counted == {counts: 1}, "and is no restart")


def test_a_run_that_ends_before_calls_it_off(caplog: pytest.LogCaptureFixture):
    restart, counted = begin("http://127.0.0.1:9")
    restart.call_off()
    gevent.sleep(0.03)
    assert not counted


def test_a_process_that_is_not_there_is_a_usage_error():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(UsageError, match=r"no process has the id \d+\."):
        check_restart(LoadOptions(shape="restart", restart_pid=gone.pid))
