"""Ctrl-C, wherever it meets the swarm: the run ends in order, and its results are written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.hub import get_hub

from bench.load.sockets.tokens import mint_receiver
from bench.processes.target import Target
from loadtest.results.exit_codes import ExitCode
from loadtest.run.interrupts import AGAIN, Interrupts
from tests.loadtest.swarms import ROOT, RUN_TIMEOUT_S
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.system

PLAYERS = 12
PLACES = ["a player", "the reader", "the timers", "a callback of the loop"]
INTERRUPTED = """
import os
import signal

from loadtest import swarm
from loadtest.locustfile import Player  # noqa: F401
from loadtest.wire import alarm, reader, timers

PLACES = {
    "the reader": (reader.SharedReader, "_read_ready"),
    "the timers": (timers.Timer, "fire"),
    "a callback of the loop": (alarm.Waiter, "wake"),
}


def interrupt_once(owner, name):
    as_it_was, is_over = getattr(owner, name), []

    def interrupted(*arguments):
        if not is_over:  # whoever holds this method may call it again
            is_over.append(True)
            signal.raise_signal(signal.SIGINT)
        return as_it_was(*arguments)

    setattr(owner, name, interrupted)


@swarm.role("interrupting")
class Interrupting(swarm.Browser):
    wheres = [os.environ["INTERRUPTED_IN"]]

    @classmethod
    def schedule(cls, options, rng):
        for number in range(1000):
            yield swarm.Intent(2.0 + 0.1 * number, cls.act)

    def act(self, at_s, choice):
        if self.swarm.recorder.connections.established < int(os.environ["INTERRUPTED_WITH"]):
            return  # again, until all are there
        where = self.wheres.pop() if self.wheres else "nowhere"  # one of them, once
        if where in PLACES:
            interrupt_once(*PLACES[where])
        elif where == "a player":
            signal.raise_signal(signal.SIGINT)
"""
PLAIN = """
import gevent
from locust import User, task


class Plain(User):
    @task
    def ask(self):
        self.environment.events.request.fire(
            request_type="GET", name="asked of nobody", response_time=1.0, response_length=0,
            exception=None, context={},
        )
        print("asked", flush=True)
        gevent.sleep(3600)
"""


def test_run_that_is_interrupted_anywhere_ends_and_leaves_its_results(tmp_path: Path):
    (tmp_path / "interrupting.py").write_text(INTERRUPTED)
    command = [sys.executable, "-m", "loadtest", "-f", "interrupting.py", "--headless", "--accept-invalid"]
    command += ["--mix", "interrupting=1,host=1", "-u", str(PLAYERS), "-r", "50", "--heartbeat-interval-s", "0.2"]
    command += ["--room-interval-s", "fixed:2", "--room-lifetime-s", "fixed:1.9"]  # those that are left are deleted
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "INTERRUPTED_WITH": str(PLAYERS)}
    with Target(flags=["--auth-rate-per-min", "0"]) as target:
        runs = {}
        for number, where in enumerate(PLACES):
            tokens = tmp_path / f"tokens {number}"
            tokens.write_text(
                "".join(f"{mint_receiver(target.jwt_secret, 100 * number + each).token}\n" for each in range(PLAYERS))
            )
            runs[where] = subprocess.Popen(
                [*command, "--host", target.http_url, "--tokens", str(tokens), "--run-dir", f"run {number}"],
                cwd=tmp_path, env={**environment, "INTERRUPTED_IN": where},
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        try:
            said = {where: run.communicate(timeout=RUN_TIMEOUT_S)[1] for where, run in runs.items()}
        finally:
            for run in runs.values():
                run.kill()
    for number, where in enumerate(PLACES):
        assert runs[where].returncode == 0, f"{where}: {said[where]}"
        assert "Traceback" not in said[where], f"{where}: {said[where]}"
        saved = json.loads((tmp_path / f"run {number}/run.json").read_text())
        assert saved["is_over"], where
        assert saved["events"]["connections established"] == PLAYERS, where
        assert (tmp_path / f"run {number}/run.html").exists(), where


def test_run_of_a_locustfile_without_the_swarm_ends_as_locusts_do_with_table_and_report(tmp_path: Path):
    (tmp_path / "plain.py").write_text(PLAIN)
    command = [sys.executable, "-m", "loadtest", "-f", "plain.py", "--headless", "--only-summary"]
    command += ["--html", "plain.html"]
    run = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        first = run.stdout.readline()
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=RUN_TIMEOUT_S)[1]
    finally:
        run.kill()
    assert first == "asked\n", said
    assert run.returncode == 0, said
    table = said.partition("Shutting down")[2]
    assert "asked of nobody" in table
    assert "Aggregated" in table
    assert "asked of nobody" in (tmp_path / "plain.html").read_text()


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    obeying = Interrupts(is_worth_ending=lambda: True)
    obeying.obey()
    yield obeying
    signal.signal(signal.SIGINT, before)


def test_greenlet_that_is_interrupted_goes_on_while_the_main_one_is_told(interrupts: Interrupts):
    went_on = []

    def act() -> None:
        signal.raise_signal(signal.SIGINT)
        went_on.append("act")

    acting = gevent.spawn(act)
    with pytest.raises(KeyboardInterrupt):
        gevent.sleep(PATIENCE_S)
    acting.join()
    assert went_on == ["act"]


def test_watcher_whose_callback_is_interrupted_is_not_stopped(interrupts: Interrupts):
    reader, writer = os.pipe()
    seen, watcher = [], get_hub().loop.io(reader, 1)

    def on_readable() -> None:
        seen.append(os.read(reader, 1))
        if len(seen) == 1:
            signal.raise_signal(signal.SIGINT)

    watcher.start(on_readable)
    try:
        os.write(writer, b"1")
        with pytest.raises(KeyboardInterrupt):
            gevent.sleep(PATIENCE_S)
        os.write(writer, b"2")
        with gevent.Timeout(PATIENCE_S):
            while len(seen) < 2:
                gevent.sleep(0.001)
    finally:
        watcher.stop()
        watcher.close()
        os.close(reader)
        os.close(writer)
    assert seen == [b"1", b"2"]


def test_greenlet_may_obey_for_the_program_though_gevent_calls_it_a_thread():
    """A worker does when the first interrupt comes, wherever that is."""
    code = (
        "from gevent import monkey; monkey.patch_all()\nimport gevent, signal\n"
        "from loadtest.run.interrupts import Interrupts\n"
        "gevent.spawn(Interrupts(is_worth_ending=lambda: True).obey).join()\nprint(signal.getsignal(signal.SIGINT))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert "Interrupts._on_signal" in done.stdout, done.stdout + done.stderr


def test_second_interrupt_ends_the_program_and_a_third_one_kills_it(
    interrupts: Interrupts, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGINT)
    assert ended.value.code == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == f"{AGAIN}\n"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_interrupt_before_there_is_a_run_ends_the_program_without_a_word(capsys: pytest.CaptureFixture[str]):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        Interrupts(is_worth_ending=lambda: False).obey()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None], ids=["ignored", "somebody else's"])
def test_interrupts_that_are_ignored_or_taken_by_somebody_else_stay_so(handler: signal.Handlers):
    before = signal.signal(signal.SIGINT, handler)
    try:
        Interrupts(is_worth_ending=lambda: True).obey()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
