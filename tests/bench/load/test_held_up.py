"""Load generators held up on purpose: only by processes of the lab, and not for longer."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from bench.load.held_up import SPIN, freeze, spinning
from tests.patience import PATIENCE_S


def wait_for(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.005)


@pytest.fixture
def child() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def test_frozen_process_stands_still_for_that_time_and_goes_on(child: psutil.Process) -> None:
    began_s = time.monotonic()
    freezing = threading.Thread(target=freeze, args=([child.pid], 0.3))
    freezing.start()
    wait_for(lambda: child.status() == psutil.STATUS_STOPPED)
    freezing.join()
    assert time.monotonic() - began_s >= 0.3
    wait_for(lambda: child.status() != psutil.STATUS_STOPPED)


def test_process_that_has_ended_is_not_frozen() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    freeze([process.pid], 0.0)


def test_neighbour_spins_within_the_block_and_is_gone_after_it() -> None:
    def neighbours() -> list[psutil.Process]:
        return [each for each in psutil.Process().children() if SPIN in each.cmdline()]

    with spinning(None):
        wait_for(lambda: bool(neighbours()))
        [neighbour] = neighbours()
        wait_for(lambda: sum(neighbour.cpu_times()[:2]) > 0)
    assert neighbours() == []
