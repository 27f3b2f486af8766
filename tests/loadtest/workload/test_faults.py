"""Faults as they are written, checked, and brought about on processes that are no servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import psutil
import pytest

from loadtest.measure.metrics import FAULTS, FAULTS_FAILED
from loadtest.measure.run_facts import FaultFacts
from loadtest.results.exit_codes import UsageError
from loadtest.workload.breaking import Faults
from loadtest.workload.faults import Fault, check_faults, check_time_of_faults, read_fault
from tests.loadtest.workload.test_restart import has_ended
from tests.patience import PATIENCE_S

SCRIPT = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=out, cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


class Told:
    """What faults say of themselves."""

    def __init__(self) -> None:
        self.facts: list[FaultFacts] = []
        self.counts: Counter[str] = Counter()
        self.windows: dict[float, float | None] = {}

    def begin(self, *faults: Fault) -> Faults:
        begun = Faults(
            faults,
            recovery_s=30.0,
            facts=self.facts,
            count=lambda name: self.counts.update([name]),
            disturb=self.windows.__setitem__,
        )
        begun.plan()
        return begun


def until(holds: Callable[[], object], what: str) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError(f"not in time: {what}")):
        while not holds():
            gevent.sleep(0.01)


def status_of(process: subprocess.Popen[bytes]) -> str:
    return psutil.Process(process.pid).status()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kill:4711@60", Fault(name="kill 4711", kind="kill", at_s=60.0, pid=4711)),
        ("node b=freeze:12@1.5+10", Fault(name="node b", kind="freeze", at_s=1.5, lasts_s=10.0, pid=12)),
        ("restart:12@60+2", Fault(name="restart 12", kind="restart", at_s=60.0, lasts_s=2.0, pid=12)),
        (
            "cut=run:ip link set va down@9+3",
            Fault(name="cut", kind="run", at_s=9.0, lasts_s=3.0, command="ip link set va down"),
        ),
    ],
)
def test_fault_is_read_as_it_is_written(text: str, fault: Fault) -> None:
    assert read_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("explode:12@60", "--fault explode:12@60 is no fault: write "),
        ("kill:12", "--fault kill:12 is no fault: write "),
        ("kill:lobby@60", "--fault kill:lobby@60: lobby is no process id; write "),
        ("kill:1@60", "--fault kill:1@60: 1 is no process id; write "),
        ("kill:12@60+5", "what is killed stays so; restart:12@60+5 starts it again."),
        ("freeze:12@60", "say for how long it is frozen, such as freeze:12@60+10."),
        ("kill:12@6.0.0", "its times are seconds, such as @60+10."),
    ],
)
def test_fault_that_is_written_wrong_gets_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_fault(text)
    assert sentence in str(refused.value)


def test_fault_on_a_process_that_is_not_there_or_the_swarm_itself_is_refused() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(UsageError, match=f"no process has the id {gone.pid}"):
        check_faults([read_fault(f"kill:{gone.pid}@1")])
    with pytest.raises(UsageError, match="is the swarm itself"):
        check_faults([read_fault(f"kill:{os.getpid()}@1")])


def test_process_that_hides_its_command_line_is_not_killed_to_be_started_again(tmp_path: Path) -> None:
    titled = subprocess.Popen(["a title that is no program", "-c", SCRIPT], executable=sys.executable)
    try:
        with pytest.raises(UsageError, match=f"process {titled.pid} hides its command line behind a title"):
            check_faults([read_fault(f"restart:{titled.pid}@1")])
        check_faults([read_fault(f"kill:{titled.pid}@1")])
        told = Told()
        told.begin(Fault(name="it", kind="restart", at_s=0.0, pid=titled.pid))
        until(lambda: told.counts == {FAULTS_FAILED: 1}, "it is refused")
        assert titled.poll() is None, "it goes on"
    finally:
        titled.kill()
        titled.wait()


def test_fault_that_the_run_is_too_short_to_judge_is_refused() -> None:
    faults = [read_fault("freeze:12@60+10")]
    check_time_of_faults(faults, recovery_s=30.0, run_s=100.0)
    check_time_of_faults(faults, recovery_s=30.0, run_s=None)
    with pytest.raises(UsageError, match="is judged 100 s after the start, when the run is over"):
        check_time_of_faults(faults, recovery_s=30.0, run_s=99.0)


def test_process_is_killed_and_that_is_told(process: subprocess.Popen[bytes]) -> None:
    told = Told()
    told.begin(Fault(name="it", kind="kill", at_s=0.01, pid=process.pid))
    until(lambda: told.counts == {FAULTS: 1}, "the fault")
    until(lambda: has_ended(process.pid), "it has ended")
    (fact,) = told.facts
    assert (fact.name, fact.kind, fact.pid, fact.failure) == ("it", "kill", process.pid, None)
    ((began_s, until_s),) = told.windows.items()
    assert until_s is not None
    assert until_s >= began_s + 30.0


def test_process_is_frozen_and_goes_on(process: subprocess.Popen[bytes]) -> None:
    told = Told()
    told.begin(Fault(name="it", kind="freeze", at_s=0.01, lasts_s=0.2, pid=process.pid))
    until(lambda: status_of(process) == psutil.STATUS_STOPPED, "it is stopped")
    assert list(told.windows.values()) == [None]
    until(lambda: told.counts == {FAULTS: 1}, "it is over")
    assert status_of(process) != psutil.STATUS_STOPPED
    assert told.facts[0].ended_s is not None
    assert told.facts[0].ended_s - told.facts[0].began_s >= 0.199  # both are rounded to ms


def test_process_is_killed_and_started_again_as_it_was_twice(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    told, out = Told(), tmp_path / "out"
    until(lambda: out.read_text() == "up\n", "it runs")
    again = Fault(name="1", kind="restart", at_s=0.0, lasts_s=0.01, pid=process.pid)
    faults = told.begin(again)
    until(lambda: told.counts == {FAULTS: 1} and out.read_text() == "up\n" * 2, "it runs again")
    gevent.spawn(faults._do, again)
    until(lambda: told.counts == {FAULTS: 2} and out.read_text() == "up\n" * 3, "and again")
    first, second = told.facts
    assert first.pid == process.pid
    assert second.pid not in (None, process.pid), "the one that had taken its place"
    assert has_ended(process.pid)
    last = psutil.Process(faults.in_place_of(process.pid))
    assert faults.in_place_of(last.pid) is None
    assert last.pid != second.pid
    last.kill()


def test_what_a_process_wrote_for_its_own_next_exec_is_not_for_the_one_that_is_started_in_its_place(
    tmp_path: Path,
) -> None:
    """As HAProxy's master does."""
    script = (
        "import os, time; print('HAPROXY_MWORKER_WAIT_ONLY' in os.environ, os.environ['KEPT'], flush=True); "
        "time.sleep(60)"
    )
    environment = {**os.environ, "HAPROXY_MWORKER_WAIT_ONLY": "1", "HAPROXY_PROCESSES": "|", "KEPT": "kept"}
    told, out = Told(), tmp_path / "out"
    with (
        out.open("wb") as output,
        subprocess.Popen([sys.executable, "-c", script], stdout=output, env=environment) as it,
    ):
        until(lambda: out.read_text() == "True kept\n", "it runs")
        faults = told.begin(Fault(name="1", kind="restart", at_s=0.0, lasts_s=0.01, pid=it.pid))
        until(lambda: told.counts == {FAULTS: 1} and out.read_text().count("\n") == 2, "it runs again")
        psutil.Process(faults.in_place_of(it.pid)).kill()
    assert out.read_text() == "True kept\nFalse kept\n"


def test_command_that_fails_is_a_fault_that_did_not_come_about() -> None:
    told = Told()
    told.begin(Fault(name="it", kind="run", at_s=0.0, command=f"{sys.executable} -c 'exit(3)'"))
    until(lambda: told.counts == {FAULTS_FAILED: 1}, "it failed")
    assert told.facts[0].failure == "the command ended with exit code 3"


def test_run_that_ends_thaws_what_it_froze(process: subprocess.Popen[bytes]) -> None:
    told = Told()
    faults = told.begin(Fault(name="it", kind="freeze", at_s=0.0, lasts_s=60.0, pid=process.pid))
    until(lambda: status_of(process) == psutil.STATUS_STOPPED, "it is stopped")
    began_s = time.monotonic()
    faults.call_off()
    until(lambda: status_of(process) != psutil.STATUS_STOPPED, "it goes on")
    assert time.monotonic() - began_s < 30.0
