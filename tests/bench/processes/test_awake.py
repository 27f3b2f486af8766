"""Cores that are kept from idling: by processes that give way, for as long as the block, and not a moment longer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.processes.cpu import read_cpu
from bench.processes.idleness.awake import kept_awake

PATIENCE_S = 20.0

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="Linux has a class for idle processes")


def is_over(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def wait_until_over(pid: int) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not is_over(pid):
        assert time.monotonic() < give_up_s, f"{pid} is still there"
        time.sleep(0.01)


def test_each_core_has_a_process_of_the_idle_class_that_is_gone_with_the_block() -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    with kept_awake(cores) as pids:
        assert [os.sched_getaffinity(pid) for pid in pids] == [{core} for core in cores]
        assert [os.sched_getscheduler(pid) for pid in pids] == [os.SCHED_IDLE] * len(cores)
    assert all(is_over(pid) for pid in pids)


def test_core_that_nobody_uses_is_used() -> None:
    with kept_awake(sorted(os.sched_getaffinity(0))[:1]) as [pid]:
        before, give_up_s = read_cpu(pid).used_s, time.monotonic() + PATIENCE_S
        while read_cpu(pid).used_s <= before:
            assert time.monotonic() < give_up_s, "it never ran"
            time.sleep(0.01)


def test_processes_end_when_the_lab_is_killed() -> None:
    program = (
        "import os, time; from bench.processes.idleness.awake import kept_awake\n"
        "with kept_awake(sorted(os.sched_getaffinity(0))[:1]) as pids: print(*pids, flush=True); time.sleep(60)"
    )
    lab = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    pid = int(lab.stdout.readline())
    lab.kill()
    lab.wait()
    lab.stdout.close()
    wait_until_over(pid)
