"""What others use of the cores is told apart from the lab's own work: real processes that keep a core busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.processes.influences import other_work
from bench.processes.influences.other_work import OtherWork
from tests.patience import PATIENCE_S

BUSY_S = 0.3
SPIN = f"import time; end_s = time.process_time() + {BUSY_S}\nwhile time.process_time() < end_s: pass"
FIELDS = 10
TICKS_S = 0.05
"""The kernel counts in ticks of 10 ms, for each of a few processes."""


class Kernel:
    """Two cores, of which it is told how long they worked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.busy = [[0] * FIELDS, [0] * FIELDS]
        self.write()

    def write(self) -> None:
        lines = [f"cpu{core} {' '.join(map(str, ticks))}" for core, ticks in enumerate(self.busy)]
        self._path.write_text("\n".join(["cpu 7 7 7", *lines, "intr 1 2 3"]))

    def works(self, core: int, seconds: float, *, field: int = 0) -> None:
        self.busy[core][field] += round(seconds * os.sysconf("SC_CLK_TCK"))
        self.write()


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    stat = tmp_path / "stat"
    monkeypatch.setattr(other_work, "STAT", stat)
    monkeypatch.setattr(other_work.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(other_work, "_own_s", lambda: 0.0)
    return Kernel(stat)


def test_what_the_cores_did_for_nobody_of_the_lab_is_others(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    others = OtherWork((0, 1))
    monkeypatch.setattr(other_work.time, "monotonic", lambda: 110.0)
    monkeypatch.setattr(other_work, "_own_s", lambda: 4.0)
    kernel.works(0, 3.0)
    kernel.works(1, 2.0, field=2)
    kernel.works(1, 1.0, field=7)
    kernel.works(0, 2.0, field=5)  # interrupts: the lab's own bytes, most of them
    kernel.works(0, 2.0, field=6)
    kernel.works(0, 7.0, field=3)  # idle
    kernel.works(1, 5.0, field=4)  # waits for a disk
    assert others.share() == pytest.approx((3.0 + 2.0 + 1.0 - 4.0) / 20.0)


def test_a_core_that_the_lab_does_not_use_is_not_looked_at(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    others = OtherWork((1,))
    monkeypatch.setattr(other_work.time, "monotonic", lambda: 110.0)
    kernel.works(0, 9.0)
    assert others.share() == 0.0


def test_a_kernel_that_does_not_tell_names_no_other_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_work, "STAT", tmp_path / "none")
    assert OtherWork((0,)).share() == 0.0


def of_children_s() -> float:
    """What counts as the lab's, without this process."""
    return other_work._own_s() - time.process_time()


def test_a_process_of_the_labs_is_its_own_while_it_lives_and_after_it_has_ended() -> None:
    before_s = of_children_s()
    spin = f"{SPIN}\nprint('done', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        assert of_children_s() >= before_s + BUSY_S - TICKS_S
        child.communicate(b"\n")
    assert of_children_s() >= before_s + BUSY_S - TICKS_S


def test_a_process_of_somebody_else_is_not_the_labs() -> None:
    """One whose parent has gone is nobody's child here. It works when it may: only then is that known."""
    stranger = f"""import os, sys
if os.fork(): os._exit(0)
os.setsid()
print("here", flush=True)
sys.stdin.readline()
{SPIN}
print("done")
"""
    with subprocess.Popen([sys.executable, "-c", stranger], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"here\n"
        assert parent.wait(PATIENCE_S) == 0
        before_s = of_children_s()
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == b"done\n"
        assert of_children_s() < before_s + BUSY_S / 2
